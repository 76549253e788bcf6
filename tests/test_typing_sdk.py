"""An SDK of every shape: type checkers accept its stubs, and what they are told is what happens."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pace import scaled
from stubbed import PYRIGHT
from test_typing import check

SDK = Path(__file__).with_name("typing_sdk")


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the SDK, its stubs, and what its users write."""
    directory = tmp_path_factory.mktemp("sdk")
    shutil.copytree(SDK, directory, ignore=lambda *_: ["__pycache__"], dirs_exist_ok=True)
    (directory / "pyrightconfig.json").write_text(PYRIGHT)
    ended = run(directory, "-m", "sideloop", "stubs", "acme")
    assert (ended.returncode, ended.stderr) == (0, "")
    return directory


def run(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=scaled(100),
        check=False,
    )


def stubs_in(directory: Path) -> Iterator[Path]:
    return (path.relative_to(directory) for path in sorted(directory.rglob("*.pyi")))


class TestTheCodeOfItsUsers:
    def test_satisfies_mypy(self, sdk: Path) -> None:
        check("mypy", "--strict", "--warn-unused-ignores", "user.py", directory=sdk)

    def test_satisfies_pyright(self, sdk: Path) -> None:
        check("pyright", "--pythonpath", sys.executable, "user.py", directory=sdk)

    def test_runs_and_gets_what_type_checkers_are_told(self, sdk: Path) -> None:
        ended = run(sdk, "run.py")
        assert ended.stderr == ""
        shapes, values, failed = (int(text) for text in ended.stdout.split() if text.isdigit())
        assert (failed, ended.stdout.count("\n")) == (0, 1), ended.stdout
        assert shapes >= 60
        assert values >= 150


class TestItsStubs:
    def test_satisfy_mypy(self, sdk: Path) -> None:
        check("mypy", "--strict", *stubs_in(sdk), directory=sdk)

    def test_satisfy_pyright(self, sdk: Path) -> None:
        check("pyright", "--pythonpath", sys.executable, *stubs_in(sdk), directory=sdk)

    def test_leave_nothing_untyped_that_the_source_or_mypy_knows(self, sdk: Path) -> None:
        for stub in stubs_in(sdk):
            lines = (sdk / stub).read_text().splitlines()
            found = [line for line in lines if "Incomplete" in line and "import" not in line]
            assert not [line for line in found if "label" not in line]

    def test_have_all_documentation(self, sdk: Path) -> None:
        text = (sdk / "acme" / "sync.pyi").read_text()
        for said in ("The twins of what", "Talks to acme.", "Whether it answers.", "A property."):
            assert text.count(f'"""{said}') >= 1

    def test_say_what_the_modules_have(self, sdk: Path) -> None:
        modules = [".".join(stub.with_suffix("").parts) for stub in stubs_in(sdk)]
        options = ("--concise", "--ignore-missing-stub", "--ignore-unused-allowlist")
        allowed = ("--allowlist", sdk / "stubtest.txt")
        check("mypy.stubtest", *options, *allowed, *modules, directory=sdk)
