"""The loop's own half: scheduling. What is said of it is also asked of the standard loop."""

import asyncio
import contextvars
import functools
import inspect
import random
import selectors
import socket
import sys
import threading
from typing import Any

import pytest
from loops import OURS, STANDARD, WITH_BOTH, Loop, on_another_thread, turn
from pace import scaled

import sideloop


class TestOrder:
    @WITH_BOTH
    def test_is_that_of_the_calls(self, loop: Loop) -> None:
        ran: list[int] = []
        for number in range(100):
            call = loop.call_soon_threadsafe if number % 3 else loop.call_soon
            call(ran.append, number)
        turn(loop)
        assert ran == list(range(100))

    @WITH_BOTH
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

    @WITH_BOTH
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

    @WITH_BOTH
    def test_begins_with_a_look_at_io_however_short_the_run_is(self, loop: Loop) -> None:
        """CPython's own sendfile tests rely on it (test_sendfile_close_peer_in_the_middle...)."""
        done = loop.create_future()
        done.set_result(None)
        near, far = socket.socketpair()
        with near, far:
            for number in range(100):
                log: list[str] = []
                # A look at I/O, just before.
                loop.run_until_complete(done)
                far.send(b"x")
                loop.add_reader(near, log.append, "read")
                loop.run_until_complete(done)
                assert log == ["read"], f"at run {number}"
                loop.remove_reader(near)
                near.recv(10)

    @WITH_BOTH
    def test_of_timers_is_by_when_they_are_due(self, loop: Loop) -> None:
        ran: list[float] = []
        start = loop.time() - 10
        delays = [number / 1000 for number in range(500)]
        random.Random(3).shuffle(delays)
        for delay in delays:
            loop.call_at(start + delay, ran.append, delay)
        # Of an integer, which the heap must compare with the others.
        loop.call_at(0, ran.append, -1)
        turn(loop)
        assert ran == [-1, *sorted(delays)]

    @WITH_BOTH
    def test_skips_what_is_cancelled_even_in_the_same_turn(self, loop: Loop) -> None:
        ran: list[str] = []
        loop.call_soon(lambda: second.cancel())
        second = loop.call_soon(ran.append, "cancelled")
        loop.call_soon(ran.append, "third")
        loop.call_soon(ran.append, "cancelled before").cancel()
        turn(loop)
        assert ran == ["third"]

    @WITH_BOTH
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
    @WITH_BOTH
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

    @WITH_BOTH
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
    @WITH_BOTH
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

    @WITH_BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_wake_a_loop_that_sleeps(self, loop: Loop, debug: bool) -> None:
        loop.set_debug(debug)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        for number in range(300):
            ran = threading.Event()
            loop.call_soon_threadsafe(ran.set)
            assert ran.wait(scaled(20)), number
        loop.call_soon_threadsafe(loop.stop)
        thread.join(scaled(20))
        assert not thread.is_alive()

    @WITH_BOTH
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
            thread.join(scaled(20))
            assert refused == ["Event loop is closed"]


class TestCallSoon:
    """Whose usual form is taken apart in a way of its own."""

    @WITH_BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_takes_what_asyncio_s_takes(self, loop: Loop, debug: bool) -> None:
        loop.set_debug(debug)
        ran: list[tuple[Any, ...]] = []
        given, text = contextvars.copy_context(), "".join(["con", "text"])

        def run(*args: Any) -> None:
            ran.append(args)

        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
        given.run(variable.set, "given")
        loop.call_soon(run)
        loop.call_soon(run, 1, 2)
        loop.call_soon(lambda: run(variable.get()), **{text: given})
        loop.call_soon(callback=run)
        loop.call_soon(callback=lambda: run(variable.get()), context=given)
        type(loop).call_soon(loop, run, 3)
        asyncio.BaseEventLoop.call_soon(loop, run, 4)  # type: ignore[arg-type]
        functools.partial(loop.call_soon, run, context=None)(5)
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert ran == [(), (1, 2), ("given",), (), ("given",), (3,), (4,), (5,)]

    @WITH_BOTH
    def test_refuses_what_asyncio_s_refuses(self, loop: Loop) -> None:
        soon: Any = loop.call_soon
        for act in (
            soon,
            lambda: soon(context=None),
            lambda: soon(print, callback=print),
            lambda: soon(print, option=1),
            lambda: soon(print, context=None, option=1),
            lambda: type(loop).call_soon(),  # type: ignore[call-arg]
            lambda: type(loop).call_soon(1, print),  # type: ignore[arg-type]
        ):
            with pytest.raises((TypeError, AttributeError)):
                act()
        loop.call_soon(loop.stop)
        loop.run_forever()

    def test_says_how_it_is_called(self) -> None:
        signature = inspect.signature(sideloop.EventLoop.call_soon)
        assert list(signature.parameters) == ["self", "callback", "args", "context"]
        assert "next turn" in (sideloop.EventLoop.call_soon.__doc__ or "")

    def test_is_what_a_subclass_calls(self) -> None:
        asked: list[Any] = []

        class Own(sideloop.EventLoop):
            def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
                asked.append(callback)
                return super().call_soon(callback, *args, context=context)

        loop = Own()
        ran: list[int] = []
        handle = loop.call_soon(ran.append, 1)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        assert ran == [1]
        assert len(asked) == 2
        assert isinstance(handle, asyncio.Handle)


class TestContexts:
    @WITH_BOTH
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


class TestStop:
    @WITH_BOTH
    def test_before_the_run_gives_one_turn(self, loop: Loop) -> None:
        ran: list[str] = []
        loop.call_soon(ran.append, "ran")
        loop.call_soon(loop.call_soon, ran.append, "not")
        loop.stop()
        loop.run_forever()
        assert ran == ["ran"]
        loop._ready.clear()

    @WITH_BOTH
    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_by_an_exception_that_ends_the_program_leaves_the_rest_ready(
        self, loop: Loop, error: type[BaseException], debug: bool
    ) -> None:
        loop.set_debug(debug)

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

    @WITH_BOTH
    def test_before_the_future_is_done_is_an_error(self, loop: Loop) -> None:
        loop.call_soon(loop.stop)
        with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
            loop.run_until_complete(loop.create_future())


class TestClose:
    @WITH_BOTH
    def test_may_be_repeated_and_drops_what_waits(self, loop: Loop) -> None:
        loop.call_soon(print)
        loop.call_later(1, print)
        for _ in range(3):
            loop.close()
            assert loop.is_closed()
            assert not loop._ready
            assert not loop._scheduled

    @WITH_BOTH
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
        assert (
            repr(second)
            == f"<EventLoop-{number + 1} running=False closed=False debug={first.get_debug()}>"
        )
        first.close()
        second.close()
        debug = first.get_debug()
        assert repr(first) == f"<EventLoop-{number} running=False closed=True debug={debug}>"


class TestDebugMode:
    @WITH_BOTH
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

    @WITH_BOTH
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
        assert loop.get_debug() is (bool(value) or sys.flags.dev_mode)
        loop.close()
