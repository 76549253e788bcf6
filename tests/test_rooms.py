"""The rooms of the package: each imports only what stands below it, and users see none of them."""

import ast
import asyncio
import builtins
import graphlib
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import sideloop

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "sideloop"

# From the ground up. A room is a folder or a file of the package; its files may import each other,
# but in no circle. Every import counts, also late ones and those for type checkers alone.
FLOORS = [
    "_sideloop",
    "_base",
    "_loops",
    "_hooks",
    "_views",
    "_map",
    "_runners",
    "_twins",
    "_manager",
    "_inside",
    "_exit",
    "_names",
    "__init__",
    "_stubs",
    "compat",
    "_doctor",
    "_cli",
    "testing",
    "__main__",
]

Imports = Mapping[str, set[str]]


def imports_of(package: Path) -> Imports:
    """The files of a package, without their endings, and which of them each imports."""
    names = {
        path.relative_to(package).with_suffix("").as_posix()
        for path in package.rglob("*.py*")
        if path.suffix in (".py", ".pyi")
    }

    def named(module: str) -> str:
        """The file of a module, or of the one that holds this name."""
        place = module.partition(".")[2].replace(".", "/")
        for name in (place, f"{place}/__init__".lstrip("/")):
            if name in names:
                return name
        return named(module.rpartition(".")[0])

    def found(path: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path} has an import that is relative"
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            ours = [one for one in modules if one.partition(".")[0] == package.name]
            yield from map(named, ours)

    files = {name: next(package.glob(f"{name}.py*")) for name in names}
    return {name: set(found(path)) for name, path in sorted(files.items())}


def upward(imports: Imports) -> list[str]:
    """The imports of what stands higher."""

    def floor(name: str) -> int:
        return FLOORS.index(name.partition("/")[0])

    return [
        f"{name} imports {other}"
        for name, others in imports.items()
        for other in sorted(others)
        if floor(other) > floor(name)
    ]


def circle(imports: Imports) -> list[str]:
    """The files of a circle of imports, if there is one."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


class TestTheRooms:
    def test_import_nothing_that_stands_above_them(self) -> None:
        assert upward(imports_of(PACKAGE)) == []

    def test_have_no_circle_of_files(self) -> None:
        assert circle(imports_of(PACKAGE)) == []

    def test_are_all_on_a_floor(self) -> None:
        rooms = {name.partition("/")[0] for name in imports_of(PACKAGE)}
        assert rooms == set(FLOORS)

    def test_are_where_the_extension_looks_for_them(self) -> None:
        imports = imports_of(PACKAGE)
        sources = (ROOT / "crates" / "sideloop-py" / "src").rglob("*.rs")
        looked_for = {
            name
            for source in sources
            for name in re.findall(r'import\("sideloop\.([\w.]+)"\)', source.read_text("utf-8"))
        }
        assert looked_for
        assert {name for name in looked_for if name.replace(".", "/") not in imports} == set()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of two rooms, in which all is well."""
    directory = tmp_path / "sideloop"
    for file, source in {
        "__init__.py": "from sideloop._loops.low import one\n",
        "_base/__init__.py": "",
        "_base/ground.py": "import os\n",
        "_loops/__init__.py": "",
        "_loops/low.py": "from sideloop._base import ground\nfrom sideloop._loops import high\n",
        "_loops/high.py": "import sideloop._base.ground\n",
    }.items():
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_text(source, encoding="utf-8")
    return directory


class TestWhatIsFound:
    def test_is_nothing_where_all_is_well(self, package: Path) -> None:
        assert imports_of(package)["_loops/low"] == {"_base/ground", "_loops/high"}
        assert upward(imports_of(package)) == circle(imports_of(package)) == []

    @pytest.mark.parametrize(
        "source",
        [
            "from sideloop._loops.low import one\n",
            "from sideloop._loops import low\n",
            "import sideloop._loops.low as one\n",
            "def late():\n    from sideloop._loops.low import one\n",
            "if TYPE_CHECKING:\n    from sideloop._loops.low import One\n",
        ],
    )
    def test_is_an_import_upwards_wherever_it_stands(self, package: Path, source: str) -> None:
        (package / "_base" / "ground.py").write_text(source, encoding="utf-8")
        assert upward(imports_of(package)) == ["_base/ground imports _loops/low"]

    @pytest.mark.parametrize("source", ["import sideloop\n", "from sideloop import one\n"])
    def test_is_an_import_of_the_package_itself(self, package: Path, source: str) -> None:
        (package / "_base" / "ground.py").write_text(source, encoding="utf-8")
        assert upward(imports_of(package)) == ["_base/ground imports __init__"]

    def test_is_an_import_upwards_in_a_stub(self, package: Path) -> None:
        (package / "_sideloop.pyi").write_text("from sideloop._loops.low import One\n", "utf-8")
        assert upward(imports_of(package)) == ["_sideloop imports _loops/low"]

    def test_is_a_circle_within_a_room(self, package: Path) -> None:
        source = "if TYPE_CHECKING:\n    from sideloop._loops import low\n"
        (package / "_loops" / "high.py").write_text(source, encoding="utf-8")
        assert set(circle(imports_of(package))) == {"_loops/high", "_loops/low"}


class TestWhatIsPublic:
    def test_leaves_the_builtins_alone_where_all_of_it_is_imported(self) -> None:
        assert [name for name in sideloop.__all__ if hasattr(builtins, name)] == []
        assert sideloop.map.__module__ == "sideloop"
        assert pickle.loads(pickle.dumps(sideloop.map)) == sideloop.map

    @pytest.mark.parametrize("name", sideloop.__all__)
    def test_says_that_it_is_where_users_find_it(self, name: str) -> None:
        public = getattr(sideloop, name)
        assert public.__module__ == "sideloop"
        if inspect.isclass(public) or inspect.isfunction(public):
            assert getattr(sideloop, public.__qualname__) is public

    @pytest.mark.parametrize(
        ("shown", "documented"),
        [
            (
                sideloop.Runner(),
                {
                    *("run", "run_awaitable", "run_function", "submit", "map", "iterate", "enter"),
                    *("loop", "thread", "close", "closed", "name", "drive"),
                },
            ),
            (
                sideloop.LoopManager(),
                {
                    *("run_sync", "run_awaitable", "run_function", "submit", "map", "synced"),
                    *("iterate", "enter", "loop", "thread", "runners", "close", "name", "drive"),
                },
            ),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_shows_nothing_that_is_for_managers(self, shown: object, documented: set[str]) -> None:
        assert {name for name in dir(shown) if not name.startswith("_")} == documented


# By the modules in which version 0.1 had them before it had rooms.
HELD_THEN = {
    "_cancel": ["timeout"],
    "_dump": ["dump"],
    "_event_loop": ["EventLoop", "new_event_loop"],
    "_manager": ["LoopManager"],
    "_map": ["map"],
    "_run_on": ["run_on"],
    "_runner": ["Runner"],
    "_statistics": ["CallStatistics", "RunnerStatistics", "Statistics", "statistics"],
}

TWIN_PICKLED_THEN = (
    b"\x80\x02csideloop._function\n_restore\nq\x00cpkgutil\nresolve_name\nq\x01X\x15\x00\x00\x00"
    b"sideloop:loop_managerq\x02\x85q\x03Rq\x04casyncio.tasks\nsleep\nq\x05\x86q\x06Rq\x07."
)
"""`synced(asyncio.sleep)`."""

MANAGER_PICKLED_THEN = (
    b"\x80\x02cfunctools\npartial\nq\x00csideloop._manager\nLoopManager\nq\x01\x85q\x02Rq\x03(h\x01"
    b")}q\x04(X\x05\x00\x00\x00scopeq\x05X\x07\x00\x00\x00processq\x06X\x05\x00\x00\x00driveq\x07X"
    b"\x06\x00\x00\x00threadq\x08X\x0c\x00\x00\x00loop_factoryq\tcsideloop._event_loop\n"
    b"new_event_loop\nq\nX\x11\x00\x00\x00exception_handlerq\x0bNX\x05\x00\x00\x00graceq\x0cG?\xf0"
    b"\x00\x00\x00\x00\x00\x00X\x11\x00\x00\x00slow_call_warningq\rG@N\x00\x00\x00\x00\x00\x00X"
    b"\x11\x00\x00\x00copy_context_backq\x0e\x89uNtq\x0fb)Rq\x10."
)
"""`LoopManager(scope="process", grace=1.0, loop_factory=new_event_loop)`."""


class TestWhatWasPickledBefore:
    @pytest.mark.parametrize(
        ("module", "name"), [(module, name) for module in HELD_THEN for name in HELD_THEN[module]]
    )
    def test_is_what_it_was(self, module: str, name: str) -> None:
        pickled = f"csideloop.{module}\n{name}\n.".encode()
        assert pickle.loads(pickled) is getattr(sideloop, name)

    def test_is_a_twin_that_works(self) -> None:
        assert pickle.loads(TWIN_PICKLED_THEN)(0, result="slept") == "slept"

    def test_is_a_manager_that_works(self) -> None:
        manager = pickle.loads(MANAGER_PICKLED_THEN)
        assert type(manager) is sideloop.LoopManager
        assert manager.run_sync(type_of_loop) == "EventLoop"
        manager.close()

    @pytest.mark.parametrize("pickled", [TWIN_PICKLED_THEN, MANAGER_PICKLED_THEN])
    def test_may_be_what_imports_the_package(self, pickled: bytes) -> None:
        program = f"import pickle\npickle.loads({pickled!r})"
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, b"")


async def type_of_loop() -> str:
    return type(asyncio.get_running_loop()).__name__
