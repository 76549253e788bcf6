"""Hooks: sync callables that sync users give where async code wants async ones."""

# ruff: noqa: ARG002, ARG005  # hooks and overrides have the parameters that they are called with

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import signal
import threading
import time
import types
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Generic, Optional, Protocol, TypedDict, TypeVar
from unittest import mock

import pytest
from aliases import WaitUntil
from pace import scaled
from programs import Ended, Program, run
from typing_extensions import TypeAliasType, Unpack

import sideloop
from sideloop import LoopManager, synced
from sideloop._hooks.hook import Hook as OneHook
from sideloop._hooks.places import PLACES
from sideloop._hooks.worker import Job, Lease

if TYPE_CHECKING:
    from library_of_hooks import OnlyForCheckers

T = TypeVar("T")

Handler = Callable[[int], Awaitable[Any]]
Alias = TypeAliasType("Alias", Callable[[int], Awaitable[Any]])
F = TypeVar("F", bound=Handler)


class Hook(Protocol):
    async def __call__(self, n: int) -> Any: ...


class GenericHook(Protocol, Generic[T]):
    async def __call__(self, n: T) -> T: ...


@dataclass
class Options:
    handler: Handler | None = None
    others: list[Handler] = field(default_factory=list)
    name: str = ""


class Keywords(TypedDict, total=False):
    handler: Handler
    name: str


class AsyncFeed:
    on_item: Handler | None = None
    hooks: dict[str, list[Handler]]

    def __init__(self, handler: Handler | None = None, **options: Handler) -> None:
        self.handler = handler
        self.options = options
        self.hooks = {}
        self.inner: Optional[Handler] = None  # noqa: UP045  # as some write it
        self.handlers: list[Any] = []
        self._middle: Any = None

    async def one(self, handler: Callable[[int], Awaitable[Any]]) -> Any:
        assert inspect.iscoroutinefunction(handler)
        return await handler(1)

    async def optional(self, handler: Optional[Handler] = None) -> Any:  # noqa: UP045
        return None if handler is None else await handler(2)

    async def coroutine(self, handler: Callable[[int], Coroutine[Any, Any, Any]]) -> Any:
        return await asyncio.create_task(handler(1))

    async def either(self, handler: Callable[[int], Any | Awaitable[Any]]) -> Any:
        found = handler(3)
        return await found if inspect.isawaitable(found) else found

    async def union(self, handler: Handler | str) -> Any:
        return handler if isinstance(handler, str) else await handler(4)

    async def protocol(self, handler: Hook) -> Any:
        return await handler(5)

    async def generic(self, handler: GenericHook[int]) -> Any:
        return await handler(6)

    async def alias(self, handler: Alias) -> Any:
        return await handler(7)

    async def annotated(self, handler: Annotated[Handler, "what it is for"]) -> Any:
        return await handler(8)

    async def bound(self, handler: F) -> F:
        await handler(9)
        return handler

    async def for_checkers(self, handler: OnlyForCheckers) -> Any:
        return await handler(10)

    async def listed(self, handlers: list[Handler]) -> list[Any]:
        return [await handler(n) for n, handler in enumerate(handlers)]

    async def mapped(self, handlers: Mapping[str, list[Handler]]) -> dict[str, Any]:
        answers: dict[str, list[Any]] = {}
        for key, ones in handlers.items():
            answers[key] = [await one(1) for one in ones]
        return answers

    async def many(self, *handlers: Handler, **named: Handler) -> list[Any]:
        return [await one(n) for n, one in enumerate([*handlers, *named.values()])]

    async def unpacked(self, **keywords: Unpack[Keywords]) -> Any:
        return await keywords["handler"](1), keywords.get("name")

    async def dataclass(self, options: Options) -> Any:
        assert options.handler is not None
        return [await one(1) for one in (options.handler, *options.others)], options.name

    async def iterated(self, source: Callable[[int], AsyncIterator[int]]) -> list[int]:
        return [item async for item in source(3)]

    async def entered(self, make: Callable[[int], AbstractAsyncContextManager[Any]]) -> Any:
        async with make(1) as entered:
            return entered

    async def middleware(
        self, layer: Callable[[int, Callable[[int], Awaitable[int]]], Awaitable[int]]
    ) -> int:
        async def inside(n: int) -> int:
            await asyncio.sleep(0)
            return n * 10

        return await layer(1, inside)

    def pages(self, handler: Handler) -> AsyncIterator[Any]:
        async def pages() -> AsyncIterator[Any]:
            yield await handler(1)
            yield await handler(2)

        return pages()

    @contextlib.asynccontextmanager
    async def session(self, handler: Handler) -> AsyncIterator[Any]:
        yield await handler(1)

    def event(self, handler: F) -> F:
        self.handlers.append(handler)
        return handler

    def on(self, name: str) -> Callable[[Handler], Handler]:
        def decorator(handler: Handler) -> Handler:
            self.handlers.append((name, handler))
            return handler

        return decorator

    def remove(self, handler: Handler) -> None:
        self.handlers.remove(handler)

    async def fire(self) -> list[Any]:
        return [await one(1) for one in self.handlers]

    @classmethod
    async def of_class(cls, handler: Handler) -> Any:
        return await handler(1)

    @staticmethod
    async def of_none(handler: Handler) -> Any:
        return await handler(1)

    async def call_handler(self) -> Any:
        assert self.handler is not None
        return await self.handler(1), {key: await one(1) for key, one in self.options.items()}

    async def call_attributes(self) -> list[Any]:
        both = (self.on_item, self.inner, *self.hooks.get("a", ()))
        return [await one(1) for one in both if one is not None]

    async def double(self, n: int) -> int:
        await asyncio.sleep(0)
        return n * 2

    @property
    def middle(self) -> Any:
        return self._middle

    @middle.setter
    def middle(self, handler: Handler) -> None:
        self._middle = handler

    async def call_middle(self) -> Any:
        return await self._middle(1)


class AsyncOptions:
    """A class without a constructor of its own."""

    async def nothing(self) -> None: ...


@dataclass
class AsyncCamera:
    name: str
    on_frame: Handler | None = None

    async def frame(self) -> Any:
        assert self.on_frame is not None
        return await self.on_frame(1)


Feed: Any = synced(AsyncFeed)
Camera: Any = synced(AsyncCamera)


@synced
async def apply(handler: Handler, n: int = 1) -> Any:
    return await handler(n)


def twice(n: int) -> int:
    """A sync function, which does not run on a loop."""
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    return n * 2


class Callable_:  # noqa: N801
    def __call__(self, n: int) -> int:
        return n * 3

    def method(self, n: int) -> int:
        return n * 4


SYNC: list[tuple[str, Any, int]] = [
    ("function", twice, 2),
    ("lambda", lambda n: n * 2, 2),
    ("object", Callable_(), 3),
    ("method", Callable_().method, 4),
    ("partial", functools.partial(lambda a, n: a * n, 5), 5),
    ("class", str, "1"),  # type: ignore[list-item]
    ("builtin", abs, 1),
    ("mock", mock.Mock(return_value=7), 7),
    ("async mock", mock.AsyncMock(return_value=8), 8),
    ("twin", synced(AsyncFeed.double).__get__(AsyncFeed()), 2),
]


async def async_twice(n: int) -> int:
    assert asyncio.get_running_loop() is not None
    return n * 2


class TestACallable:
    @pytest.mark.parametrize(("kind", "hook", "found"), SYNC, ids=[one[0] for one in SYNC])
    def test_is_awaited_by_async_code(self, kind: str, hook: Any, found: Any) -> None:
        assert Feed().one(hook) == found
        assert apply(hook) == found

    def test_that_is_async_is_passed_as_it_is(self) -> None:
        assert Feed().one(async_twice) == 2
        assert Feed().either(async_twice) == 6

    def test_that_is_a_twins_method_runs_on_its_objects_loop(self) -> None:
        other = Feed()
        assert Feed().one(other.double) == 2
        assert Feed().one(other.remove.__class__ and other.double) == 2

    @pytest.mark.parametrize(
        "name",
        """one optional coroutine either union protocol generic alias annotated for_checkers
        of_class of_none""".split(),  # noqa: SIM905
    )
    def test_is_wanted_by_any_of_these_annotations(self, name: str) -> None:
        found = getattr(Feed(), name)(lambda n: (n, threading.current_thread().name))
        assert found[1].startswith("sideloop hook")

    def test_is_given_by_name_too(self) -> None:
        assert Feed().one(handler=twice) == 2
        assert Feed().optional(handler=twice) == 4
        assert Feed().optional() is None
        assert Feed().union("text") == "text"

    def test_is_found_in_lists_and_dictionaries(self) -> None:
        feed = Feed()
        assert feed.listed([twice, async_twice, twice]) == [0, 2, 4]
        given = {"a": [twice], "b": [twice, async_twice]}
        assert feed.mapped(given) == {"a": [2], "b": [2, 2]}
        assert given == {"a": [twice], "b": [twice, async_twice]}
        assert feed.many(twice, twice, a=twice) == [0, 2, 4]
        assert feed.unpacked(handler=twice, name="x") == (2, "x")

    def test_is_found_in_dataclasses(self) -> None:
        options = Options(twice, [twice, async_twice], "x")
        assert Feed().dataclass(options) == ([2, 2, 2], "x")
        assert options == Options(twice, [twice, async_twice], "x")
        camera = Camera("c", on_frame=twice)
        assert camera.frame() == 2
        assert camera.on_frame is twice

    def test_may_be_a_generator(self) -> None:
        def count(to: int) -> Iterator[int]:
            yield from range(to)

        assert Feed().iterated(count) == [0, 1, 2]
        assert Feed().iterated(range) == [0, 1, 2]

    def test_may_be_a_context_manager(self) -> None:
        @contextlib.contextmanager
        def make(n: int) -> Iterator[int]:
            yield n + 1
            ended.append(n)

        ended: list[int] = []
        assert Feed().entered(make) == 2
        assert ended == [1]
        assert Feed().entered(contextlib.nullcontext) == 1

    def test_gets_what_is_async_as_sync(self) -> None:
        def layer(n: int, following: Any) -> int:
            return int(following(n + 1)) + 1

        assert Feed().middleware(layer) == 21

    def test_is_taken_by_iterators_and_context_managers(self) -> None:
        feed = Feed()
        assert list(feed.pages(twice)) == [2, 4]
        with feed.session(twice) as entered:
            assert entered == 2

    def test_may_call_the_twin_that_calls_it(self) -> None:
        feed = Feed()
        assert feed.one(lambda n: feed.double(feed.one(feed.double))) == 4

    def test_may_take_a_hook_that_takes_a_hook(self) -> None:
        feed = Feed()

        def deeper(n: int) -> Any:
            depth.append(n)
            return feed.one(deeper) if len(depth) < 20 else "deep"

        depth: list[int] = []
        assert feed.one(deeper) == "deep"
        with pytest.raises(sideloop.NestingError):
            feed.one(endless := lambda n: feed.one(endless))

    def test_raises_what_it_raises(self) -> None:
        error = LookupError()

        def fail(n: int) -> None:
            raise error

        with pytest.raises(LookupError) as caught:
            Feed().one(fail)
        assert caught.value is error

    def test_looks_like_itself(self) -> None:
        @synced
        async def look(handler: Handler) -> Any:
            return handler.__name__, handler.__doc__, str(inspect.signature(handler))

        name, doc, signature = look(twice)
        assert (name, signature) == ("twice", "(n: 'int') -> 'int'")
        assert doc == twice.__doc__


class TestWhatIsRegistered:
    def test_comes_back_as_it_was_given(self) -> None:
        feed = Feed()

        @feed.event
        def mine(n: int) -> int:
            return n + 1

        assert inspect.isfunction(mine)
        assert not inspect.iscoroutinefunction(mine)
        assert feed.bound(twice) is twice
        assert feed.fire() == [2]
        assert mine(3) == 4

    def test_may_be_registered_by_a_decorator_that_is_returned(self) -> None:
        feed = Feed()

        @feed.on("started")
        def mine(n: int) -> int:
            return n + 1

        assert mine(3) == 4
        assert not inspect.iscoroutinefunction(mine)
        name, handler = feed.aio.handlers[0]
        assert name == "started"
        assert inspect.iscoroutinefunction(handler)

    def test_can_be_removed(self) -> None:
        feed, holder = Feed(), Callable_()
        feed.event(twice)
        feed.event(holder.method)
        feed.event(holder)
        assert feed.fire() == [2, 4, 3]
        feed.remove(holder.method)
        feed.remove(twice)
        assert feed.fire() == [3]
        with pytest.raises(ValueError, match="not in list"):
            feed.remove(twice)


class TestAnAttribute:
    def test_of_the_class_annotation(self) -> None:
        feed = Feed()
        feed.on_item = twice
        assert feed.call_attributes() == [2]
        assert feed.on_item is twice
        feed.on_item = None
        assert feed.call_attributes() == []

    def test_of_the_constructors_annotation(self) -> None:
        feed = Feed()
        feed.inner = twice
        assert feed.call_attributes() == [2]
        feed.hooks = {"a": [twice]}
        assert feed.call_attributes() == [2, 2]

    def test_of_a_parameters_annotation(self) -> None:
        feed = Feed(twice, more=twice)
        assert feed.call_handler() == (2, {"more": 2})
        feed.handler = lambda n: n * 5
        assert feed.call_handler() == (5, {"more": 2})

    def test_that_holds_something_async(self) -> None:
        feed = Feed()
        feed.double = lambda n: n * 100
        assert feed.one(feed.double) == 100
        assert feed.double(1) == 100

    def test_that_is_a_property(self) -> None:
        feed = Feed()
        feed.middle = twice
        assert feed.call_middle() == 2
        assert feed.middle is twice

    def test_of_the_class(self) -> None:
        class Mine(Feed):
            def on_item(self, n: int) -> Any:
                return n + self.double(n)

        assert Mine().call_attributes() == [3]


class TestAModule:
    def module(self) -> Any:
        module = types.ModuleType("shop_of_hooks")
        source = """
from collections.abc import Awaitable, Callable

api_key = None
on_event: Callable[[int], Awaitable[int]] | None = None

async def fetch(n: int) -> int:
    return n

async def use() -> tuple:
    return api_key, await fetch(1), None if on_event is None else await on_event(2)
"""
        exec(source, module.__dict__)
        return module

    def test_shows_async_code_what_is_set_on_its_twin(self) -> None:
        original = self.module()
        api: Any = synced(original)
        api.api_key = "k"
        api.on_event = twice
        assert api.use() == ("k", 1, 4)
        assert (api.api_key, api.on_event, original.api_key) == ("k", twice, "k")
        del api.api_key
        assert not hasattr(original, "api_key")
        api.on_event = None
        api.api_key = None
        assert api.use() == (None, 1, None)

    def test_is_patched_by_tests(self) -> None:
        original = self.module()
        api: Any = synced(original)
        fetch, original_fetch = api.fetch, original.fetch
        with (
            mock.patch.object(api, "fetch", return_value=9) as patched,
            mock.patch.object(api, "api_key", "patched"),
        ):
            assert api.use() == ("patched", 9, None)
            assert api.fetch(1) == 9
            assert patched.call_count == 2
        assert api.use() == (None, 1, None)
        assert (api.fetch, original.fetch) == (fetch, original_fetch)


class TestItsThread:
    def test_blocks_nobody_else(self) -> None:
        def block(n: int) -> int:
            started.set()
            assert released.wait(20)
            return n

        feed, started, released = Feed(), threading.Event(), threading.Event()
        thread = threading.Thread(target=feed.one, args=(block,))
        thread.start()
        assert started.wait(20)
        assert [feed.one(twice) for _ in range(20)] == [2] * 20
        released.set()
        thread.join(20)
        assert not thread.is_alive()

    def test_is_taken_again_by_the_next_hook(self) -> None:
        feed = Feed()
        threads = {feed.one(lambda n: threading.get_ident()) for _ in range(50)}
        assert len(threads) < 5

    def test_ends_when_nobody_needs_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from sideloop._hooks import worker

        monkeypatch.setattr(worker, "IDLE_SECONDS", 0.05)
        feed, gate = Feed(), threading.Barrier(11)
        threads = [
            threading.Thread(target=feed.one, args=(lambda n: gate.wait(20),)) for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        gate.wait(20)
        for thread in threads:
            thread.join(20)
        # Those that were idle before look at the clock again after one more hook.
        for _ in range(20):
            feed.one(twice)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and len(hook_threads()) > 1:
            time.sleep(0.05)
        assert len(hook_threads()) <= 1

    def test_is_one_of_a_bounded_number(self) -> None:
        @synced
        async def gathered(handler: Handler) -> list[Any]:
            return await asyncio.gather(*(handler(n) for n in range(3000)))

        def slow(n: int) -> int:
            time.sleep(0.001)
            most.append(threading.active_count())
            return n

        most, before = [0], threading.active_count()
        assert gathered(slow) == list(range(3000))
        assert max(most) <= before + PLACES + 2

    def test_is_not_waited_for_by_what_it_waits_for(self) -> None:
        feed = Feed()

        @synced
        async def gathered(handler: Handler) -> list[Any]:
            return await asyncio.gather(*(handler(n) for n in range(PLACES + 20)))

        # Each waits until all places are taken, then for a hook that is nested deeper.
        gate = threading.Barrier(PLACES)

        def nest(n: int) -> int:
            if n < PLACES:
                gate.wait(60)
            return int(feed.one(twice))

        assert gathered(nest) == [2] * (PLACES + 20)

    def test_gives_its_place_to_the_next_when_it_is_given_up(self) -> None:
        @synced
        async def cancelled(handler: Handler) -> int:
            tasks = [asyncio.ensure_future(handler(n)) for n in range(PLACES * 2)]
            await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return int(await asyncio.wait_for(handler(-1), 20))

        def block(n: int) -> int:
            return n if n < 0 else int(released.wait(3600))

        released = threading.Event()
        try:
            assert cancelled(block) == -1
            assert apply(twice) == 2
        finally:
            released.set()

    def test_that_cannot_be_had_is_an_error_and_the_next_hook_works(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sideloop._hooks import worker

        class NoneIdle(deque[Any]):
            def pop(self) -> Any:  # type: ignore[override]
                raise IndexError

        feed = Feed()
        error = RuntimeError("can't start new thread")
        with monkeypatch.context() as patch:
            patch.setattr(worker, "_idle", NoneIdle())
            patch.setattr(threading.Thread, "start", mock.Mock(side_effect=error))
            with pytest.raises(RuntimeError, match="can't start new thread"):
                feed.one(twice)
        assert feed.one(twice) == 2


def hook_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("sideloop hook")]


class TestGivingUp:
    def test_by_a_time_limit_leaves_the_hook_to_its_end(self) -> None:
        def block(n: int) -> None:
            released.wait(20)
            ended.set()

        feed, released, ended = Feed(), threading.Event(), threading.Event()
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
            feed.one(block)
        assert feed.double(1) == 2
        assert not ended.is_set()
        released.set()
        assert ended.wait(20)

    def test_cancels_the_call_that_the_hook_waits_for(self) -> None:
        def wait(n: int) -> None:
            try:
                sideloop.run_sync(sleep_long)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async def sleep_long() -> None:
            started.set()
            await asyncio.sleep(60)

        @synced
        async def cancel_one(handler: Handler) -> bool:
            task = asyncio.ensure_future(handler(1))
            while not started.is_set():
                await asyncio.sleep(0.01)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return task.cancelled()

        started, cancelled = threading.Event(), threading.Event()
        assert cancel_one(wait)
        assert cancelled.wait(20)

    def test_leaves_what_the_hook_enters_all_the_same(self) -> None:
        class Resource:
            def __enter__(self) -> Resource:
                entering.set()
                released.wait(20)
                return self

            def __exit__(self, *error: Any) -> None:
                left.append((threading.get_ident(), error[0]))
                over.set()

        feed, entering, released, over = Feed(), *(threading.Event() for _ in range(3))
        left: list[Any] = []
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
            feed.entered(lambda n: Resource())
        assert entering.wait(20)
        assert left == []
        released.set()
        assert over.wait(20)
        (thread, error) = left[0]
        assert thread in {one.ident for one in hook_threads()}
        assert error is asyncio.CancelledError

    def test_closes_what_the_hook_iterates_all_the_same(self) -> None:
        class Cursor:
            def __iter__(self) -> Cursor:
                return self

            def __next__(self) -> int:
                released.wait(20)
                return 1

            def close(self) -> None:
                closed.set()

        feed, released, closed = Feed(), threading.Event(), threading.Event()
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
            feed.iterated(lambda n: Cursor())
        assert not closed.is_set()
        released.set()
        assert closed.wait(20)

    @pytest.mark.parametrize("turns", [1, 2])
    def test_gives_back_what_was_on_its_way(self, turns: int) -> None:
        """The function has ended, and the task has not heard of it, or has not gone on with it."""

        class AtOnce(Lease):
            def __init__(self) -> None:
                pass

            def put(self, job: Job) -> None:
                job()

        async def cancel() -> None:
            hook = OneHook(AtOnce(), lambda: "value", (), {}, given_back.append)
            task = asyncio.ensure_future(hook.outcome())
            await asyncio.sleep(0)
            for _ in range(turns - 1):
                await asyncio.sleep(0)
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        given_back: list[str] = []
        asyncio.run(cancel())
        assert given_back == ["value"]

    def test_reports_what_leaving_raises_then(self) -> None:
        class Resource:
            def __enter__(self) -> None:
                released.wait(20)

            def __exit__(self, *error: Any) -> None:
                raise LookupError("cannot leave")

        told: deque[dict[str, Any]] = deque()
        heard, released = threading.Event(), threading.Event()

        def handle(loop: object, context: dict[str, Any]) -> None:
            told.append(context)
            heard.set()

        with LoopManager(exception_handler=handle) as manager:
            feed = manager.synced(AsyncFeed)()
            with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
                feed.entered(lambda n: Resource())
            released.set()
            assert heard.wait(20)
        assert str(told[0]["exception"]) == "cannot leave"

    def test_leaves_the_calls_of_other_hooks_alone(self) -> None:
        @synced
        async def submit(handler: Handler) -> Any:
            return await handler(1)

        manager = LoopManager()
        runner = sideloop.Runner()
        gate = threading.Event()

        async def later() -> str:
            while not gate.is_set():
                await asyncio.sleep(0.01)
            return "later"

        futures: list[Any] = []
        submit(lambda n: futures.append(runner.submit(later)))

        def block(n: int) -> None:
            gate.wait(20)

        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
            submit(block)
        gate.set()
        assert futures[0].result(20) == "later"
        runner.close()
        manager.close()

    def test_tells_of_an_error_that_nobody_gets(self, caplog: pytest.LogCaptureFixture) -> None:
        def fail(n: int) -> None:
            released.wait(20)
            raise LookupError("late")

        feed, released = Feed(), threading.Event()
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
            feed.one(fail)
        released.set()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and "late" not in caplog.text:
            feed.double(1)
            time.sleep(0.01)
        assert "failed after that had left it" in caplog.text

    def test_passes_the_limit_on_to_the_hooks_own_calls(self) -> None:
        feed = Feed()
        with pytest.raises(TimeoutError), sideloop.timeout(0.2):
            feed.one(lambda n: sideloop.run_sync(asyncio.sleep, 60))

    def test_is_quiet_where_the_hooks_own_call_has_met_the_limit_too(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        ended = threading.Event()

        def call(_: int) -> None:
            try:
                sideloop.run_sync(asyncio.sleep, 60)
            finally:
                ended.set()

        feed = Feed()
        for _ in range(20):  # whichever of them looks first
            ended.clear()
            with pytest.raises(TimeoutError), sideloop.timeout(0.05):
                feed.one(call)
            ended.wait(0.5)  # in vain if the limit was over before it began
            feed.double(1)
        assert caplog.text == ""

    def test_tells_of_a_timeout_of_the_hooks_own_that_nobody_gets(
        self, caplog: pytest.LogCaptureFixture, wait_until: WaitUntil
    ) -> None:
        released = threading.Event()

        def call(_: int) -> None:
            released.wait(20)
            raise TimeoutError("late")

        feed = Feed()
        with pytest.raises(TimeoutError), sideloop.timeout(scaled(0.5)):
            feed.one(call)
        released.set()
        wait_until(lambda: feed.double(1) and "late" in caplog.text)


@pytest.mark.parametrize("drive", ["thread", "caller"])
@pytest.mark.parametrize("copy_context_back", [False, True])
def test_every_drive_runs_hooks_that_call_again(drive: Any, copy_context_back: bool) -> None:
    manager = LoopManager(drive=drive, copy_context_back=copy_context_back)
    twin: Any = manager.synced(AsyncFeed)
    feed = twin()
    assert feed.one(lambda n: feed.double(feed.one(feed.double))) == 4
    assert feed.iterated(lambda n: (feed.double(k) for k in range(n))) == [0, 2, 4]
    assert list(feed.pages(lambda n: list(feed.pages(feed.double)))) == [[2, 4], [2, 4]]
    with feed.session(lambda n: feed.double(n)) as entered:
        assert entered == 2
    function: Any = manager.synced(apply.aio)
    assert function(lambda n: function(lambda n: n + 1)) == 2
    manager.close()


def test_hooks_run_in_maps() -> None:
    feed = Feed()
    found = list(sideloop.map(feed.one.aio, [twice_async(n) for n in range(20)]))
    assert found == list(range(20))


def twice_async(n: int) -> Any:
    async def hook(_: int) -> int:
        return n

    return hook


def test_after_the_manager_closed_a_hook_is_refused() -> None:
    manager = LoopManager()
    twin: Any = manager.synced(AsyncFeed)
    feed = twin()

    def close_and_call(n: int) -> Any:
        manager.close()
        return feed.double(n)

    with pytest.raises(sideloop.RunnerClosedError):
        feed.one(close_and_call)
    with pytest.raises(sideloop.RunnerClosedError):
        feed.one(twice)


class TestAProcess:
    @pytest.mark.parametrize("flags", [("-W", "error"), ("-X", "dev")], ids=["plain", "dev"])
    @pytest.mark.parametrize("what", ["interrupted", "interrupted_in_a_call", "driven"])
    def test_that_is_interrupted_leaves_the_hook(self, what: str, flags: tuple[str, ...]) -> None:
        with Program("sync_hooks", what, flags=flags) as program:
            program.wait_for("waits")
            program.send(signal.SIGINT)
            quiet(program.finish(), "interrupted")

    @pytest.mark.parametrize(
        ("what", "said"),
        [
            ("exit_", ["ends"]),
            ("exit_busy", ["ends"]),
            ("exit_override", ["ends", "on_exit, closed"]),
            ("at_exit", ["3", "2"]),
        ],
    )
    def test_exits_while_hooks_run(self, what: str, said: list[str]) -> None:
        quiet(run("sync_hooks", what, limit=10), *said)

    def test_forks_while_hooks_run(self) -> None:
        quiet(run("sync_hooks", "fork"), "ok")

    @pytest.mark.parametrize("library", ["gevent", "eventlet"])
    def test_whose_threads_are_greenlets_runs_hooks_that_call_again(self, library: str) -> None:
        pytest.importorskip(library)
        ended = run("sync_hooks_in_hubs", library, flags=())
        assert (ended.code, ended.lines) == (0, ["ok"])


def quiet(ended: Ended, *said: str) -> None:
    assert (ended.code, ended.lines, ended.stderr) == (0, list(said), "")
