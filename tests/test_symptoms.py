"""The pages of symptoms: each has a program that shows one, and one that is mended."""

import os
import re
from pathlib import Path

import pytest
from transcripts import DOCS, Command, File, run, steps, write

FOLDER = DOCS / "symptoms"
RUST = ("no-reactor", "runtime-within-runtime")
"""Their programs are run by the Rust crate's tests (`crates/sideloop/src/lib.rs`)."""

PAGES = sorted({page.stem for page in FOLDER.glob("*.md")} - {"index", *RUST})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_happens(name: str, tmp_path: Path) -> None:
    shown = list(steps(FOLDER / f"{name}.md"))
    for step in shown:
        if isinstance(step, File):
            write(step, tmp_path)
        else:
            run(step, tmp_path)
    files = [step.name for step in shown if isinstance(step, File)]
    typed = " ".join(step.typed for step in shown if isinstance(step, Command))
    assert all(name in typed for name in files)
    assert [name for name in files if "mended" in name]


class TestTheIndex:
    def test_leads_to_every_page(self) -> None:
        index = (FOLDER / "index.md").read_text(encoding="utf-8")
        for name in (*PAGES, *RUST):
            assert f"]({name}.md)" in index


class TestAPageInRust:
    @pytest.mark.parametrize("name", RUST)
    def test_is_among_the_tests_of_the_crate(self, name: str) -> None:
        crate = DOCS.parent / "crates" / "sideloop"
        page = crate / "docs" / "symptoms" / f"{name}.md"
        lib = (crate / "src" / "lib.rs").read_text("utf-8")
        assert f'include_str!("../docs/symptoms/{name}.md")' in lib
        assert page.samefile(FOLDER / f"{name}.md")

    def test_leads_to_pages_of_the_crate_as_the_crates_other_pages_do(self) -> None:
        crate = DOCS.parent / "crates" / "sideloop"
        for page in (crate / "README.md", *crate.glob("docs/**/*.md")):
            links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
            # By its place in the crate, as in the crate's archive: not by what it is a link to.
            lost = [
                link for link in links if not Path(os.path.normpath(page.parent / link)).exists()
            ]
            assert not lost, page


class TestATranscript:
    """Of itself: what it lets pass, and what not."""

    @pytest.mark.parametrize(
        ("shown", "printed", "passes"),
        [
            ("one\n", "one\n", True),
            ("one\n", "one\ntwo\n", False),
            ("one\n...\n", "one\n", True),
            ("one\n...\n", "one\ntwo\nthree\n", True),
            ("...\nlast: ...\n", "first\nlast: x.y\n", True),
            ("...\nlast: ...\n", "first\nlast:\n", False),
            ("a...c\n", "abc\n", True),
            ("a...c\n", "ab\nc\n", False),
            ("a.c\n", "abc\n", False),
            ("", "what nobody has shown\n", False),
        ],
    )
    def test_is_compared_line_by_line(self, shown: str, printed: str, passes: bool) -> None:
        assert Command("echo", shown).matches(printed) is passes
