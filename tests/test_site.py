"""The site's table of contents has every page: `make docs` asks for that, too, and later."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


class TestTheTableOfContents:
    def test_has_every_page(self) -> None:
        navigation = (ROOT / "site/mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
        listed = re.findall(r"([\w/.-]+\.md)(?: #.*)?$", navigation, re.MULTILINE)
        assert len(listed) > 60
        assert len(listed) == len(set(listed))
        pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
        elsewhere = re.findall(
            r'^    "[\w.]+": "([\w.]+)",$',
            (ROOT / "site/pages.py").read_text("utf-8"),
            re.MULTILINE,
        )
        assert {*listed} == pages | {*elsewhere}

    def test_of_design_records_has_every_one(self) -> None:
        index = (DOCS / "design/index.md").read_text("utf-8")
        records = {page.name for page in DOCS.glob("design/*.md")} - {"index.md"}
        assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == records
