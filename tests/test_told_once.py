"""An end that is told in Python, where a signal handler interrupts that: told all the same."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from pace import scaled

import sideloop
from sideloop import drive, run_on_caller, submit_on
from sideloop._runners.drive import _Driven  # pyright: ignore[reportPrivateUsage]
from sideloop._runners.submit import Submitted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PATIENCE = scaled(20)

ERRORS: list[type[BaseException]] = [LookupError, SystemExit, KeyboardInterrupt, GeneratorExit]


@pytest.fixture(params=[asyncio.SelectorEventLoop, sideloop.EventLoop], ids=["asyncio", "sideloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    loop: asyncio.AbstractEventLoop = request.param()
    yield loop
    loop.close()


@pytest.fixture(params=ERRORS)
def error(request: pytest.FixtureRequest) -> Iterator[type[BaseException]]:
    """What the handler of a signal raises."""
    found: type[BaseException] = request.param

    def handle(*_: object) -> None:
        raise found("of the handler")

    before = signal.signal(signal.SIGUSR1, handle)
    yield found
    signal.signal(signal.SIGUSR1, before)


class Interrupt:
    """Has the signal come as a function is entered, or has just done its work: once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, of: type, name: str, when: str) -> None:
        self.came = 0
        act = getattr(of, name)

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                self._come()
            found = act(*args, **kwargs)
            if when == "after":
                self._come()
            return found

        monkeypatch.setattr(of, name, interrupted)

    def _come(self) -> None:
        self.came += 1
        if self.came == 1:
            signal.raise_signal(signal.SIGUSR1)
            time.sleep(0)


Interrupting = Callable[[type], Interrupt]


@pytest.fixture
def interrupting(monkeypatch: pytest.MonkeyPatch, name: str, when: str) -> Interrupting:
    """Has a class's function of this name interrupted, then."""
    return lambda of: Interrupt(monkeypatch, of, name, when)


def reports_of(loop: asyncio.AbstractEventLoop) -> list[BaseException]:
    """What the loop's exception handler is told from here on."""
    reports: list[BaseException] = []
    loop.set_exception_handler(lambda _, context: reports.append(context["exception"]))
    return reports


def rest(loop: asyncio.AbstractEventLoop) -> None:
    """Nothing is left on it, nor does it stop."""
    assert loop.run_until_complete(asyncio.sleep(0.01, "after")) == "after"
    assert not asyncio.all_tasks(loop)


@pytest.mark.parametrize("when", ["before", "after"])
class TestADrivenCall:
    @pytest.mark.parametrize("name", ["settle_value", "_settle", "_stop", "_turn_once", "_go_on"])
    def test_has_an_end(
        self,
        loop: asyncio.AbstractEventLoop,
        error: type[BaseException],
        interrupting: Interrupting,
    ) -> None:
        interrupt = interrupting(_Driven)
        reports = reports_of(loop)
        begun = time.monotonic()
        heard: BaseException | None = None
        try:
            assert drive(loop, asyncio.sleep, 0.01, 1) == 1
        except BaseException as raised:
            heard = raised
        assert time.monotonic() - begun < scaled(3)  # not when its grace is over
        assert interrupt.came
        assert isinstance(heard or reports.pop(), error)
        assert reports == []
        rest(loop)

    @pytest.mark.parametrize("name", ["settle_error", "_settle", "_stop", "_turn_once"])
    def test_that_exits_leaves_no_exit_for_the_next_run(
        self,
        loop: asyncio.AbstractEventLoop,
        error: type[BaseException],
        interrupting: Interrupting,
    ) -> None:
        async def exit_() -> None:
            await asyncio.sleep(0)
            raise SystemExit(7)

        interrupt = interrupting(_Driven)
        reports = reports_of(loop)
        with pytest.raises((SystemExit, error)):
            drive(loop, exit_)
        assert interrupt.came
        assert all(isinstance(report, error) for report in reports)
        rest(loop)

    @pytest.mark.parametrize("name", ["hear_of_errand", "_leave", "_run_errands"])
    def test_has_its_errands_run_or_cleans_up(
        self,
        loop: asyncio.AbstractEventLoop,
        error: type[BaseException],
        interrupting: Interrupting,
        name: str,
        when: str,
    ) -> None:
        async def ask() -> int:
            try:
                await run_on_caller(ran.append, 1)
                return 2
            finally:
                ended.append(1)

        if (name, when) == ("_leave", "after"):
            pytest.skip("it is left by an exception")
        interrupt = interrupting(_Driven)
        ran: list[int] = []
        ended: list[int] = []
        reports_of(loop)
        begun = time.monotonic()
        with contextlib.suppress(error):
            assert drive(loop, ask) == 2
            assert ran
        assert time.monotonic() - begun < scaled(3)
        assert interrupt.came
        assert len(ran) <= 1
        assert ended == [1]
        rest(loop)


def test_a_driven_call_that_was_interrupted_before_its_first_step_does_not_run_later(
    error: type[BaseException],
) -> None:
    class Loop(asyncio.SelectorEventLoop):
        """Left when it has taken the call in, and made its task."""

        runs = 0

        def run_forever(self) -> None:
            self.runs += 1
            if self.runs > 1:
                super().run_forever()
                return
            self._run_once()  # type: ignore[attr-defined]  # pyright: ignore
            assert len(asyncio.all_tasks(self)) == 1
            signal.raise_signal(signal.SIGUSR1)

    async def exit_() -> None:
        ran.append(1)
        raise SystemExit(7)

    ran: list[int] = []
    loop = Loop()
    with pytest.raises(error):
        drive(loop, exit_)
    rest(loop)
    assert ran == []
    loop.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["settle_value", "_forget", "set_result", "_invoke_callbacks"])
class TestAFuture:
    def test_of_a_call_on_the_main_thread_s_loop_is_settled(
        self,
        loop: asyncio.AbstractEventLoop,
        error: type[BaseException],
        interrupting: Interrupting,
    ) -> None:
        def callback(_: "Future[int]") -> None:
            told.append(1)

        interrupt = interrupting(Submitted)
        reports = reports_of(loop)
        told: list[int] = []
        future = submit_on(loop, asyncio.sleep, 0, 22)
        future.add_done_callback(callback)
        heard: list[BaseException] = []
        end = time.monotonic() + PATIENCE
        while not told or not (heard or reports):
            assert time.monotonic() < end
            try:
                loop.run_until_complete(asyncio.sleep(0.01))
            except error as raised:
                heard.append(raised)
        assert interrupt.came
        assert [type(one) for one in heard + reports] == [error]
        assert told == [1]
        assert future.result(0) == 22
        rest(loop)


def test_a_callback_that_exits_keeps_no_other_from_being_called(
    loop: asyncio.AbstractEventLoop,
) -> None:
    def leave(_: object) -> None:
        raise SystemExit(7)

    told: list[object] = []
    future = submit_on(loop, asyncio.sleep, 0, 22)
    future.add_done_callback(leave)
    future.add_done_callback(told.append)
    with pytest.raises(SystemExit):
        loop.run_until_complete(asyncio.sleep(0.05))
    assert told == [future]
    assert future.result(0) == 22
