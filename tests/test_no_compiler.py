"""`pip install` where no wheel fits: with what it ends where there is no compiler."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pace import scaled

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="tools are stood in for by shell scripts"
)


class Machine:
    """One that has pip, and of other tools those that it is given."""

    def __init__(self, tools: Path) -> None:
        self._tools = tools
        self.give("sh", f'exec {shutil.which("sh")} "$@"')

    def give(self, name: str, script: str) -> None:
        tool = self._tools / name
        tool.write_text(f"#!{shutil.which('sh')}\n{script}\n")
        tool.chmod(0o755)

    def install(self) -> "subprocess.CompletedProcess[str]":
        """Ask pip for sideloop, from its sources. Maturin is there, as pip would fetch it."""
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
        return subprocess.run(
            [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", self._tools, ROOT],
            env={**kept, "PATH": str(self._tools)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=scaled(60),
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def said(machine: Machine) -> str:
    """What pip says at last, without its frame."""
    ended = machine.install()
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = (re.sub(r"^[ |]*", "", line) for line in ended.stderr.splitlines())
    return " ".join(line for line in lines if line)


def needed() -> str:
    manifest = (ROOT / "crates/sideloop-py/Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^rust-version = "(.+)"', manifest, re.MULTILINE)
    assert found is not None
    return found[1]


class TestWithoutRust:
    def test_it_says_so_and_what_to_do(self, machine: Machine) -> None:
        text = said(machine)
        assert "there is no wheel of it for CPython" in text
        assert f"Rust {needed()} or newer is needed, and there is no cargo" in text
        assert "What to do:" in text
        assert "python -m pip install --upgrade pip" in text

    def test_it_does_so_without_the_compiler_of_cargo(self, machine: Machine) -> None:
        machine.give("cargo", "exit 1")
        assert "and there is no rustc on the PATH" in said(machine)


class TestWithAnOldRust:
    def test_it_names_both_versions(self, machine: Machine) -> None:
        machine.give("cargo", "exit 1")
        machine.give("rustc", "echo rustc 1.70.0")
        assert f"Rust {needed()} or newer is needed, and rustc is 1.70.0." in said(machine)


class TestWithoutALinker:
    def test_it_names_the_packages_that_have_one(self, machine: Machine) -> None:
        machine.give("cargo", "exit 1")
        machine.give("rustc", "echo rustc 99.0.0")
        text = said(machine)
        assert "there is no cc on the PATH" in text
        assert "Debian: gcc and libc6-dev" in text


class TestWithACompiler:
    def test_it_is_maturin_that_goes_on(self, machine: Machine) -> None:
        machine.give("cargo", "exit 1")
        machine.give("rustc", "echo rustc 99.0.0")
        machine.give("cc", "exit 1")
        ended = machine.install()
        assert ended.returncode == 1
        assert "there is no wheel" not in ended.stderr
