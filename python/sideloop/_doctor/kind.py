"""What is looked for in sources, and what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One way to call async code from sync code, or something that such calls depend on."""

    name: str
    """What it is called in the report as data."""

    title: str
    """What it is, as a heading."""

    why: str
    """What is wrong with it, or what it is to mind."""

    instead: str
    """What to write."""


RUN = Kind(
    "run",
    "asyncio.run in a function",
    "makes and closes a loop for each call, and is an error where a loop runs",
    "sideloop.run_sync(async_fn, ...); where a program begins, asyncio.run is right",
)

RUN_UNTIL_COMPLETE = Kind(
    "run_until_complete",
    "run_until_complete in a function",
    "is an error where a loop runs, be it this one or another",
    "sideloop.run_sync(async_fn, ...), or sideloop.drive(loop, async_fn, ...) if it has to be that "
    "loop",
)

THREADSAFE = Kind(
    "run_coroutine_threadsafe",
    "run_coroutine_threadsafe in a sync function",
    "who waits for its future hangs when the loop is gone, or is the caller's own; after Ctrl-C or "
    "a time limit the task runs on",
    "sideloop.run_on(loop, async_fn, ...) to wait, sideloop.submit_on(loop, async_fn, ...) for a "
    "future; a sideloop.Runner in the place of a loop and thread that are only for this",
)

POLICY = Kind(
    "policy",
    "an event loop policy for the whole process",
    "what asyncio makes follows it, sideloop's loops do not; deprecated since CPython 3.14",
    "sideloop.LoopManager(loop_factory=...) or sideloop.Runner(loop_factory=...), for example with "
    "uvloop.new_event_loop",
)

GREENLETS = Kind(
    "greenlets",
    "gevent or eventlet patches the process",
    "its threads are greenlets then, which share one thread",
    "nothing else, since sideloop's calls wait in their greenlet's hub: but patch first, and "
    "import sideloop then; drive='caller' is refused",
)

FORK = Kind(
    "fork",
    "a fork, or a start method of multiprocessing that forks",
    "a loop's thread is not in the child: bridges that have one hang there",
    "nothing else for calls, since a child's first makes a new loop; but make anew in the child "
    "what lives on a loop, or avoid the fork: multiprocessing.set_start_method('forkserver')",
)

KINDS = (RUN, RUN_UNTIL_COMPLETE, THREADSAFE, POLICY, GREENLETS, FORK)

CALLED = {
    "asyncio.run": RUN,
    "asyncio.Runner": RUN,
    "anyio.run": RUN,
    "asyncio.run_coroutine_threadsafe": THREADSAFE,
    "asyncio.set_event_loop_policy": POLICY,
    "uvloop.install": POLICY,
    "gevent.monkey.patch_all": GREENLETS,
    "gevent.monkey.patch_thread": GREENLETS,
    "eventlet.monkey_patch": GREENLETS,
    "eventlet.patcher.monkey_patch": GREENLETS,
    "os.fork": FORK,
    "os.forkpty": FORK,
    "pty.fork": FORK,
}
"""What a call of these is."""

METHODS = {"run_until_complete": RUN_UNTIL_COMPLETE}
"""What a call of a method with this name is, whatever the object."""

START_METHODS = ("multiprocessing.set_start_method", "multiprocessing.get_context")
"""What chooses how processes start: with "fork" it is a `FORK`."""

IN_FUNCTIONS = (RUN, RUN_UNTIL_COMPLETE, THREADSAFE)
"""What is a bridge only where it stands in a function."""
