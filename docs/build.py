"""Build the course as a site: python docs/build.py. The pages are in build/site/html."""

import shutil
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "site"))

import decks  # noqa: E402
import lite  # noqa: E402
import npm  # noqa: E402
import stage  # noqa: E402

OUT = DOCS.parent / "build" / "site"
PAGES = OUT / "html"


def main() -> int:
    """Lay out the sources, run Sphinx with warnings as errors, add notebooks, slides and JupyterLite.

    Returns Sphinx's exit code.
    """
    for made in ("source", "html", "static", "lite"):
        shutil.rmtree(OUT / made, ignore_errors=True)
    stage.lay_out(OUT / "source")
    mathjax(OUT / "static" / "mathjax")
    reveal(OUT / "static" / "reveal")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-c", DOCS, OUT / "source", PAGES]
    code = subprocess.run(sphinx).returncode
    stage.copy_notebooks(PAGES)
    decks.write(PAGES / "slides")
    lite.build(OUT / "lite", PAGES / "lite")
    print(f"{PAGES / 'index.html'}: open it with python -m http.server -d {PAGES}")
    return code


def mathjax(to: Path) -> None:
    """The one script that the pages load, and the fonts that it asks for."""
    package = npm.fetch("mathjax", OUT / "npm") / "es5"
    fonts = "output/chtml/fonts/woff-v2"
    shutil.copytree(package / fonts, to / fonts)
    shutil.copy(package / "tex-chtml-full.js", to)


def reveal(to: Path) -> None:
    """What shows the slides: a script and its style."""
    to.mkdir()
    for name in ("reveal.js", "reveal.css"):
        shutil.copy(npm.fetch("reveal.js", OUT / "npm") / "dist" / name, to)


if __name__ == "__main__":
    sys.exit(main())
