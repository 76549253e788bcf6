"""Pages of the site that lie elsewhere in the repository, and links between all of them.

In the repository each link leads to a file, as its view there shows it. On the site some of these
files have other places: the README is the first page. So links are looked up by the files they lead
to.
"""

import os
import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

ELSEWHERE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""By its file in the repository, the place of a page that is not in docs/."""

LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)\s#]+)")
"""Where a link leads, but for its anchor."""

RUST = re.compile(r"^```rust\b.*?^```$", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(r"^#(?: .*)?\n", re.MULTILINE)
"""Lines of an example that rustdoc runs and does not show."""

WORKER = "assets/javascripts/iframe-worker.js"
"""What has the search work where pages are opened from a disk."""

WIDE = re.compile(r"^(?:\|[^|\n]*){7,}\|$", re.MULTILINE)
"""A row of a table that needs the room in which a page's own contents are listed."""

RUSTDOC = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "doc"


SOUGHT = {
    "reference/": 3,
    "symptoms/": 3,
    "changelog.md": 0.1,
    "design/": 0.1,
    "architecture.md": 0.1,
}
"""How much more than others a page is what a reader looks for, by how its place begins."""


def on_files(files: Files, config: Any) -> Files:
    """Add what lies elsewhere. Of rustdoc only the page to which the navigation leads."""
    for name, place in ELSEWHERE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, place, content=text))
    first = RUSTDOC / "sideloop" / "index.html"
    files.append(File.generated(config, "rustdoc/sideloop/index.html", abs_src_path=str(first)))
    worker = Path(__file__).parent / Path(WORKER).name
    files.append(File.generated(config, WORKER, abs_src_path=str(worker)))
    return files


def on_post_build(config: Any) -> None:
    """Add the rest of rustdoc, with the licence texts that mkdocs would take for pages."""
    shutil.copytree(RUSTDOC, Path(config.site_dir) / "rustdoc", dirs_exist_ok=True)


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Have links lead to where pages are on the site, and the search to those that say most.

    Beside a page that is alone under its tab there is no list of pages, and beside another with a
    wide table none of what is on it.
    """
    place = page.file.src_uri
    if page.parent is None:
        page.meta["hide"] = ["navigation"]
    elif WIDE.search(markdown):
        page.meta["hide"] = ["toc"]
    boost = next((much for begin, much in SOUGHT.items() if place.startswith(begin)), 1)
    page.meta["search"] = {"boost": boost}
    source = next((name for name, there in ELSEWHERE.items() if there == place), f"docs/{place}")

    def moved(link: re.Match[str]) -> str:
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[0]))
        there = ELSEWHERE.get(there, there.removeprefix("docs/"))
        return posixpath.relpath(there, posixpath.dirname(place) or ".")

    markdown = RUST.sub(lambda block: HIDDEN.sub("", block[0]), markdown)
    return LINK.sub(moved, markdown)
