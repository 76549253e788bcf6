"""Overrides: what a sync user's subclass of a twin has is seen by the async code."""

# ruff: noqa: ARG002  # an override has the parameters of what it overrides

import abc
import asyncio
import contextlib
import contextvars
import copy
import functools
import gc
import pickle
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from unittest import mock

import pytest
from aliases import WaitUntil

import sideloop
from sideloop import DeadlockError, LoopManager, NestingError, synced
from sideloop._twins.view import resident_of

number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=0)


class AsyncMessage:
    def __init__(self, text: str) -> None:
        self.text = text

    async def reply(self, text: str) -> str:
        await asyncio.sleep(0)
        return f"{self.text} < {text}"


class AsyncBot:
    """What a library lets its users derive from."""

    prefix = "!"
    limits: ClassVar[dict[str, int]] = {"size": 3}

    def __init__(self, name: str = "bot") -> None:
        self.name = name
        self.log: list[str] = []
        self.lock = asyncio.Lock()
        self.setup()

    def setup(self) -> None:
        self.log.append("setup")

    async def on_message(self, text: str) -> str:
        await asyncio.sleep(0)
        return f"default {text}"

    async def feed(self, text: str) -> str:
        return f"fed {await self.on_message(text)}"

    async def feed_message(self, text: str) -> Any:
        return await self.on_message(AsyncMessage(text))  # type: ignore[arg-type]

    def parse(self, text: str) -> str:
        return text.strip()

    async def parsed(self, text: str) -> str:
        return self.prefix + self.parse(text)

    async def items(self, n: int) -> AsyncIterator[int]:
        for k in range(n):
            await asyncio.sleep(0)
            yield k

    async def all_items(self, n: int) -> list[int]:
        return [item async for item in self.items(n)]

    async def first_item(self, n: int) -> int:
        async with contextlib.aclosing(self.items(n)) as items:  # type: ignore[type-var]
            async for item in items:
                return item
        raise AssertionError

    @contextlib.asynccontextmanager
    async def session(self, name: str) -> AsyncIterator[str]:
        self.log.append(f"open {name}")
        yield name
        self.log.append(f"close {name}")

    async def in_session(self, error: BaseException | None = None) -> str:
        async with self.session("s") as name:
            if error is not None:
                raise error
            return name

    def later(self, n: int) -> Awaitable[int]:
        return asyncio.sleep(0, n)

    async def much_later(self, n: int) -> int:
        return await self.later(n)

    @property
    async def total(self) -> int:
        return 1

    @property
    def size(self) -> int:
        return 1

    async def sizes(self) -> tuple[int, int]:
        return await self.total, self.size

    @classmethod
    async def connect(cls, name: str) -> Any:
        return cls(name)

    @classmethod
    def make(cls, name: str) -> Any:
        return cls(name)

    @classmethod
    async def kind(cls) -> str:
        return "kind"

    async def asked_kind(self) -> str:
        return await self.kind()

    @staticmethod
    async def token() -> str:
        return "token"

    async def asked_token(self) -> str:
        return await self.token()

    async def clone(self) -> Any:
        return type(self)(f"{self.name}'s clone")

    async def locked_feed(self, text: str) -> str:
        async with self.lock:
            return await self.feed(text)

    async def __call__(self, n: int) -> int:
        return n

    async def call(self, n: int) -> int:
        return await self(n)

    async def __aenter__(self) -> Any:
        self.log.append("enter")
        return self

    async def __aexit__(self, *error: object) -> None:
        self.log.append("exit")

    async def enter_itself(self) -> list[str]:
        async with self:
            pass
        return self.log

    def __aiter__(self) -> Any:
        self.left = 2
        return self

    async def __anext__(self) -> int:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left

    async def iterate_itself(self) -> list[int]:
        return [item async for item in self]

    async def dispatch(self, event: str, *args: Any) -> Any:
        handler = getattr(self, f"on_{event}", None)
        return None if handler is None else await handler(*args)

    async def compared(self, other: Any) -> bool:
        return self == other

    async def pass_on(self, other: Any) -> Any:
        return await other.on_message("passed")


Bot: Any = synced(AsyncBot)
Message: Any = synced(AsyncMessage)


def twins(manager: LoopManager) -> Any:
    manager.synced(AsyncMessage)
    return manager.synced(AsyncBot)


class TestAMethod:
    def test_is_called_by_async_code(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"mine {text}"

        assert Mine().feed("a") == "fed mine a"
        assert Mine().on_message("a") == "mine a"
        assert Bot().feed("a") == "fed default a"

    def test_has_the_twin_as_self_and_its_state(self) -> None:
        class Mine(Bot):
            def __init__(self) -> None:
                super().__init__("mine")
                self.count = 0

            def on_message(self, text: str) -> str:
                self.count += 1
                seen.append(self)
                return f"{self.name} {self.count}"

        seen: list[Any] = []
        mine = Mine()
        assert (mine.feed("a"), mine.feed("b")) == ("fed mine 1", "fed mine 2")
        assert all(one is mine for one in seen)
        assert (mine.count, mine.aio.count) == (2, 2)

    def test_runs_on_a_thread_of_its_own_with_no_loop(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> Any:
                with pytest.raises(RuntimeError):
                    asyncio.get_running_loop()
                return threading.get_ident()

            def feed(self, text: str) -> Any:
                return super().feed(text)

        mine = Mine()
        here = threading.get_ident()
        ran = int(mine.feed("a").removeprefix("fed "))
        assert ran not in (here, mine_loop_thread(mine))

    def test_may_call_the_twin_again(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"[{self.parsed(text)} {self.all_items(2)} {self.total}]"

        assert Mine().feed(" a ") == "fed [!a [0, 1] 1]"

    def test_calls_what_it_overrides_by_super(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"mine {super().on_message(text)}"

        assert Mine().feed("a") == "fed mine default a"
        assert Mine().on_message("a") == "mine default a"

    def test_calls_what_it_overrides_by_the_name_of_the_class(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"mine {Bot.on_message(self, text)}"

        assert Mine().feed("a") == "fed mine default a"

    def test_that_is_called_by_the_name_of_the_class_runs_where_the_object_lives(self) -> None:
        class AsyncPlace:
            async def where(self) -> int:
                return id(asyncio.get_running_loop())

            async def asked(self) -> int:
                return await self.where()

            async def items(self) -> AsyncIterator[int]:
                yield await self.where()

        Place: Any = synced(AsyncPlace)  # noqa: N806

        class Mine(Place):  # type: ignore[misc]
            def where(self) -> int:
                return int(Place.where(self))

        mine, other = Mine(), Place()
        assert mine.asked() == mine.where() == id(resident_of(mine).home.loop.found.loop)
        found: list[Any] = []
        thread = threading.Thread(
            target=lambda: found.extend([Place.where(other), *Place.items(other)])
        )
        thread.start()
        thread.join(20)
        assert found == [other.where()] * 2

    def test_is_called_again_by_what_it_calls(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return text if len(text) > 5 else str(self.feed(text + "x"))

        assert Mine().feed("a") == "fed " * 6 + "axxxxx"

    def test_that_never_stops_calling_itself_is_refused(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return str(self.feed(text))

        before = threading.active_count()
        with pytest.raises(NestingError):
            Mine().feed("a")
        assert threading.active_count() < before + 140

    def test_may_block_and_blocks_nobody_else(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                if text == "blocks":
                    started.set()
                    assert released.wait(20)
                return text

        started, released = threading.Event(), threading.Event()
        mine = Mine()
        thread = threading.Thread(target=mine.feed, args=("blocks",))
        thread.start()
        assert started.wait(20)
        assert [mine.feed(str(n)) for n in range(20)] == [f"fed {n}" for n in range(20)]
        released.set()
        thread.join(20)
        assert not thread.is_alive()

    def test_gets_the_twins_of_what_async_code_passes(self) -> None:
        class Mine(Bot):
            def on_message(self, text: Any) -> Any:
                assert type(text) is Message
                return [text.reply("hi"), text]

        reply, message = Mine().feed_message("hello")
        assert reply == "hello < hi"
        assert type(message) is Message
        assert message.reply("x") == "hello < x"

    def test_gives_async_code_the_originals(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> Any:
                return Message(text)

        class AsyncOther(AsyncBot):
            async def feed(self, text: str) -> Any:
                found = await self.on_message(text)
                assert type(found) is AsyncMessage
                return found

        Other: Any = synced(AsyncOther)  # noqa: N806

        class MineToo(Other, Mine):  # type: ignore[misc]
            pass

        class MineThree(Mine, Other):  # type: ignore[misc]
            pass

        assert MineThree().feed("x").text == "x"

    def test_raises_what_it_raises(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                raise errors[-1]

        for error in (LookupError("a"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()):
            errors = [error]
            with pytest.raises(type(error)) as caught:
                Mine().feed("a")
            assert caught.value is error
        errors = [StopIteration(1)]
        with pytest.raises(RuntimeError) as caught_stop:
            Mine().feed("a")
        assert caught_stop.value.__cause__ is errors[0]

    def test_raises_with_its_own_traceback_and_one_frame_of_ours_between(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                raise LookupError

        try:
            Mine().feed("a")
        except LookupError as error:
            names = []
            traceback = error.__traceback__
            while traceback is not None:
                names.append(traceback.tb_frame.f_code.co_name)
                traceback = traceback.tb_next
        assert names[-3:] == ["feed", "face", "on_message"]

    def test_keeps_nothing_of_an_error(self) -> None:
        class KeptError(LookupError):
            alive: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

            def __init__(self) -> None:
                self.alive.add(self)

        class Mine(Bot):
            def on_message(self, text: str) -> str:
                raise KeptError

        mine = Mine()
        for _ in range(3):
            with contextlib.suppress(KeptError):
                mine.feed("a")
        deadline = time.monotonic() + 10
        while KeptError.alive and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(KeptError.alive) == 0

    def test_sees_the_callers_context_and_keeps_its_changes_to_itself(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> Any:
                found = number.get()
                number.set(5)
                return found

        token = number.set(3)
        try:
            assert Mine().feed("a") == "fed 3"
            assert number.get() == 3
        finally:
            number.reset(token)

    def test_of_no_async_class_is_awaited_by_who_looks_for_it(self) -> None:
        class Mine(Bot):
            def on_ready(self, n: int) -> int:
                return n + 1

        assert Mine().dispatch("ready", 1) == 2
        assert Mine().on_ready(1) == 2
        assert Bot().dispatch("ready", 1) is None

    def test_may_be_async(self) -> None:
        class Mine(Bot):
            async def on_message(self, text: str) -> str:
                assert asyncio.get_running_loop() is not None
                return f"{await self.parsed.aio(text)} {self.name}"

        assert Mine().feed("a") == "fed !a bot"

    def test_may_be_the_twin_of_an_async_one(self) -> None:
        class Mine(Bot):
            @synced
            async def on_message(self, text: str) -> str:
                return f"{await self.parsed.aio(text)} {self.name}"

        assert Mine().feed("a") == "fed !a bot"
        assert Mine().on_message("a") == "!a bot"

    def test_may_return_what_can_be_awaited(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> Any:
                return self.parsed.aio(text)

        assert Mine().feed("a") == "fed !a"

    def test_that_returns_an_awaitable_by_its_annotation_is_overridden_by_a_value(self) -> None:
        class Mine(Bot):
            def later(self, n: int) -> int:
                return n * 2

        assert Mine().much_later(2) == 4
        assert Mine().later(2) == 4

    def test_that_is_sync_is_called_where_async_code_calls_it(self) -> None:
        class Mine(Bot):
            def parse(self, text: str) -> str:
                threads.append(threading.get_ident())
                return super().parse(text).upper()

        threads: list[int] = []
        mine = Mine()
        assert mine.parsed(" a ") == "!A"
        assert mine.parse(" a ") == "A"
        assert threads == [mine_loop_thread(mine), threading.get_ident()]

    def test_that_is_sync_and_waits_for_its_own_loop_says_so(self) -> None:
        class Mine(Bot):
            def parse(self, text: str) -> str:
                return str(self.feed(text))

        with pytest.raises(DeadlockError):
            Mine().parsed("a")

    def test_of_a_class_and_of_no_object(self) -> None:
        class Mine(Bot):
            @classmethod
            def kind(cls) -> str:
                return f"{cls.__name__} {super().kind()}"

            @staticmethod
            def token() -> str:
                return f"mine {Bot.token()}"

        assert Mine().asked_kind() == "Mine kind"
        assert Mine.kind() == "Mine kind"
        assert Mine().asked_token() == "mine token"
        assert Mine.token() == "mine token"

    def test_that_calls_is_called(self) -> None:
        class Mine(Bot):
            def __call__(self, n: int) -> int:
                return int(super().__call__(n)) + 1

        assert Mine().call(1) == 2
        assert Mine()(1) == 2

    def test_of_the_language_is_seen(self) -> None:
        class Mine(Bot):
            def __eq__(self, other: object) -> bool:
                return bool(other == 3)

            __hash__ = None  # type: ignore[assignment]

        assert Mine().compared(3)
        assert not Mine().compared(4)

    def test_is_called_on_objects_that_are_passed(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"mine {text}"

        assert Bot().pass_on(Mine()) == "mine passed"

    def test_of_an_object_that_only_async_code_holds_works_on(self) -> None:
        def made() -> Any:
            class Mine(Bot):
                def __init__(self) -> None:
                    super().__init__()
                    self.mine = "mine"

                def on_message(self, text: str) -> str:
                    return f"{self.mine} {text}"

            return Mine()

        bot = Bot()
        bot.other = made()
        gc.collect()
        assert type(bot.aio.other) is not AsyncBot
        assert bot.other.feed("a") == "fed mine a"


def mine_loop_thread(twin: Any) -> int:
    @synced
    async def ident(_: Any) -> int:
        return threading.get_ident()

    class AsyncWhere(AsyncBot):
        pass

    return int(resident_of(twin).router.run(ident.aio, (None,), {}))


class TestAGenerator:
    def test_is_iterated_by_async_code(self) -> None:
        class Mine(Bot):
            def items(self, n: int) -> Iterator[int]:
                yield 10
                yield from super().items(n)

        assert Mine().all_items(2) == [10, 0, 1]
        assert list(Mine().items(2)) == [10, 0, 1]

    def test_may_return_anything_that_can_be_iterated(self) -> None:
        class Mine(Bot):
            def items(self, n: int) -> Any:
                return [n, n]

        class Other(Bot):
            def items(self, n: int) -> Any:
                return super().items(n + 1)

        assert Mine().all_items(2) == [2, 2]
        assert Other().all_items(2) == [0, 1, 2]

    def test_runs_on_one_thread_and_cleans_up_there(self) -> None:
        class Mine(Bot):
            def items(self, n: int) -> Iterator[int]:
                with lock:
                    threads.append(threading.get_ident())
                    try:
                        for k in range(n):
                            yield k
                            threads.append(threading.get_ident())
                    finally:
                        threads.append(threading.get_ident())

        lock, threads = threading.RLock(), list[int]()
        assert Mine().all_items(3) == [0, 1, 2]
        assert Mine().first_item(3) == 0
        assert len(threads) == 7
        assert len(set(threads[:5])) == len(set(threads[5:])) == 1
        assert lock.acquire(timeout=5)

    def test_raises_what_it_raises(self) -> None:
        class Mine(Bot):
            def items(self, n: int) -> Iterator[int]:
                yield 1
                raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            Mine().all_items(3)

    def test_may_call_the_twin(self) -> None:
        class Mine(Bot):
            def items(self, n: int) -> Iterator[Any]:
                yield self.feed("a")
                yield self.total

        assert Mine().all_items(2) == ["fed default a", 1]


class TestAContextManager:
    def test_is_entered_by_async_code(self) -> None:
        class Mine(Bot):
            @contextlib.contextmanager
            def session(self, name: str) -> Iterator[str]:
                with lock, super().session(name) as inner:
                    self.log.append("mine")
                    yield f"mine {inner}"
                self.log.append("mine over")

        lock = threading.RLock()
        mine = Mine()
        assert mine.in_session() == "mine s"
        assert mine.log == ["setup", "open s", "mine", "close s", "mine over"]
        assert lock.acquire(timeout=5)
        with mine.session("x") as name:
            assert name == "mine x"

    def test_sees_the_error_of_the_block_and_may_swallow_it(self) -> None:
        class Mine(Bot):
            @contextlib.contextmanager
            def session(self, name: str) -> Iterator[str]:
                try:
                    yield name
                except LookupError as error:
                    seen.append(error)

        seen: list[Exception] = []
        error = LookupError()
        assert Mine().in_session(error) is None
        assert seen == [error]
        with pytest.raises(ValueError, match="other"):
            Mine().in_session(ValueError("other"))

    def test_may_be_any(self) -> None:
        class Mine(Bot):
            def session(self, name: str) -> Any:
                return contextlib.nullcontext(5)

        assert Mine().in_session() == 5


class TestWithAndFor:
    def test_enter_and_exit(self) -> None:
        class Mine(Bot):
            def __enter__(self) -> Any:
                self.log.append("mine enters")
                found = super().__enter__()
                assert found is self
                return found

            def __exit__(self, *error: Any) -> Any:
                self.log.append("mine exits")
                return super().__exit__(*error)

        said = ["setup", "mine enters", "enter", "mine exits", "exit"]
        assert Mine().enter_itself() == said
        mine = Mine()
        with mine as entered:
            assert entered is mine
        assert mine.log == said

    def test_exit_alone(self) -> None:
        class Mine(Bot):
            def __exit__(self, *error: Any) -> Any:
                self.log.append("mine exits")
                return super().__exit__(*error)

        assert Mine().enter_itself() == ["setup", "enter", "mine exits", "exit"]
        with Mine() as mine:
            pass
        assert mine.log == ["setup", "enter", "mine exits", "exit"]

    def test_exit_on_the_thread_that_entered(self) -> None:
        class Mine(Bot):
            def __enter__(self) -> Any:
                lock.acquire()
                return self

            def __exit__(self, *error: Any) -> Any:
                lock.release()

        lock = threading.RLock()
        mine = Mine()
        assert mine.enter_itself() == ["setup"]
        # With others in between, which take threads that are idle.
        with mine:
            pass
        assert lock.acquire(timeout=5)

    @pytest.mark.parametrize("overridden", ["both", "enter"])
    def test_exit_after_an_enter_whose_task_was_cancelled_meanwhile(
        self, overridden: str, wait_until: WaitUntil
    ) -> None:
        class Mine(Bot):
            def __enter__(self) -> Any:
                super().__enter__()
                released.wait(20)
                self.log.append("entered")
                return self

            if overridden == "both":

                def __exit__(self, *error: Any) -> Any:
                    assert error[0] is asyncio.CancelledError
                    self.log.append("mine exits")
                    return super().__exit__(*error)

        released = threading.Event()
        mine = Mine()
        with pytest.raises(TimeoutError), sideloop.timeout(0.2):
            mine.enter_itself()
        released.set()
        wait_until(lambda: mine.log[-1] == "exit")
        said = ["mine exits"] if overridden == "both" else []
        assert mine.log == ["setup", "enter", "entered", *said, "exit"]

    def test_iterate(self) -> None:
        class AsyncPages:
            async def __aiter__(self) -> AsyncIterator[int]:
                yield 1
                yield 2

            async def all(self) -> list[int]:
                return [page async for page in self]  # type: ignore[attr-defined]

        Pages: Any = synced(AsyncPages)  # noqa: N806

        class Mine(Pages):  # type: ignore[misc]
            def __iter__(self) -> Iterator[int]:
                yield 0
                yield from super().__iter__()

        assert Mine().all() == [0, 1, 2]
        assert list(Mine()) == [0, 1, 2]

    def test_next(self) -> None:
        class Mine(Bot):
            def __next__(self) -> int:
                return int(super().__next__()) + 10

        assert Mine().iterate_itself() == [11, 10]
        assert list(Mine()) == [11, 10]


class TestAProperty:
    def test_is_asked_by_async_code(self) -> None:
        class Mine(Bot):
            @property
            def total(self) -> int:
                return 10 + super().total + len(self.all_items(1))

            @property
            def size(self) -> int:
                return 20 + super().size

        assert Mine().sizes() == (12, 21)
        assert (Mine().total, Mine().size) == (12, 21)

    def test_may_stand_for_a_value_and_be_set(self) -> None:
        class Mine(Bot):
            @property
            def name(self) -> str:
                return self.kept.upper()

            @name.setter
            def name(self, value: str) -> None:
                self.kept = value

        mine = Mine("a")
        assert (mine.name, mine.aio.name) == ("A", "A")
        mine.name = "b"
        assert (mine.name, mine.aio.name) == ("B", "B")


class TestAValue:
    def test_is_seen_by_async_code(self) -> None:
        class Mine(Bot):
            prefix = "?"
            extra = 1

        assert Mine().parsed("a") == "?a"
        assert (Mine.prefix, Mine().prefix, Mine.extra, Bot.prefix) == ("?", "?", 1, "!")
        mine = Mine()
        mine.prefix = "#"
        assert (mine.prefix, mine.parsed("a"), Mine.prefix) == ("#", "#a", "?")

    def test_may_be_made_of_that_of_the_base(self) -> None:
        class Mine(Bot):
            limits: ClassVar[Any] = {**Bot.limits, "more": 1}

        assert Mine.limits == Mine().limits == {"size": 3, "more": 1}


class TestTheClass:
    def test_is_what_constructors_of_the_original_make(self) -> None:
        class Mine(Bot):
            def __init__(self, name: str) -> None:
                super().__init__(f"my {name}")
                self.extra = 1

            def on_message(self, text: str) -> str:
                return f"{self.name} {self.extra}"

        for made in (Mine.make("a"), Mine.connect("a"), Mine("a")):
            assert type(made) is Mine
            assert made.feed("x") == "fed my a 1"
        clone = Mine("a").clone()
        assert (type(clone), clone.name) == (Mine, "my my a's clone")

    def test_has_a_constructor_that_calls_the_twin(self) -> None:
        class Mine(Bot):
            def __init__(self, name: str) -> None:
                super().__init__(name)
                self.fed = self.feed("a")

        assert Mine("a").fed == "fed default a"
        # Async code makes this one, so its constructor runs on the loop.
        with pytest.raises(DeadlockError):
            Mine.connect("a")

    def test_is_called_by_the_constructor_of_the_original(self) -> None:
        class Mine(Bot):
            def setup(self) -> None:
                super().setup()
                self.mine = self.name

        mine = Mine("a")
        assert (mine.mine, mine.log) == ("a", ["setup"])

    def test_may_be_derived_from(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"mine {super().on_message(text)}"

        class More(Mine):
            def on_message(self, text: str) -> str:
                return f"more {super().on_message(text)}"

        class Most(More):
            prefix = "$"

        assert More().feed("a") == "fed more mine default a"
        assert Most().feed("a") == "fed more mine default a"
        assert Most().parsed("a") == "$a"
        assert type(Most.make("a")) is Most
        assert isinstance(Most(), Mine)

    def test_may_have_plain_bases(self) -> None:
        class Loud:
            def on_message(self, text: str) -> str:
                return str(super().on_message(text)).upper()  # type: ignore[misc]

        class Mine(Loud, Bot):
            pass

        class Late(Bot, Loud):
            pass

        assert Mine().feed("a") == "fed DEFAULT A"
        assert Late().feed("a") == "fed default a"

    def test_may_have_two_twins_as_bases(self) -> None:
        class AsyncOne:
            def __init__(self) -> None:
                super().__init__()
                self.one = 1

            async def name(self) -> str:
                return "one"

            async def names(self) -> str:
                return await self.name()

        class AsyncTwo:
            def __init__(self) -> None:
                super().__init__()
                self.two = 2

            async def name(self) -> str:
                return "two"

            async def other(self) -> str:
                return f"other {await self.name()}"

        One, Two = synced(AsyncOne), synced(AsyncTwo)  # noqa: N806

        class Both(One, Two):  # type: ignore[misc, valid-type]
            def name(self) -> str:
                return f"both {super().name()} {Two.name(self)}"

        class First(One):  # type: ignore[misc, valid-type]
            def __init__(self) -> None:
                super().__init__()
                self.first = 1

            def name(self) -> str:
                return f"first {super().name()}"

        class Second(Two):  # type: ignore[misc, valid-type]
            def __init__(self) -> None:
                super().__init__()
                self.second = 1

            def name(self) -> str:
                return f"second {super().name()}"

        class Last(First, Second):
            pass

        both = Both()
        assert (both.one, both.two) == (1, 2)
        assert (both.names(), both.other()) == ("both one two", "other both one two")
        last = Last()
        assert (last.one, last.two, last.first, last.second) == (1, 2, 1, 1)
        assert (last.names(), last.other()) == ("first one", "other first one")

    def test_may_mix_in_protocols_and_abstract_classes(self) -> None:
        class Named(Protocol):
            name: str

        class Sized(abc.ABC):
            @abc.abstractmethod
            def length(self) -> int: ...

        class Mine(Bot, Named, Sized):
            def length(self) -> int:
                return 1

        class Not(Bot, Sized):
            pass

        assert Mine().length() == 1
        with pytest.raises(TypeError, match="abstract"):
            Not()

    def test_tells_its_original_of_itself(self) -> None:
        class AsyncPlugin:
            known: ClassVar[dict[str, Any]] = {}

            def __init_subclass__(cls, *, name: str, **kwargs: Any) -> None:
                super().__init_subclass__(**kwargs)
                cls.known[name] = cls

            async def run(self) -> str:
                return "plugin"

            @classmethod
            async def run_named(cls, name: str) -> str:
                return str(await cls.known[name]().run())

        Plugin: Any = synced(AsyncPlugin)  # noqa: N806

        class Mine(Plugin, name="mine"):
            def run(self) -> str:
                return f"mine, {super().run()}"

        class Counted:
            count = 0

            def __init_subclass__(cls, **kwargs: Any) -> None:
                super().__init_subclass__(**kwargs)
                Counted.count += 1

        class Early(Counted, Plugin, name="early"):
            pass

        class Late(Bot, Counted):
            pass

        class Own(Plugin, name="own"):
            def __init_subclass__(cls, *, topic: str, **kwargs: Any) -> None:
                super().__init_subclass__(name=f"{topic} own", **kwargs)

        class Last(Own, topic="last"):
            pass

        assert Plugin.run_named("mine") == "mine, plugin"
        assert Plugin.known == {"mine": Mine, "early": Early, "own": Own, "last own": Last}
        assert Counted.count == 2
        with pytest.raises(TypeError, match="no keyword arguments"):

            class Wrong(Bot, name="wrong"):
                pass

    def test_is_given_to_async_code_as_one_of_its_own(self) -> None:
        @synced
        async def make(kind: Any) -> Any:
            assert issubclass(kind, AsyncBot)
            return kind("made")

        class Mine(Bot):
            pass

        assert type(make(Mine)) is Mine

    def test_is_patched_by_tests(self) -> None:
        class Mine(Bot):
            prefix = "?"

            def on_message(self, text: str) -> str:
                return f"mine {text}"

        with (
            mock.patch.object(Mine, "on_message", return_value="patched") as patched,
            mock.patch.object(Mine, "prefix", "%"),
            mock.patch.object(Mine, "total", 5),
        ):
            assert Mine().feed("a") == "fed patched"
            assert Mine().parsed("a") == "%a"
            patched.assert_called_once_with("a")
        assert Mine().feed("a") == "fed mine a"
        assert Mine().parsed("a") == "?a"
        assert Mine().sizes() == (1, 1)
        with mock.patch.object(Bot, "on_message", return_value="patched"):
            assert Bot().feed("a") == "fed patched"
            assert Mine().feed("a") == "fed mine a"
        assert Bot().feed("a") == "fed default a"

    def test_has_a_new_method_set_on_it(self) -> None:
        class Mine(Bot):
            pass

        Mine.on_message = lambda self, text: f"set {self.name} {text}"
        assert Mine().feed("a") == "fed set bot a"
        del Mine.on_message
        assert Mine().feed("a") == "fed default a"

    def test_is_copied_and_pickled(self) -> None:
        bot = Pickled("a")
        bot.lock = None
        for one in (copy.copy(bot), pickle.loads(pickle.dumps(bot))):
            assert type(one) is Pickled
            assert one is not bot
            assert one.feed("x") == "fed pickled a"

    def test_has_objects_that_are_ones_of_its_bases(self) -> None:
        class Mine(Bot):
            pass

        assert isinstance(Mine(), Bot)
        assert isinstance(Mine().aio, AsyncBot)
        assert issubclass(Mine.aio, AsyncBot)
        assert Mine.__name__ == Mine.aio.__name__ == "Mine"


class Pickled(Bot):
    def on_message(self, text: str) -> str:
        return f"pickled {self.name}"


class TestAnAbstractClass:
    class AsyncAuth(abc.ABC):
        @abc.abstractmethod
        async def token(self) -> str: ...

        @property
        @abc.abstractmethod
        def scheme(self) -> str: ...

        async def header(self) -> str:
            return f"{self.scheme} {await self.token()}"

    Auth: Any = synced(AsyncAuth)

    def test_is_implemented_by_sync_methods(self) -> None:
        class Mine(self.Auth):  # type: ignore[name-defined]
            def token(self) -> str:
                return "mine"

            @property
            def scheme(self) -> str:
                return "Bearer"

        assert Mine().header() == "Bearer mine"

    def test_is_abstract_as_long_as_something_is_missing(self) -> None:
        class Half(self.Auth):  # type: ignore[name-defined]
            def token(self) -> str:
                return "half"

        class Whole(Half):
            scheme = "Basic"

        with pytest.raises(TypeError, match=r"Half.*scheme"):
            Half()
        with pytest.raises(TypeError, match="abstract"):
            self.Auth()
        assert Whole().header() == "Basic half"


class Meta(type):
    """Makes classes in its own way."""

    names: ClassVar[list[str]] = []

    def __new__(cls, name: str, bases: Any, namespace: Any, **words: Any) -> Any:
        cls.names.append(f"{name} {words}")
        return super().__new__(cls, name, bases, namespace)

    def __init__(cls, name: str, bases: Any, namespace: Any, **words: Any) -> None:
        super().__init__(name, bases, namespace)


T = TypeVar("T")


class Odd:
    """Classes that are made, or make objects, in their own way. Each has `own` and `use`."""

    class AsyncMade(metaclass=Meta):
        def __init__(self, x: int) -> None:
            self.x = x

        async def own(self) -> int:
            return self.x

        async def use(self) -> int:
            return await self.own()

    class AsyncOnly:
        it: ClassVar[Any] = None
        x = 1

        def __new__(cls, _x: int) -> Any:
            if cls.it is None:
                cls.it = super().__new__(cls)
            return cls.it

        async def own(self) -> int:
            return self.x

        async def use(self) -> int:
            return await self.own()

    class AsyncSlots:
        __slots__ = ("__weakref__", "x")

        def __init__(self, x: int) -> None:
            self.x = x

        async def own(self) -> int:
            return self.x

        async def use(self) -> int:
            return await self.own()

    @dataclass(frozen=True)
    class AsyncFrozen:
        x: int

        async def own(self) -> int:
            return self.x

        async def use(self) -> int:
            return await self.own()

    class AsyncBox(Generic[T]):
        def __init__(self, x: T) -> None:
            self.x = x

        async def own(self) -> T:
            return self.x

        async def use(self) -> T:
            return await self.own()


class TestOddClasses:
    @pytest.mark.parametrize("name", ["AsyncMade", "AsyncOnly", "AsyncSlots", "AsyncFrozen"])
    def test_may_be_derived_from(self, name: str) -> None:
        twin: Any = synced(getattr(Odd, name))

        class Mine(twin):  # type: ignore[misc]
            def own(self) -> int:
                return int(super().own()) + 10

        assert (Mine(1).use(), Mine(1).own(), twin(1).use()) == (11, 11, 1)
        assert type(Mine(1)) is Mine

    def test_hear_of_the_words_of_a_class_statement(self) -> None:
        twin: Any = synced(Odd.AsyncMade)

        class Worded(twin, word=1):  # type: ignore[misc]
            pass

        assert Meta.names[-1] == "Worded {'word': 1}"

    def test_may_be_generic(self) -> None:
        twin: Any = synced(Odd.AsyncBox)

        class Mine(twin[int]):  # type: ignore[misc]
            def own(self) -> int:
                return int(super().own()) + 10

        assert Mine(1).use() == 11

    def test_may_be_pydantics(self) -> None:
        pydantic = pytest.importorskip("pydantic")

        class AsyncModel(pydantic.BaseModel):  # type: ignore[misc, name-defined]
            x: int

            async def own(self) -> int:
                return self.x

            async def use(self) -> int:
                return await self.own()

        twin: Any = synced(AsyncModel)

        class Mine(twin):  # type: ignore[misc]
            more: int = 10

            def own(self) -> int:
                return int(super().own()) + self.more

        assert (Mine(x=1).use(), Mine(x=1, more=20).use()) == (11, 21)
        with pytest.raises(ValueError, match="more"):
            Mine(x=1, more="no number")

    def test_may_have_twins_that_were_made_before_those_of_their_bases(self) -> None:
        class AsyncBase:
            async def own(self) -> str:
                return "base"

            async def use(self) -> str:
                return await self.own()

        class AsyncDerived(AsyncBase):
            async def own(self) -> str:
                return f"derived {await super().own()}"

        Derived: Any = synced(AsyncDerived)  # noqa: N806
        synced(AsyncBase)

        class Mine(Derived):  # type: ignore[misc]
            def own(self) -> str:
                return f"mine {super().own()}"

        assert Mine().use() == "mine derived base"

    def test_see_what_is_set_on_their_bases(self) -> None:
        class AsyncBase:
            x = 1

            async def use(self) -> int:
                return self.x

        Base: Any = synced(AsyncBase)  # noqa: N806

        class Mine(Base):  # type: ignore[misc]
            pass

        class Own(Base):  # type: ignore[misc]
            x = 7

        for value in (4, 5):
            Base.x = value
            assert (Base().use(), Mine().use(), Mine.x, Own().use()) == (value, value, value, 7)

    def test_are_overridden_by_any_descriptor(self) -> None:
        class Static(Bot):
            on_message = staticmethod(lambda text: f"static {text}")

        class Partial(Bot):
            def answer(self, how: str, text: str) -> str:
                return f"{how} {text} {self.name}"

            on_message = functools.partialmethod(answer, "partial")

        assert Static().feed("a") == "fed static a"
        assert Partial().feed("a") == "fed partial a bot"


class TestWhatIsNotNeeded:
    def test_any_more_is_collected(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> Any:
                return self.parsed(text)

        mine = Mine()
        assert mine.feed("a") == "fed !a"
        kept = [weakref.ref(one) for one in (Mine, Mine.aio, mine, mine.aio)]
        del mine, Mine
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and any(one() is not None for one in kept):
            gc.collect()
            time.sleep(0.01)
        assert [one() for one in kept] == [None] * 4


class TestOtherLoops:
    def test_run_overrides(self) -> None:
        class Mine(Bot):
            def on_message(self, text: str) -> str:
                return f"{self.parsed(text)} {self.total}"

        mine = Mine()

        async def elsewhere() -> Any:
            return await mine.feed.aio("a")

        async def under_a_loop() -> Any:
            return Mine().feed("b")

        async def of_ones_own() -> Any:
            return await Mine.aio().feed("c")

        assert asyncio.run(elsewhere()) == "fed !a 1"
        assert asyncio.run(under_a_loop()) == "fed !b 1"
        assert asyncio.run(of_ones_own()) == "fed !c 1"
        assert sideloop.run_sync(under_a_loop) == "fed !b 1"
        assert list(sideloop.map(mine.feed.aio, ["a"] * 300)) == ["fed !a 1"] * 300


@pytest.mark.parametrize("scope", ["thread", "process"])
def test_threads_use_one_object_with_overrides_at_once(scope: Any) -> None:
    manager = LoopManager(scope=scope)

    class Mine(twins(manager)):  # type: ignore[misc]
        def on_message(self, text: str) -> str:
            return f"mine {self.parsed(text)}"

    mine = Mine()
    wrong: list[Any] = []

    def use() -> None:
        found = [mine.locked_feed(str(n)) for n in range(20)]
        if found != [f"fed mine !{n}" for n in range(20)]:
            wrong.append(found)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    manager.close()


def test_driven_by_its_caller_an_override_may_call_the_twin_again() -> None:
    manager = LoopManager(drive="caller")

    class Mine(twins(manager)):  # type: ignore[misc]
        def on_message(self, text: str) -> str:
            return f"mine {self.parsed(text)} {self.all_items(2)} {super().on_message(text)}"

        def items(self, n: int) -> Iterator[int]:
            yield from super().items(n)

    assert Mine().feed("a") == "fed mine !a [0, 1] default a"
    manager.close()


def test_the_twin_lives_where_async_code_has_made_its_object() -> None:
    class Mine(Bot):
        def on_message(self, text: str) -> str:
            return f"mine {self.parsed(text)}"

    with sideloop.timeout(20):
        made = Mine.connect("x")
        assert made.locked_feed("a") == "fed mine !a"
