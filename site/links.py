"""All that the built site links to is in it, and nothing is fetched from elsewhere.

    python site/links.py FOLDER

mkdocs has looked at the links that are written as Markdown. This looks at what came of everything:
the theme, the reference, the generated pages. Pages of rustdoc, which looks at its own, are where
links may lead.
"""

import functools
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
"""What a browser fetches by itself, by its tag."""

ELSEWHERE = re.compile(r"(?:@import\s*|url\(\s*)[\"']?(?:https?:)?//[^\"')]+")
"""The same in a stylesheet."""


class Page(HTMLParser):
    """What a page links to, what it fetches, and its anchors."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = {"", "top"}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in FETCHED and FETCHED[tag] in found:
            self.fetched.append(found[FETCHED[tag]])


read = functools.cache(Page)


def faults(site: Path) -> Iterator[str]:
    """What is wrong, each with the page on which it is."""
    rustdoc = site / "rustdoc"
    for file in sorted(site.rglob("*.html")):
        if rustdoc in file.parents:
            continue
        page = read(file)
        for link in page.fetched:
            if urlsplit(link).netloc:
                yield f"{file.relative_to(site)}: fetches {link}"
        for link in page.links + page.fetched:
            if (why := broken(site, file, link)) is not None:
                yield f"{file.relative_to(site)}: {link}: {why}"
    for file in sorted(site.rglob("*.css")):
        for found in ELSEWHERE.findall(file.read_text(encoding="utf-8")):
            yield f"{file.relative_to(site)}: fetches {found}"


def broken(site: Path, file: Path, link: str) -> str | None:
    """Why a link leads nowhere, if it does."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    if not parts.path:
        there = file
    elif parts.path.startswith("/"):  # of the page for what is not found
        there = site / unquote(parts.path).lstrip("/")
    else:
        there = (file.parent / unquote(parts.path)).resolve()
    if there.is_dir():
        there /= "index.html"
    if not there.is_file():
        return "there is no such file"
    if there.suffix != ".html" or "rustdoc" in there.parts:
        return None
    known = unquote(parts.fragment) in read(there).anchors
    return None if known else "there is no such place on that page"


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    found = list(faults(site))
    print("\n".join(found) or f"{read.cache_info().currsize} pages: all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
