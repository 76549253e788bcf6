"""Hooks of the user's that raise when a loop ends: what is left on it still cleans up."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from aliases import WaitUntil
from pace import scaled

from sideloop import LoopManager, Runner

GRACE = scaled(0.5)


class HookError(Exception):
    pass


class Left:
    """A task and an asynchronous generator that are left on the loop."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._kept: list[Any] = []

    async def start(self) -> None:
        self._kept = [asyncio.ensure_future(self._task()), self._generator()]
        await self._kept[-1].__anext__()
        await asyncio.sleep(0)

    async def _task(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            self.log.append("task")

    async def _generator(self) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            self.log.append("generator")

    def assert_unwound(self) -> None:
        assert sorted(self.log) == ["generator", "task"]


def failing_factory(error: BaseException) -> Callable[..., Any]:
    def factory(_: object, coroutine: Any, **options: object) -> Any:  # its signature
        coroutine.close()
        raise error

    return factory


def failing(error: BaseException) -> Callable[..., Any]:
    def method(*_: object, **__: object) -> Any:
        raise error

    return method


async def set_factory(error: BaseException) -> None:
    asyncio.get_running_loop().set_task_factory(failing_factory(error))


async def set_exception_handler(error: BaseException) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(failing(error))
    # Something is reported, as soon as what is left is cancelled.
    loop.create_task(fail_when_cancelled()).add_done_callback(failing(ValueError("reported")))
    await asyncio.sleep(0)


async def fail_when_cancelled() -> None:
    await asyncio.sleep(60)


async def leave_a_future_whose_cancel_raises(error: BaseException) -> None:
    class Odd(asyncio.Future[None]):
        def cancel(self, msg: object = None) -> bool:  # noqa: ARG002  # its signature
            raise error

    async def wait() -> None:
        task: Any = asyncio.current_task()
        task._log_destroy_pending = False
        await Odd(loop=asyncio.get_running_loop())

    loop: Any = asyncio.get_running_loop()
    loop.kept = asyncio.ensure_future(wait())
    await asyncio.sleep(0)


async def fail_in_the_cleanup(error: BaseException) -> None:
    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise error

    loop: Any = asyncio.get_running_loop()
    loop.kept = asyncio.ensure_future(wait())
    loop.set_exception_handler(lambda *_: None)
    await asyncio.sleep(0)


HOOKS = [
    set_factory,
    set_exception_handler,
    leave_a_future_whose_cancel_raises,
    fail_in_the_cleanup,
]
ERRORS = [HookError("at the close"), SystemExit(7), KeyboardInterrupt("at the close")]

every_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
every_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


@contextlib.contextmanager
def raising_nothing_else(error: BaseException) -> Any:
    """Whether a close raises what a hook has raised is said elsewhere."""
    raised: BaseException = error
    try:
        yield
    except BaseException as other:
        raised = other
    assert raised is error


@every_hook
@every_error
class TestACloseWithAHookThatRaises:
    def test_unwinds_a_loop_thread(self, hook: Callable[..., Any], error: BaseException) -> None:
        left = Left()
        runner = Runner(name="tested", grace=GRACE)
        loop = runner.run(running_loop)
        runner.run(left.start)
        runner.run(hook, error)
        with raising_nothing_else(error):
            runner.close()
        left.assert_unwound()
        assert loop.is_closed()

    def test_unwinds_a_loop_of_another_kind(
        self, hook: Callable[..., Any], error: BaseException
    ) -> None:
        left = Left()
        runner = Runner(name="tested", grace=GRACE, loop_factory=asyncio.new_event_loop)
        loop = runner.run(running_loop)
        runner.run(left.start)
        runner.run(hook, error)
        with raising_nothing_else(error):
            runner.close()
        left.assert_unwound()
        assert loop.is_closed()

    def test_unwinds_a_loop_that_the_caller_drives(
        self, hook: Callable[..., Any], error: BaseException
    ) -> None:
        left = Left()
        manager = LoopManager(drive="caller", grace=GRACE)
        loop = manager.run_sync(running_loop)
        manager.run_sync(left.start)
        manager.run_sync(hook, error)
        with raising_nothing_else(error):
            manager.close()
        # Nobody can tell it from Ctrl-C, if it is no task's, and that is to end the close at once.
        if not (hook is set_exception_handler and isinstance(error, KeyboardInterrupt)):
            left.assert_unwound()
        assert loop.is_closed()
        assert manager.runners() == []
        assert manager.run_sync(answer) == 42
        manager.close()

    def test_unwinds_a_loop_that_was_stopped(
        self, hook: Callable[..., Any], error: BaseException, wait_until: WaitUntil
    ) -> None:
        left = Left()
        with Runner(name="tested", grace=GRACE) as runner:
            loop = runner.run(running_loop)
            runner.run(left.start)
            runner.run(hook, error)
            loop.call_soon_threadsafe(loop.stop)
            wait_until(loop.is_closed)
            assert runner.run(answer) == 42
        left.assert_unwound()


@pytest.mark.parametrize("name", ["run_forever", "shutdown_asyncgens", "create_task", "close"])
@every_error
def test_a_loop_whose_own_method_raises_ends_all_the_same(
    name: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    raising = threading.Event()

    def method(self: Any, *args: Any, **options: Any) -> Any:
        if raising.is_set():
            for arg in args:
                if asyncio.iscoroutine(arg):
                    arg.close()
            raise error
        return getattr(super(Own, self), name)(*args, **options)

    Own = type("Own", (asyncio.SelectorEventLoop,), {name: method})  # noqa: N806  # a class
    log: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            log.append("cleaned up")

    async def leave() -> asyncio.AbstractEventLoop:
        kept: Any = asyncio.get_running_loop()
        kept.kept = asyncio.ensure_future(background())
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    runner = Runner(name="tested", grace=GRACE, loop_factory=Own)
    loop = runner.run(leave)
    raising.set()
    with raising_nothing_else(error):
        runner.close()
    raising.clear()
    # A loop that cannot be run unwinds nothing.
    assert log == ([] if name == "run_forever" else ["cleaned up"])
    assert runner.closed
    assert "is stuck" not in caplog.text
    loop.close()


@pytest.mark.parametrize("error", ERRORS[1:], ids=lambda error: type(error).__name__)
class TestAnExitOfWhatIsLeft:
    """What exits while it unwinds exits all the same, once everything else has unwound."""

    def test_comes_out_of_the_close_where_the_caller_drives(self, error: BaseException) -> None:
        left = Left()
        runner = Runner(drive="caller", grace=GRACE)
        runner.run(left.start)
        runner.run(fail_in_the_cleanup, error)
        with pytest.raises(type(error)) as raised:
            runner.close()
        assert raised.value is error
        left.assert_unwound()

    def test_is_reported_on_a_loop_thread(self, error: BaseException) -> None:
        reported: list[dict[str, Any]] = []
        runner = Runner(grace=GRACE)
        runner.run(fail_in_the_cleanup, error)
        runner.run(report_to, reported)
        runner.close()
        assert error in [context.get("exception") for context in reported]


async def report_to(reported: list[dict[str, Any]]) -> None:
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(dict(context))
    )


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42
