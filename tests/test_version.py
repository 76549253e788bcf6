"""One version: of the Python package, the extension and the Rust crates. And one oldest Rust."""

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


def test_what_the_rust_crate_is_made_of_has_no_syntax_that_its_oldest_rust_lacks() -> None:
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    oldest = re.search(r'^rust-version = "1\.(\d+)"', cargo, re.MULTILINE)
    assert oldest is not None
    assert int(oldest[1]) < 88, "let chains came with 1.88: look for what came since, instead"
    for crate in ("core", "sideloop", "sideloop-macros"):
        sources = list((ROOT / "crates" / crate / "src").rglob("*.rs"))
        assert sources
        for source in sources:
            text = re.sub(r"//.*", "", source.read_text(encoding="utf-8"))
            assert not re.search(r"&&\s+let\b|\blet\b[^;{}]*?&&\s*let\b", text), source
