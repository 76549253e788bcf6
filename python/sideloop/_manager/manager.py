"""The manager: decides which runner serves a caller."""

import functools
import itertools
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, overload

from sideloop._base.closing import Closing
from sideloop._loops.loop import Loop
from sideloop._loops.making import ExceptionHandler, LoopFactory
from sideloop._manager.finder import Finder, Scope
from sideloop._manager.home import Home
from sideloop._manager.runners import reclaim
from sideloop._manager.twins import Twins
from sideloop._map.map import Maps
from sideloop._runners.bridge import Bridge
from sideloop._runners.options import (
    GRACE,
    SLOW_CALL_WARNING,
    Drive,
    TaskName,
    check_drive,
    check_grace,
    check_slow,
    check_task_name,
)
from sideloop._runners.runner import Runner, loop_of
from sideloop._runners.runner_loop import close_together
from sideloop._runners.sent import Sent
from sideloop._runners.submit import Submitted, check_on_thread, not_submittable_error
from sideloop._sideloop import Router, RunnerCore, check_async_fn
from sideloop._twins.rename import Rename
from sideloop._views.context_manager import SyncContextManager, enter
from sideloop._views.generator import SyncGenerator, iterate

P = ParamSpec("P")
T = TypeVar("T")
Y = TypeVar("Y")
S = TypeVar("S")


class LoopManager(Bridge, Maps, Sent, Closing):
    """Runs calls on loops of its own making, which it finds by who calls.

    Each calling thread has a runner of its own, so that a coroutine that blocks its loop slows
    nobody else; a call from a loop thread (a nested call) goes to a runner one depth below, so that
    a blocked loop never has to run what blocks it. A thread that ends gives its runner back. With
    `scope="process"` all threads share one runner; nested calls still go one depth below. Once
    there are 256 runners, threads that come then share those of others.

    Constructing one starts nothing: the first call of a thread does. The end of a `with` block
    closes it.

    Args:
        name: Names its runners, and so their threads, in messages and debuggers: `name-1`,
            `name-2` and so on.
        scope: Whose one runner is: each thread's, or the process's.
        drive: Who runs the loops: a `"thread"` for each, or the `"caller"` while it waits. Loops
            that callers drive cost no thread and no hand-off, and turn only during calls: what is
            left on them waits for the next one. They cannot be shared by threads.
        loop_factory: Makes the event loops, `uvloop.new_event_loop` for example. Without it they
            are `sideloop.EventLoop`s.
        debug: Whether the loops run in asyncio's debug mode; if None, as `PYTHONASYNCIODEBUG` says.
        exception_handler: Is set on each loop: see `asyncio.loop.set_exception_handler`.
        grace: How many seconds, 5 unless told, a cancelled task gets to unwind before it is left
            behind.
        slow_call_warning: After how many seconds, 60 unless told, a call that has not ended is
            logged, once, with its caller's stack, what its task awaits, and the loop thread's
            stack; None for never.
        copy_context_back: Whether context variables that a call has set, or a step of an iterator
            or context manager, have these values in the caller's context after it, also if it has
            raised. A variable cannot be unset there. Without it they are dropped. Of a submitted
            call who first takes its `result()` or `exception()` gets them.
        task_name: What the tasks of calls are called, as of `Runner`.

    >>> import sideloop
    >>> async def async_add(a: int, b: int) -> int:
    ...     return a + b
    >>> with sideloop.LoopManager(name="sums", scope="process") as manager:
    ...     manager.run_sync(async_add, 10, b=12)
    22
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        scope: Scope = "thread",
        drive: Drive = "thread",
        loop_factory: LoopFactory | None = None,
        debug: bool | None = None,
        exception_handler: ExceptionHandler | None = None,
        grace: float = GRACE,
        slow_call_warning: float | None = SLOW_CALL_WARNING,
        copy_context_back: bool = False,
        task_name: TaskName | None = None,
    ) -> None:
        if scope not in ("thread", "process"):
            raise ValueError(f"scope is 'thread' or 'process', not {scope!r}")
        if scope == "process" and drive == "caller":
            raise ValueError(
                "a loop that the caller drives belongs to one thread, so it cannot be the "
                'process\'s: leave out scope="process" or drive="caller"'
            )
        self._name = name
        self._drive: Drive = check_drive(drive)
        self._importable_as: str | None = None
        self._scope: Scope = scope
        self._loop_factory = loop_factory
        self._debug = debug
        self._exception_handler = exception_handler
        self._grace = check_grace(grace)
        self._slow_call_warning = check_slow(slow_call_warning)
        self._copy_context_back = copy_context_back
        self._task_name = task_name
        self._namer = check_task_name(task_name)
        self._numbers = itertools.count(1)
        self._finder = Finder(scope, drive, loop_factory is None, self._make_runner)
        self._router = Router(self._finder.local, self._serve, copy_context_back)
        self._twins = Twins(self, self._router, self._settle)

    @property
    def name(self) -> str | None:
        """Names its runners, in messages and debuggers; None if it has none."""
        return self._name

    @property
    def drive(self) -> Drive:
        """Who runs the loops: a thread for each, or the caller while it waits."""
        return self._drive

    def run_sync(
        self, async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call an async function from synchronous code and return what it returns.

        Blocks the calling thread; other threads run meanwhile. `async_fn` is called on a loop
        thread (on the calling one, if that drives the loop), in a copy of the caller's context. On
        the main thread Ctrl-C cancels the task, which gets its grace to unwind before
        KeyboardInterrupt is raised here; a second Ctrl-C raises it at once.

        Args:
            async_fn: Any callable that returns an awaitable.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments: none is taken for sideloop.

        Returns:
            The awaited value.

        Raises:
            BaseException: Whatever the function raised: the same object, with its traceback.
            TypeError: `async_fn` is no async function: a coroutine object, for example.
            TimeoutError: The call did not end within a `sideloop.timeout` in force.
            LoopStoppedError: The user's code stopped the loop under the call.
            NestingError: Calls are nested deeper than 128.

        >>> import asyncio, sideloop
        >>> sideloop.run_sync(asyncio.sleep, 0, result="slept")
        'slept'
        """
        return self._router.run(async_fn, args, kwargs)

    def submit(
        self, async_fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Call an async function and do not wait for it.

        Blocks nothing. The call goes to the runner that `run_sync` would use here, and keeps it: it
        runs on when the thread that has submitted it ends. A `sideloop.timeout` in force does not
        limit it.

        Args:
            async_fn: Any callable that returns an awaitable.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments: none is taken for sideloop.

        Returns:
            The future of its outcome, as that of `Runner.submit`, which says more.

        Raises:
            TypeError: `async_fn` is no async function.
            NestingError: Calls are nested deeper than 128.
            RuntimeError: The caller drives the loop, so that nobody would run the call; so it is
                on CPython 3.12 while the interpreter exits, when no thread starts any more.

        >>> import asyncio, sideloop
        >>> with sideloop.LoopManager() as manager:
        ...     future = manager.submit(asyncio.sleep, 0, result="slept")
        ...     future.result(timeout=5)
        'slept'
        """
        check_async_fn(async_fn)
        if self._drive == "caller":
            raise not_submittable_error(async_fn, "the manager")
        home, _ = self._find(async_fn)
        check_on_thread(async_fn, home.loop.drive, home.loop.name)
        future: Submitted[T] = Submitted(
            home.for_submitted, async_fn, args, kwargs, brings_back=self._copy_context_back
        )
        future.send()
        return future

    @overload
    def synced(self, target: type[Any] | ModuleType, /) -> Any: ...
    @overload
    def synced(self, target: Callable[P, Awaitable[T]], /) -> Callable[P, T]: ...
    @overload
    def synced(
        self, target: Callable[P, AsyncGenerator[Y, S]], /
    ) -> Callable[P, SyncGenerator[Y, S]]: ...
    @overload
    def synced(
        self, target: Callable[P, AsyncIterator[Y]], /
    ) -> Callable[P, SyncGenerator[Y, Any]]: ...
    @overload
    def synced(
        self, target: Callable[P, AbstractAsyncContextManager[T, bool | None]], /
    ) -> Callable[P, SyncContextManager[T]]: ...
    @overload
    def synced(self, target: property, /) -> property: ...
    # Apart, since type checkers follow an overloaded function only where it is the one argument.
    @overload
    def synced(self, target: type[Any], /, *, deep: bool) -> Any: ...
    @overload
    def synced(self, target: ModuleType, /, *, deep: bool = True, rename: Rename | None) -> Any: ...
    @overload
    def synced(self, target: Callable[P, Awaitable[T]], /, *, deep: bool) -> Callable[P, T]: ...
    @overload
    def synced(
        self, target: Callable[P, AsyncIterator[Y]], /, *, deep: bool
    ) -> Callable[P, SyncGenerator[Y, Any]]: ...
    @overload
    def synced(
        self, target: Callable[P, AbstractAsyncContextManager[T, bool | None]], /, *, deep: bool
    ) -> Callable[P, SyncContextManager[T]]: ...

    def synced(self, target: Any, /, *, deep: bool = False, rename: Rename | None = None) -> Any:
        """The sync twin of an async function, method, class or module. Also a decorator.

        The twin has the same names, signatures and documentation; the async original is at its
        `aio`. A call blocks as a call of `run_sync` does. What is an async generator becomes a
        `SyncGenerator`, an async context manager a `SyncContextManager`, an async property a
        property.

        An object of a class's twin stands for one of the class. Both are translated into each other
        wherever they are passed to the twins of one manager or returned by them, also inside of
        lists, tuples, dicts, sets, deques, classes derived from these, and dataclasses that compare
        by their fields. Constructors and async methods run on the loop; sync methods and properties
        on the calling thread, unless they ask asyncio for the running loop. What they return is
        served by what it is: a coroutine, future or task is awaited, what can be entered or
        iterated works with `with` and `for`. What can be awaited itself has `result()`, unless it
        has something of that name.

        An object of an async class that has no twin is handed out as it is, with one
        RuntimeWarning for its class; as an attribute of an object of the same library it gets one.

        A function's calls run on the loop of the calling thread. An object lives on the loop that
        made it: all calls on it run there, from whichever thread, and what they return lives there
        too. The loop stays for as long as an object does. Called on that very loop, an object's
        method raises DeadlockError; in a fork's child, or when the manager was closed,
        RunnerClosedError.

        Args:
            target: What is async.
            deep: Whether objects of async classes without a twin get one as they are handed out. In
                a module's twin they do.
            rename: What the twins in the twin of a module or package, and of its submodules, are
                called: a function from a name to a name, or a mapping, which keeps what it lacks.

        Returns:
            The twin. For type checkers `python -m sideloop stubs` writes down what a class's or
            module's has.

        Raises:
            TypeError: There is nothing async in `target`, or it is a twin already.
            ValueError: `rename` gives two things one name, or names what there is not.

        >>> import asyncio, sideloop
        >>> @sideloop.synced
        ... class Store:
        ...     async def get(self, key: str) -> str:
        ...         await asyncio.sleep(0)
        ...         return key.upper()
        >>> Store().get("a")
        'A'
        """
        caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        return self._twins.of(target, caller, deep=deep, rename=rename)

    def iterate(
        self, async_iterable: AsyncIterable[Y], *, read_ahead: int = 0
    ) -> SyncGenerator[Y, Any]:
        """The sync view of anything that `async for` can iterate.

        Blocks nothing itself; each step of what it returns does.

        Args:
            async_iterable: An asynchronous generator, or any object with `__aiter__`.
            read_ahead: How many items may be made before they are asked for. Each hand-off brings
                several then; the generator's side effects come early by as many items.

        Raises:
            TypeError: `async_iterable` cannot be iterated asynchronously.
            ValueError: `read_ahead` is negative.

        >>> import asyncio, sideloop
        >>> async def count(to: int):
        ...     for number in range(to):
        ...         await asyncio.sleep(0)
        ...         yield number
        >>> sum(sideloop.iterate(count(1000), read_ahead=64))
        499500
        """
        return iterate(self._router, async_iterable, read_ahead)

    def enter(
        self, async_context_manager: AbstractAsyncContextManager[T, bool | None]
    ) -> SyncContextManager[T]:
        """The sync view of anything that `async with` can enter, for `with`.

        Blocks nothing itself; entering and leaving what it returns does.

        Raises:
            TypeError: `async_context_manager` has no `__aenter__` and `__aexit__`.

        >>> import asyncio, sideloop
        >>> with sideloop.enter(asyncio.Lock()):
        ...     print("locked")
        locked
        """
        return enter(self._router, async_context_manager)

    def runners(self) -> list[Runner]:
        """The runners of this manager that have been started and not closed, oldest first."""
        return [runner for runner in self._finder.runners().started if not runner.closed]

    def close(self, grace: float | None = None, *, drain: bool = False) -> None:
        """Close every runner: cancel what runs, let it unwind, join the threads. Idempotent.

        The manager stays usable: the next call gets a new runner. Blocks for as long as the runners
        need, all of them at the same time, so for `grace` seconds at most (the manager's own, if
        None). A loop that another thread drives unwinds when that thread calls next, or ends.

        Args:
            grace: What cancelled tasks get to unwind, in seconds.
            drain: Let the calls that are in end by themselves before, as `Runner.close` does.

        Raises:
            RuntimeError: Called by a coroutine on a loop of the manager's.

        >>> import asyncio, sideloop
        >>> manager = sideloop.LoopManager(name="shop")
        >>> manager.run_sync(asyncio.sleep, 0, result="slept")
        'slept'
        >>> manager.close()
        >>> manager.runners()
        []
        """
        runners = self._finder.runners()
        reclaim()
        close_together([loop_of(runner) for runner in self.runners()], grace, drain=drain)
        runners.forget_closed()

    def __repr__(self) -> str:
        name = f"{self._name!r}, " if self._name is not None else ""
        return f"<sideloop.LoopManager {name}{len(self.runners())} runners>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Synced functions are sent to other processes. A manager that can be imported there is; any
        # other one is made anew there, once, with the same options and no runners.
        if self._importable_as is not None:
            import pkgutil  # here, since it costs a tenth of importing sideloop

            return pkgutil.resolve_name, (self._importable_as,)
        options: dict[str, Any] = {
            "name": self._name,
            "scope": self._scope,
            "drive": self._drive,
            "loop_factory": self._loop_factory,
            "debug": self._debug,
            "exception_handler": self._exception_handler,
            "grace": self._grace,
            "slow_call_warning": self._slow_call_warning,
            "copy_context_back": self._copy_context_back,
            "task_name": self._task_name,
        }
        return self._reduced(functools.partial(type(self), **options))

    def _make_runner(self, drive: Drive) -> Runner:
        return Runner(
            name=None if self._name is None else f"{self._name}-{next(self._numbers)}",
            drive=drive,
            loop_factory=self._loop_factory,
            debug=self._debug,
            exception_handler=self._exception_handler,
            grace=self._grace,
            slow_call_warning=self._slow_call_warning,
            task_name=self._namer,
        )

    def _find(self, async_fn: Callable[..., object]) -> tuple[Home, Loop]:
        """The loop that serves this thread at this depth, made if need be, and what keeps it."""
        return self._finder.find(async_fn)

    def _serve(self, async_fn: Callable[..., object]) -> RunnerCore:
        """The core of that."""
        return self._find(async_fn)[1].core

    def _settle(self, async_fn: Callable[..., object]) -> tuple[Home, Router]:
        """Where an object will live that the calling thread makes now, and what calls there."""
        home, _ = self._find(async_fn)
        return home, Router(home.loop, home.serve, self._copy_context_back)

    def _running_home(self) -> tuple[Home, Router] | None:
        """Where what async code has made lives: on the loop that the calling thread runs."""
        home = self._finder.runners().running_here()
        return (
            None if home is None else (home, Router(home.loop, home.serve, self._copy_context_back))
        )
