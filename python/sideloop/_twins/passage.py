"""The passage: calls that are awaited on one loop and run on another, that of an object.

What is carried runs there in a copy of the context, and whoever awaits it gets the same value or
exception. A cancellation goes the same way, and is over when what was carried has unwound.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from sideloop._base.soon import call_soon
from sideloop._loops.driven import DrivenLoop
from sideloop._loops.loop import Loop
from sideloop._sideloop import Call, Host, Router, RunnerCore, call_name
from sideloop._views.host import attend


class Home(Protocol):
    """The runner that objects live on, kept by who holds this."""

    def for_call(self, async_fn: Callable[..., object], /) -> Loop:
        """The loop that takes this call on what lives there."""
        ...


class Place(Protocol):
    """Where an object lives."""

    @property
    def home(self) -> Home:
        """Its runner."""
        ...

    @property
    def router(self) -> Router:
        """What calls there."""
        ...


class Answer(asyncio.Future[None]):
    """An outcome on its way to the task of another loop that awaits it.

    To that task it is what a task of its own loop would be: it passes a cancellation on and waits
    for what comes of it. One that is never seen there, since it comes too early or too late, is
    the awaiting task's: with that it ends, whatever the outcome is. Settled by the extension.
    """

    call: Call | None = None

    def __init__(self) -> None:
        self._awaiting = asyncio.get_running_loop()
        super().__init__(loop=self._awaiting)
        self._cancellations = 0
        self._message: Any = None
        self._started = True
        self._value: Any = None
        self._error: BaseException | None = None

    @property
    def asked_to_cancel(self) -> bool:
        """Whether it was to be cancelled where it runs, whatever came of that."""
        return self._cancellations > 0

    def cancel(self, msg: Any = None) -> bool:
        """Have it cancelled where it runs; False if its end has come."""
        if self.done():
            return False
        self._cancellations += 1
        self._message = msg
        if (call := self.call) is not None:
            call.cancel_awaited(msg)
        return True

    async def ended(self) -> bool:
        """Wait, also while what was cancelled unwinds; False if it was not started."""
        try:
            await self
        except BaseException:
            self.cancel()  # the awaiting coroutine is closed
            raise
        return self._started

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

    def settle_not_started(self) -> bool:
        """It was withdrawn, or its loop went away before."""
        self._started = False
        return self._end()

    def _end(self) -> bool:
        call, self.call = self.call, None
        seen = 0 if call is None else call.cancellations
        return call_soon(self._awaiting, self._arrive, seen)

    def _arrive(self, seen: int) -> None:
        if self._cancellations > seen:
            super().cancel(self._message)
            self._value = self._error = None
        else:
            self.set_result(None)


class Passage:
    """One task on an object's loop for the steps of what is iterated or entered elsewhere.

    Cancel scopes and time limits there belong to a task, and last from one step to the next. When
    this is dropped, `leave` has it clean up.
    """

    _host: Host | None = None

    def __init__(
        self,
        place: Place,
        async_fn: Any,
        rescue: Callable[[Any], Awaitable[object]],
        leave: Callable[[], Awaitable[object]],
    ) -> None:
        self._place = place
        self._async_fn = async_fn
        self._rescue = rescue
        self._leave = leave

    @property
    def stands(self) -> bool:
        """Whether something is open on the object's loop, where a step may follow."""
        return self._host is not None and self._host.stands

    async def step(
        self,
        kind: Literal["item", "enter", "exit", "close"],
        async_fn: Callable[..., Any],
        *args: Any,
    ) -> Any:
        """Await `async_fn(*args)` in the task; on the object's own loop as it is."""
        if self._host is None:
            loop = self._place.home.for_call(self._async_fn)
            if loop.loop is asyncio.get_running_loop():
                return await async_fn(*args)
            self._host = Host(self._place.router, self._async_fn, attend, self._rescue)
        while True:
            core, answer = self._core(self._host), Answer()
            if self._host.submit(core, kind, async_fn, args, answer) and await answer.ended():
                return answer.unwrap()
            if self._host.served_by is not None:
                # Begun on a loop that takes no more steps. It may be about to clean up.
                awaiting = asyncio.get_running_loop()
                return await awaiting.run_in_executor(None, self._host.late, kind)

    def _core(self, host: Host) -> RunnerCore:
        core = host.served_by
        if core is None:
            return awaitable_core(self._place.home.for_call(self._async_fn), self._async_fn)
        core.check_not_waited_for(asyncio.current_task(), self._async_fn)
        return core

    def __del__(self) -> None:
        if self._host is not None:
            self._host.collect(self._leave)


def awaitable_core(loop: Loop, async_fn: Any) -> RunnerCore:
    """The core; refuses what nobody would run, or would be waited for by what it waits for."""
    if isinstance(loop, DrivenLoop):
        raise RuntimeError(
            f"{call_name(async_fn)} cannot be awaited on another loop: the loop of runner "
            f"{loop.core.name!r}, where its object lives, turns only while a caller waits; call "
            f'the twin\'s sync method, or make the object with a manager whose drive is "thread"'
        )
    loop.core.check_not_waited_for(asyncio.current_task(), async_fn)
    return loop.core
