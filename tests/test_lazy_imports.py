"""What is imported lazily, as CPython 3.15 can: sideloop itself, and what async code imports."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pace import scaled

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="new in CPython 3.15")


class Sources:
    """Modules in a folder, and programs that import them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")

    def read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8")

    def run(self, *command: str) -> str:
        """What Python prints there, with these options, and warnings as errors."""
        done = subprocess.run(
            [sys.executable, "-W", "error", *command],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=scaled(120),
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def run_program(self, text: str) -> str:
        return self.run("-c", textwrap.dedent(text))


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


@pytest.fixture
def library(sources: Sources) -> Sources:
    """A package that imports its parts lazily."""
    sources.write(
        "lib/__init__.py",
        """
        lazy from lib._client import Client, connect
        lazy from lib._optional import Missing
        lazy import lib.parts as parts
        """,
    )
    sources.write(
        "lib/_client.py",
        """
        lazy from lib._deep import Deep

        class Client:
            async def get(self) -> int:
                return 42

            async def deep(self) -> Deep:
                return Deep()

        async def connect() -> Client:
            return Client()
        """,
    )
    sources.write(
        "lib/_deep.py", "class Deep:\n    async def get(self) -> int:\n        return 7\n"
    )
    sources.write("lib/_optional.py", "import a_module_that_is_not_installed\n")
    sources.write("lib/parts.py", "async def three() -> int:\n    return 3\n")
    return sources


class TestSideloop:
    def test_is_imported_when_it_is_used(self, sources: Sources) -> None:
        printed = sources.run_program("""
            import sys
            lazy import sideloop
            lazy from sideloop import run_sync

            async def add(a, b):
                return a + b

            print("sideloop" in sys.modules, run_sync(add, 10, b=12), sideloop.run_sync(add, 1, 2))
        """)
        assert printed == "False 22 3\n"

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_works_where_all_imports_are_lazy(self, sources: Sources, drive: str) -> None:
        program = f"""
import sideloop, asyncio

async def add(a, b):
    return a + b

async def items():
    yield 1

class Client:
    async def get(self):
        return 3

with sideloop.Runner(drive={drive!r}) as runner:
    print(runner.run(add, 10, b=12), *runner.iterate(items()))
print(sideloop.synced(Client)().get())
"""
        printed = sources.run("-X", "lazy_imports=all", "-c", program)
        assert printed == "22 1\n3\n"

    def test_has_a_command_line_where_all_imports_are_lazy(self, library: Sources) -> None:
        command = ("-X", "lazy_imports=all", "-m", "sideloop", "run", "lib.parts:three")
        assert library.run(*command).strip() == "3"


class TestATwinOfAModule:
    def test_has_the_twins_of_what_it_imports_lazily(self, library: Sources) -> None:
        printed = library.run_program("""
            import sideloop, lib
            api = sideloop.synced(lib)
            client = api.connect()
            print(api.Client().get(), client.get(), client.deep().get(), api.parts.three())
            print(isinstance(client, api.Client), api.Client.aio is lib.Client)
        """)
        assert printed == "42 42 7 3\nTrue True\n"

    def test_has_no_name_that_cannot_be_imported(self, library: Sources) -> None:
        printed = library.run_program("""
            import sideloop, lib
            try:
                sideloop.synced(lib).Missing
            except ImportError as error:
                print(error)
        """)
        assert "a_module_that_is_not_installed" in printed

    def test_may_have_them_renamed(self, library: Sources) -> None:
        printed = library.run_program("""
            import sideloop, lib
            api = sideloop.synced(lib, rename={"Client": "SyncClient", "Deep": "SyncDeep"})
            print(api.SyncClient().deep().get())
        """)
        assert printed == "7\n"


class TestAnAnnotation:
    @pytest.mark.parametrize("quote", ["", '"'], ids=["plain", "in quotes"])
    def test_is_imported_by_the_first_call_not_by_the_decorator(
        self, library: Sources, quote: str
    ) -> None:
        text = """
            import sys
            from sideloop import synced
            lazy from lib._client import Client

            @synced
            async def first(one: ?Client?) -> ?Client?:
                return one

            @synced
            class User:
                async def get(self, one: ?Client?) -> ?Client?:
                    return one

            print("lib._client" in sys.modules, first(1), User().get(2))
        """
        assert library.run_program(text.replace("?", quote)) == "False 1 2\n"

    def test_that_only_type_checkers_can_import_is_in_nobodys_way(self, sources: Sources) -> None:
        printed = sources.run_program("""
            import inspect
            from sideloop import run_sync, synced
            lazy from of_checkers_alone import Future, Other

            @synced
            async def first(one: Other) -> Other:
                return one

            @synced
            class User:
                def __init__(self, one: Other) -> None:
                    self.one: Other = one

                async def get(self) -> Other:
                    return self.one

            class Sub(User):
                def get(self) -> Other:
                    return 5

            def future() -> "Future[int]":
                return first.aio(7)

            print(first(1), User(2).get(), Sub(3).get(), run_sync(future), synced(future)())
            print(inspect.signature(first))
        """)
        assert printed == "1 2 5 7 7\n(one: 'Other') -> 'Other'\n"


class TestAStub:
    def test_of_twins_of_what_is_imported_lazily(self, library: Sources) -> None:
        library.write(
            "api.py",
            """
            from sideloop import synced
            lazy from lib import Client
            lazy import lib

            SyncClient = synced(lib.Client)
            sync = synced(lib)
            """,
        )
        library.run("-m", "sideloop", "stubs", "api")
        stub = library.read("api.pyi")
        assert "def get(self) -> int: ..." in stub
        assert "three: _three" in stub
        assert "lazy" not in stub
