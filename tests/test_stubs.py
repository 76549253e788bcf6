"""`python -m sideloop stubs`: what type checkers see of twins."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stubbed import check_by_pyright
from test_typing import check

LIBRARIES = Path(__file__).with_name("libraries")

TIME_LIMIT = 100.0

Ended = subprocess.CompletedProcess[str]


class Shop:
    """The package of `libraries/shop`, in a directory where stubs may be written."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(LIBRARIES / "shop", directory / "shop", ignore=lambda *_: ["__pycache__"])
        shutil.copy(LIBRARIES / "shop_user.py", directory)

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *texts: str, **environment: str) -> Ended:
        return subprocess.run(
            [sys.executable, "-m", "sideloop", "stubs", *texts],
            cwd=self.directory,
            env=os.environ | {"PYTHON_COLORS": "0", "COLUMNS": "100"} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )

    def stubs(self) -> dict[str, str]:
        found = self.directory.rglob("*.pyi")
        return {path.relative_to(self.directory).as_posix(): path.read_text() for path in found}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class TestStubs:
    def test_are_written_for_modules_that_make_twins_and_for_no_others(self, shop: Shop) -> None:
        ended = shop.run("shop")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout == "wrote shop/sync.pyi\nwrote shop/tools.pyi\n"
        assert sorted(shop.stubs()) == ["shop/sync.pyi", "shop/tools.pyi"]

    def test_satisfy_mypy_and_what_they_promise_holds(self, shop: Shop) -> None:
        shop.run("shop")
        stubs = sorted(shop.directory.rglob("*.pyi"))
        check("mypy", "--strict", *stubs, "shop_user.py", directory=shop.directory)

    def test_satisfy_pyright_and_what_they_promise_holds(self, shop: Shop) -> None:
        shop.run("shop")
        check_by_pyright(shop.directory, *sorted(shop.directory.rglob("*.pyi")), "shop_user.py")

    def test_say_of_the_package_what_it_has(self, shop: Shop) -> None:
        """What users import is there at run time, under the names of the stubs."""
        shop.run("shop")
        imports = [
            line
            for line in (shop.directory / "shop_user.py").read_text().splitlines()
            if line.startswith("from shop")
        ]
        script = "\n".join([*imports, "assert Client('u').find(1).renamed('a').name == 'a'"])
        ended = subprocess.run([sys.executable, "-c", script], cwd=shop.directory, timeout=60)
        assert ended.returncode == 0

    def test_are_the_same_for_the_same_sources(self, shop: Shop) -> None:
        shop.run("shop", PYTHONHASHSEED="1")
        first = shop.stubs()
        for path in shop.directory.rglob("*.pyi"):
            path.unlink()
        shop.run("shop", PYTHONHASHSEED="2")
        assert shop.stubs() == first
        ended = shop.run("shop")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

    def test_take_one_process_of_mypy_for_a_package(self, shop: Shop) -> None:
        shop.write(
            "sitecustomize.py",
            "import sys\n"
            "if 'sideloop._stubs.infer' in sys.orig_argv:\n"
            "    open('started', 'a').write('once')\n",
        )
        assert shop.run("shop", PYTHONPATH=str(shop.directory)).returncode == 0
        assert (shop.directory / "started").read_text() == "once"

    def test_of_a_single_module_and_of_a_module_twin_are_written(self, shop: Shop) -> None:
        shutil.copy(LIBRARIES / "plain_library.py", shop.directory)
        shop.write(
            "single.py",
            "import plain_library\nfrom sideloop import synced\nsync = synced(plain_library)\n",
        )
        user = shop.write(
            "user.py",
            "from single import sync\n"
            "number: int = sync.double(2)\n"
            "numbers: list[int] = list(sync.count(3))\n"
            "def get(base: sync.Base) -> str:\n"
            "    return sync.wrap(base).get() + sync.Sub('a').get()\n",
        )
        assert shop.run("single").returncode == 0
        check("mypy", "--strict", "single.pyi", user, directory=shop.directory)


class TestCheck:
    def test_passes_where_the_stubs_are_up_to_date(self, shop: Shop) -> None:
        shop.run("shop")
        ended = shop.run("shop", "--check")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

    def test_fails_where_one_is_missing_or_old_and_writes_nothing(self, shop: Shop) -> None:
        shop.run("shop")
        (shop.directory / "shop" / "sync.pyi").unlink()
        tools = shop.directory / "shop" / "tools.py"
        tools.write_text(tools.read_text().replace("start: int = 0", "start: int"))
        before = shop.stubs()
        ended = shop.run("shop", "--check")
        assert ended.returncode == 1
        assert ended.stderr.splitlines() == [
            "error: stubs are not up to date; run python -m sideloop stubs shop",
            "  shop/sync.pyi: missing",
            "  shop/tools.pyi: out of date",
        ]
        assert shop.stubs() == before
        shop.run("shop")
        assert shop.run("shop", "--check").returncode == 0

    def test_a_stub_whose_module_has_no_twins_any_more_is_named_and_removed(
        self, shop: Shop
    ) -> None:
        shop.run("shop")
        shop.write("shop/tools.py", "VERSION = 1\n")
        ended = shop.run("shop", "--check")
        assert (ended.returncode, "tools.pyi: left over" in ended.stderr) == (1, True)
        assert shop.run("shop").stdout == "removed shop/tools.pyi\n"
        assert sorted(shop.stubs()) == ["shop/sync.pyi"]


class TestWhatCannotBeDone:
    @pytest.mark.parametrize(
        ("texts", "code", "message"),
        [
            (("shap",), 2, "there is no module 'shap'"),
            (("json",), 1, "json has no module with a twin at its top level"),
            ((), 2, "required: package"),
            (("shop", "--chuck"), 2, "unrecognized arguments: --chuck"),
        ],
    )
    def test_is_said(self, shop: Shop, texts: tuple[str, ...], code: int, message: str) -> None:
        ended = shop.run(*texts)
        assert ended.returncode == code
        assert message in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_a_stub_of_somebody_else_is_left_alone(self, shop: Shop) -> None:
        own = shop.write("shop/sync.pyi", "x: int\n")
        ended = shop.run("shop")
        assert ended.returncode == 1
        assert "sync.pyi was not written by this command; move it away" in ended.stderr
        assert own.read_text() == "x: int\n"

    def test_a_module_that_fails_shows_its_own_traceback(self, shop: Shop) -> None:
        shop.write("shop/broken.py", "1 / 0\n")
        ended = shop.run("shop")
        assert ended.returncode == 1
        assert "ZeroDivisionError" in ended.stderr
        assert "_cli" not in ended.stderr

    def test_a_class_inside_of_a_function_is_named(self, shop: Shop) -> None:
        shop.write(
            "odd.py",
            "from sideloop import synced\n"
            "def make():\n"
            "    class Inner:\n"
            "        async def get(self): ...\n"
            "    return Inner\n"
            "Odd = synced(make())\n",
        )
        ended = shop.run("odd")
        assert ended.returncode == 1
        assert "was not found in the source of module 'odd'" in ended.stderr

    def test_mypy_is_asked_for_where_it_is_missing(self, shop: Shop) -> None:
        shop.write(
            "sitecustomize.py",
            "import importlib.util\n"
            "find = importlib.util.find_spec\n"
            "importlib.util.find_spec = lambda name: None if name == 'mypy' else find(name)\n",
        )
        ended = shop.run("shop", PYTHONPATH=str(shop.directory))
        assert ended.returncode == 1
        assert 'pip install "sideloop[stubs]"' in ended.stderr
