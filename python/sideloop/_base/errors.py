"""What goes wrong, to which call or runner, and what to do about it."""

import builtins
import concurrent.futures
import inspect
import logging
import os
import threading
from collections.abc import Sequence
from typing import TypeVar

from sideloop._base.circle import Wait, drawn
from sideloop._base.stack import site_of
from sideloop._sideloop import call_name

E = TypeVar("E", bound=BaseException)

logger = logging.getLogger("sideloop")


# What is pickled of an error is its text: so that is all that their constructors take.


class RunnerClosedError(RuntimeError):
    """The runner takes no more calls: it was closed, or the interpreter is shutting down.

    >>> import asyncio, sideloop
    >>> runner = sideloop.Runner(name="old")
    >>> runner.close()
    >>> try:
    ...     runner.run(asyncio.sleep, 0)
    ... except sideloop.RunnerClosedError as error:
    ...     print(str(error).partition(",")[0])
    runner 'old' is closed
    """


class LoopStoppedError(RuntimeError):
    """The event loop ended under a call: user code stopped it, or an exception left it.

    The next call gets a new loop.

    >>> import asyncio, sideloop
    >>> async def stop():
    ...     asyncio.get_running_loop().stop()
    ...     await asyncio.sleep(1)
    >>> try:
    ...     sideloop.run_sync(stop)
    ... except sideloop.LoopStoppedError as error:
    ...     print(str(error).partition(" ended ")[0])
    loop.stop()
    >>> sideloop.run_sync(asyncio.sleep, 0, result="slept")
    'slept'
    """


def host_idle_error(loop: str, call: str, seconds: float) -> LoopStoppedError:
    """The error for a call on a loop that somebody else should run, and does not."""
    message = (
        f"{call} was not started: the event loop {loop} did not run for {seconds:g} s; run it on "
        f"another thread, or use sideloop.run_sync, which has a loop of its own"
    )
    return LoopStoppedError.__new__(LoopStoppedError, message)


class DeadlockError(RuntimeError):
    """The call would wait for a loop that waits for the call."""

    _circle: Sequence[Wait] = ()
    """Pickled with the text, as all that is set on an exception."""

    def graph(self) -> str:
        """Who waits for whom, as a graph in DOT, which graphviz draws.

        A box is a loop. An arrow is a call: from the loop that waits for it, with the line that
        made it, to the loop that was to run it. The one that was refused is dashed. Nothing is
        looked up any more, so the graph is of the moment in which the error was raised; it can be
        had on any thread, and of an error that was pickled.

        Blocks nothing, and runs no code of yours.

        Returns:
            The text of a `digraph`; one without boxes if sideloop has not made this error.

        >>> import sideloop
        >>> async def inner(): ...
        >>> async def outer():
        ...     runner.run(inner)
        >>> with sideloop.Runner(name="orders") as runner:
        ...     try:
        ...         runner.run(outer)
        ...     except sideloop.DeadlockError as error:
        ...         print(error.graph().splitlines()[2])
          loop0 [label="runner 'orders'"];
        """
        return drawn(self._circle)


class NestingError(RecursionError):
    """Calls are nested deeper than the limit: sync calls async calls sync, and so on."""


def not_started_error(runner: str, call: str) -> RunnerClosedError:
    """The error for a call that comes to a runner that is closed."""
    return _closed_error(runner, call, "was not started")


def cut_off_error(runner: str, call: str) -> RunnerClosedError:
    """The error for a call whose runner was closed under it."""
    return _closed_error(runner, call, "was cancelled before it ended")


def _closed_error(runner: str, call: str, what: str) -> RunnerClosedError:
    return RunnerClosedError(
        f"runner {runner!r} is closed, so {call} {what}; create a new Runner, or use "
        f"sideloop.run_sync, which replaces a closed default runner"
    )


def driver_ended_error(runner: str) -> RuntimeError:
    """The error for who asks for the thread that drives a loop, and has ended."""
    return RuntimeError(
        f"the thread that drives the loop of runner {runner!r}, that of its first call, has "
        f'ended, and no other one can drive it; create a new Runner, or use drive="thread"'
    )


def object_closed_error(runner: str, async_fn: object, how: str) -> RunnerClosedError:
    """The error for a call on an object of a twin whose runner takes no more calls."""
    message = (
        f"{call_name(async_fn)} was not started: {_object(async_fn)} lives on runner {runner!r}, "
        f"which {how}, and with it what the object had open there; make a new object"
    )
    return RunnerClosedError(message)


def object_forked_error(runner: str, async_fn: object) -> RunnerClosedError:
    """The same, for one that a fork's child has inherited."""
    message = (
        f"{call_name(async_fn)} was not started: {_object(async_fn)} was made before the fork that "
        f"made this process ({os.getpid()}), and lives on runner {runner!r} of the parent process; "
        f"make a new object in the child, in a function that you give to "
        f"os.register_at_fork(after_in_child=...) for example"
    )
    return RunnerClosedError(message)


def submitted_forked_error(call: str) -> RuntimeError:
    """The error for who asks a fork's child for the outcome of a call that was submitted before."""
    return RuntimeError(
        f"{call} was submitted before the fork that made this process ({os.getpid()}): the parent "
        f"process runs it, and gets its outcome; submit it again in the child"
    )


def _object(async_fn: object) -> str:
    """The object that is called on, as far as the function shows it."""
    inside = getattr(async_fn, "__self__", None)
    if inside is None:
        return "its object"
    return f"its object, a {type(inside).__module__}.{type(inside).__qualname__},"


def loop_stopped_error(runner: str, call: str, reason: BaseException | None) -> LoopStoppedError:
    """The error for a call whose loop the user's code has ended."""
    how = f"{type(reason).__name__} from a callback or child task" if reason else "loop.stop()"
    error = LoopStoppedError(
        f"{how} ended the event loop of runner {runner!r} while {call} was running; the call "
        f"was cancelled and the next one gets a new loop. Return from the coroutine instead of "
        f"stopping the loop"
    )
    error.__cause__ = reason
    return error


def loop_never_ran_error(runner: str, call: str, reason: BaseException | None) -> LoopStoppedError:
    """The error for a call on a loop that does not run, so that another one would not, either."""
    how = f"raised {type(reason).__name__}" if reason else "returned"
    error = LoopStoppedError(
        f"{call} was not started: run_forever of the event loop that was made for it, on runner "
        f"{runner!r}, {how} before any call had begun there; look at what makes that loop (the "
        f"loop_factory), or has replaced its methods"
    )
    error.__cause__ = reason
    return error


def host_gone_error(loop: str, call: str, how: str) -> LoopStoppedError:
    """The error for a call on a loop that somebody else runs, and no longer does."""
    return LoopStoppedError(
        f"the event loop {loop} {how} before {call} had ended on it; keep the loop running until "
        f"the calls on it have returned"
    )


def deadlock_error(
    through: str, call: str, chain: Sequence[tuple[str, str, int]] = ()
) -> DeadlockError:
    """The error for a call that its own loop waits for: through these calls, if not itself."""
    here = site_of(threading.get_ident())
    calls = [(waited, site_of(caller)) for waited, _, caller in chain]
    loops = [through, *(other for _, other, _ in chain)]
    message = (
        _circle_message(here, loops, call, calls)
        if chain
        else f"{call} was called through {through} on its own loop thread, "
        f"which would wait for itself; await it instead (of an object of a twin the method's "
        f".aio), have asyncio.to_thread call what calls it, or use sideloop.run_sync for what "
        f"may run on any loop, which takes a nested call to another one"
    )
    error = DeadlockError(message)
    circle = zip(loops, [*calls, (call, here)], strict=True)
    error._circle = [(loop, waited, site) for loop, (waited, site) in circle]  # pyright: ignore[reportPrivateUsage]  # ours
    return error


def _circle_message(
    here: str, loops: Sequence[str], call: str, calls: Sequence[tuple[str, str]]
) -> str:
    through, *others = loops
    waits = [
        f"for {waited} on {other} (called at {site})"
        for other, (waited, site) in zip(others, calls, strict=True)
    ]
    return (
        f"{call} was called at {here} through {through}, whose loop waits "
        f"{', which waits '.join(waits)}, where this call was made: they would wait for each "
        f"other. Await one of them instead, or call through sideloop.run_sync, which takes a "
        f"nested call to another loop"
    )


def driven_elsewhere_error(loop: str, call: str) -> RuntimeError:
    """The error for a call that would turn a loop which another thread runs."""
    return RuntimeError(
        f"{call} was not started: the event loop {loop} runs on another thread, so that this one "
        f"cannot turn it; use sideloop.run_on, or sideloop.submit_on"
    )


def nesting_error(call: str, depth: int, chain: list[str]) -> NestingError:
    """The error for a call that is nested too deep."""
    return NestingError(
        f"{call} was not started: calls are nested {depth} deep, through the loop threads "
        f"{' > '.join(chain)}, and each depth has a thread of its own; await inside async code "
        f"instead of calling run_sync"
    )


_FinalizationError: type[RuntimeError] = getattr(builtins, "PythonFinalizationError", RuntimeError)


def exit_error(runner: str) -> RuntimeError:
    """The error for a daemon thread that calls while the interpreter exits."""
    return _FinalizationError(
        f"runner {runner!r} was not started: the interpreter is shutting down, and only its main "
        f"thread may still call; end the thread before, or make the call in an atexit handler"
    )


def not_async_error(call: str, found: object) -> TypeError:
    """The error for a function that returned something that cannot be awaited."""
    name = call.removesuffix("()")
    if inspect.isasyncgen(found):
        return TypeError(
            f"{call} is an async generator, which has many values and none to return: iterate over "
            f"sideloop.synced({name})(...), or sideloop.iterate({name}(...))"
        )
    if hasattr(found, "__aenter__"):
        return TypeError(
            f"{call} returned {type(found).__name__}, which is to be entered, not awaited: write "
            f"with sideloop.enter({name}(...))"
        )
    if isinstance(found, concurrent.futures.Future):
        return TypeError(
            f"{call} returned a concurrent.futures.Future, which cannot be awaited: return "
            f"asyncio.wrap_future(...) of it, or call .result() on it"
        )
    return TypeError(
        f"{call} returned {type(found).__name__}, which cannot be awaited: if {name} is a sync "
        f"function, call it without run_sync; otherwise write it with 'async def'"
    )


def not_awaitable_error(found: object) -> TypeError:
    """The error for what was given to be awaited, and cannot be."""
    if callable(found):
        what, instead = call_name(found), "pass it to run or run_sync, with its arguments after it"
    elif isinstance(found, concurrent.futures.Future):
        what, instead = "a concurrent.futures.Future", "call .result() on it"
    else:
        what, instead = type(found).__name__, "pass a coroutine object, a future or a task"
    return TypeError(f"expected an awaitable, got {what}: {instead}")


def elsewhere_error(future: object, loop: object) -> RuntimeError:
    """The error for a future or task that is awaited on another loop than its own."""
    return RuntimeError(
        f"{future!r} belongs to {loop!r}, which is not the loop of this call: await it there, by "
        f"sideloop.run_on(loop, async_fn) for example"
    )


def not_plain_error(found: object) -> TypeError:
    """The error for what was given to be called on a loop thread, and does not return its value."""
    if not callable(found):
        return TypeError(
            f"expected a sync function, got {type(found).__name__}: pass the function and then its "
            f"arguments, as in run_function(sync_fn, a, b=1)"
        )
    return TypeError(
        f"expected a sync function, and {call_name(found)} is async: pass it to run or run_sync"
    )


def is_raised_by_us(error: BaseException) -> bool:
    """Whether sideloop has raised it, and no code of the user's through sideloop."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = "" if traceback is None else traceback.tb_frame.f_globals.get("__name__", "")
    return str(module).partition(".")[0] == __name__.partition(".")[0]


def never_an_end(error: BaseException) -> BaseException:
    """What is raised in place of `StopIteration`, which would end whoever takes it silently.

    As PEP 479 has it for generators and coroutines, and the extension for calls.
    """
    if not isinstance(error, StopIteration):
        return error
    raised = RuntimeError("the async function raised StopIteration")
    raised.__cause__ = error
    return raised


def without_our_frame(error: E) -> E:
    """Take the frame that caught it off its traceback. Kept, it would also make a cycle."""
    caught = error.__traceback__
    return error.with_traceback(caught.tb_next if caught is not None else None)


def warn_abandoned(runner: str, call: str, stuck: bool) -> None:
    """Name the task that was left behind because it did not stop in time."""
    if stuck:
        logger.warning(
            "%s blocks the event loop of runner %r and was left behind; the next call gets a new "
            "loop. Use await instead of blocking calls, or asyncio.to_thread",
            call,
            runner,
        )
    else:
        logger.warning(
            "%s ignores its cancellation on runner %r and was left behind, still running; let "
            "asyncio.CancelledError pass",
            call,
            runner,
        )
