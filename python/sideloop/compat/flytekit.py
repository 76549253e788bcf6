"""Drop-in for `flytekit.utils.asyn`: its names, on sideloop's runners.

`install()` puts it in place of the original, before or after flytekit is imported:

    from sideloop.compat.flytekit import install

    install()

    from flytekit.tools.asyn import run_sync  # the path of flytekit's own documented example

The behaviour is that of flytekit 1.16 (its module `flytekit.utils.asyn`), less its hangs.
"""

import asyncio
import importlib
import importlib.abc
import importlib.machinery
import itertools
import logging
import os
import sys
import threading
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    ItemsView,
    Iterator,
    KeysView,
    Mapping,
    MutableMapping,
    Sequence,
    ValuesView,
)
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from sideloop._loops.making import ExceptionHandler
from sideloop._manager.manager import LoopManager
from sideloop._runners.options import Drive, drive_asked_for
from sideloop._runners.runner import Runner, loop_of
from sideloop._sideloop import generation

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("flytekit")

_PATHS = ("flytekit.utils.asyn", "flytekit.tools.asyn")
"""Where flytekit has the module, and where its documented example imports it from."""


_numbers = itertools.count()


class _TaskRunner(Runner):
    """A runner with the names that flytekit gives it."""

    def __init__(self, drive: Drive = "thread", manager: "_AsyncLoopManager | None" = None) -> None:
        super().__init__(drive=drive, exception_handler=self.get_exc_handler())
        self._manager = manager
        self.number = next(_numbers)
        self.name = f"{threading.current_thread().name} : {self.name}"

    def get_exc_handler(self) -> ExceptionHandler:
        """The loop's exception handler. Asked for once, when the runner is made."""

        def exc_handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            logger.error("Taskrunner %r caught exception in %r: %r", self.name, loop, context)

        return exc_handler

    def run(self, coro: Coroutine[Any, Any, T]) -> T:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Await a coroutine object on this runner's loop: flytekit's runner takes those."""

        async def awaited() -> T:
            return await coro

        return super().run(awaited)

    def _close(self) -> None:
        if self._manager is not None and not self.closed:
            self._manager.closed_runners[self] = None
        loop_of(self).close_soon()


class _RunnerMap(MutableMapping[str, _TaskRunner]):
    """The runners of a manager, by a name that holds the process id.

    A live view. A runner that was closed by `_close` stays until it is taken out, as it would in a
    dictionary. Taking one out closes it, and the next call from its thread makes a new one. What is
    iterated over is as it was at the beginning.
    """

    def __init__(self, manager: "_AsyncLoopManager") -> None:
        self._manager = manager
        self.number = next(_numbers)

    def _by_name(self) -> dict[str, _TaskRunner]:
        ours = [one for one in self._manager.runners() if isinstance(one, _TaskRunner)]
        runners = {*ours, *list(self._manager.closed_runners)}
        return {
            f"{runner.name}PID:{os.getpid()}": runner
            for runner in sorted(runners, key=lambda runner: runner.number)
        }

    def __getitem__(self, name: str) -> _TaskRunner:
        return self._by_name()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._by_name())

    def __delitem__(self, name: str) -> None:
        runner = self[name]
        runner._close()  # pyright: ignore[reportPrivateUsage]  # named by flytekit
        self._manager.closed_runners.pop(runner, None)

    def __setitem__(self, name: str, runner: _TaskRunner) -> None:
        raise TypeError(
            "sideloop finds a thread's runner by the thread itself, not by a name: runners can be "
            "taken out of _runner_map, and are made anew, but not put in"
        )

    def keys(self) -> KeysView[str]:
        return self._by_name().keys()

    def values(self) -> ValuesView[_TaskRunner]:
        return self._by_name().values()

    def items(self) -> ItemsView[str, _TaskRunner]:
        return self._by_name().items()

    def __repr__(self) -> str:
        return repr(self._by_name())


class _AsyncLoopManager(LoopManager):
    """A manager with the names that flytekit gives it."""

    def __init__(self) -> None:
        super().__init__(drive=drive_asked_for())
        # In order, and of this process: a fork's child has none of them.
        self._closed_by_generation: dict[int, dict[_TaskRunner, None]] = {}

    @property
    def closed_runners(self) -> dict[_TaskRunner, None]:
        """The runners that were closed by `_close`, and are not taken out of `_runner_map`."""
        current = generation()
        return self._closed_by_generation.setdefault(current, {})

    def _make_runner(self, drive: Drive) -> Runner:
        return _TaskRunner(drive, self)

    @property
    def _runner_map(self) -> MutableMapping[str, _TaskRunner]:
        return _RunnerMap(self)

    @_runner_map.setter
    def _runner_map(self, kept: Mapping[str, _TaskRunner]) -> None:
        for name in list(self._runner_map):
            if name not in kept:
                self._runner_map.pop(name, None)


loop_manager = _AsyncLoopManager()
loop_manager._importable_as = f"{__name__}:loop_manager"  # pyright: ignore[reportPrivateUsage]  # ours
run_sync = loop_manager.run_sync


def install() -> None:
    """Put this module in place of flytekit's, under both its paths. Idempotent.

    Best called before flytekit is imported. Afterwards it also replaces what loaded modules have
    taken from the original: its `loop_manager` and `run_sync`, and the functions synced by them.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for path in _PATHS:
        original = sys.modules.get(path)
        if original is not None and not isinstance(original.__loader__, _Finder):
            del sys.modules[path]
            importlib.import_module(path)
            _replace_references(original)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds flytekit's module here. The import system then sets its parent's attribute, too."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None, /
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _PATHS:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=__name__)

    def exec_module(self, module: ModuleType) -> None:
        ours = sys.modules[__name__]
        module.__doc__ = ours.__doc__
        for name, value in vars(ours).items():
            if not name.startswith("__"):
                setattr(module, name, value)


def _replace_references(original: ModuleType) -> None:
    """Let what was taken from the original module reach this one."""
    theirs = original.loop_manager

    def run_sync_here(
        _: object, coro_func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any
    ) -> T:
        return loop_manager.run_sync(coro_func, *args, **kwargs)

    # Equal, not identical: each look at a bound method makes a new one.
    taken = [
        (theirs, loop_manager),
        (theirs.run_sync, run_sync),
        (theirs.synced, loop_manager.synced),
    ]
    for module in list(sys.modules.values()):
        # Anything can be put into sys.modules.
        if module is original or not isinstance(module, ModuleType):  # pyright: ignore[reportUnnecessaryIsInstance]
            continue
        for name, value in list(vars(module).items()):
            for old, new in taken:
                if type(value) is type(old) and value == old:
                    setattr(module, name, new)
    # Functions that the original has synced call its manager's run_sync when they run.
    type(theirs).run_sync = run_sync_here
    # They are also pickled with it.
    type(theirs).__reduce__ = lambda _: loop_manager.__reduce__()  # type: ignore[assignment, misc]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownLambdaType]
