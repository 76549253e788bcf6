"""The pictures of the documents are as their script draws them."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pace import scaled

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"


class TestThePictures:
    def test_are_as_they_are_drawn(self) -> None:
        drawn = subprocess.run(
            [sys.executable, ROOT / "site" / "draw.py", "--check"],
            capture_output=True,
            text=True,
            timeout=scaled(30),
            check=False,
        )
        assert (drawn.returncode, drawn.stdout, drawn.stderr) == (0, "", "")

    @pytest.mark.parametrize("name", ["call", "exit", "deadlock"])
    def test_fetch_nothing(self, name: str) -> None:
        for element in ElementTree.parse(IMAGES / f"{name}.svg").iter():
            assert element.tag.rpartition("}")[2] not in ("image", "script", "use")

    def test_show_what_the_error_says(self) -> None:
        picture = ElementTree.parse(IMAGES / "deadlock.svg").getroot()
        texts = {
            "".join(one.itertext()).strip() for one in picture.iter() if one.tag.endswith("}text")
        }
        assert {"runner 'accounts'", "runner 'orders'", "refused"} < texts

    def test_have_the_program_that_the_page_shows(self) -> None:
        page = (ROOT / "docs" / "when-it-hangs.md").read_text(encoding="utf-8")
        script = (ROOT / "site" / "draw.py").read_text(encoding="utf-8")
        program = script.partition('CIRCLE = """\\\n')[2].partition('"""')[0]
        lines = [line for line in program.splitlines() if line]
        assert len(lines) > 8
        for line in lines:
            assert line in page
