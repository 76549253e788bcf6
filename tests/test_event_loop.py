"""The loop's own half: scheduling. Whatever can be compared, the standard loop is asked too."""

import asyncio
import collections
import contextvars
import functools
import math
import random
import re
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

import sideloop

Loop = asyncio.SelectorEventLoop

STANDARD = asyncio.SelectorEventLoop
OURS = sideloop.EventLoop
BOTH = pytest.mark.parametrize("make", [STANDARD, OURS], ids=["standard", "ours"])


@pytest.fixture
def make() -> type[Loop]:
    return OURS


@pytest.fixture
def loop(make: type[Loop]) -> Generator[Loop]:
    loop = make()
    yield loop
    loop.close()


def turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run what is ready, and no more."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def plain(text: object) -> str:
    """Without what must differ: addresses, and the name of the base class."""
    return re.sub(r"0x[0-9a-f]+", "0x", str(text)).replace("BaseEventLoop.", "LoopCore.")


def raised_by(make: type[Loop], act: Callable[[Loop], object], debug: bool) -> list[object]:
    """What an action raises, and what the loop reports in the turns after it."""
    found: list[object] = []

    def report(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context["exception"]
        found.append((list(context), plain(context["message"]), type(error), plain(error)))

    loop = make()
    loop.set_debug(debug)
    loop.set_exception_handler(report)
    try:
        act(loop)
        turn(loop)
        turn(loop)
    except Exception as error:
        found.append((type(error), plain(error)))
    finally:
        # Some leave a heap that cannot be turned.
        loop._scheduled.clear()  # type: ignore[attr-defined]
        loop.close()
    return found


def on_another_thread(act: Callable[[], object]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def running(act: Callable[[Loop], object]) -> Callable[[Loop], object]:
    """Do it on another thread, while the loop runs."""

    def run(loop: Loop) -> None:
        loop.call_soon(on_another_thread, lambda: act(loop))

    return run


def with_closed_file(loop: Loop) -> None:
    near, far = socket.socketpair()
    number = near.fileno()
    near.close()
    far.close()
    loop.add_reader(number, print)


async def coroutine_function() -> None: ...


class Odd:
    """A number that only its arithmetic knows."""

    def __radd__(self, other: float) -> float:
        return other


BAD: dict[str, Callable[[Loop], object]] = {
    "no_callable": lambda loop: loop.call_soon(1),  # type: ignore[arg-type]
    "no_callable_later": lambda loop: loop.call_later(0, 1),  # type: ignore[arg-type]
    "no_callable_threadsafe": lambda loop: loop.call_soon_threadsafe(None),  # type: ignore[arg-type]
    "too_many_arguments": lambda loop: loop.call_soon(coroutine_function, 1, 2),
    "failing": lambda loop: loop.call_soon(lambda: 1 // 0),
    "failing_later": lambda loop: loop.call_later(0, lambda: 1 // 0),
    "failing_threadsafe": lambda loop: loop.call_soon_threadsafe(lambda: 1 // 0),
    "no_context": lambda loop: loop.call_soon(print, context=1),  # type: ignore[arg-type]
    "unknown_option": lambda loop: loop.call_soon(print, option=1),  # type: ignore[call-arg]
    "delay_none": lambda loop: loop.call_later(None, print),  # type: ignore[arg-type]
    "delay_text": lambda loop: loop.call_later("1", print),  # type: ignore[arg-type]
    "delay_huge": lambda loop: loop.call_later(10**400, print),
    "delay_odd": lambda loop: loop.call_later(Odd(), print),  # type: ignore[arg-type]
    "when_none": lambda loop: loop.call_at(None, print),  # type: ignore[arg-type]
    "when_text": lambda loop: (loop.call_at(1, print), loop.call_at("1", print)),  # type: ignore[arg-type]
    "negative_file": lambda loop: loop.add_reader(-1, print),
    "no_file": lambda loop: loop.add_reader("file", print),  # type: ignore[arg-type]
    "huge_file": lambda loop: loop.add_writer(10**30, print),
    "closed_file": with_closed_file,
    "unknown_file": lambda loop: loop.remove_reader(10**6),
    "soon_from_another_thread": running(lambda loop: loop.call_soon(print)),
    "later_from_another_thread": running(lambda loop: loop.call_later(1, print)),
    "at_from_another_thread": running(lambda loop: loop.call_at(1, print)),
    "close_while_running": lambda loop: loop.call_soon(loop.close),
    "run_while_running": lambda loop: loop.call_soon(loop.run_forever),
    "run_elsewhere_too": running(lambda loop: loop.run_forever()),
    "no_debug": lambda loop: loop.set_debug("yes"),  # type: ignore[arg-type]
    "no_exception_handler": lambda loop: loop.set_exception_handler(1),  # type: ignore[arg-type]
    "no_task_factory": lambda loop: loop.set_task_factory(1),  # type: ignore[arg-type]
}

CLOSED: dict[str, Callable[[Loop], object]] = {
    "call_soon": lambda loop: loop.call_soon(print),
    "call_soon_threadsafe": lambda loop: loop.call_soon_threadsafe(print),
    "call_later": lambda loop: loop.call_later(1, print),
    "call_at": lambda loop: loop.call_at(1, print),
    "run_forever": lambda loop: loop.run_forever(),
    "run_until_complete": lambda loop: loop.run_until_complete(asyncio.Future(loop=loop)),
    "run_in_executor": lambda loop: loop.run_in_executor(None, print),
    "add_reader": lambda loop: loop.add_reader(0, print),
    "add_writer": lambda loop: loop.add_writer(0, print),
}


class TestBadInput:
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    @pytest.mark.parametrize("name", BAD)
    def test_is_answered_as_the_standard_loop_does(self, name: str, debug: bool) -> None:
        assert raised_by(OURS, BAD[name], debug) == raised_by(STANDARD, BAD[name], debug)

    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    @pytest.mark.parametrize("name", CLOSED)
    def test_after_close_is_answered_as_the_standard_loop_does(
        self, name: str, debug: bool
    ) -> None:
        def answer(make: type[Loop]) -> tuple[type[Exception], str] | None:
            loop = make()
            loop.set_debug(debug)
            loop.close()
            try:
                CLOSED[name](loop)
            except Exception as error:
                return type(error), str(error)
            return None

        assert answer(OURS) == answer(STANDARD) == (RuntimeError, "Event loop is closed")

    @BOTH
    def test_in_debug_mode_includes_coroutines_and_their_functions(self, loop: Loop) -> None:
        loop.set_debug(True)
        coroutine = coroutine_function()
        for call in (loop.call_soon, loop.call_soon_threadsafe, functools.partial(loop.call_at, 1)):
            for given in (coroutine_function, coroutine):
                with pytest.raises(TypeError, match="coroutines cannot be used with call_"):
                    call(given)
        coroutine.close()
        assert not loop._ready

    @BOTH
    def test_after_close_is_no_error_where_something_is_removed(self, loop: Loop) -> None:
        loop.close()
        assert not loop.remove_reader(0)
        assert not loop.remove_writer(0)

    def test_from_the_wrong_thread_in_debug_mode_is_named(self, loop: Loop) -> None:
        loop.set_debug(True)

        async def main() -> None:
            with pytest.raises(RuntimeError, match="Non-thread-safe operation invoked"):
                on_another_thread(lambda: loop.call_soon(print))

        loop.run_until_complete(main())

    @BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    @pytest.mark.parametrize("delay", [-1, -1e9, -math.inf, math.nan, 0, False, 1e-12, -0.0])
    def test_delays_of_no_length_are_over_at_once(
        self, loop: Loop, delay: float, debug: bool
    ) -> None:
        loop.set_debug(debug)
        loop.call_later(delay, loop.stop)
        loop.run_forever()
        assert loop._scheduled == []

    @pytest.mark.parametrize(
        "selector", [selectors.SelectSelector, selectors.PollSelector], ids=["select", "poll"]
    )
    @pytest.mark.parametrize("delay", [-math.inf, math.nan])
    def test_delays_of_no_length_are_over_at_once_with_another_selector(
        self, selector: type[selectors.BaseSelector], delay: float
    ) -> None:
        loop = OURS(selector())
        loop.call_later(delay, loop.stop)
        loop.run_forever()
        loop.close()

    @BOTH
    def test_delays_of_infinite_length_are_waited_for(self, loop: Loop) -> None:
        loop.call_later(math.inf, pytest.fail)
        loop.call_later(1e300, pytest.fail)
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        assert len(loop._scheduled) == 2


class TestOrder:
    @BOTH
    def test_is_that_of_the_calls(self, loop: Loop) -> None:
        ran: list[int] = []
        for number in range(100):
            call = loop.call_soon_threadsafe if number % 3 else loop.call_soon
            call(ran.append, number)
        turn(loop)
        assert ran == list(range(100))

    @BOTH
    def test_lets_what_a_callback_schedules_wait_for_the_next_turn(self, loop: Loop) -> None:
        ran: list[str] = []

        def first() -> None:
            loop.call_soon(ran.append, "nested")
            ran.append("first")

        loop.call_soon(first)
        loop.call_soon(ran.append, "second")
        turn(loop)
        assert ran == ["first", "second"]
        turn(loop)
        assert ran == ["first", "second", "nested"]

    @BOTH
    def test_gives_io_its_turn_among_callbacks_without_end(self, loop: Loop) -> None:
        near, far = socket.socketpair()
        loop.add_reader(near, loop.stop)

        def again() -> None:
            loop.call_soon(again)

        again()
        loop.call_later(0.001, far.send, b"x")
        loop.run_forever()
        loop.remove_reader(near)
        near.close()
        far.close()

    @BOTH
    def test_of_timers_is_by_when_they_are_due(self, loop: Loop) -> None:
        ran: list[float] = []
        start = loop.time() - 10
        delays = [number / 1000 for number in range(500)]
        random.Random(3).shuffle(delays)
        for delay in delays:
            # Some as integers, which the heap must compare with the others.
            loop.call_at(start + delay, ran.append, delay)
        loop.call_at(0, ran.append, -1)
        turn(loop)
        assert ran == [-1, *sorted(delays)]

    @BOTH
    def test_skips_what_is_cancelled_even_in_the_same_turn(self, loop: Loop) -> None:
        ran: list[str] = []
        loop.call_soon(lambda: second.cancel())
        second = loop.call_soon(ran.append, "cancelled")
        loop.call_soon(ran.append, "third")
        loop.call_soon(ran.append, "cancelled before").cancel()
        turn(loop)
        assert ran == ["third"]

    @BOTH
    def test_lets_a_stop_end_the_turn_it_is_in(self, loop: Loop) -> None:
        ran: list[str] = []
        loop.call_soon(loop.stop)
        loop.call_soon(ran.append, "same turn")
        loop.call_soon(loop.call_soon, ran.append, "next turn")
        loop.run_forever()
        assert ran == ["same turn"]
        loop.stop()
        loop.run_forever()
        assert ran == ["same turn", "next turn"]


class TestTimers:
    @BOTH
    def test_that_are_cancelled_are_pruned(self, loop: Loop) -> None:
        kept = loop.call_later(3600, print)
        for _ in range(100):
            for _ in range(1000):
                loop.call_later(3600, print).cancel()
            turn(loop)
            assert len(loop._scheduled) <= 101
        assert kept in loop._scheduled
        for _ in range(100_000):
            loop.call_later(3600, print).cancel()
        turn(loop)
        assert loop._scheduled == [kept]
        assert loop._timer_cancelled_count == 0

    def test_are_kept_and_counted_as_the_standard_loop_does(self) -> None:
        def play(make: type[Loop]) -> list[tuple[int, int]]:
            chance, loop = random.Random(7), make()
            timers: list[asyncio.TimerHandle] = []
            seen: list[tuple[int, int]] = []
            for _ in range(300):
                timers += [loop.call_later(chance.choice([-1, 3600]), id, 0) for _ in range(5)]
                for timer in chance.sample(timers, 3):
                    timer.cancel()
                turn(loop)
                seen.append((len(loop._scheduled), loop._timer_cancelled_count))
            loop.close()
            return seen

        assert play(OURS) == play(STANDARD)

    @BOTH
    def test_never_fire_before_they_are_due(self, loop: Loop) -> None:
        early: list[float] = []

        def check(due: float) -> None:
            early.append(loop.time() + loop._clock_resolution - due)

        for number in range(50):
            due = loop.time() + number / 5000
            loop.call_at(due, check, due)
        loop.call_later(0.012, loop.stop)
        loop.run_forever()
        assert len(early) == 50
        assert min(early) >= 0


class TestCallsFromOtherThreads:
    @BOTH
    def test_are_all_made_in_each_threads_order(self, loop: Loop) -> None:
        ran: list[tuple[int, int]] = []

        def call(thread: int) -> None:
            for number in range(1250):
                loop.call_soon_threadsafe(ran.append, (thread, number))

        threads = [threading.Thread(target=call, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()

        async def wait() -> None:
            while len(ran) < 10_000:
                await asyncio.sleep(0.0005)

        loop.run_until_complete(asyncio.wait_for(wait(), 20))
        for thread in threads:
            thread.join()
        for number in range(8):
            assert [n for thread, n in ran if thread == number] == list(range(1250))

    @BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_wake_a_loop_that_sleeps(self, loop: Loop, debug: bool) -> None:
        loop.set_debug(debug)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        for number in range(300):
            ran = threading.Event()
            loop.call_soon_threadsafe(ran.set)
            assert ran.wait(20), number
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        assert not thread.is_alive()

    @BOTH
    def test_may_come_while_it_does_not_run(self, loop: Loop) -> None:
        ran: list[int] = []
        for number in range(3):
            on_another_thread(lambda number=number: loop.call_soon_threadsafe(ran.append, number))
        turn(loop)
        assert ran == [0, 1, 2]

    def test_against_a_loop_that_closes_are_made_or_refused(self) -> None:
        for _ in range(50):
            loop = OURS()
            refused: list[str] = []

            def call(loop: Loop = loop, refused: list[str] = refused) -> None:
                try:
                    while True:
                        loop.call_soon_threadsafe(id, 0)
                except RuntimeError as error:
                    refused.append(str(error))

            thread = threading.Thread(target=call)
            thread.start()
            turn(loop)
            loop.close()
            thread.join(20)
            assert refused == ["Event loop is closed"]


class TestHandles:
    @BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_are_genuine(self, loop: Loop, debug: bool) -> None:
        loop.set_debug(debug)
        assert type(loop.call_soon(print)) is asyncio.Handle
        assert isinstance(loop.call_soon_threadsafe(print), asyncio.Handle)
        assert type(loop.call_later(1, print)) is asyncio.TimerHandle
        timer = loop.call_at(1.5, print, "a")
        assert type(timer) is asyncio.TimerHandle
        assert timer.when() == 1.5
        assert timer.cancelled() is False
        timer.cancel()
        assert timer.cancelled() is True
        loop._ready.clear()

    def test_have_all_that_the_classes_give_them(self, loop: Loop) -> None:
        def state(handle: asyncio.Handle) -> dict[str, object]:
            names = [name for base in type(handle).__mro__ for name in base.__dict__]
            values = {name: getattr(handle, name) for name in names if name[0] == "_" != name[1]}
            return {name: value for name, value in values.items() if not callable(value)}

        context = contextvars.copy_context()
        other = STANDARD()
        for call in ("call_soon", "call_soon_threadsafe"):
            ours = getattr(loop, call)(print, 1, 2, context=context)
            theirs = getattr(other, call)(print, 1, 2, context=context)
            assert {**state(ours), "_loop": None} == {**state(theirs), "_loop": None}
        ours, theirs = (each.call_at(5.5, print, 1, context=context) for each in (loop, other))
        assert {**state(ours), "_loop": None} == {**state(theirs), "_loop": None}
        assert ours == theirs
        assert hash(ours) == hash(theirs)
        assert repr(ours) == repr(theirs)
        loop._ready.clear()
        other.close()

    @BOTH
    def test_wait_in_queues_of_asyncios_kind(self, loop: Loop) -> None:
        assert type(loop._scheduled) is list
        queue = loop._ready
        assert not queue
        handles = [loop.call_soon(print, number) for number in range(4)]
        timer = loop.call_later(3600, print)
        assert loop._scheduled == [timer]
        assert len(queue) == 4
        assert list(queue) == handles
        assert handles[2] in queue
        assert (queue[0], queue[-1]) == (handles[0], handles[3])
        queue.remove(handles[2])
        queue.append(handles[2])
        queue.appendleft(queue.pop())
        assert queue.popleft() is handles[2]
        queue.extend([handles[0]])
        assert list(queue) == [handles[0], handles[1], handles[3], handles[0]]
        queue.clear()
        assert not queue
        with pytest.raises(IndexError):
            queue.popleft()
        with pytest.raises(ValueError, match=r"."):
            queue.remove(timer)
        # Some loops' tests and tools put a deque of their own there.
        loop._ready = collections.deque([handles[1]])
        assert list(loop._ready) == [handles[1]]
        loop._ready.clear()

    @BOTH
    def test_of_a_foreign_make_run_too(self, loop: Loop) -> None:
        ran: list[str] = []

        class Own(asyncio.Handle):
            __slots__ = ()

            def _run(self) -> None:
                ran.append("own")
                super()._run()

        class OwnTimer(asyncio.TimerHandle):
            __slots__ = ()

        loop._ready.append(Own(ran.append, ("callback",), loop))
        timer = OwnTimer(0.0, ran.append, ("timer",), loop)
        loop._scheduled.append(timer)
        loop.call_at(1.0, ran.append, "genuine")
        turn(loop)
        assert ran == ["own", "callback", "timer", "genuine"] or ran[:2] == ["timer", "genuine"]


class TestContexts:
    @BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_are_those_of_the_call_or_those_given(self, loop: Loop, debug: bool) -> None:
        loop.set_debug(debug)
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
        found: list[str] = []

        def look() -> None:
            found.append(variable.get())
            variable.set("not seen outside")

        given = contextvars.copy_context()
        given.run(variable.set, "given")
        variable.set("current")
        past = loop.time() - 1
        for options in ({}, {"context": given}, {"context": None}):
            loop.call_soon(look, **options)
            loop.call_soon_threadsafe(look, **options)
            loop.call_later(0, look, **options)
            loop.call_at(past, look, **options)
        variable.set("later")
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        # The context that was given is run in itself, and keeps what is set in it.
        assert sorted(found) == ["current"] * 8 + ["given"] + ["not seen outside"] * 3
        assert variable.get() == "later"
        assert given[variable] == "not seen outside"


class TestSubclasses:
    @BOTH
    def test_may_keep_a_time_of_their_own(self, make: type[Loop]) -> None:
        class Virtual(make):  # type: ignore[misc, valid-type]
            now = 0.0

            def time(self) -> float:
                return self.now

            def _run_once(self) -> None:
                if not self._ready and self._scheduled:
                    self.now = self._scheduled[0]._when
                super()._run_once()

        async def main() -> list[str]:
            done: list[str] = []

            async def sleep(seconds: float, name: str) -> None:
                await asyncio.sleep(seconds)
                done.append(name)

            await asyncio.gather(sleep(7200, "b"), sleep(3600, "a"), sleep(86400, "c"))
            return done

        loop = Virtual()
        assert loop.run_until_complete(main()) == ["a", "b", "c"]
        assert loop.now == 86400
        loop.close()

    @BOTH
    def test_see_call_later_come_by_their_call_at(self, make: type[Loop]) -> None:
        class Watching(make):  # type: ignore[misc, valid-type]
            def call_at(self, when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
                seen.append(when - self.time())
                return super().call_at(when, *args, **options)

        seen: list[float] = []
        loop = Watching()
        loop.call_later(5, print)
        loop.close()
        assert seen == [pytest.approx(5, abs=1)]

    @BOTH
    def test_are_asked_to_wake_themselves(self, make: type[Loop]) -> None:
        class Watching(make):  # type: ignore[misc, valid-type]
            def _write_to_self(self) -> None:
                seen.append(threading.get_ident())
                super()._write_to_self()

        seen: list[int] = []
        loop = Watching()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
        assert seen == [threading.get_ident()]

    @BOTH
    def test_are_given_the_selectors_events(self, make: type[Loop]) -> None:
        class Watching(make):  # type: ignore[misc, valid-type]
            def _process_events(self, events: list[tuple[selectors.SelectorKey, int]]) -> None:
                seen.extend((key.fileobj, mask) for key, mask in events)
                super()._process_events(events)

        seen: list[tuple[object, int]] = []
        loop = Watching()
        near, far = socket.socketpair()
        loop.add_writer(near.fileno(), loop.stop)
        loop.run_forever()
        loop.remove_writer(near)
        loop.close()
        assert (near.fileno(), selectors.EVENT_WRITE) in seen
        near.close()
        far.close()

    @BOTH
    def test_may_make_the_handles_run_in_their_run_once(self, make: type[Loop]) -> None:
        class Counting(make):  # type: ignore[misc, valid-type]
            turns = 0

            def _run_once(self) -> None:
                self.turns += 1
                super()._run_once()

        loop = Counting()
        turn(loop)
        turn(loop)
        loop.close()
        assert loop.turns == 2


@pytest.mark.parametrize(
    "selector",
    [
        selectors.SelectSelector,
        selectors.PollSelector,
        selectors.EpollSelector,
        selectors.DefaultSelector,
    ],
    ids=lambda selector: selector.__name__,
)
class TestSelectors:
    @pytest.fixture
    def loop(self, selector: Callable[[], selectors.BaseSelector]) -> Generator[Loop]:
        loop = OURS(selector())
        yield loop
        loop.close()

    def test_that_are_passed_in_serve_files_and_timers(self, loop: Loop) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()
            await writer.wait_closed()

        async def main() -> bytes:
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await asyncio.sleep(0.001)
            writer.write(b"line\n")
            line = await reader.read()
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
            return line

        assert loop.run_until_complete(asyncio.wait_for(main(), 20)) == b"LINE\n"

    def test_that_are_passed_in_are_woken_from_other_threads(self, loop: Loop) -> None:
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        for _ in range(100):
            ran = threading.Event()
            loop.call_soon_threadsafe(ran.set)
            assert ran.wait(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        assert not thread.is_alive()


class TestStop:
    @BOTH
    def test_before_the_run_gives_one_turn(self, loop: Loop) -> None:
        ran: list[str] = []
        loop.call_soon(ran.append, "ran")
        loop.call_soon(loop.call_soon, ran.append, "not")
        loop.stop()
        loop.run_forever()
        assert ran == ["ran"]
        loop._ready.clear()

    @BOTH
    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_by_an_exception_that_ends_the_program_leaves_the_rest_ready(
        self, loop: Loop, error: type[BaseException]
    ) -> None:
        def fail() -> None:
            raise error

        ran: list[str] = []
        loop.call_soon(fail)
        loop.call_soon(ran.append, "rest")
        with pytest.raises(error):
            loop.run_forever()
        assert not loop.is_running()
        assert ran == []
        turn(loop)
        assert ran == ["rest"]

    @BOTH
    def test_before_the_future_is_done_is_an_error(self, loop: Loop) -> None:
        loop.call_soon(loop.stop)
        with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
            loop.run_until_complete(loop.create_future())


class TestClose:
    @BOTH
    def test_may_be_repeated_and_drops_what_waits(self, loop: Loop) -> None:
        loop.call_soon(print)
        loop.call_later(1, print)
        for _ in range(3):
            loop.close()
            assert loop.is_closed()
            assert not loop._ready
            assert not loop._scheduled

    @BOTH
    def test_while_it_runs_is_an_error_that_leaves_it_running(self, loop: Loop) -> None:
        async def main() -> str:
            with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
                loop.close()
            return await asyncio.sleep(0.001, "runs")

        assert loop.run_until_complete(main()) == "runs"

    def test_closes_the_selector(self) -> None:
        selector = selectors.DefaultSelector()
        OURS(selector).close()
        with pytest.raises((ValueError, KeyError, RuntimeError)):
            selector.register(0, selectors.EVENT_READ)


class TestRepr:
    def test_is_numbered_and_tells_the_state(self) -> None:
        first, second = OURS(), OURS()
        assert repr(first) != repr(second)
        number = int(repr(first).split("-")[1].split()[0])
        assert repr(second) == f"<EventLoop-{number + 1} running=False closed=False debug=False>"
        first.close()
        second.close()
        assert repr(first) == f"<EventLoop-{number} running=False closed=True debug=False>"


class TestDebugMode:
    @BOTH
    def test_is_switched_by_set_debug_even_in_a_run(self, loop: Loop) -> None:
        async def main() -> list[object]:
            found: list[object] = []
            for debug in (False, True, False):
                loop.set_debug(debug)
                await asyncio.sleep(0)
                found.append((loop.get_debug(), loop.call_soon(id, 0)._source_traceback is None))
            found.append(sys.get_coroutine_origin_tracking_depth())
            return found

        loop.set_debug(False)
        seen = loop.run_until_complete(main())
        assert seen == [(False, True), (True, False), (False, True), 0]

    @BOTH
    def test_tracks_where_coroutines_were_made_while_it_runs(self, loop: Loop) -> None:
        async def main() -> int:
            return sys.get_coroutine_origin_tracking_depth()

        loop.set_debug(True)
        assert loop.run_until_complete(main()) > 0
        assert sys.get_coroutine_origin_tracking_depth() == 0

    @pytest.mark.parametrize("value", ["", "1"])
    def test_is_asked_for_by_the_environment(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("PYTHONASYNCIODEBUG", value)
        loop = OURS()
        assert loop.get_debug() is bool(value)
        loop.close()
