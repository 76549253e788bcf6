"""What comes in the very turn in which a call ends: an exit, or Ctrl-C. It is never swallowed."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any

import programs
import pytest
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, LoopStoppedError, Runner

Drive = Any

both_exits = pytest.mark.parametrize("exit_kind", [SystemExit, KeyboardInterrupt])


def caught(sync_fn: Callable[[], object]) -> BaseException:
    try:
        sync_fn()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def leave(error: BaseException) -> None:
    raise error


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def returns(error: BaseException) -> Callable[[], Any]:
    """An async function that returns in the turn in which a callback raises this."""

    async def work() -> str:
        asyncio.get_running_loop().call_soon(leave, error)
        return "returned"

    return work


def returns_later(error: BaseException) -> Callable[[], Any]:
    """The same, after it has waited."""

    async def work() -> str:
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_soon(leave, error)
        return "returned"

    return work


def fails(error: BaseException) -> Callable[[], Any]:
    async def work() -> None:
        asyncio.get_running_loop().call_soon(leave, error)
        raise LookupError("of the call")

    return work


def is_cancelled(error: BaseException) -> Callable[[], Any]:
    async def work() -> None:
        asyncio.get_running_loop().call_soon(leave, error)
        raise asyncio.CancelledError

    return work


WAYS = [returns, returns_later, fails, is_cancelled]

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@both_exits
@every_way
class TestAnExitWhereTheCallerDrives:
    def test_comes_out_of_run(
        self, exit_kind: type[BaseException], way: Callable[..., Any]
    ) -> None:
        error = exit_kind(7)
        with Runner(drive="caller") as runner:
            assert caught(lambda: runner.run(way(error))) is error
            assert runner.run(answer) == 42

    def test_comes_out_of_run_sync(
        self, exit_kind: type[BaseException], way: Callable[..., Any]
    ) -> None:
        error = exit_kind(7)
        manager = LoopManager(drive="caller")
        assert caught(lambda: manager.run_sync(way(error))) is error
        assert manager.run_sync(answer) == 42
        manager.close()

    def test_comes_out_of_a_nested_call(
        self, exit_kind: type[BaseException], way: Callable[..., Any]
    ) -> None:
        error = exit_kind(7)
        manager = LoopManager(drive="caller")

        async def outer() -> int:
            assert caught(lambda: manager.run_sync(way(error))) is error
            return await answer()

        assert manager.run_sync(outer) == 42
        manager.close()

    def test_comes_out_of_a_step(
        self, exit_kind: type[BaseException], way: Callable[..., Any]
    ) -> None:
        error = exit_kind(7)

        async def items() -> Any:
            yield await way(error)()

        with Runner(drive="caller") as runner:
            iterator = runner.iterate(items())
            assert caught(lambda: next(iterator)) is error
            iterator.close()
            assert runner.run(answer) == 42


class TestAnExitThatComesWithAnError:
    def test_has_it_as_its_cause(self) -> None:
        with Runner(drive="caller") as runner:
            error = caught(lambda: runner.run(fails(SystemExit(7))))
            assert isinstance(error, SystemExit)
            assert isinstance(error.__cause__, LookupError)

    def test_that_has_a_cause_of_its_own_keeps_it(self) -> None:
        exiting, reason = SystemExit(7), OSError("why")
        exiting.__cause__ = reason
        with Runner(drive="caller") as runner:
            assert caught(lambda: runner.run(fails(exiting))) is exiting
        assert exiting.__cause__ is reason
        assert isinstance(exiting.__context__, LookupError)


@both_exits
@every_way
class TestAnExitOnALoopThread:
    def test_is_reported_if_nobody_waits_and_the_next_call_works(
        self, exit_kind: type[BaseException], way: Callable[..., Any], wait_until: WaitUntil
    ) -> None:
        error, reported = exit_kind(7), list[dict[str, Any]]()

        def report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            reported.append(context)

        with Runner(name="left", exception_handler=report) as runner:
            told: BaseException | None = None
            try:
                assert runner.run(way(error)) == "returned"
            except (LookupError, asyncio.CancelledError):
                pass
            except LoopStoppedError as stopped:
                told = stopped.__cause__
            # Whoever still waits is told; if nobody does, the exception handler is.
            wait_until(lambda: told is error or reported)
            assert told is error or [one["exception"] for one in reported] == [error]
            assert runner.run(answer) == 42

    def test_is_told_to_every_caller_that_waits(
        self, exit_kind: type[BaseException], way: Callable[..., Any]
    ) -> None:
        error, waiting = exit_kind(7), threading.Event()
        errors = list[BaseException]()

        async def forever() -> None:
            waiting.set()
            await asyncio.Event().wait()

        with Runner() as runner:
            thread = threading.Thread(
                target=lambda: errors.append(caught(lambda: runner.run(forever)))
            )
            thread.start()
            assert waiting.wait(scaled(20))
            with contextlib.suppress(LookupError, asyncio.CancelledError, LoopStoppedError):
                runner.run(way(error))
            thread.join(scaled(20))
            assert isinstance(errors[0], LoopStoppedError)
            assert errors[0].__cause__ is error
            assert runner.run(answer) == 42


@pytest.mark.parametrize("loop_factory", [None, asyncio.new_event_loop], ids=["ours", "asyncio's"])
@both_exits
def test_an_exit_of_a_child_task_that_its_caller_gets_is_not_reported(
    exit_kind: type[BaseException], loop_factory: Any
) -> None:
    error, reported = exit_kind(7), list[dict[str, Any]]()

    async def child() -> None:
        raise error

    async def work() -> None:
        await asyncio.create_task(child())

    with Runner(
        loop_factory=loop_factory, exception_handler=lambda _, context: reported.append(context)
    ) as runner:
        # The loop ends with it, and the call meanwhile.
        assert caught(lambda: runner.run(work)) is error
        assert runner.run(answer) == 42
    assert reported == []


class Guests:
    """A loop that another thread runs, and what has left its `run_forever`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.left: list[BaseException] = []
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                self.loop.run_forever()
            except BaseException as error:
                self.left.append(error)
                continue
            return

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def guests() -> Generator[Guests]:
    guests = Guests()
    yield guests
    guests.close()


@both_exits
class TestAnExitOnALoopThatSomebodyElseRuns:
    @every_way
    def test_leaves_the_owners_run_forever(
        self,
        guests: Guests,
        exit_kind: type[BaseException],
        way: Callable[..., Any],
        wait_until: WaitUntil,
    ) -> None:
        error = exit_kind(7)
        with contextlib.suppress(LookupError, asyncio.CancelledError):
            assert sideloop.run_on(guests.loop, way(error)) == "returned"
        wait_until(lambda: guests.left)
        assert guests.left == [error]
        assert sideloop.run_on(guests.loop, answer) == 42

    def test_of_the_function_leaves_it_too(
        self, guests: Guests, exit_kind: type[BaseException], wait_until: WaitUntil
    ) -> None:
        error = exit_kind(7)

        def sync_part() -> Any:
            raise error

        async def first_step() -> None:
            raise error

        for count, async_fn in enumerate((sync_part, first_step), 1):
            assert caught(lambda: sideloop.run_on(guests.loop, async_fn)) is error  # noqa: B023
            wait_until(lambda: len(guests.left) == count)  # noqa: B023
        assert guests.left == [error, error]
        assert sideloop.run_on(guests.loop, answer) == 42

    def test_of_the_functions_task_factory_leaves_it_too(
        self, guests: Guests, exit_kind: type[BaseException], wait_until: WaitUntil
    ) -> None:
        error = exit_kind(7)

        def factory(_: object, coroutine: Any, **options: object) -> Any:
            coroutine.close()
            raise error

        guests.loop.call_soon_threadsafe(guests.loop.set_task_factory, factory)
        assert caught(lambda: sideloop.run_on(guests.loop, answer)) is error
        guests.loop.call_soon_threadsafe(guests.loop.set_task_factory, None)
        wait_until(lambda: guests.left)
        assert guests.left == [error]
        assert sideloop.run_on(guests.loop, answer) == 42


@pytest.mark.parametrize("drive", ["caller", "thread"])
class TestCtrlC:
    @pytest.mark.parametrize(
        "what", ["of_run", "of_run_sync", "of_a_nested_call", "of_an_iterator"]
    )
    def test_is_not_swallowed(self, what: str, drive: str) -> None:
        ended = programs.run("last_turn", what, drive)
        assert ended.lines == ["KeyboardInterrupt", "42"], ended
        assert ended.code == 0

    def test_is_not_swallowed_if_the_call_fails(self, drive: str) -> None:
        ended = programs.run("last_turn", "of_run_that_fails", drive)
        assert ended.lines[0].startswith("KeyboardInterrupt"), ended
        assert ended.lines[1:] == ["42"]

    def test_is_not_swallowed_in_the_report_of_a_slow_call(self, drive: str) -> None:
        ended = programs.run("last_turn", "ctrl_c_in_a_report", drive)
        assert ended.lines[0].startswith("KeyboardInterrupt"), ended
        assert ended.lines[1:] == ["42"]


@pytest.mark.parametrize("drive", ["caller", "thread"])
def test_what_a_signal_handler_raises_in_the_report_of_a_slow_call_is_not_swallowed(
    drive: str,
) -> None:
    ended = programs.run("last_turn", "an_error_in_a_report", drive)
    assert ended.lines[0].startswith("LeaveError"), ended
    assert ended.lines[1:] == ["42"]


def test_an_exit_of_another_call_of_the_batch_comes_to_that_call_alone() -> None:
    """Two calls come in at once, and the first one's first step exits."""
    free, blocked = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        free.wait(scaled(20))

    async def leaves() -> None:
        sys.exit(7)

    with Runner() as runner:
        runner.run(answer)
        runner.submit(asyncio.sleep, 0).add_done_callback(lambda _: block())
        assert blocked.wait(scaled(20))
        futures = [runner.submit(each) for each in (leaves, answer, leaves, answer)]
        free.set()
        outcomes = [future.exception(scaled(20)) or future.result() for future in futures]
        assert [type(one) for one in outcomes] == [SystemExit, int, SystemExit, int]


def stops_and_exits(error: BaseException) -> Callable[[], Any]:
    """An async function that exits in the turn in which it stops its loop."""

    async def work() -> None:
        asyncio.get_running_loop().stop()
        raise error

    return work


def exits_after_a_stop(error: BaseException) -> Callable[[], Any]:
    """The same where the loop hears of the stop a turn later, as uvloop does."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        loop.call_soon(loop.stop)
        loop.call_soon(woken.set_result, None)
        await woken
        raise error

    return work


def uvloops() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


def patched_loop() -> asyncio.AbstractEventLoop:
    """A loop that somebody has patched before its runner gets it."""
    loop: Any = asyncio.new_event_loop()
    loop.stop = loop.stop
    return loop


@both_exits
@pytest.mark.parametrize("way", [stops_and_exits, exits_after_a_stop])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"drive": "caller"},
        {"loop_factory": asyncio.new_event_loop},
        {"loop_factory": uvloops},
        {"loop_factory": patched_loop},
    ],
    ids=["ours", "driven", "asyncio's", "uvloop's", "patched"],
)
def test_a_stop_is_not_lost_in_the_exit_of_a_call(
    options: dict[str, Any], way: Callable[[BaseException], Any], exit_kind: type[BaseException]
) -> None:
    error = exit_kind(7)

    async def running_loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with Runner(**options) as runner:
        loop = runner.run(running_loop)
        waiting = [runner.submit(asyncio.sleep, 60)] if runner.drive == "thread" else []
        told = caught(lambda: runner.run(way(error)))
        # The call's own exit, unless the loop had heard of its stop before.
        assert told is error or (way is exits_after_a_stop and isinstance(told, LoopStoppedError))
        for stopped in [future.exception(scaled(20)) for future in waiting]:
            assert isinstance(stopped, LoopStoppedError)
            assert stopped.__cause__ is None
        assert runner.run(running_loop) is not loop


def test_a_stop_that_is_replaced_later_is_the_one_that_is_called() -> None:
    seen: list[str] = []

    async def stops() -> None:
        loop: Any = asyncio.get_running_loop()
        before = loop.stop

        def stop() -> None:
            seen.append("stop")
            before()

        loop.stop = stop
        loop.stop()
        await asyncio.sleep(60)

    with Runner() as runner:
        assert isinstance(caught(lambda: runner.run(stops)), LoopStoppedError)
    assert seen
