"""What the site lists is all that there is: pages, for which `make docs` asks, too, and benches."""

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


def test_every_bench_is_on_the_pages_that_list_them() -> None:
    benches = {bench.name for bench in (ROOT / "benches").glob("[a-z]*.py")}
    assert len(benches) > 9
    for page in (DOCS / "performance.md", ROOT / "CONTRIBUTING.md"):
        text = page.read_text("utf-8")
        assert {name for name in benches if f"{name}`" not in text} == set(), page
