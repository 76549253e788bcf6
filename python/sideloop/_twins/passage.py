"""The passage: calls that are awaited on one loop and run on another, that of an object.

What is carried runs there in a copy of the context, and whoever awaits it gets the same value or
exception. A cancellation goes the same way, and is over when what was carried has unwound.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Any, Protocol

from sideloop._base.errors import object_closed_error
from sideloop._base.soon import call_soon
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.loop import Loop
from sideloop._sideloop import Call, call_name


class Home(Protocol):
    """The runner that objects live on, kept by who holds this."""

    def for_call(self, async_fn: Callable[..., object], /) -> Loop:
        """The loop that takes this call on what lives there."""
        ...


class Answer:
    """An outcome on its way to the task of another loop that awaits it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._value: Any = None
        self._error: BaseException | None = None

    async def ended(self) -> None:
        """Wait, also while what was cancelled unwinds."""
        while not self._ended:
            self._waiter = self._loop.create_future()
            if self._ended:  # it has come before the waiter was there to be seen
                return
            try:
                await self._waiter
            except asyncio.CancelledError:
                self.cancel()
            except BaseException:  # the awaiting coroutine is closed
                self.cancel()
                raise

    def cancel(self) -> None:
        """Have it cancelled where it runs."""
        raise NotImplementedError

    def unwrap(self) -> Any:
        """The value, or the exception raised. Once."""
        error, self._error = self._error, None
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error  # its traceback holds this frame

    def settle_value(self, value: Any) -> bool:
        """It has returned; False if nobody can see that."""
        self._value = value
        return self._end()

    def settle_error(self, error: BaseException) -> bool:
        """It has failed; False if nobody can see that."""
        self._error = error
        return self._end()

    def _end(self) -> bool:
        self._ended = True
        return call_soon(self._loop, self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Carried(Answer):
    """A call on an object's loop, awaited elsewhere. Settled by the extension."""

    def __init__(self, home: Home, async_fn: Any, args: Any, kwargs: Any) -> None:
        super().__init__()
        self.call: Call | None = None
        self._home = home
        self._async_fn = async_fn
        self._work: tuple[Any, Any] = (args, kwargs)
        self._cancelled = False

    def send(self) -> asyncio.AbstractEventLoop:
        """Put the call in. Returns the loop where it runs."""
        sent, loop = False, None
        while not sent or loop is None:
            loop = self._home.for_call(self._async_fn)
            check_awaitable(loop, self._async_fn)
            sent = loop.core.submit(self._async_fn, *self._work, self)
        if self._cancelled and (call := self.call) is not None:
            # Between an attempt that did not start and this one.
            call.cancel()
        return loop.loop

    def cancel(self) -> None:
        self._cancelled = True
        if (call := self.call) is not None:
            call.cancel()

    def settle_not_started(self) -> bool:
        """The loop went away before: try the next one, if there is one."""
        if self._cancelled:
            return self.settle_error(asyncio.CancelledError())
        try:
            self.send()
        except BaseException as error:
            return self.settle_error(error)
        return True

    def _end(self) -> bool:
        self._work, self.call = ((), {}), None
        return super()._end()


def check_awaitable(loop: Loop, async_fn: Any) -> None:
    """Refuse what nobody would run, or what would be waited for by what it waits for."""
    if isinstance(loop, DrivenLoop):
        raise RuntimeError(
            f"{call_name(async_fn)} cannot be awaited on another loop: the loop of runner "
            f"{loop.core.name!r}, where its object lives, turns only while a caller waits; call "
            f'the twin\'s sync method, or make the object with a manager whose drive is "thread"'
        )
    loop.core.check_not_waited_for(asyncio.current_task(), async_fn)


class Step(Answer):
    """Something to await in the task of a passage."""

    def __init__(self, passage: "Passage", async_fn: Callable[..., Any], args: Any) -> None:
        super().__init__()
        self.async_fn = async_fn
        self.args = args
        self.cancelled = False
        self._passage = passage

    def cancel(self) -> None:
        self.cancelled = True
        self._passage.reach(self._passage.cancel, self)

    def _end(self) -> bool:
        self.args = ()  # an error among them may be the answer too
        return super()._end()


class Passage:
    """One task on an object's loop for the steps of what is iterated or entered elsewhere.

    Cancel scopes and time limits there belong to a task, and last from one step to the next.
    """

    def __init__(self, home: Home, async_fn: Any) -> None:
        self._home = home
        self._async_fn = async_fn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._steps: asyncio.Queue[Step | None] = asyncio.Queue()
        self._now: Step | None = None
        self._task: asyncio.Task[Any] | None = None
        self._over = False

    async def step(self, async_fn: Callable[..., Any], *args: Any) -> Any:
        """Await `async_fn(*args)` in the task; on the object's own loop as it is."""
        loop = self._home.for_call(self._async_fn)
        if self._loop is None:
            if loop.loop is asyncio.get_running_loop():
                return await async_fn(*args)
            self._begin()
        check_awaitable(loop, self._async_fn)
        step = Step(self, async_fn, args)
        self.reach(self._put, step)
        await step.ended()
        return step.unwrap()

    def end(self) -> None:
        """No step will follow."""
        if self._loop is not None:
            self.reach(self._put, None)

    def reach(self, see_to: Callable[[Any], None], step: Step | None) -> None:
        """Have the object's loop see to a step."""
        if self._loop is not None and not call_soon(self._loop, see_to, step):
            self._refuse(step)

    def cancel(self, step: Step) -> None:
        """On the object's loop: cancel a step that has not ended."""
        if step is self._now and self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        async def attend() -> None:
            await self._attend()

        self._loop = Carried(
            self._home, functools.update_wrapper(attend, self._async_fn), (), {}
        ).send()

    def _put(self, step: Step | None) -> None:
        if self._over:
            self._refuse(step)
        else:
            self._steps.put_nowait(step)

    async def _attend(self) -> None:
        self._task = asyncio.current_task()
        try:
            while (step := await self._steps.get()) is not None:
                self._now = step
                await self._take(step)
                self._now = None
        finally:
            self._over, self._task = True, None
            self._refuse(self._now)
            while not self._steps.empty():
                self._refuse(self._steps.get_nowait())

    async def _take(self, step: Step) -> None:
        try:
            value = await step.async_fn(*step.args)
        except asyncio.CancelledError as error:
            if not step.cancelled:
                raise  # the runner is closed
            uncancel: Any = getattr(asyncio.current_task(), "uncancel", None)  # from 3.11 on
            if uncancel is not None:
                uncancel()
            step.settle_error(error)
        except BaseException as error:
            step.settle_error(error)
        else:
            step.settle_value(value)

    def _refuse(self, step: Step | None) -> None:
        if step is not None:
            lost = "no longer has the loop on which this was begun"
            step.settle_error(object_closed_error("of that loop", self._async_fn, lost))
