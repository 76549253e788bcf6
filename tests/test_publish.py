"""The page about publishing an SDK: its files and its commands, from first to last."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from pace import scaled
from test_typing import check

PAGE = (Path(__file__).parents[1] / "docs" / "publish.md").read_text(encoding="utf-8")

FILE = re.compile(r"`([\w./-]+)`:\n\n```\w+\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)

STUBS = "PYTHONPATH=src python -m sideloop stubs shop"


class Project:
    """The project that the page makes, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.steps: dict[str, subprocess.CompletedProcess[str]] = {}
        for name, text in FILE.findall(PAGE):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        here = Path(sys.executable).parent
        # What is installed beside the wheel is there already: see `step`.
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(
            command,
            shell=True,
            cwd=self.directory,
            env=os.environ | pip | {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=scaled(100),
            check=False,
        )

    def step(self, command: str) -> subprocess.CompletedProcess[str]:
        ended = self.run(command)
        if command == "python -m venv user":
            # sideloop and the tools are those that are tested, and with.
            site = self.directory / "user" / "lib" / Path(sysconfig.get_path("purelib")).parts[-2]
            (site / "site-packages" / "tested.pth").write_text(sysconfig.get_path("purelib"))
        return ended


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after all commands of the page, but those that download what is here already."""
    project = Project(tmp_path_factory.mktemp("publish"))
    commands = [one for one in COMMAND.findall(PAGE) if not one.startswith("pip install")]
    project.steps = {command: project.step(command) for command in commands}
    return project


@pytest.mark.timeout(400)
class TestThePage:
    def test_has_commands_that_all_work(self, published: Project) -> None:
        assert len(published.steps) >= 8
        for command, ended in published.steps.items():
            assert ended.returncode == 0, f"{command}:\n{ended.stdout}{ended.stderr}"

    def test_shows_what_is_printed(self, published: Project) -> None:
        assert f"$ {STUBS}\n{published.steps[STUBS].stdout}" in PAGE

    def test_makes_a_wheel_with_stubs_and_marker(self, published: Project) -> None:
        listed = published.run("python -m zipfile --list dist/shop-1.0-py3-none-any.whl").stdout
        for name in ("__init__.py", "__init__.pyi", "_client.py", "py.typed"):
            assert f"shop/{name} " in listed

    def test_has_a_user_whose_code_pyright_accepts(self, published: Project) -> None:
        python = published.directory / "user" / "bin" / "python"
        (published.directory / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
        check("pyright", "--pythonpath", python, "user.py", directory=published.directory)

    def test_has_a_user_who_reads(self, published: Project) -> None:
        assert published.steps["user/bin/python user.py"].stdout == (
            "IT WAS A DARK AND STORMY NIGHT IN ONE.\nnot found: Three\n"
        )

    def test_has_a_user_who_is_told_what_is_wrong(self, published: Project) -> None:
        (published.directory / "wrong.py").write_text(
            "from shop import Client\nClient('url').books.get(1).read() + 1\n"
        )
        ended = published.run("user/bin/python -m mypy --strict wrong.py")
        assert ended.returncode == 1
        assert 'Argument 1 to "get" of "Books" has incompatible type "int"' in ended.stdout


@pytest.mark.timeout(400)
class TestTheHookForPreCommit:
    def test_passes_until_the_async_code_changes_what_users_see(self, published: Project) -> None:
        found = re.search(r"entry: (.*)", PAGE)
        assert found is not None
        assert published.run(found[1]).returncode == 0
        client = published.directory / "src" / "shop" / "_client.py"
        before = client.read_text(encoding="utf-8")
        client.write_text(before.replace("title: str)", "title: str, page: int = 1)"))
        ended = published.run(found[1])
        client.write_text(before)
        assert ended.returncode == 1
        assert "src/shop/__init__.pyi: out of date" in ended.stderr
