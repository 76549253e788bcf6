"""Managers, runners, calls, limits, closes, threads and forks in any order, against a simple model.

The model: a bridge is open or closed; a loop that its caller drives belongs to the thread of its
first call; a thread keeps its loop until that is stopped or closed, and shares it or not.
"""

import asyncio
import contextlib
import gc
import os
import queue
import random
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)
from pace import scaled
from programs import FULL, count

import sideloop
from sideloop import DeadlockError, LoopManager, LoopStoppedError, Runner, RunnerClosedError

T = TypeVar("T")

LIMIT = scaled(60.0)
"""Seconds after which what has not ended hangs."""

TIME = count(40, full=900)
"""Seconds after which no more examples are begun."""

EXAMPLES = count(50, full=3_000)
"""As many as there is time for, and no more than these."""

AT_ONCE = 10
"""As many in any case, and so many between two looks at the clock."""

PHASES = (Phase.generate, *([Phase.shrink] if FULL else []))
"""To make a failure short takes minutes."""


class CustomError(Exception):
    """What a coroutine raises here."""


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def fail() -> None:
    raise CustomError


async def exit_here() -> None:
    raise SystemExit(3)


async def cancel_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def stop_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(60)


async def leave_task() -> None:
    _left.append(asyncio.get_running_loop().create_task(asyncio.sleep(60)))


_left: list["asyncio.Task[None]"] = []
"""Tasks that nobody awaits."""


class Caller:
    """A thread that calls what it is told to, one after the other."""

    def __init__(self) -> None:
        self._todo: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def do(self, act: Callable[[], T]) -> T:
        return self.begin(act)()

    def begin(self, act: Callable[[], T]) -> Callable[[], T]:
        """Have it done; what is returned waits for it."""
        done: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue()

        def capture() -> None:
            try:
                done.put((act(), None))
            except BaseException as error:
                done.put((None, error))

        def wait() -> T:
            value, error = done.get(timeout=LIMIT)
            if error is not None:
                raise error
            return value  # type: ignore[return-value]

        self._todo.put(capture)
        return wait

    def end(self) -> None:
        self._todo.put(None)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()

    def _main(self) -> None:
        for act in iter(self._todo.get, None):
            act()


@dataclass(eq=False)
class Bridge:
    """A manager or a runner, and what is known of it."""

    sideloop: Any
    driven: bool
    shared: bool
    """Whether all threads have one loop."""
    closed: bool = False
    owner: Caller | None = None
    """Whose the loop of a driven runner is."""
    stopped: bool = False
    """Whether that loop is over, and the next one is whose call comes first."""
    loops: dict[Caller, asyncio.AbstractEventLoop] = field(default_factory=dict)
    """The loop that a thread was served with last and has to be served with again."""

    @property
    def is_runner(self) -> bool:
        return isinstance(self.sideloop, Runner)

    def run(self, async_fn: Callable[..., Any], *args: Any) -> Any:
        run = self.sideloop.run if self.is_runner else self.sideloop.run_sync
        return run(async_fn, *args)

    def refusal(self, caller: Caller) -> type[RuntimeError] | None:
        """What a call by this thread has to fail with before it starts."""
        if self.is_runner and self.closed:
            return RunnerClosedError
        if self.is_runner and self.driven and self.owner not in (None, caller):
            return None if self.stopped else RuntimeError
        return None

    def is_served(self, caller: Caller) -> None:
        if self.is_runner and self.driven:
            self.owner, self.stopped = caller, False


@contextlib.contextmanager
def refused(error: type[BaseException] | None) -> Generator[None]:
    if error is None:
        yield
    else:
        with pytest.raises(error):
            yield


FAILURES: dict[str, tuple[Callable[..., Any], type[BaseException]]] = {
    "an error": (fail, CustomError),
    "an exit": (exit_here, SystemExit),
    "a cancellation": (cancel_itself, asyncio.CancelledError),
}

DRIVES: list[Literal["thread", "caller"]] = ["thread", "caller"]
FACTORIES = [None, asyncio.new_event_loop]


class Machine(RuleBasedStateMachine):
    """Each rule is something that a program may do."""

    callers: Bundle[Caller] = Bundle("callers")
    bridges: Bundle[Bridge] = Bundle("bridges")

    def __init__(self) -> None:
        super().__init__()
        gc.collect()
        self.threads = threading.active_count()
        self.files = open_files()
        self.living: list[Caller] = []
        self.made: list[Bridge] = []

    @initialize(target=callers)
    def first_thread(self) -> Any:
        return self.start_thread_now()

    @initialize(target=bridges)
    def first_bridge(self) -> Any:
        return self.keep(Bridge(LoopManager(), driven=False, shared=False))

    @rule(target=callers)
    def start_thread(self) -> Any:
        # More do not add to what can happen.
        return self.start_thread_now() if len(self.living) < 4 else multiple()

    def start_thread_now(self) -> Caller:
        self.living.append(Caller())
        return self.living[-1]

    @rule(caller=consumes(callers))
    def end_thread(self, caller: Caller) -> None:
        for bridge in self.made:
            bridge.loops.pop(caller, None)
            if bridge.owner is caller and not bridge.closed:
                caller.do(bridge.sideloop.close)
                bridge.closed = True
        caller.end()
        self.living.remove(caller)

    @rule(
        target=bridges,
        scope=st.sampled_from(["thread", "process"]),
        factory=st.sampled_from(FACTORIES),
    )
    def make_manager(self, scope: Any, factory: Any) -> Any:
        manager = LoopManager(scope=scope, loop_factory=factory)
        return self.keep(Bridge(manager, driven=False, shared=scope == "process"))

    @rule(target=bridges)
    def make_driven_manager(self) -> Any:
        return self.keep(Bridge(LoopManager(drive="caller"), driven=True, shared=False))

    @rule(target=bridges, factory=st.sampled_from(FACTORIES))
    def make_runner(self, factory: Any) -> Any:
        return self.keep(Bridge(Runner(loop_factory=factory), driven=False, shared=True))

    @rule(target=bridges)
    def make_driven_runner(self) -> Any:
        return self.keep(Bridge(Runner(drive="caller"), driven=True, shared=True))

    def keep(self, bridge: Bridge) -> Bridge:
        self.made.append(bridge)
        return bridge

    @rule(bridge=bridges, caller=callers, number=st.integers())
    def call(self, bridge: Bridge, caller: Caller, number: int) -> None:
        refusal = bridge.refusal(caller)
        with refused(refusal):
            assert caller.do(lambda: bridge.run(add, number, 1)) == number + 1
        if refusal is None:
            bridge.is_served(caller)
            loop = caller.do(lambda: bridge.run(running_loop))
            assert bridge.loops.setdefault(caller, loop) is loop
            assert len(set(bridge.loops.values())) == (1 if bridge.shared else len(bridge.loops))

    @rule(bridge=bridges, caller=callers, what=st.sampled_from(sorted(FAILURES)))
    def call_that_fails(self, bridge: Bridge, caller: Caller, what: str) -> None:
        async_fn, error = FAILURES[what]
        refusal = bridge.refusal(caller)
        with refused(refusal or error):
            caller.do(lambda: bridge.run(async_fn))
        if refusal is None:
            bridge.is_served(caller)

    @rule(bridge=bridges, caller=callers, seconds=st.sampled_from([0, 0.001, 0.01]))
    def call_with_a_limit(self, bridge: Bridge, caller: Caller, seconds: float) -> None:
        def limited() -> None:
            # Whose the loop is must not depend on whether the limit is over before the call begins.
            assert bridge.run(add, 1, 1) == 2
            with sideloop.timeout(seconds):
                bridge.run(asyncio.sleep, 60)

        refusal = bridge.refusal(caller)
        with refused(refusal or TimeoutError):
            caller.do(limited)
        if refusal is None:
            bridge.is_served(caller)

    @rule(bridge=bridges, caller=callers)
    def call_that_stops_the_loop(self, bridge: Bridge, caller: Caller) -> None:
        refusal = bridge.refusal(caller)
        with refused(refusal or LoopStoppedError):
            caller.do(lambda: bridge.run(stop_loop))
        if refusal is None:
            bridge.is_served(caller)
            bridge.stopped = True
            bridge.loops.clear()

    @rule(bridge=bridges, caller=callers)
    def call_that_leaves_a_task(self, bridge: Bridge, caller: Caller) -> None:
        refusal = bridge.refusal(caller)
        with refused(refusal):
            caller.do(lambda: bridge.run(leave_task))
        if refusal is None:
            bridge.is_served(caller)

    @rule(outer=bridges, inner=bridges, caller=callers, number=st.integers())
    def nested_call(self, outer: Bridge, inner: Bridge, caller: Caller, number: int) -> None:
        if inner.is_runner and inner.driven:
            return  # its owner would be a loop thread, which the model does not have

        async def nest() -> Any:
            return inner.run(add, number, 1)

        refusal = outer.refusal(caller)
        if refusal is None and inner.is_runner:
            # Closed, or the loop that the outer call runs on.
            refusal = inner.refusal(caller) or (DeadlockError if inner is outer else None)
        with refused(refusal):
            assert caller.do(lambda: outer.run(nest)) == number + 1
        if outer.refusal(caller) is None:
            outer.is_served(caller)

    @rule(bridge=bridges, number=st.integers(), calls=st.integers(2, 20))
    def calls_at_once(self, bridge: Bridge, number: int, calls: int) -> None:
        def call() -> list[Any]:
            return [bridge.run(add, number, one) for one in range(calls)]

        ready = [caller for caller in self.living if bridge.refusal(caller) is None]
        if bridge.is_runner and bridge.driven:
            ready = ready[:1]
        for wait in [caller.begin(call) for caller in ready]:
            assert wait() == [number + one for one in range(calls)]
        for caller in ready:
            bridge.is_served(caller)

    @rule(bridge=bridges, caller=callers)
    def close(self, bridge: Bridge, caller: Caller) -> None:
        others = bridge.is_runner and bridge.owner not in (None, caller)
        with refused(RuntimeError if others and not bridge.closed else None):
            caller.do(bridge.sideloop.close)
        if not others:
            bridge.closed = True
            bridge.loops.clear()

    @rule(caller=callers)
    def fork(self, caller: Caller) -> None:
        caller.do(self.fork_here)

    @rule()
    def fork_on_the_main_thread(self) -> None:
        self.fork_here()

    def fork_here(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # there are threads
            pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.alarm(int(LIMIT) // 2)
                self.call_everything()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0

    def call_everything(self) -> None:
        for bridge in self.made:
            with refused(RunnerClosedError if bridge.is_runner and bridge.closed else None):
                assert bridge.run(add, 10, 12) == 22

    @rule()
    def collect(self) -> None:
        gc.collect()

    def teardown(self) -> None:
        for bridge in self.made:
            if bridge.owner is not None and not bridge.closed:
                bridge.owner.do(bridge.sideloop.close)
            bridge.sideloop.close()
        for caller in self.living:
            caller.end()
        self.made.clear()
        _left.clear()
        wait_for(lambda: threading.active_count() <= self.threads)
        gc.collect()
        assert open_files() <= self.files


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only their number


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, threading.enumerate()
        time.sleep(0.002)


@pytest.mark.timeout(TIME + 300)
class TestAnyOrderOfEvents:
    def test_gives_every_call_its_outcome_and_leaves_nothing(self) -> None:
        end = time.monotonic() + TIME
        # The same each time, but where there is time for new ones.
        first = random.getrandbits(32) if FULL else 0
        for number in range(EXAMPLES // AT_ONCE):
            run_state_machine_as_test(
                seed(first + number)(Machine),
                settings=settings(
                    database=None,
                    phases=PHASES,
                    max_examples=AT_ONCE,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
            if time.monotonic() > end:
                break
