"""Rows: what comes of a call, of its coroutine and of its interruptions."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import gc
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from twins.outcome import expect

from bridges import libraries
from bridges.library import Bridge
from bridges.row import Late, Stubborn, answer, raised_by, row, works


@contextmanager
def ctrl_c_when(begun: threading.Event) -> Iterator[None]:
    """Ctrl-C on the main thread, once that has begun."""

    def interrupt() -> None:
        begun.wait()
        time.sleep(0.05)  # until the main thread waits
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    yield
    thread.join()


@row("Ctrl-C: the task is cancelled and has cleaned up, then KeyboardInterrupt")
def ctrl_c(bridge: Bridge) -> None:
    """Once."""
    late = Late()
    works(bridge)
    with ctrl_c_when(late.begun):
        expect(type(raised_by(bridge, late.run)) is KeyboardInterrupt)
    expect(late.unwound)
    works(bridge)


@row("Ctrl-C while the coroutine will not stop: KeyboardInterrupt in time, and the next call works")
def ctrl_c_of_a_stubborn_one(bridge: Bridge) -> None:
    """It goes on for a minute."""
    stubborn = Stubborn()
    works(bridge)
    with ctrl_c_when(stubborn.begun):
        expect(type(raised_by(bridge, stubborn.run)) is KeyboardInterrupt)
    works(bridge)


@row("a signal handler that calls, while a call waits")
def handler_calls(bridge: Bridge) -> None:
    """Many times."""
    heard = []
    works(bridge)
    signal.signal(signal.SIGALRM, lambda *_: heard.append(bridge.bare(answer)))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    bridge.call(asyncio.sleep, 0.6)
    signal.setitimer(signal.ITIMER_REAL, 0)
    expect(len(heard) > 2 and set(heard) == {22})


@row("SystemExit of a coroutine: the same object to the caller, and the next call works")
def system_exit(bridge: Bridge) -> None:
    """It ends no loop."""
    error = SystemExit(3)

    async def leave() -> None:
        await asyncio.sleep(0)
        raise error

    expect(raised_by(bridge, leave) is error)
    works(bridge)


@row("CancelledError of a coroutine: asyncio's own, to the caller")
def cancelled(bridge: Bridge) -> None:
    """Not that of `concurrent.futures`, and not None."""

    async def cancel() -> None:
        raise asyncio.CancelledError

    expect(type(raised_by(bridge, cancel)) is asyncio.CancelledError)
    works(bridge)


@row("StopIteration out of the function: a RuntimeError, since it would end who iterates")
def stop_iteration(bridge: Bridge) -> None:
    """As of a coroutine."""

    async def stop() -> None:
        raise StopIteration

    expect(isinstance(raised_by(bridge, stop), RuntimeError))
    works(bridge)


@row("any exception: the same object, and at most two frames of others'")
def frames(bridge: Bridge) -> None:
    """Those of asyncio count, but not those of a loop under which the caller is."""
    error = KeyError("of the user's")

    async def fail() -> None:
        raise error

    expect(raised_by(bridge, fail) is error)
    found = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    # Those after the call, which stands in libraries.py.
    found = found[max(i for i, file in enumerate(found) if file == libraries.__file__) :]
    expect(len([file for file in found if file not in (libraries.__file__, __file__)]) <= 2)


@row("a call that fails leaves nothing for the collector")
def garbage(bridge: Bridge) -> None:
    """Less than an object a call."""

    async def fail() -> None:
        raise KeyError

    def left_by(calls: int) -> int:
        gc.collect()
        gc.disable()
        for _ in range(calls):
            with contextlib.suppress(KeyError):
                bridge.bare(fail)
        return gc.collect()

    raised_by(bridge, fail)
    expect(bridge.library.setting(lambda: left_by(100)) < 100)


@row("the coroutine stops its loop: an error, and the next call works")
def stopped(bridge: Bridge) -> None:
    """By `loop.stop()`."""

    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(60)

    raised_by(bridge, stop)
    works(bridge)


@row("a call from its own loop: works, or an error")
def own_loop(bridge: Bridge) -> None:
    """No hang."""

    async def inside() -> object:
        return bridge.bare(answer)

    try:
        expect(bridge.call(inside) == 22)
    except Exception as error:
        expect("Otherwise" not in type(error).__name__)
    works(bridge)


@row("a call that waits for itself through another loop: works, or an error")
def circle(bridge: Bridge) -> None:
    """The other loop is a runner's."""
    import sideloop

    with sideloop.Runner() as other:

        async def back() -> object:
            return bridge.bare(answer)

        async def there() -> object:
            return other.run(back)

        try:
            expect(bridge.call(there) == 22)
        except Exception as error:
            expect("Otherwise" not in type(error).__name__)
        works(bridge)


@row("threads of one name, whose coroutines wait for each other")
def names(bridge: Bridge) -> None:
    """They do not share what is found by the name."""
    met: list[object] = []

    async def meet() -> int:
        met.append(None)
        while len(met) < 2:
            await asyncio.sleep(0.01)
        return 22

    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(bridge.call(meet)), name="same")
        for _ in range(2)
    ]
    works(bridge)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(found == [22, 22])


@row("16 threads with 200 calls each: each has its own answer")
def many_threads(bridge: Bridge) -> None:
    """No answer is another's."""

    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    works(bridge)
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda number: bridge.call(double, number), range(3200)))
    expect(found == [2 * number for number in range(3200)])


@row("the caller's context variables are seen")
def context(bridge: Bridge) -> None:
    """As set at each call."""
    variable = contextvars.ContextVar("variable", default=0)

    async def get() -> int:
        return variable.get()

    for number in range(3):
        variable.set(number)
        expect(bridge.call(get) == number)
