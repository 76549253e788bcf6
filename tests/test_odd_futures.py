"""Futures that are not asyncio's own, and those that raise: only their own call is harmed."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest
from aliases import LoopFactory, WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner

GRACE = 0.3


class OddError(Exception):
    pass


class Foreign:
    """A future of somebody's own: all that asyncio asks of one, and nothing else."""

    _asyncio_future_blocking = False

    def __init__(self, delay: float | None = 0.02) -> None:
        self._loop = asyncio.get_running_loop()
        self._callbacks: list[tuple[Any, Any]] = []
        self._done = self._cancelled = False
        if delay is None:
            self._done = True
        else:
            self._loop.call_later(delay, self._finish)

    def _finish(self) -> None:
        self._done = True
        for callback, context in self._callbacks:
            self._loop.call_soon(callback, self, context=context)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
        # Called for what is not done yet, as `__await__` does: it does not look.
        self._callbacks.append((callback, context))

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return self._cancelled

    def result(self) -> Any:
        if self._cancelled:
            raise asyncio.CancelledError
        return 42

    def exception(self) -> BaseException | None:
        return None

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  # its signature
        if self._done:
            return False
        self._cancelled = True
        self._finish()
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._done:
            self._asyncio_future_blocking = True
            yield self
        return self.result()


class WithoutContext(Foreign):
    """Its `add_done_callback` is of the time before contexts."""

    def add_done_callback(self, callback: Any) -> None:  # type: ignore[override]
        super().add_done_callback(callback)


class ThatNeverHears(Foreign):
    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:  # noqa: ARG002  # its signature
        raise OddError("no callbacks")


class WithoutResult(Foreign):
    def result(self) -> Any:
        raise OddError("no result")


class WithoutException(Foreign):
    def exception(self) -> BaseException | None:
        raise OddError("no exception")

    def cancelled(self) -> bool:
        raise OddError("no answer")


class WithoutLoop(Foreign):
    def get_loop(self) -> asyncio.AbstractEventLoop:
        raise OddError("no loop")


class Odd(asyncio.Future[Any]):
    """A future of asyncio's that its user has made different."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.get_loop().call_later(0.02, self._finish)

    def _finish(self) -> None:
        if not self.done():
            self.set_result(42)


class OddWithoutResult(Odd):
    def result(self) -> Any:
        raise OddError("no result")


class OddWithoutException(Odd):
    def exception(self) -> BaseException | None:
        raise OddError("no exception")

    def cancelled(self) -> bool:
        raise OddError("no answer")


class OddThatNeverHears(Odd):
    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:  # noqa: ARG002  # its signature
        raise OddError("no callbacks")


class Stubborn(asyncio.Future[Any]):
    """Its `cancel` raises, and it never ends by itself."""

    error: BaseException = OddError("cannot be cancelled")

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        made.append(self)

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  # its signature
        raise self.error


made: list[asyncio.Future[Any]] = []


@pytest.fixture(autouse=True)
def what_is_made_ends() -> Generator[None]:
    """So that nothing is left on a loop that is closed."""
    yield
    made.clear()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


Run = Callable[..., Any]


@pytest.fixture(params=["thread", "foreign", "caller", "brings back", "run_on"])
def run(request: pytest.FixtureRequest) -> Generator[Run]:
    """Every way to make a call."""
    if request.param == "run_on":
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        yield lambda async_fn: sideloop.run_on(loop, async_fn)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        return
    options: dict[str, dict[str, Any]] = {
        "thread": {},
        "foreign": {"loop_factory": asyncio.new_event_loop},
        "caller": {"drive": "caller"},
        "brings back": {"copy_context_back": True},
    }
    manager = LoopManager(grace=GRACE, **options[request.param])
    yield manager.run_sync
    manager.close()


def outcome(run: Run, async_fn: Callable[[], Any]) -> object:
    """What comes of the call, which has to end by itself."""
    with sideloop.timeout(10):
        try:
            return run(async_fn)
        except OddError as error:
            return error
        finally:
            assert run(answer) == 42


class TestAFutureOfSomebodysOwnClass:
    @pytest.mark.parametrize("kind", [Foreign, WithoutException, Odd])
    def test_is_awaited(self, run: Run, kind: Callable[[], Any]) -> None:
        assert outcome(run, kind) == 42

    def test_is_awaited_if_it_is_done_already(self, run: Run) -> None:
        assert outcome(run, lambda: Foreign(None)) == 42

    @pytest.mark.parametrize("kind", [WithoutResult])
    def test_raises_what_its_result_raises(self, run: Run, kind: Callable[[], Any]) -> None:
        assert isinstance(outcome(run, kind), OddError)

    @pytest.mark.parametrize("kind", [OddWithoutResult, OddWithoutException])
    def test_of_a_class_under_asyncios_ends_its_call(
        self, run: Run, kind: Callable[[], Any]
    ) -> None:
        # asyncio itself asks its own class in one place and the object in another.
        found = outcome(run, kind)
        assert found == 42 or isinstance(found, OddError)

    def test_is_cancelled_by_a_time_limit(self, run: Run) -> None:
        kept = list[Foreign]()

        def make() -> Any:
            kept.append(Foreign(60))
            return kept[0]

        with pytest.raises(TimeoutError) as raised, sideloop.timeout(scaled(0.1)):
            run(make)
        assert isinstance(raised.value.__cause__, asyncio.CancelledError)
        assert kept[0].cancelled()


@pytest.mark.parametrize("kind", [OddError, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize(
    "options",
    [{}, {"loop_factory": asyncio.new_event_loop}, {"drive": "caller"}],
    ids=["thread", "foreign", "caller"],
)
def test_a_future_of_somebodys_own_class_that_cannot_be_cancelled_ends_its_call_and_task(
    options: dict[str, Any], kind: type[BaseException]
) -> None:
    error, tasks = kind(7), list[asyncio.Task[Any]]()

    class ThatCannotBeCancelled(Foreign):
        def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  # its signature
            tasks.extend(asyncio.all_tasks())
            raise error

    with Runner(grace=GRACE, **options) as runner:
        with pytest.raises((TimeoutError, kind)) as raised, sideloop.timeout(scaled(0.1)):
            runner.run(lambda: ThatCannotBeCancelled(60))
        assert error in (raised.value, raised.value.__cause__)
        assert runner.run(answer) == 42
        assert [task.done() for task in tasks] == [True]


@pytest.mark.parametrize("drive", ["thread", "caller"])
@pytest.mark.parametrize("loop_factory", [None, asyncio.new_event_loop])
class TestAFutureThatCannotBeHeard:
    """asyncio's tasks wait for it in vain; a call that has nothing else to await says so."""

    @pytest.mark.parametrize("kind", [WithoutContext, ThatNeverHears, OddThatNeverHears])
    def test_is_an_error_or_awaited_and_never_a_hang(
        self, drive: Any, loop_factory: LoopFactory | None, kind: Callable[[], Any]
    ) -> None:
        if drive == "caller" and loop_factory is not None:
            pytest.skip("a loop that the caller drives is ours")
        with Runner(drive=drive, loop_factory=loop_factory, grace=GRACE) as runner:
            found = outcome(runner.run, kind)
            assert found == 42 or isinstance(found, OddError)

    def test_has_no_loop(self, drive: Any, loop_factory: LoopFactory | None) -> None:
        if drive == "caller" and loop_factory is not None:
            pytest.skip("a loop that the caller drives is ours")
        with Runner(drive=drive, loop_factory=loop_factory, grace=GRACE) as runner:
            found = outcome(runner.run, WithoutLoop)
            assert found == 42 or isinstance(found, OddError)


class Waiting:
    """A call on the same loop that waits, and that nothing may happen to."""

    def __init__(self, runner: Runner) -> None:
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._go_on = asyncio.Event()
        self.found: list[object] = []
        self._thread = threading.Thread(target=self._call, args=[runner])
        self._thread.start()
        assert self._started.wait(scaled(20))

    def _call(self, runner: Runner) -> None:
        try:
            self.found.append(runner.run(self._wait))
        except BaseException as error:
            self.found.append(error)

    async def _wait(self) -> str:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._go_on.wait()
        return "undisturbed"

    def end(self) -> object:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # closed
            self._loop.call_soon_threadsafe(self._go_on.set)
        self._thread.join(scaled(20))
        return self.found[0]


async def waits_for_it() -> None:
    await Stubborn()


@pytest.mark.parametrize("async_fn", [Stubborn, waits_for_it])
class TestAFutureWhoseCancelRaises:
    def test_fails_its_own_call_alone(
        self, async_fn: Callable[[], Any], loop_factory: LoopFactory | None
    ) -> None:
        with Runner(name="tested", loop_factory=loop_factory, grace=GRACE) as runner:
            waiting = Waiting(runner)
            with pytest.raises(TimeoutError) as raised, sideloop.timeout(scaled(0.1)):
                runner.run(async_fn)
            assert isinstance(raised.value.__cause__, OddError)
            assert runner.run(answer) == 42
            assert waiting.end() == "undisturbed"
            _let_end(runner)

    def test_fails_its_own_call_where_the_caller_drives(self, async_fn: Callable[[], Any]) -> None:
        with Runner(drive="caller", grace=GRACE) as runner:
            with pytest.raises(TimeoutError) as raised, sideloop.timeout(scaled(0.1)):
                runner.run(async_fn)
            assert isinstance(raised.value.__cause__, OddError)
            assert runner.run(answer) == 42
            _let_end(runner)

    def test_fails_its_own_submitted_call_alone(
        self, async_fn: Callable[[], Any], loop_factory: LoopFactory | None
    ) -> None:
        with Runner(name="tested", loop_factory=loop_factory, grace=GRACE) as runner:
            waiting = Waiting(runner)
            future = runner.submit(async_fn)
            runner.run(answer)
            assert future.cancel()
            assert runner.run(answer) == 42
            assert waiting.end() == "undisturbed"
            _let_end(runner)

    def test_does_not_keep_a_close_from_the_others(
        self, async_fn: Callable[[], Any], loop_factory: LoopFactory | None
    ) -> None:
        cleaned: list[str] = []

        async def clean_up(name: str) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                cleaned.append(name)

        with Runner(name="tested", loop_factory=loop_factory, grace=GRACE) as runner:
            futures = [runner.submit(clean_up, "before"), runner.submit(async_fn)]
            futures.append(runner.submit(clean_up, "after"))
            runner.run(answer)
        assert sorted(cleaned) == ["after", "before"]
        for future in futures:
            with pytest.raises(sideloop.RunnerClosedError):
                future.result(scaled(20))

    @pytest.mark.parametrize("exit_kind", [SystemExit, KeyboardInterrupt])
    def test_by_an_exit_fails_its_own_call_alone_and_with_that(
        self,
        async_fn: Callable[[], Any],
        exit_kind: type[BaseException],
        loop_factory: LoopFactory | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        error = exit_kind(7)
        monkeypatch.setattr(Stubborn, "error", error)
        with Runner(name="tested", loop_factory=loop_factory, grace=GRACE) as runner:
            waiting = Waiting(runner)
            with pytest.raises(exit_kind) as raised, sideloop.timeout(scaled(0.1)):
                runner.run(async_fn)
            assert raised.value is error
            assert isinstance(error.__context__, TimeoutError)
            assert runner.run(answer) == 42
            assert waiting.end() == "undisturbed"
            _let_end(runner)

    @pytest.mark.parametrize("exit_kind", [SystemExit, KeyboardInterrupt])
    def test_by_an_exit_leaves_the_loop_of_somebody_else_too(
        self,
        async_fn: Callable[[], Any],
        exit_kind: type[BaseException],
        monkeypatch: pytest.MonkeyPatch,
        wait_until: WaitUntil,
    ) -> None:
        error, left = exit_kind(7), list[BaseException]()
        monkeypatch.setattr(Stubborn, "error", error)
        monkeypatch.setattr("sideloop._runners.run_on.GRACE", GRACE)
        loop = asyncio.new_event_loop()

        def serve() -> None:
            while not left:
                try:
                    loop.run_forever()
                except BaseException as raised:
                    left.append(raised)
            loop.run_forever()

        thread = threading.Thread(target=serve)
        thread.start()
        wait_until(loop.is_running)
        with pytest.raises(exit_kind) as raised, sideloop.timeout(scaled(0.1)):
            sideloop.run_on(loop, async_fn)
        assert raised.value is error
        wait_until(lambda: left == [error] and loop.is_running())
        assert sideloop.run_on(loop, answer) == 42
        for future in made:
            loop.call_soon_threadsafe(future.set_result, None)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _let_end(runner: Runner) -> None:
    """What cannot be cancelled ends by itself."""

    async def end() -> None:
        for future in made:
            if not future.done():
                future.set_result(None)
        await asyncio.sleep(0)

    runner.run(end)
