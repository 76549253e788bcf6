"""What a `def` hands out is served by what it is: awaited, entered, iterated, or handed on."""

import asyncio
import functools
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar

import pytest

import sideloop
from sideloop import LoopManager, SyncContextManager


class Later:
    """Can be awaited, and nothing else."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        return self.value


class Request:
    """Can be entered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.left: list[object] = []
        self.tasks: list[object] = []

    async def __aenter__(self) -> str:
        await asyncio.sleep(0)
        self.tasks.append(asyncio.current_task())
        return f"response of {self.url}"

    async def __aexit__(self, kind: object, error: object, traceback: object) -> bool:
        self.tasks.append(asyncio.current_task())
        self.left.append(kind)
        return kind is LookupError


class Response:
    def __init__(self, url: str) -> None:
        self.url = url
        self.read = 0

    def __len__(self) -> int:
        return len(self.url)

    async def text(self) -> str:
        self.read += 1
        return f"text of {self.url}"


class Call:
    """Can be awaited or entered, as the requests of HTTP clients can."""

    calls: ClassVar[list[str]] = []
    left: ClassVar[list[object]] = []

    def __init__(self, url: str, given: object = None) -> None:
        self.url = url
        self.given = given

    def __await__(self) -> Generator[Any, None, Any]:
        return self._send().__await__()

    async def _send(self) -> Any:
        await asyncio.sleep(0)
        if self.url == "bad":
            raise LookupError(self.url)
        self.calls.append(self.url)
        self.task = asyncio.current_task()
        return Response(self.url) if self.given is None else self.given

    async def __aenter__(self) -> Any:
        return await self._send()

    async def __aexit__(self, kind: object, error: object, traceback: object) -> bool:
        assert asyncio.current_task() is self.task
        self.left.append(kind)
        return kind is LookupError


class Pages:
    """Can be iterated, and awaited for the first page."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def __await__(self) -> Generator[Any, None, list[int]]:
        return self._first().__await__()

    async def _first(self) -> list[int]:
        return [0, 1]

    async def __aiter__(self) -> AsyncIterator[int]:
        for page in range(self.pages):
            yield 2 * page
            yield 2 * page + 1


class Ticks:
    """An iterator."""

    def __init__(self) -> None:
        self.n = 0

    def __aiter__(self) -> "Ticks":
        return self

    async def __anext__(self) -> int:
        self.n += 1
        if self.n > 3:
            raise StopAsyncIteration
        return self.n


class AsyncNode:
    """Has a twin in every test, and can be awaited."""

    def __await__(self) -> Generator[Any, None, "AsyncNode"]:
        return self.me().__await__()

    async def me(self) -> "AsyncNode":
        return self


async def find() -> int:
    await asyncio.sleep(0)
    return 7


class AsyncClient:
    def __init__(self) -> None:
        self.started: asyncio.Task[int] | None = None
        self.request = Request("kept")

    async def ping(self) -> int:
        return 1

    def coroutine(self) -> Any:
        return find()

    def future(self) -> Any:
        return asyncio.ensure_future(find())

    def said_future(self) -> "asyncio.Future[int]":
        return self._made()

    def said_task(self) -> asyncio.Task[int]:
        return self._made()

    def _made(self) -> Any:
        return asyncio.get_running_loop().create_task(find())

    def task(self) -> Any:
        return asyncio.get_running_loop().create_task(find())

    def gathered(self) -> Any:
        return asyncio.gather(find(), find())

    def awaitable(self) -> Any:
        return Later(8)

    def failing(self) -> Any:
        async def fail() -> None:
            raise LookupError("gone")

        return asyncio.ensure_future(fail())

    @property
    def property_future(self) -> Any:
        return asyncio.ensure_future(find())

    @classmethod
    def class_future(cls) -> Any:
        return asyncio.ensure_future(find())

    @staticmethod
    def static_future() -> Any:
        return asyncio.ensure_future(find())

    def start(self) -> None:
        self.started = asyncio.create_task(find())

    def hidden(self) -> Any:
        return self._made()

    def get(self, url: str) -> Any:
        return Request(url)

    def post(self, url: str, given: object = None) -> Any:
        return Call(url, given)

    async def url_of(self, response: Any) -> str:
        assert type(response) is Response
        return response.url

    def same(self) -> Any:
        return self.request

    def pages(self, pages: int = 2) -> Any:
        return Pages(pages)

    def ticks(self) -> Any:
        return Ticks()

    def timeout(self) -> Any:
        return asyncio.timeout(None) if hasattr(asyncio, "timeout") else Request("")

    def node(self) -> AsyncNode:
        return AsyncNode()

    def nothing(self, value: Any = None) -> Any:
        return value


@pytest.fixture
def manager(scoped_manager: LoopManager) -> LoopManager:
    return scoped_manager


@pytest.fixture
def client(manager: LoopManager) -> Iterator[Any]:
    node = manager.synced(AsyncNode)
    yield manager.synced(AsyncClient)()
    del node  # until then objects of it have twins


class TestWhatCanBeAwaited:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("coroutine", 7),
            ("future", 7),
            ("task", 7),
            ("said_future", 7),
            ("said_task", 7),
            ("class_future", 7),
            ("static_future", 7),
            ("gathered", [7, 7]),
            ("awaitable", 8),
        ],
    )
    def test_is_awaited_on_the_loop(self, client: Any, name: str, value: object) -> None:
        assert getattr(client, name)() == value
        assert asyncio.run(_awaited(getattr(client, name).aio)) == value

    def test_is_awaited_of_a_property_too(self, client: Any) -> None:
        assert client.property_future == 7

    def test_raises_what_it_raises(self, client: Any) -> None:
        with pytest.raises(LookupError, match="gone"):
            client.failing()

    def test_is_limited_by_a_timeout(self, manager: LoopManager) -> None:
        class Sleeper:
            def sleep(self) -> Any:
                return asyncio.ensure_future(asyncio.sleep(60))

            async def ping(self) -> None: ...

        sleeper = manager.synced(Sleeper)()
        with pytest.raises(TimeoutError, match=r"Sleeper\.sleep"), sideloop.timeout(0.02):
            sleeper.sleep()

    def test_is_named_by_its_own_module_where_it_is_a_coroutine(self, manager: LoopManager) -> None:
        class Sleeper:
            async def _sleep(self) -> None:
                await asyncio.sleep(60)

            def sleep(self) -> Any:
                return self._sleep()

        sleeper = manager.synced(Sleeper)()
        name = rf"^{__name__}\.Test.*Sleeper\._sleep\(\) did not end"
        with pytest.raises(TimeoutError, match=name), sideloop.timeout(0.02):
            sleeper.sleep()

    def test_is_handed_on_as_a_twin_if_its_class_has_one(self, client: Any) -> None:
        node = client.node()
        assert type(node).__name__ == "AsyncNode"
        assert node.me() is node
        assert node.result() is node


class TestALoopThatTheCallerDrives:
    def test_serves_the_same_and_names_what_others_cannot_await(self) -> None:
        manager = LoopManager(drive="caller", grace=1)
        client = manager.synced(AsyncClient, deep=True)()
        assert (client.coroutine(), client.future(), client.property_future) == (7, 7, 7)
        assert client.post("a").text() == "text of a"
        with client.get("/") as response:
            assert response == "response of /"
        assert list(client.pages()) == [0, 1, 2, 3]
        for name, said in (
            ("future", "test_served.AsyncClient.future"),
            ("awaitable", "test_served.Later"),
        ):
            with pytest.raises(RuntimeError, match=rf"^{said}\(\) cannot be awaited on another"):
                asyncio.run(_awaited(getattr(client, name).aio))
        manager.close()


async def _awaited(aio: Callable[[], Awaitable[object]]) -> object:
    return await aio()


class TestADefThatNeedsTheLoop:
    def test_is_called_there_whatever_it_returns(self, client: Any) -> None:
        assert client.start() is None
        assert isinstance(client.aio.started, asyncio.Task)

    def test_that_nothing_shows_it_of_says_what_to_write(self, client: Any) -> None:
        with pytest.raises(RuntimeError, match="no running event loop") as raised:
            client.hidden()
        said = "".join(getattr(raised.value, "__notes__", [str(raised.value.__cause__)]))
        assert "AsyncClient.hidden() is no 'async def'" in said
        assert "'-> asyncio.Future[int]'" in said

    def test_makes_a_class_async(self, manager: LoopManager) -> None:
        class Starter:
            def start(self) -> Any:
                return asyncio.ensure_future(find())

        assert manager.synced(Starter)().start() == 7


class TestWhatCanBeEntered:
    def test_works_with_with_in_one_task(self, client: Any) -> None:
        request = client.get("/")
        with request as response:
            assert response == "response of /"
        assert request.left == [None]
        assert len(set(request.aio.tasks)) == 1

    def test_hears_of_an_error_and_may_suppress_it(self, client: Any) -> None:
        request = client.get("/")
        with request:
            raise LookupError
        with pytest.raises(KeyError), request:
            raise KeyError
        assert request.left == [LookupError, KeyError]

    def test_is_one_object_and_can_be_passed_back(self, client: Any) -> None:
        request = client.same()
        assert client.same() is request
        assert client.nothing(request) is request
        assert client.nothing([request]) == [request]
        assert (request.url, request.aio.url) == ("kept", "kept")

    def test_of_the_standard_library_too(self, client: Any) -> None:
        with client.timeout():
            assert client.ping() == 1

    def test_may_be_said_by_the_annotation(self, manager: LoopManager) -> None:
        class Client:
            def get(self) -> AbstractAsyncContextManager[str]:
                return Request("/")

        with manager.synced(Client)().get() as response:
            assert response == "response of /"

    def test_is_used_from_another_loop_by_aio(self, client: Any) -> None:
        async def main() -> object:
            async with client.get.aio("/") as response:
                return response

        assert asyncio.run(main()) == "response of /"


class TestACallThatCanBeAwaitedOrEntered:
    @pytest.fixture
    def client(self, manager: LoopManager) -> Any:
        Call.calls.clear()
        Call.left.clear()
        return manager.synced(AsyncClient, deep=True)()

    def test_is_made_at_once(self, client: Any) -> None:
        client.post("a")
        assert (Call.calls, Call.left) == (["a"], [])
        with pytest.raises(LookupError, match="bad"):
            client.post("bad")

    def test_is_what_awaiting_gives(self, client: Any) -> None:
        response = client.post("a")
        assert (response.url, response.text(), len(response)) == ("a", "text of a", 1)
        assert client.post("b").text() == "text of b"
        assert isinstance(response, type(response.result()))
        assert response == response.result()
        assert client.url_of(response) == "a"
        assert response in [response.result()]
        del response
        gc.collect()
        assert Call.left == []

    def test_works_with_with_in_one_task(self, client: Any) -> None:
        with client.post("a") as response:
            assert response.text() == "text of a"
            assert (Call.calls, Call.left) == (["a"], [])
        assert Call.left == [None]
        with client.post("b"):
            raise LookupError
        with pytest.raises(KeyError), client.post("c"):
            raise KeyError
        assert Call.left == [None, LookupError, KeyError]

    def test_may_give_a_value(self, client: Any) -> None:
        items = client.post("a", [1, 2])
        assert [*items, items[0], 2 in items, bool(items), str(items)] == [
            1,
            2,
            1,
            True,
            True,
            "[1, 2]",
        ]
        items[0] = 5
        assert client.nothing(items) == [5, 2]
        with client.post("b", "text") as text:
            assert type(text) is str

    def test_is_limited_by_a_timeout(self, manager: LoopManager) -> None:
        class Slow:
            def __await__(self) -> Any:
                return asyncio.sleep(60).__await__()

            async def __aenter__(self) -> None:
                await asyncio.sleep(60)

            async def __aexit__(self, *error: object) -> None: ...

        class Client:
            def get(self) -> Any:
                return Slow()

            async def ping(self) -> None: ...

        client = manager.synced(Client)()
        with pytest.raises(TimeoutError), sideloop.timeout(0.02):
            client.get()

    def test_is_warned_of_without_deep(self, manager: LoopManager) -> None:
        client = manager.synced(AsyncClient)()
        with pytest.warns(RuntimeWarning, match=r"synced\(Response\)"):
            response = client.post("a")
        assert response.url == "a"
        with client.post("a") as response:
            assert type(response) is Response

    def test_of_a_function(self, manager: LoopManager) -> None:
        opened = manager.synced(called, deep=True)
        assert opened("a").text() == "text of a"
        with opened("b") as response:
            assert response.text() == "text of b"

    def test_is_used_from_another_loop_by_aio(self, client: Any) -> None:
        async def main() -> list[str]:
            async with client.post.aio("a") as response:
                urls = [response.url]
            return [*urls, (await client.post.aio("b")).url]

        assert asyncio.run(main()) == ["a", "b"]
        assert Call.left == [None]


class TestWhatCanBeIterated:
    def test_works_with_for(self, client: Any) -> None:
        assert list(client.pages()) == [0, 1, 2, 3]
        pages = client.pages()
        assert [list(pages), list(pages)] == [[0, 1, 2, 3]] * 2
        assert list(client.ticks()) == [1, 2, 3]
        ticks = client.ticks()
        assert (next(ticks), next(ticks), list(ticks)) == (1, 2, [3])

    def test_gives_what_awaiting_it_gives(self, client: Any) -> None:
        assert client.pages().result() == [0, 1]

    def test_is_iterated_from_another_loop_by_aio(self, client: Any) -> None:
        async def main() -> list[int]:
            return [page async for page in client.pages.aio()]

        assert asyncio.run(main()) == [0, 1, 2, 3]


class TestOtherValues:
    def test_are_what_they_are(self, client: Any) -> None:
        for value in (None, 1, "a", [1], {"a": object()}, object(), len, int, asyncio):
            assert client.nothing(value) is value


def later() -> Any:
    return find()


def request(url: str) -> Any:
    return Request(url)


def said_request(url: str) -> Request:
    return Request(url)


def called(url: str) -> Any:
    return Call(url)


def pages() -> Any:
    return Pages(1)


def future() -> Any:
    return asyncio.ensure_future(find())


def started() -> None:
    asyncio.create_task(find())  # noqa: RUF006  # it ends at once


def made() -> Any:
    return AsyncNode()


def neither() -> Any:
    return str(later)


class TestAFunction:
    def test_is_served_by_what_it_returns(self, manager: LoopManager) -> None:
        node_class = manager.synced(AsyncNode)
        assert manager.synced(later)() == 7
        assert manager.synced(functools.partial(later))() == 7
        assert manager.synced(future)() == 7
        assert manager.synced(started)() is None
        for function in (request, said_request):
            with manager.synced(function)("/") as response:
                assert response == "response of /"
        assert list(manager.synced(pages)()) == [0, 1]
        node = manager.synced(made)()
        assert type(node) is node_class
        assert node.me() is node

    def test_that_returns_a_value_after_all_is_refused_by_its_call(
        self, manager: LoopManager
    ) -> None:
        with pytest.raises(TypeError, match="neither"):
            manager.synced(neither)()

    def test_whose_code_shows_that_it_is_sync_is_refused_at_the_door(self) -> None:
        for sync_fn in (lambda x: x, lambda x: str(x), lambda a, b: len(a) + b, lambda: None):
            with pytest.raises(
                TypeError, match=r"expected an async function, and .* is a sync one"
            ):
                sideloop.synced(sync_fn)

    def test_is_called_from_generators_and_context_managers_of_twins(
        self, manager: LoopManager
    ) -> None:
        class Client:
            async def requests(self) -> AsyncIterator[Any]:
                yield Request("one")

            @asynccontextmanager
            async def entered(self) -> AsyncIterator[Any]:
                yield Request("two")

        client = manager.synced(Client, deep=True)()
        for found in client.requests():
            with found as response:
                assert response == "response of one"
        opened = client.entered()
        assert isinstance(opened, SyncContextManager)
        with opened as found, found as response:
            assert response == "response of two"


def test_no_warning_is_given_for_what_is_served() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        manager = LoopManager()
        client = manager.synced(AsyncClient)()
        with client.get("/"), client.timeout():
            list(client.pages())
        manager.close()
