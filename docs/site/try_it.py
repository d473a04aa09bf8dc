"""The boxes "Try it": a wrong backward pass that the reader puts right in the page, in a console of JupyterLite.

Each is a file of try_it/: its docstring stands above the box, its code is in the box. `front` is for the front page,
a number for the notebook that has it.
"""

import ast
from pathlib import Path
from urllib.parse import urlencode

FOLDER = Path(__file__).with_name("try_it")
CONSOLE = {  # one cell, which keeps its code and shows the last output below
    "kernel": "python",
    "toolbar": 1,
    "execute": 0,
    "promptCellPosition": "top",
    "clearCellsOnExecute": 1,
    "clearCodeContentOnExecute": 0,
    "hideCodeInput": 1,
    "showBanner": 0,
}


def box(name: str, lite: str) -> str:
    """The box as Markdown, "" where there is none. lite: JupyterLite's folder, seen from the page."""
    path = FOLDER / f"{name}.py"
    if not path.exists():
        return ""
    text, code = parts(path)
    address = f"{lite}/repl/index.html?" + urlencode({**CONSOLE, "code": f"%pip install -q deepfm_np\n{code}"})
    button = f'<button class="try-it" type="button" data-console="{address.replace("&", "&amp;")}">'
    return f"{text}\n\n```python\n{code}\n```\n\n{button}Edit and run it here</button>\n"


def parts(path: Path) -> tuple[str, str]:
    """The text and the code of a box, the latter without double blank lines."""
    whole = path.read_text(encoding="utf-8")
    docstring = ast.parse(whole).body[0]
    code = "\n".join(whole.splitlines()[docstring.end_lineno :]).strip()
    return ast.literal_eval(docstring.value), code.replace("\n\n\n", "\n\n")
