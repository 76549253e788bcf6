"""The loop's end of a map: items become tasks, of which `limit` run at once."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Generic, TypeVar

from sideloop._base.errors import never_an_end, not_async_error, without_our_frame
from sideloop._base.signals import is_of_a_handler
from sideloop._base.soon import call_soon
from sideloop._loops.unwind import note_named
from sideloop._map.answers import Answers, Item
from sideloop._sideloop import RunnerCore, make_held

T = TypeVar("T")
R = TypeVar("R")


class Flight(Generic[T, R]):
    """The items of one map that are with the loop. Each becomes a task of its own.

    The caller's thread appends to `queue`, writes who it is in `caller` before it waits, and reads
    what is public; all else is the loop thread's. A slot that gets free takes the next item of the
    queue at once, without the caller. When there is none, `starved` says so, and whoever appends
    one has to call `feed` on the loop.
    """

    def __init__(
        self, async_fn: Callable[[T], Awaitable[R]], name: str, limit: int, answers: Answers[T, R]
    ) -> None:
        self.queue: deque[Item[T, R]] = deque()
        self.starved = False
        self.stopping = False
        self.finished = 0
        self.failure: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        # Who runs errands of the items: the extension looks there.
        self.core: RunnerCore | None = None
        self.waiter: asyncio.Future[None] | None = None
        """What the call awaits that waits for an answer: its caller runs them."""
        self.stopped_by: asyncio.Task[object] | None = None
        """The task of the call that waits until all have unwound: its caller does, then."""
        self.caller = 0
        """The thread that has waited last, or is about to, as `threading.get_ident` has it."""
        self.refusal: str | None = None
        """Why no caller is to run any."""
        self._looking: list[asyncio.Future[None]] = []
        self._async_fn = async_fn
        self._name = name
        self._shown = name.removesuffix("()")
        self._free = limit
        self._answers = answers
        self._tasks: dict[asyncio.Task[None], Item[T, R]] = {}
        self._over = False

    def open(self, core: RunnerCore) -> None:
        """Serve from here on, on the running loop."""
        self.core = core
        self.loop = asyncio.get_running_loop()
        self.feed()

    async def wait(self) -> None:
        """Return when the next answer is there. Cancelled, it stops everything first."""
        if self._looking:
            self.look_again()
        self.feed()
        if self._answers.ready() or self.failure is not None:
            return
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        except asyncio.CancelledError:
            await self.stop()
            raise
        finally:
            self.waiter = None

    async def stop(self) -> None:
        """Cancel every task, and return when all have unwound."""
        self.stopping = True
        self.stopped_by = asyncio.current_task()
        self.look_again()
        if not self._accepts():
            self._over = True  # the loop unwinds, and has cancelled them: twice would cut them off
        try:
            self.cancel()
        finally:
            if self._tasks:
                await asyncio.wait(list(self._tasks))

    def cancel(self) -> None:
        """Start nothing more, and cancel every task, once.

        A task that cannot be cancelled, since what it waits for raises, is left to itself. The
        first such exception is raised when the others are cancelled.
        """
        if self._over:
            return
        self._over = True
        self.queue.clear()
        self.look_again()
        raised: BaseException | None = None
        for task in list(self._tasks):
            try:
                task.cancel()
            except BaseException as error:
                del self._tasks[task]
                raised = raised or error
        try:
            if raised is not None:
                raise raised
        finally:
            del raised  # its traceback reaches this frame, which would make a cycle

    def leave(self) -> None:
        """Whoever waited has left behind what ignores its cancellation, and has named it."""
        note_named(self._tasks)

    def feed(self) -> None:
        """Start items while there are any, and slots for them."""
        if not self._accepts():
            return  # the loop unwinds, and has cancelled what it found: nobody would cancel more
        while self._free and not self._over:
            try:
                item = self.queue.popleft()
            except IndexError:
                if self.starved:
                    return
                self.starved = True
                continue  # one may have come before that could be seen
            self._start(item)

    def next_wait(self) -> "asyncio.Future[None] | None":
        """Done when somebody waits for an answer, or nobody will any more; None if it is so now."""
        if self._over:
            return None
        looking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._looking.append(looking)
        return looking

    def __del__(self) -> None:
        # The map is dropped, and with it whoever would wait. It may be half made. Not by `vars`: a
        # dict that is made here, in a collection, would keep all of it until the next one.
        for one in getattr(self, "_looking", ()):
            call_soon(one.get_loop(), _look_again, one)

    def look_again(self) -> None:
        """Have those look who wait until somebody waits."""
        looking, self._looking = self._looking, []
        for one in looking:
            _look_again(one)

    def _start(self, item: Item[T, R]) -> None:
        assert self.loop is not None
        try:
            make_held(item, "answering", self._answer)
            assert item.answering is not None
            # In the task's name of what it does, which says nothing of the user's otherwise.
            item.answering.__qualname__ = self._shown
            task = item.context.run(self.loop.create_task, item.answering)
        except BaseException as error:
            # A task factory of the user's has raised, or a signal handler, when the task was there.
            coro = item.answering
            made = [t for t in asyncio.all_tasks(self.loop) if t.get_coro() is coro]
            if made:
                self._keep(made[0], item)
            elif coro is not None:
                coro.close()
            item.answering = None
            self._fail(error)
            return
        item.answering = None
        self._keep(task, item)

    def _keep(self, task: "asyncio.Task[None]", item: Item[T, R]) -> None:
        self._free -= 1
        self._tasks[task] = item
        # Not at the end of the coroutine, which a task that is cancelled at once never begins.
        task.add_done_callback(self._ended)

    async def _answer(self, item: Item[T, R]) -> None:
        """One item's task. The loop must not see what it raises: an exit would end the loop."""
        try:
            awaitable = self._async_fn(item.given)
            if type(awaitable) is not CoroutineType and not inspect.isawaitable(awaitable):
                self._fail(not_async_error(self._name, awaitable))
                return
            item.answer = await awaitable
        except GeneratorExit:
            raise  # also when the loop is closed over this task: then nothing may be done here
        except (Exception, asyncio.CancelledError) as error:
            if is_of_a_handler(error):
                self._fail(without_our_frame(error))
            else:
                item.error = never_an_end(without_our_frame(error))
        except BaseException as error:
            self._fail(without_our_frame(error))
        finally:
            del item  # frames of the traceback reach this one, which would make a cycle

    def _ended(self, task: "asyncio.Task[None]") -> None:
        item = self._tasks.pop(task, None)
        if item is None:
            return  # it was left to itself
        self._free += 1
        self.finished += 1
        del item.given  # its answer may wait long
        if task.cancelled():
            item.error = asyncio.CancelledError()
        elif raised := task.exception():
            self._fail(raised)
        cancelled = item.error is not None and isinstance(item.error, asyncio.CancelledError)
        if cancelled and not self._accepts():
            # The loop unwinds: it takes no new tasks, and this is no answer.
            self._over = True
        if self._over:
            return
        self._answers.finish(item)
        if self.waiter is not None:
            self._tell()
        # Who cancels what is left on a loop, as the interpreter's exit does, gets no new tasks for
        # it. If anybody waits for the map, or comes to wait, it goes on.
        if cancelled and self.waiter is None:
            self.starved = True
        else:
            self.feed()

    def _accepts(self) -> bool:
        return self.core is not None and self.core.accepting

    def _fail(self, error: BaseException) -> None:
        """This ends the whole map at once, not in its item's place."""
        self.failure = self.failure or never_an_end(error)
        try:
            self.cancel()
        finally:
            self._tell()

    def _tell(self) -> None:
        waiter = self.waiter
        if (
            waiter is not None
            and not waiter.done()
            and (self._answers.ready() or self.failure is not None)
        ):
            waiter.set_result(None)


def _look_again(looking: "asyncio.Future[None]") -> None:
    if not looking.done():
        looking.set_result(None)
