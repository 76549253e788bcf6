"""What goes wrong on our loop goes wrong as on the standard one."""

import asyncio
import contextlib
import functools
import gc
import math
import os
import re
import selectors
import signal
import socket
from collections.abc import Callable

import pytest
from loops import OURS, STANDARD, WITH_BOTH, Loop, on_another_thread, turn


def plain(text: object) -> str:
    """Without what must differ: addresses, and the name of the base class."""
    return re.sub(r"x[0-9a-f]{6,}", "x", str(text)).replace("BaseEventLoop.", "LoopCore.")


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


def fail(error: BaseException) -> None:
    raise error


def fail_by_reader(loop: Loop) -> None:
    near, far = socket.socketpair()
    far.send(b"x")

    def read() -> None:
        loop.remove_reader(near)
        near.close()
        raise LookupError("why")

    loop.add_reader(near, read)
    far.close()


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
    "cancelled": lambda loop: loop.call_soon(fail, asyncio.CancelledError("why")),
    "left": lambda loop: loop.call_soon(fail, GeneratorExit("why")),
    "failing_reader": fail_by_reader,
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

    @WITH_BOTH
    def test_in_debug_mode_includes_coroutines_and_their_functions(self, loop: Loop) -> None:
        loop.set_debug(True)
        coroutine = coroutine_function()
        for call in (loop.call_soon, loop.call_soon_threadsafe, functools.partial(loop.call_at, 1)):
            for given in (coroutine_function, coroutine):
                with pytest.raises(TypeError, match="coroutines cannot be used with call_"):
                    call(given)
        coroutine.close()
        assert not loop._ready

    @WITH_BOTH
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

    @WITH_BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    @pytest.mark.parametrize("delay", [-1, -1e9, -math.inf, 0, False, 1e-12, -0.0])
    def test_delays_of_no_length_are_over_at_once(
        self, loop: Loop, delay: float, debug: bool
    ) -> None:
        loop.set_debug(debug)
        loop.call_later(delay, loop.stop)
        loop.run_forever()
        assert loop._scheduled == []

    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    @pytest.mark.parametrize(
        "selector",
        [selectors.EpollSelector, selectors.SelectSelector, selectors.PollSelector],
        ids=lambda selector: selector.__name__,
    )
    def test_delays_that_are_no_number_are_over_at_once_where_the_standard_loop_says_so(
        self, selector: type[selectors.BaseSelector], debug: bool
    ) -> None:
        def answer(make: type[Loop]) -> str:
            with contextlib.closing(make(selector())) as loop:
                loop.set_debug(debug)
                loop.call_later(math.nan, loop.stop)
                try:
                    loop.run_forever()
                except ValueError as error:
                    return str(error)
                return "over"

        # Since CPython 3.13 it ends the standard loop with ValueError.
        assert answer(OURS) in (answer(STANDARD), "over")

    @WITH_BOTH
    def test_after_close_opens_no_files(self, loop: Loop) -> None:
        loop.close()
        gc.collect()
        before = os.listdir("/proc/self/fd")  # noqa: PTH208  # only their names
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            loop.add_signal_handler(signal.SIGUSR1, print)
        after = os.listdir("/proc/self/fd")  # noqa: PTH208  # only their names
        for pipe_end in filter(None, (loop._ssock, loop._csock)):
            pipe_end.close()
        assert after == before

    @WITH_BOTH
    def test_delays_of_infinite_length_are_waited_for(self, loop: Loop) -> None:
        loop.call_later(math.inf, pytest.fail)
        loop.call_later(1e300, pytest.fail)
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
        assert len(loop._scheduled) == 2


class TestTheExceptionHandler:
    @WITH_BOTH
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_by_default_logs_the_error_with_its_traceback(
        self, loop: Loop, debug: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        loop.set_debug(debug)
        loop.call_soon(fail, LookupError("why"))
        turn(loop)
        [record] = caplog.records
        assert record.getMessage().startswith("Exception in callback fail(")
        assert ("Object created at" in record.getMessage()) is debug
        assert record.exc_info is not None
        assert repr(record.exc_info[1]) == "LookupError('why')"

    @WITH_BOTH
    def test_that_fails_itself_is_logged(
        self, loop: Loop, caplog: pytest.LogCaptureFixture
    ) -> None:
        loop.set_exception_handler(lambda *_: fail(OSError("handler")))
        loop.call_soon(fail, LookupError("why"))
        turn(loop)
        assert "Unhandled error in exception handler" in caplog.records[0].getMessage()

    @WITH_BOTH
    def test_has_a_handle_that_still_tells_what_it_ran(self, loop: Loop) -> None:
        seen: list[str] = []
        loop.set_exception_handler(lambda _, context: seen.append(repr(context["handle"])))
        loop.call_soon(fail, LookupError("why"))
        turn(loop)
        assert seen[0].startswith("<Handle fail(")
