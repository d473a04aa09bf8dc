"""Settings of Sphinx. `python docs/build.py` lays out the sources and calls it."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "site"))

project = "deepfm_np"
author = "the authors of deepfm_np"
html_title = "deepfm_np"
html_baseurl = ""

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "docstrings",
    "repository_links",
]
nb_execution_mode = "off"  # the committed outputs are shown
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
myst_all_links_external = True  # resolved by repository_links

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_mock_imports = ["torch", "nbgrader"]
add_module_names = False
toc_object_entries_show_parents = "hide"

mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

html_theme = "furo"
html_static_path = [str(DOCS / "site" / "static"), str(DOCS.parent / "build" / "site" / "static")]
html_favicon = str(DOCS / "site" / "static" / "favicon.svg")
html_css_files = ["site.css", "try-it.css"]
html_js_files = ["try-it.js"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
