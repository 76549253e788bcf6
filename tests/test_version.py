"""One version: of the Python package, the extension and the Rust crates."""

import re
from importlib.metadata import version
from pathlib import Path

import sideloop

ROOT = Path(__file__).parents[1]


def test_every_place_has_the_same_version() -> None:
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    crates = re.findall(r'^sideloop[\w-]* = \{.*version = "([^"]+)"', cargo, re.MULTILINE)
    workspace = re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"', cargo, re.MULTILINE)
    package = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    assert len(crates) == 3
    assert workspace is not None
    assert package is not None
    found = {*crates, workspace[1], package[1], sideloop.__version__, version("sideloop")}
    assert found == {sideloop.__version__}


def test_the_changelog_begins_with_it() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.search(r"^## (\S+?),", changelog, re.MULTILINE)
    assert heading is not None
    assert heading[1] == sideloop.__version__
