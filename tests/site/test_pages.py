"""Every page of the built site in headless Chromium without a network. Build it first: python docs/build.py."""

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from site_server import PAGES, SITE, served

REPOSITORY = Path(__file__).parents[2]
NAMES = sorted(path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*.html"))
NAMES = [name for name in NAMES if not name.startswith(("_static/", "lite/"))]  # lite/: see test_in_browser.py
DECKS = [name for name in NAMES if name.startswith("slides/")]
WAIT = 120_000  # milliseconds; for a busy machine
RULES = ["color-contrast", "image-alt", "link-name", "button-name", "document-title", "html-has-lang"]
RAW_DOLLARS = """() => {
  const inside = "pre, code, script, style, mjx-container";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode())
    if (walker.currentNode.data.includes("$") && !walker.currentNode.parentElement.closest(inside))
      found.push(walker.currentNode.data.trim().slice(0, 80));
  return found;
}"""
VIOLATIONS = """async (rules) => {
  const looks = new Set();  // of what code is made of: every look is measured once
  const look = element => {
    const style = getComputedStyle(element);
    return [style.color, style.backgroundColor, style.fontSize, style.fontWeight].join();
  };
  for (const part of document.querySelectorAll("pre span")) {
    const seen = look(part) + look(part.closest("pre"));
    part.toggleAttribute("data-seen", looks.has(seen));
    looks.add(seen);
  }
  axe.configure({rules: [{id: "color-contrast", selector: "*:not([data-seen])"}]});
  const found = await axe.run(document, {runOnly: {type: "rule", values: rules}, resultTypes: ["violations"]});
  return found.violations.flatMap(rule => rule.nodes.map(node =>
    rule.id + ": " + node.html.slice(0, 120) + " " + node.any.map(check => check.message).join(" ")));
}"""
TOO_LARGE = """() => {
  const {width, height} = Reveal.getConfig();
  return Reveal.getSlides().flatMap((slide, number) => {
    Reveal.slide(number);
    const parts = [...slide.querySelectorAll("pre, table, mjx-container, .output_html")];
    const wide = [slide, ...parts].map(part => part.scrollWidth).filter(found => found > width);
    return slide.scrollHeight > height || wide.length ? [[number + 1, slide.scrollHeight, ...wide]] : [];
  });
}"""
CUT_OFF = """() => [...document.querySelectorAll("td mjx-container")].filter(formula =>
  formula.getBoundingClientRect().right > formula.closest("td").getBoundingClientRect().right
).map(formula => formula.closest("section").id)"""

pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of the site, served on this machine."""
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def visits(browser, address):
    """The page that all tests share, since to start one takes longer than to load it, and the list of its faults."""
    context = browser.new_context()
    context.set_default_timeout(WAIT)
    page, faults = context.new_page(), []
    page.on("request", lambda request: request.url.startswith((address, "data:")) or faults.append(request.url))
    page.on("response", lambda response: response.ok or response.status == 304 or faults.append(response.url))
    page.on("requestfailed", lambda request: faults.append(f"{request.url}: {request.failure}"))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page, faults
    context.close()


@pytest.fixture
def opened(visits, address):
    """A function that opens a page, 1400 wide and light, and returns it with the list to which its faults are added."""
    page, faults = visits

    def visit(name: str):
        page.goto("about:blank")
        faults.clear()
        page.set_viewport_size({"width": 1400, "height": 900})
        page.emulate_media(media="screen", color_scheme="light")
        page.goto(address + name, wait_until="load")
        page.evaluate("async () => { if (window.MathJax) await MathJax.startup.promise; }")
        return page, faults

    return visit


@cache
def axe() -> str:
    """The source of axe-core, the checker of accessibility."""
    sys.path.insert(0, str(REPOSITORY / "docs" / "site"))
    import npm

    return (npm.fetch("axe-core", SITE / "npm") / "axe.min.js").read_text(encoding="utf-8")


class Links(HTMLParser):
    """The ids of a page and what it links to."""

    def __init__(self, html: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        found = dict(attrs)
        self.ids |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])


@cache
def links(name: str) -> Links:
    return Links((PAGES / name).read_text(encoding="utf-8"))


def broken(name: str) -> list[str]:
    """The links of a page that lead to no file of the site, or to no place of a page."""
    found = []
    for link in links(name).links:
        parts = urlsplit(urljoin(f"http://here/{name}", link))
        if urlsplit(link).scheme or not link:
            continue
        path = unquote(parts.path).lstrip("/") or "index.html"
        if path.endswith("/"):
            path += "index.html"
        if not (PAGES / path).is_file() or (
            parts.fragment and path.endswith(".html") and unquote(parts.fragment) not in links(path).ids
        ):
            found.append(link)
    return found


def test_the_site_is_built():
    assert len(NAMES) > 50


@pytest.mark.parametrize("name", NAMES)
def test_links_and_anchors_lead_somewhere(name):
    assert broken(name) == []


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in DECKS] + [f"{name}?view=scroll" for name in DECKS]
)
def test_a_page_is_whole_without_a_network(name, opened):
    page, faults = opened(name)
    assert page.locator("mjx-merror").all_inner_texts() == []
    assert page.evaluate(RAW_DOLLARS) == []
    assert page.eval_on_selector_all("img", "all => all.filter(i => !i.alt.trim()).map(i => i.src)") == []
    assert page.eval_on_selector_all("img", "all => all.filter(i => !i.naturalWidth).map(i => i.src)") == []
    page.evaluate(axe())
    assert page.evaluate(VIOLATIONS, RULES) == []
    page.set_viewport_size({"width": 380, "height": 800})
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    assert page.evaluate(VIOLATIONS, RULES) == []
    assert faults == []


def test_search_finds_bias_correction(opened):
    page, faults = opened("search.html?q=bias+correction")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "all => all.map(a => a.getAttribute('href'))")
    assert any("10-adam-and-the-training-loop" in link for link in found)
    assert faults == []


@pytest.mark.parametrize("name", DECKS)
def test_every_slide_fits_its_screen(name, opened):
    page, faults = opened(name)
    assert page.evaluate("Reveal.getTotalSlides()") > 5
    assert page.evaluate(TOO_LARGE) == []
    assert faults == []


def test_each_derivation_sheet_is_printed_whole_on_a_page_of_its_own(opened):
    page, faults = opened("lecturer-sheets.html")
    page.check("#answers")
    sheets = page.locator("#derivation-sheets > section").count()
    assert sheets > 10
    page.emulate_media(media="print")
    for paper in ("A4", "Letter"):
        printed = page.pdf(format=paper, prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1 + sheets
    page.set_viewport_size({"width": 680, "height": 1000})  # A4 and Letter without their margins, in pixels
    assert page.evaluate(CUT_OFF) == []
    assert faults == []
