"""Links between files of the repository, as they work there, turned into links between pages of the site.

A page or notebook becomes its page, a module its place in the API, any other file a copy in files/.
"""

import posixpath
import re
import shutil
from pathlib import Path

import modules
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = {"docs/benchmarks": "benchmarks/index", "notebooks": "notebooks/index"}
log = logging.getLogger(__name__)


class RepositoryLinks(SphinxPostTransform):
    """Resolves every relative link of a page, given as in the repository."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Rewrite the references of one page."""
        here = self.env.docname
        for node in list(self.document.findall(nodes.reference)):
            link = node.get("refuri", "")
            if node.get("internal") or not link or re.match(r"[a-z]+:|#", link):
                continue
            path, _, fragment = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository(here)), path))
            uri = self.address(target, fragment)
            if uri is None:
                log.warning("no such file in the repository: %s", target, location=node)
            else:
                node["refuri"], node["internal"] = uri, True

    def address(self, target: str, fragment: str) -> str | None:
        """Relative to this page; None where the repository has no such file."""
        uri = self.app.builder.get_relative_uri
        here = self.env.docname
        pages = {in_repository(name): name for name in self.env.found_docs}
        page = FOLDERS.get(target) or pages.get(target + ".md") or pages.get(re.sub(r"\.(md|ipynb)$", "", target))
        if page:
            return uri(here, page) + (f"#{self.anchor(page, fragment)}" if fragment else "")
        module = modules.module_name(target)
        if module and (REPOSITORY / target).exists():
            return uri(here, f"api/{modules.room(module)}") + f"#module-{module}"
        if (REPOSITORY / target).is_file():
            copy = Path(self.app.outdir, "files", target)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / target, copy)
            return posixpath.relpath(f"files/{target}", posixpath.dirname(here) or ".")
        return None

    def anchor(self, page: str, fragment: str) -> str:
        """The id of the heading that GitHub calls `fragment`."""
        return self.env.metadata[page].get("myst_slugs", {}).get(fragment, (0, fragment))[1]


def in_repository(docname: str) -> str:
    """Where a page's source lies, without its suffix."""
    return docname if docname.startswith("notebooks/") else f"docs/{docname}"


def setup(app) -> dict:
    """Called by Sphinx."""
    app.add_post_transform(RepositoryLinks)
    return {"parallel_read_safe": True}
