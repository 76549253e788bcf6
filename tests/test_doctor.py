"""`python -m sideloop doctor`: what it says of an environment, and of a process."""

import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from environments import Environment, write
from transcripts import DOCS, File, run, steps

import sideloop
from sideloop._doctor.kind import CALLED, METHODS
from sideloop._doctor.peers import PEERS

SHOP = {
    "shop/__init__.py": "",
    "shop/client.py": """
        import asyncio
        import nest_asyncio

        class Client:
            def get(self):
                return asyncio.run(self.aget())

        def nested():
            nest_asyncio.apply()
    """,
    "shop/command.py": """
        import asyncio

        def main():
            asyncio.run(begin())
    """,
    "shop/tests/test_client.py": "import asyncio\ndef test_it(): asyncio.run(f())\n",
}

ENTRY = """
    [console_scripts]
    shop = shop.command:main
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def data(environment: Environment, *texts: str) -> dict[str, Any]:
    """The report as data."""
    ended = environment.run("-m", "sideloop", "doctor", "--json", *texts)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def text(environment: Environment, *texts: str) -> str:
    """The report as text."""
    ended = environment.run("-m", "sideloop", "doctor", *texts)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def places(report: dict[str, Any]) -> list[tuple[str, str, int, str | None]]:
    return [(one["kind"], one["file"], one["line"], one["function"]) for one in report["places"]]


class TestAnInstalledPackage:
    def test_is_read_and_not_imported(self, environment: Environment) -> None:
        raises = {"shop/__init__.py": "raise SystemExit('imported')", "shop/bad.so": ""}
        environment.install("shop", SHOP | raises, entry_points=ENTRY)
        report = data(environment)
        assert places(report) == [
            ("run", "shop/client.py", 7, "Client.get"),
            ("library", "shop/client.py", 10, "nested"),
        ]
        assert report["read"] == {"distributions": 1, "files": 3}
        assert report["left_out"] == {
            "test_files": 1,
            "beginnings_of_programs": 1,
            "inside_of_libraries": 0,
        }
        assert report["not_read"] == []

    def test_is_told_what_to_write(self, environment: Environment) -> None:
        environment.install("shop", SHOP, entry_points=ENTRY)
        run, library = data(environment)["places"]
        assert "sideloop.run_sync(async_fn, ...)" in run["instead"]
        assert library["library"] == "nest_asyncio"
        assert library["instead"] == (
            "from sideloop.compat import nest_asyncio; nest_asyncio.install()"
        )
        assert (run["distribution"], run["version"]) == ("shop", "1.0")
        assert Path(run["path"]).read_text(encoding="utf-8")

    def test_without_a_bridge_is_not_in_the_report(self, environment: Environment) -> None:
        environment.install("plain", {"plain.py": "import asyncio\nasyncio.run(f())\n"})
        report = data(environment)
        assert report["places"] == report["libraries"] == []
        assert report["read"]["files"] == 1
        assert "plain" not in text(environment)

    def test_may_be_editable(self, environment: Environment) -> None:
        write(environment.folder / "project" / "src", SHOP)
        environment.install("shop", {"_shop.pth": f"{environment.folder}/project/src\n"})
        assert len(data(environment)["places"]) == 3

    def test_may_be_editable_by_a_finder_of_setuptools(self, environment: Environment) -> None:
        write(environment.folder / "project", SHOP)
        place = str(environment.folder / "project" / "shop")
        finder = f"MAPPING: dict[str, str] = { ({'shop': place})!r}\ndef install(): ...\n"
        environment.install("shop", {"__editable___shop_finder.py": finder})
        assert len(data(environment)["places"]) == 3

    def test_may_have_an_old_list_of_names_alone(self, environment: Environment) -> None:
        write(environment.packages, SHOP)
        egg = {"PKG-INFO": "Name: shop\nVersion: 2\n", "top_level.txt": "shop\n"}
        write(environment.packages / "shop.egg-info", egg)
        assert len(data(environment)["places"]) == 3

    def test_twice_on_the_path_is_the_first(self, environment: Environment) -> None:
        environment.install("shop", SHOP, entry_points=ENTRY)
        other = {"METADATA": "Name: Shop\nVersion: 2\n", "RECORD": "shop/other.py,,\n"}
        write(environment.home / "shop-2.dist-info", other)
        assert data(environment)["not_read"] == [
            {"where": "shop/other.py", "why": "is in the list of files, but not there"}
        ]


class TestWhatCannotBeRead:
    def test_is_named_and_the_rest_is_read(self, environment: Environment) -> None:
        bad = {
            "shop/old.py": "import asyncio\nprint asyncio.run\n",
            "shop/huge.py": f"import asyncio\n{'#' * 2**21}\n",
        }
        files = SHOP | bad
        environment.install("shop", files, entry_points=ENTRY, record=[*files, "shop/gone.py"])
        report = data(environment)
        assert len(places(report)) == 2
        why = {one["where"]: one["why"] for one in report["not_read"]}
        assert set(why) == {"shop/old.py", "shop/huge.py", "shop/gone.py"}
        assert why["shop/gone.py"] == "is in the list of files, but not there"
        assert "line 2" in why["shop/old.py"]
        assert "2097152" in why["shop/huge.py"]
        assert "  shop/gone.py: is in the list of files, but not there\n" in text(environment)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_may_be_another_users(self, environment: Environment) -> None:
        environment.install("shop", SHOP)
        (environment.packages / "shop" / "client.py").chmod(0)
        assert "cannot be opened" in data(environment)["not_read"][0]["why"]

    def test_may_be_a_folder_where_a_file_should_be(self, environment: Environment) -> None:
        environment.install("shop", SHOP, record=["shop/client.py", "shop/tools.py"])
        (environment.packages / "shop" / "tools.py").mkdir()
        assert data(environment)["not_read"] == [
            {"where": "shop/tools.py", "why": "cannot be opened: Is a directory"}
        ]

    def test_may_be_metadata(self, environment: Environment) -> None:
        environment.install("shop", SHOP, entry_points=ENTRY)
        write(environment.packages / "nameless-1.dist-info", {"METADATA": "Version: 1\n"})
        write(environment.packages / "bare-1.dist-info", {"METADATA": "Name: bare\n"})
        report = data(environment)
        assert len(places(report)) == 2
        by_end = {Path(one["where"]).name: one["why"] for one in report["not_read"]}
        assert "it has no name" in by_end["nameless-1.dist-info"]
        assert by_end["bare"] == "has no list of its files, so none of them was read"


class TestALibraryWithABridge:
    def test_has_a_drop_in_or_an_api_in_its_place(self, environment: Environment) -> None:
        environment.install("fsspec", {"fsspec.py": ""}, version="2026.9.0")
        environment.install("anyio", {"anyio.py": ""}, version="4.16.0")
        anyio, fsspec = data(environment)["libraries"]
        assert fsspec == {
            "library": "fsspec",
            "version": "2026.9.0",
            "loaded": False,
            "instead": "from sideloop.compat import fsspec; fsspec.install()",
            "drop_in": "sideloop.compat.fsspec",
            "drop_in_knows": "2023.1 to 2026.9",
            "drop_in_installed": False,
        }
        assert anyio["library"] == "anyio"
        assert anyio["instead"]

    def test_is_not_told_of_what_it_is_made_of(self, environment: Environment) -> None:
        source = """
            import nest_asyncio
            def again(): nest_asyncio.apply()
            def run(): loop.run_until_complete(f())
        """
        environment.install("nest-asyncio", {"nest_asyncio.py": source})
        patches = "import gevent.monkey\ndef main(): gevent.monkey.patch_all()\n"
        environment.install("gevent", {"gevent/__init__.py": patches})
        report = data(environment)
        assert report["places"] == []
        assert report["left_out"]["inside_of_libraries"] == 3
        assert [one["library"] for one in report["libraries"]] == ["nest-asyncio"]

    def test_is_named_also_where_only_its_users_are(self, environment: Environment) -> None:
        environment.install("shop", SHOP, entry_points=ENTRY)
        shown = text(environment)
        assert "  nest_asyncio, which is not installed\n" in shown
        assert (
            "    used by shop 1.0:\n      shop/client.py:10 in nested: nest_asyncio.apply" in shown
        )

    @pytest.mark.parametrize(
        "name", sorted(path.stem for path in Path(sideloop.__file__).parent.glob("compat/[!_]*.py"))
    )
    def test_is_known_wherever_there_is_a_drop_in(
        self, environment: Environment, name: str
    ) -> None:
        environment.install(name, {f"{name}.py": ""})
        (library,) = data(environment)["libraries"]
        assert library["drop_in"] == f"sideloop.compat.{name}"


class TestTheText:
    def test_says_of_each_kind_what_to_write(self, environment: Environment) -> None:
        source = """
            import asyncio, eventlet, os, uvloop
            def one(): return asyncio.run(f())
            def two(): return loop.run_until_complete(f())
            def three(): return asyncio.run_coroutine_threadsafe(f(), loop).result()
            def four(): os.fork()
            uvloop.install()
            eventlet.monkey_patch()
        """
        environment.install("all", {"all.py": source})
        kinds = text(environment).split("\n\n")[1:-1]
        assert [lines.splitlines()[-1].strip() for lines in kinds] == [
            "all.py:3 in one: asyncio.run",
            "all.py:4 in two: run_until_complete",
            "all.py:5 in three: asyncio.run_coroutine_threadsafe",
            "all.py:7: uvloop.install",
            "all.py:8: eventlet.monkey_patch",
            "all.py:6 in four: os.fork",
        ]
        assert all("\n  write: " in lines for lines in kinds)

    def test_shows_a_few_places_of_a_package_and_counts_the_others(
        self, environment: Environment
    ) -> None:
        source = "import asyncio\n" + "def one(): asyncio.run(f())\n" * 9
        environment.install("many", {"many.py": source})
        assert "    many.py:5 in one: asyncio.run\n    and 5 places more, all" in text(environment)
        assert len(data(environment)["places"]) == 9


class TestTheProcess:
    def test_is_as_python_makes_it(self, environment: Environment) -> None:
        now = data(environment)["process"]
        default = multiprocessing.get_all_start_methods()[0]
        assert now["start_method"]["name"] == default
        assert now["start_method"]["default"]
        assert now["policy"] == {"class": None, "instead": "nothing"}
        assert now["patched"] == now["loops"] == []

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_has_the_start_method_that_a_module_sets(
        self, environment: Environment, method: str
    ) -> None:
        source = f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
        write(environment.home, {"app.py": source})
        found = data(environment, "--import", "app")["process"]["start_method"]
        assert (found["name"], found["default"]) == (method, False)
        assert (found["instead"] == "nothing") is (method == "spawn")

    @pytest.mark.skipif(sys.version_info >= (3, 16), reason="there are no policies")
    def test_has_a_policy_that_a_module_sets(self, environment: Environment) -> None:
        source = """
            import asyncio, warnings
            warnings.simplefilter("ignore")
            class Policy(asyncio.DefaultEventLoopPolicy): ...
            asyncio.set_event_loop_policy(Policy())
        """
        write(environment.home, {"app.py": source})
        report = data(environment, "--import", "app")
        assert report["process"]["policy"]["class"] == "app.Policy"
        assert "loop_factory" in report["process"]["policy"]["instead"]
        assert places(report) == [("policy", "app.py", 5, None)]

    def test_shows_a_loop_and_the_thread_that_runs_it(self, environment: Environment) -> None:
        source = """
            import asyncio, threading
            loop, begun = asyncio.new_event_loop(), threading.Event()
            def serve(): loop.run_forever()
            threading.Thread(target=serve, name="kept", daemon=True).start()
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
            idle, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
            closed.close()
        """
        write(environment.home, {"app.py": source})
        loops = data(environment, "--import", "app")["process"]["loops"]
        shown = {(one["runs"], one["thread"], one["started_by"]) for one in loops}
        assert shown == {(True, "kept", "app"), (False, None, None)}
        for one in loops:
            assert ("run_on" if one["runs"] else "drive") in one["instead"]
        assert "run by thread 'kept', in app\n" in text(environment, "--import", "app")

    def test_knows_the_loops_of_sideloop(self, environment: Environment) -> None:
        source = "import asyncio, sideloop\nsideloop.run_sync(asyncio.sleep, 0)\n"
        write(environment.home, {"app.py": source})
        (loop,) = data(environment, "--import", "app")["process"]["loops"]
        assert (loop["sideloop"], loop["runs"], loop["instead"]) == (True, True, "nothing")

    def test_shows_what_was_replaced_also_where_it_looks_the_same(
        self, environment: Environment
    ) -> None:
        source = """
            import asyncio, functools, threading
            def wrapped(function):
                return functools.wraps(function)(lambda *a, **k: function(*a, **k))
            asyncio.run = wrapped(asyncio.run)
            asyncio.BaseEventLoop.run_forever = wrapped(asyncio.BaseEventLoop.run_forever)
            threading.Thread.start = wrapped(threading.Thread.start)
        """
        write(environment.home, {"patches.py": source})
        (patch,) = data(environment, "--import", "patches")["process"]["patched"]
        assert patch["by"] == "patches"
        assert set(patch["names"]) >= {
            "asyncio.run",
            "asyncio.base_events.BaseEventLoop.run_forever",
            "threading.Thread.start",
        }

    def test_shows_loops_that_cannot_be_asked_as_none(self, environment: Environment) -> None:
        source = """
            import asyncio
            class Half(asyncio.AbstractEventLoop): ...
            class Lies:
                @property
                def __class__(self): raise RuntimeError("a proxy without an object")
            kept = [Half(), Lies()]
        """
        write(environment.home, {"app.py": source})
        assert data(environment, "--import", "app")["process"]["loops"] == []


class TestImport:
    def test_reads_the_users_own_modules(self, environment: Environment) -> None:
        own = {"app/__init__.py": "import app.work\n", "app/work.py": SHOP["shop/client.py"]}
        environment.install("nest_asyncio", {"nest_asyncio.py": "def apply(): ...\n"})
        environment.install("shop", SHOP, entry_points=ENTRY)
        write(environment.home, own)
        report = data(environment, "--import", "app")
        assert [one["distribution"] for one in report["places"]] == [None, None, "shop", "shop"]
        assert report["read"]["distributions"] == 2
        assert places(report)[:2] == [
            ("run", "app/work.py", 7, "Client.get"),
            ("library", "app/work.py", 10, "nested"),
        ]
        assert [one["loaded"] for one in report["places"]] == [True, True, False, False]
        assert [one["loaded"] for one in report["libraries"]] == [True]
        assert "  shop 1.0, not imported:\n" in text(environment, "--import", "app")

    def test_may_be_of_several_modules(self, environment: Environment) -> None:
        write(environment.home, {"one.py": "", "two.py": ""})
        assert data(environment, "--import", "one", "--import", "two")["imported"] == ["one", "two"]

    def test_sees_that_a_drop_in_is_installed(self, environment: Environment) -> None:
        environment.install("fsspec", {"fsspec/__init__.py": ""}, version="2026.9")
        source = (
            "from sideloop.compat import flytekit, fsspec\nfsspec.install(); flytekit.install()"
        )
        write(environment.home, {"app.py": source})
        (fsspec,) = data(environment, "--import", "app")["libraries"]
        assert fsspec["drop_in_installed"]
        shown = text(environment, "--import", "app")
        assert "    write: nothing, sideloop.compat.fsspec is installed\n" in shown

    def test_of_what_is_no_module_is_a_message(self, environment: Environment) -> None:
        ended = environment.run("-m", "sideloop", "doctor", "--import", "nowhere")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "there is no module 'nowhere'" in ended.stderr

    def test_that_fails_shows_its_traceback(self, environment: Environment) -> None:
        write(environment.home, {"app.py": "1 / 0\n"})
        ended = environment.run("-m", "sideloop", "doctor", "--import", "app")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
        assert "sideloop/_cli" not in ended.stderr


class TestThePage:
    def test_shows_what_is_printed(self, environment: Environment) -> None:
        environment.borrow("nest-asyncio")
        typed = []
        for step in steps(DOCS / "doctor.md"):
            if isinstance(step, File):
                write(environment.home, {step.name: step.text})
            else:
                run(step, environment.home, environment.python.parent)
                typed.append(step.typed)
        assert typed == ["python -m sideloop doctor --import app"]

    def test_names_every_kind_and_library(self) -> None:
        page = (DOCS / "doctor.md").read_text(encoding="utf-8")
        for name in (*CALLED, *METHODS, *(peer.library for peer in PEERS)):
            assert f"`{name}`" in page, name


class TestWhatIsTyped:
    @pytest.mark.parametrize("texts", [["shop"], ["--import"], ["--timeout", "1"], ["--jso"]])
    def test_that_is_no_option_is_refused(self, environment: Environment, texts: list[str]) -> None:
        ended = environment.run("-m", "sideloop", "doctor", *texts)
        assert (ended.returncode, ended.stdout) == (2, "")

    def test_as_help_is_explained(self, environment: Environment) -> None:
        ended = environment.run("-m", "sideloop", "doctor", "--help")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "--import module" in ended.stdout
        assert "exit codes:" in ended.stdout
