"""Docstrings as they are written here, in plain text, for Sphinx: formulas keep their columns, lists become lists."""

import re

ITEM = re.compile(r"(\*{0,2}[A-Za-z_]\w*(?:, \*{0,2}[A-Za-z_]\w*)*): +(.*)")


def restructured(lines: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText: a paragraph with indented lines is shown as it is."""
    result = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = paragraph.split("\n")
        outer = [row for row in rows if not row.startswith(" ")]
        if outer and all(ITEM.match(row) for row in outer):
            result += items(rows)
        elif len(outer) < len(rows):
            result += ["::", "", *("    " + row for row in rows)]
        else:
            result += [inline(row) for row in rows]
        result.append("")
    return result


def items(rows: list[str]) -> list[str]:
    """Lines like "name: what it is", continued by indented ones, as a list."""
    result = []
    for row in rows:
        item = ITEM.match(row)
        result.append(f"* ``{item[1]}``: {inline(item[2])}" if item else "  " + inline(row.strip()))
    return result


def inline(text: str) -> str:
    """`code` as code, and no other character with a meaning."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escaped(text)
    return "".join(f"``{part}``\\ " if number % 2 else escaped(part) for number, part in enumerate(parts))


def escaped(text: str) -> str:
    return re.sub(r"([\\*`|_<>:])", r"\\\1", text)


def process(app, what, name, obj, options, lines) -> None:
    """Sphinx's autodoc-process-docstring."""
    lines[:] = restructured(lines)


def skip(app, what, name, obj, skip, options) -> bool | None:
    """Leave out the fields of a named tuple, whose only docstring is Python's own."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def leave_out_builtins(app) -> list:
    """Sphinx's html-collect-pages, before viewcode: Python's own types have no source to link to."""
    getattr(app.env, "_viewcode_modules", {}).pop("builtins", None)
    return []


def setup(app) -> dict:
    """Called by Sphinx."""
    app.connect("html-collect-pages", leave_out_builtins, priority=100)
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
