"""Tools that look at twins: what they take them for, and which names they show."""

# ruff: noqa: ARG002  # originals have the parameters that their signatures are to show

import doctest
import functools
import importlib
import inspect
import pydoc
import subprocess
import sys
import types
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import cloudpickle
import pytest
from asked import is_coroutine_function

import sideloop
from sideloop import LoopManager, Runner, SyncContextManager, SyncGenerator


class AsyncClient:
    """A client."""

    def __init__(self, url: str, parent: "AsyncClient | None" = None) -> None:
        self.url = url

    async def clone(self, other: "AsyncClient") -> "AsyncClient":
        """Another one."""
        return other

    @classmethod
    def make(cls, **options: Any) -> "AsyncClient":
        """As the options say."""
        return cls(**options)

    @classmethod
    async def connect(cls, url: str) -> "AsyncClient":
        """A new one."""
        return cls(url)

    @staticmethod
    async def both(one: "AsyncClient", *others: "AsyncClient") -> "list[AsyncClient]":
        """All of them."""
        return [one, *others]

    async def walk(self, to: int) -> AsyncIterator["AsyncClient"]:
        """Itself, often."""
        for _ in range(to):
            yield self

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["AsyncClient"]:
        """Itself."""
        yield self

    @property
    async def parent(self) -> "AsyncClient":
        """Where it is from."""
        return self

    @property
    def same(self) -> "AsyncClient":
        """Itself."""
        return self

    def later(self) -> Awaitable["AsyncClient"]:
        """When it is there."""
        return self.clone(self)

    def plain(self, by: "dict[str, AsyncClient] | None" = None) -> int:
        """A number."""
        return 3

    async def __call__(self, n: int) -> int:
        return n


async def fetch(n: int, by: Annotated[int, "note"] = 1) -> dict[str, int]:
    """Fetch it."""
    return {"n": n * by}


async def count(to: int) -> AsyncIterator[AsyncClient]:
    """Count."""
    for _ in range(to):
        yield AsyncClient("a")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncClient]:
    """Open it."""
    yield AsyncClient(url)


async def hooked(hook: Callable[[AsyncClient], Awaitable[int]]) -> "int | OnlyForCheckers":  # type: ignore[name-defined]  # noqa: F821  # as one that is imported for checkers alone
    """Call it."""
    return await hook(AsyncClient("a"))


async def unknown(one: "list[AsyncClient] | OnlyForCheckers") -> None:  # type: ignore[name-defined]  # noqa: F821  # as above
    """Take it."""


METHODS = ("clone", "make", "connect", "both", "walk", "opened", "later", "plain")


class Twins(typing.NamedTuple):
    """All kinds of twins, of one manager."""

    client: Any
    functions: dict[str, Any]

    def all(self) -> dict[str, Any]:
        found = dict(self.functions)
        made = self.client("a")
        for name in METHODS:
            found[f"Client.{name}"] = getattr(self.client, name)
            found[f"Client().{name}"] = getattr(made, name)
        return found


@pytest.fixture(params=["default", "manager", "process", "driven"])
def twins(request: pytest.FixtureRequest) -> Generator[Twins]:
    managers: dict[str, Callable[[], LoopManager]] = {
        "manager": LoopManager,
        "process": lambda: LoopManager(scope="process"),
        "driven": lambda: LoopManager(drive="caller"),
    }
    manager = managers.get(request.param, LoopManager)()
    synced = sideloop.synced if request.param == "default" else manager.synced
    client: Any = synced(AsyncClient)
    functions = {
        "fetch": synced(fetch),
        "count": synced(count),
        "opened": synced(opened),
        "partial": synced(functools.partial(fetch, by=2)),
    }
    yield Twins(client, functions)
    manager.close()


class TestWhatLooksForAFunction:
    def test_finds_no_async_one_behind_any_twin(self, twins: Twins) -> None:
        for name, twin in twins.all().items():
            steps = [twin]
            while hasattr(steps[-1], "__wrapped__"):
                steps.append(steps[-1].__wrapped__)
            assert steps[-1] is not twin, name
            for one in [*steps, inspect.unwrap(twin), twin.__call__]:
                assert not inspect.iscoroutinefunction(one), name
                assert not is_coroutine_function(one), name
                assert not inspect.isasyncgenfunction(one), name
            assert isinstance(steps[-1], types.FunctionType), name

    def test_finds_one_that_calls_the_twin(self, twins: Twins) -> None:
        found = inspect.unwrap(twins.functions["fetch"])
        assert found(3) == {"n": 3}
        client = twins.client("a")
        assert inspect.unwrap(client.clone)(client) is client
        assert inspect.unwrap(twins.client.clone)(client, client) is client
        assert list(inspect.unwrap(client.walk)(2)) == [client, client]
        with inspect.unwrap(client.opened)() as inside:
            assert inside is client
        assert inspect.unwrap(twins.client.make)(url="b").url == "b"

    def test_finds_its_source(self, twins: Twins) -> None:
        client = twins.client("a")
        for one, original in (
            (client.clone, AsyncClient.clone),
            (twins.client.walk, AsyncClient.walk),
            (twins.client.both, AsyncClient.both),
        ):
            assert inspect.getsource(one) == inspect.getsource(original)
            code = inspect.unwrap(one).__code__
            assert code.co_filename == original.__code__.co_filename  # type: ignore[attr-defined]

    def test_takes_a_method_of_a_class_for_what_it_is(self, twins: Twins) -> None:
        Client = twins.client  # noqa: N806  # it is a class
        assert inspect.isfunction(Client.clone)
        assert Client.clone is Client.clone
        assert inspect.ismethod(Client.connect)
        assert Client.connect.__self__ is Client
        assert isinstance(inspect.getattr_static(Client, "connect"), classmethod)
        assert isinstance(inspect.getattr_static(Client, "both"), staticmethod)
        assert isinstance(inspect.getattr_static(Client, "parent"), property)
        client = Client("a")
        assert client.clone.__self__ is client
        assert not inspect.isfunction(Client.both)
        kinds = {one.name: one.kind for one in inspect.classify_class_attrs(Client)}
        assert [kinds[name] for name in ("clone", "connect", "both", "parent", "same")] == [
            "method",
            "class method",
            "static method",
            "property",
            "property",
        ]

    def test_takes_a_generator_function_for_one(self, twins: Twins) -> None:
        assert inspect.isgeneratorfunction(twins.functions["count"])
        assert inspect.isgeneratorfunction(twins.client("a").walk)
        assert not inspect.isgeneratorfunction(twins.functions["fetch"])

    def test_sees_a_wrapper_around_a_twin_as_sync(self, twins: Twins) -> None:
        twin = twins.functions["fetch"]

        @functools.wraps(twin)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return twin(*args, **kwargs)

        assert not inspect.iscoroutinefunction(inspect.unwrap(wrapper))
        assert list(inspect.signature(wrapper).parameters) == ["n", "by"]
        with pytest.raises(TypeError, match="returned dict, which cannot be awaited"):
            sideloop.run_sync(wrapper, 1)


class TestTheSignature:
    def test_names_twins_and_sync_views(self, twins: Twins) -> None:
        Client = twins.client  # noqa: N806  # it is a class
        client, path = Client("a"), f"{Client.__module__}.{Client.__qualname__}"
        view = f"sideloop.SyncGenerator[{path}, typing.Any]"
        for twin, said in (
            (client.clone, f"(other: {path}) -> {path}"),
            (Client.clone, f"(self, other: {path}) -> {path}"),
            (Client.make, f"(**options: Any) -> {path}"),
            (client.make, f"(**options: Any) -> {path}"),
            (Client.connect, f"(url: str) -> {path}"),
            (Client.both, f"(one: {path}, *others: {path}) -> list[{path}]"),
            (client.walk, f"(to: int) -> {view}"),
            (client.opened, f"() -> sideloop.SyncContextManager[{path}]"),
            (client.later, f"() -> {path}"),
            (client.plain, f"(by: dict[str, {path}] | None = None) -> int"),
            (Client, f"(url: str, parent: {path} | None = None) -> None"),
            (Client.__init__, f"(self, url: str, parent: {path} | None = None) -> None"),
            (vars(Client)["parent"].fget, f"(self) -> {path}"),
            (vars(Client)["same"].fget, f"(self) -> {path}"),
        ):
            found = str(inspect.signature(twin)).replace("typing.Any)", "Any)")
            assert found.replace(": typing.Any", ": Any") == said.replace("typing.Any)", "Any)")

    def test_is_followed_by_type_hints(self, twins: Twins) -> None:
        client = twins.client("a")
        assert typing.get_type_hints(client.clone) == {
            "other": twins.client,
            "return": twins.client,
        }
        assert client.clone.__annotations__ == typing.get_type_hints(client.clone)
        walked = typing.get_type_hints(client.walk)["return"]
        assert (typing.get_origin(walked), typing.get_args(walked)[0]) == (
            SyncGenerator,
            twins.client,
        )
        opened = typing.get_type_hints(client.opened)["return"]
        assert typing.get_origin(opened) is SyncContextManager

    def test_of_a_function_keeps_what_annotations_carry(self, twins: Twins) -> None:
        signature = inspect.signature(twins.functions["fetch"])
        assert signature.parameters["by"].annotation == Annotated[int, "note"]
        assert signature.return_annotation == dict[str, int]

    def test_keeps_names_that_are_not_known(self) -> None:
        manager = LoopManager()
        client = manager.synced(AsyncClient)
        assert inspect.signature(manager.synced(hooked)).return_annotation == (
            "int | OnlyForCheckers"
        )
        taken = inspect.signature(manager.synced(unknown)).parameters["one"].annotation
        assert taken == f"list[{client.__qualname__}] | OnlyForCheckers"
        manager.close()

    def test_of_what_takes_hooks_shows_sync_ones(self) -> None:
        manager = LoopManager()
        client = manager.synced(AsyncClient)
        hook = inspect.signature(manager.synced(hooked)).parameters["hook"].annotation
        assert hook == Callable[[client], int]
        manager.close()

    def test_of_an_alias_that_is_in_itself_has_an_end(self) -> None:
        manager = LoopManager()

        async def load(tree: "Tree") -> "Tree":
            return tree

        twin = manager.synced(load)
        assert twin([1, {"a": [2]}]) == [1, {"a": [2]}]
        assert "tree" in str(inspect.signature(twin))
        manager.close()

    def test_is_in_the_help(self, twins: Twins) -> None:
        text = pydoc.plain(pydoc.render_doc(twins.client))
        assert "AsyncClient" not in text.replace(twins.client.__qualname__, "")
        assert "async " not in text
        for said in ("Class methods defined here", "Static methods defined here", "A client."):
            assert said in text
        for name in METHODS:
            doc = inspect.getdoc(getattr(twins.client, name))
            assert doc == inspect.getdoc(getattr(AsyncClient, name))


Tree = int | list["Tree"] | dict[str, "Tree"]


class TestAModule:
    def test_shows_twins_as_any_other_does(self) -> None:
        module = types.ModuleType("of_ours")
        source = """
class AsyncBox:
    async def open(self) -> "AsyncBox":
        return self
async def fetch(box: "AsyncBox") -> "AsyncBox":
    return box
"""
        exec(source, vars(module))
        manager = LoopManager()
        twin: Any = manager.synced(module)
        assert not inspect.iscoroutinefunction(inspect.unwrap(twin.fetch))
        assert not inspect.iscoroutinefunction(inspect.unwrap(twin.AsyncBox.open))
        hints = {"box": twin.AsyncBox, "return": twin.AsyncBox}
        assert typing.get_type_hints(twin.fetch) == hints
        manager.close()


class TestRunnersToo:
    def test_make_no_twins_but_call_them_by_their_original(self) -> None:
        with Runner() as runner:
            assert runner.run(sideloop.synced(fetch).aio, 2) == {"n": 2}


class TestDoctest:
    def test_collects_the_examples_of_twins(self, tmp_path: Path) -> None:
        source = '''
            import sideloop

            @sideloop.synced
            async def ping(x):
                """
                >>> ping(3)
                3
                """
                return x

            @sideloop.synced
            async def count(to):
                """
                >>> list(count(2))
                [0, 1]
                """
                for n in range(to):
                    yield n

            class AsyncClient:
                """
                >>> Client().get(1)
                1
                """
                async def get(self, x):
                    """
                    >>> Client().get(3)
                    4
                    """
                    return x

                @classmethod
                async def make(cls):
                    """
                    >>> type(Client.make()) is Client
                    True
                    """
                    return cls()

                @staticmethod
                async def double(x):
                    """
                    >>> Client.double(2)
                    4
                    """
                    return 2 * x

                @property
                async def total(self):
                    """
                    >>> Client().total
                    1
                    """
                    return 1

                @property
                def plain(self):
                    """
                    >>> Client().plain
                    2
                    """
                    return 2
        '''
        (tmp_path / "of_examples.py").write_text(inspect.cleandoc(source))
        (tmp_path / "of_twins.py").write_text(
            "import of_examples, sideloop\nClient = sideloop.synced(of_examples.AsyncClient)\n"
        )
        sys.path.insert(0, str(tmp_path))
        try:
            functions: Any = importlib.import_module("of_examples")
            module: Any = importlib.import_module("of_twins")
        finally:
            sys.path.remove(str(tmp_path))
        finder = doctest.DocTestFinder(exclude_empty=True)
        found = {one.name: one for one in finder.find(module, "of_twins") if one.examples}
        assert set(found) == {"of_twins.Client"} | {
            f"of_twins.Client.{name}" for name in ("get", "make", "double", "total", "plain")
        }
        names = {one.name for one in finder.find(functions, "of_examples") if one.examples}
        assert {"of_examples.ping", "of_examples.count"} <= names
        runner = doctest.DocTestRunner(verbose=False)
        failed = {name: runner.run(one, out=lambda _: None).failed for name, one in found.items()}
        # The wrong one, and no other.
        assert {name for name, count in failed.items() if count} == {"of_twins.Client.get"}


class TestPytest:
    def test_collects_twins_and_takes_one_of_a_generator_for_a_fixture(
        self, tmp_path: Path
    ) -> None:
        source = """
            import pytest, sideloop

            ended = []

            @pytest.fixture
            @sideloop.synced
            async def client():
                yield 3
                ended.append(True)

            @sideloop.synced
            async def test_a_twin(client):
                assert client == 3

            class TestThese:
                @sideloop.synced
                async def test_a_method(self, client):
                    assert client == 3

            def test_then():
                assert ended == [True, True]
        """
        (tmp_path / "test_of_twins.py").write_text(inspect.cleandoc(source))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
        ended = subprocess.run(
            command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=False
        )
        assert ended.stdout.splitlines()[-1].startswith("3 passed"), ended.stdout


class TestFrameworks:
    def test_of_tasks_take_a_twin_for_sync(self, twins: Twins) -> None:
        """As Prefect's, which follow `__wrapped__` by hand, and celery's, which ask `__call__`."""
        for name, twin in twins.all().items():
            inner = twin
            while hasattr(inner, "__wrapped__"):
                inner = inner.__wrapped__
            assert not inspect.iscoroutinefunction(inner), name
            assert inspect.signature(twin.__call__) == inspect.signature(twin), name


class TestCloudpickle:
    def test_finds_a_method_of_a_class_again(self) -> None:
        import library

        again = cloudpickle.loads(cloudpickle.dumps(library.Node.add))
        assert again is library.Node.add


class TestNames:
    def test_of_a_users_never_collide_with_ours(self) -> None:
        names = ("of", "at", "make", "translator", "_sideloop_original", "_sideloop_visits", "home")
        manager = LoopManager()

        class AsyncPart:
            at = 7

            def __init__(self) -> None:
                for name in names:
                    setattr(self, name, name)

            async def get(self) -> list[Any]:
                return [getattr(self, name) for name in names]

            async def __aenter__(self) -> "AsyncPart":
                return self

            async def __aexit__(self, *error: object) -> None: ...

        class AsyncRef:
            @classmethod
            def of(cls, n: int) -> "AsyncRef":
                made = cls()
                made._sideloop_original = n  # type: ignore[attr-defined]
                return made

            async def at(self, n: int) -> int:
                return n + self._sideloop_original  # type: ignore[attr-defined,no-any-return]

        part: Any = manager.synced(AsyncPart)()
        assert part.get() == [getattr(part, name) for name in names] == list(names)
        part.of = part._sideloop_original = "new"
        assert part.get()[0] == part.get()[4] == "new"
        with part as same:
            assert same is part
        ref: Any = manager.synced(AsyncRef)
        assert ref.of(3).at(4) == 7
        assert ref.of(3)._sideloop_original == 3

        async def get() -> int:
            return 1

        for name in names:
            setattr(get, name, name)
        twin: Any = manager.synced(get)
        assert [getattr(twin, name) for name in names] == list(names)
        module = types.ModuleType("of_names")
        get.__module__ = "of_names"
        vars(module).update({"get": get, "_sideloop_before": 1, "_sideloop_translator": 2})
        twin_module: Any = manager.synced(module)
        twin_module._sideloop_before = 5
        assert (twin_module._sideloop_before, twin_module._sideloop_translator) == (5, 2)
        assert (module._sideloop_before, twin_module.get()) == (5, 1)  # type: ignore[attr-defined]
        manager.close()
