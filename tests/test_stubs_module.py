"""The stub of a module has all that the module has, its twins among that."""

import subprocess
import sys
from pathlib import Path

import pytest
from stubbed import check_by_pyright, copy_with_stubs
from test_typing import check

ALLOWED = """
# The class statement of a named tuple takes no metaclass, and says how the tuple is made.
kiosk.Paper
kiosk.Paper.__new__
# Since CPython 3.12 an enumeration has a method of this name; a twin shows its own signature.
kiosk.Size.__signature__
"""


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package of `libraries/kiosk` and its stubs."""
    return copy_with_stubs("kiosk", tmp_path_factory.mktemp("kiosk"))


class TestTheStubOfAModule:
    def test_satisfies_mypy(self, kiosk: Path) -> None:
        stubs = ("kiosk/__init__.pyi", "kiosk/parts/__init__.pyi")
        check("mypy", "--strict", *stubs, "kiosk_user.py", directory=kiosk)

    def test_satisfies_pyright(self, kiosk: Path) -> None:
        check_by_pyright(kiosk, "kiosk/__init__.pyi", "kiosk_user.py")

    def test_says_what_the_module_has(self, kiosk: Path) -> None:
        (kiosk / "stubtest.txt").write_text(ALLOWED)
        options = ("--concise", "--ignore-missing-stub", "--ignore-unused-allowlist")
        allowed = ("--allowlist", "stubtest.txt")
        check("mypy.stubtest", *options, *allowed, "kiosk", directory=kiosk)

    def test_holds_when_it_is_run(self, kiosk: Path) -> None:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "kiosk_user.py"],
            cwd=kiosk,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")

    def test_has_what_is_exported_and_no_more(self, kiosk: Path) -> None:
        text = (kiosk / "kiosk" / "__init__.pyi").read_text()
        names = text.rpartition("__all__ = ")[2]
        for name in ("SoldOutError", "Json", "default", "AsyncPaper"):
            assert f"'{name}'" in names
        parts = (kiosk / "kiosk" / "parts" / "__init__.pyi").read_text()
        for line in ("import json as json", "import tools as tools", "KioskError as KioskError"):
            assert line in parts
        assert "_errors as _errors" not in parts

    def test_has_the_documentation_of_all_of_it(self, kiosk: Path) -> None:
        text = (kiosk / "kiosk" / "__init__.pyi").read_text()
        for said in ("A package whose", "Of a user.", "What a client gets.", "Raised by this"):
            assert f'"""{said}' in text
