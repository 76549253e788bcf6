"""What threads share of sideloop, used by several at once: `many_threads.py <what> <rounds>`.

`many_threads.py names` says what there is, and `all` is all of that. Right on every interpreter;
where there is no interpreter lock the threads meet inside of it.
"""

import asyncio
import contextlib
import gc
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError

import sideloop

THREADS = 4
ROUNDS = int(sys.argv[2]) if sys.argv[2:] else 0
PATIENCE = 60.0


async def answer(number: int) -> int:
    return number


async def answer_later(number: int) -> int:
    await asyncio.sleep(0)
    return number


def together(*acts: Callable[[], object]) -> None:
    """Each on a thread of its own, begun at the same instant, until all have ended."""
    failed: list[BaseException] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        start.wait(PATIENCE)
        try:
            act()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def times(number: int, act: Callable[[], object]) -> list[Callable[[], object]]:
    return [act] * number


def calls() -> None:
    """A loop for each thread, and one for all: every answer is the right one, and is counted."""
    before = sideloop.statistics().calls

    def call(run: Callable[..., int]) -> None:
        for number in range(ROUNDS):
            assert run(answer, number) == number
            assert run(answer_later, number) == number

    with sideloop.Runner() as runner:
        together(
            *times(THREADS, lambda: call(sideloop.run_sync)),
            *times(THREADS, lambda: call(runner.run)),
        )
        after = sideloop.statistics().calls
    assert after.returned - before.returned == 2 * THREADS * 2 * ROUNDS, (before, after)
    assert after.waiting == 0, after


def first_calls() -> None:
    """Threads that call first on the same runner or manager: one loop is made for all."""

    async def loop() -> int:
        return id(asyncio.get_running_loop())

    for _ in range(ROUNDS // 10 + 1):
        found: list[int] = []
        manager = sideloop.LoopManager(scope="process")

        def call(manager: sideloop.LoopManager = manager, found: list[int] = found) -> None:
            found.append(manager.run_sync(loop))

        together(*times(THREADS, call))
        manager.close()
        assert len(found) == THREADS, found
        assert len(set(found)) == 1, found


def cancelled() -> None:
    """Submitted calls that are cancelled while they end: each ends, as one or the other."""
    with sideloop.Runner() as runner:

        def submit_and_cancel() -> None:
            for number in range(ROUNDS):
                future = runner.submit(answer_later if number % 2 else answer, number)
                canceller = threading.Thread(target=future.cancel)
                canceller.start()
                with contextlib.suppress(CancelledError):
                    assert future.result(PATIENCE) == number
                canceller.join()
                assert future.done()

        together(*times(THREADS, submit_and_cancel))


def closed() -> None:
    """Runners that are closed under the calls of others: each call ends, or was not started."""

    def call(runner: sideloop.Runner) -> None:
        with contextlib.suppress(sideloop.RunnerClosedError):
            while True:
                assert runner.run(answer_later, 1) == 1

    for _ in range(ROUNDS // 10 + 1):
        runner = sideloop.Runner()
        runner.run(answer, 0)

        def close(runner: sideloop.Runner = runner) -> None:
            time.sleep(random.random() * 0.002)
            runner.close()

        together(*times(THREADS, lambda r=runner: call(r)), *times(2, close))


def circles() -> None:
    """Two threads close a circle at the same instant: it is refused, and nobody waits for ever."""
    refused = 0
    with sideloop.Runner(name="one") as one, sideloop.Runner(name="other") as other:
        for _ in range(ROUNDS):
            meet = threading.Barrier(2)

            async def there(back: sideloop.Runner, meet: threading.Barrier) -> int:
                meet.wait(PATIENCE)
                return back.run(answer, 1)

            outcomes: list[object] = []

            def begin(
                at: sideloop.Runner,
                back: sideloop.Runner,
                meet: threading.Barrier = meet,
                outcomes: list[object] = outcomes,
            ) -> None:
                try:
                    outcomes.append(at.run(there, back, meet))
                except sideloop.DeadlockError as error:
                    outcomes.append(type(error))

            together(lambda: begin(one, other), lambda: begin(other, one))
            assert len(outcomes) == 2, outcomes
            assert set(outcomes) <= {1, sideloop.DeadlockError}, outcomes
            refused += sideloop.DeadlockError in outcomes
    assert refused == ROUNDS, refused


def nested_stops() -> None:
    """Calls that are stopped while they make a nested call: the nested one is stopped with them."""
    manager = sideloop.LoopManager(grace=PATIENCE)

    async def outer(inner: Callable[..., int]) -> int:
        return inner()

    async def long() -> int:
        await asyncio.sleep(PATIENCE)
        return 1

    def call() -> None:
        for number in range(ROUNDS):
            limit = 0.0002 * (number % 8)
            begun = time.monotonic()
            with contextlib.suppress(TimeoutError), sideloop.timeout(limit):
                manager.run_sync(outer, lambda: manager.run_sync(long))
            assert time.monotonic() - begun < PATIENCE / 2

    together(*times(THREADS, call))
    manager.close()


def submitted_nested() -> None:
    """The same of submitted calls, whose futures are cancelled by another thread."""
    with sideloop.Runner() as outer_runner, sideloop.Runner() as inner_runner:

        async def long() -> None:
            await asyncio.sleep(PATIENCE)

        async def outer() -> None:
            inner_runner.run(long)

        for number in range(ROUNDS):
            future = outer_runner.submit(outer)
            if number % 2:
                time.sleep(random.random() * 0.0005)
            future.cancel()
            begun = time.monotonic()
            with contextlib.suppress(CancelledError):
                future.result(PATIENCE)
            # The loop is free again.
            assert outer_runner.run(answer, number) == number
            assert time.monotonic() - begun < PATIENCE / 2


def callbacks() -> None:
    """Callbacks that other threads put on a loop: each runs once, or was cancelled."""
    ran: list[int] = []
    with sideloop.Runner(debug=False) as runner:  # debug mode refuses other threads
        loop = runner.loop

        def put() -> None:
            for number in range(ROUNDS):
                loop.call_soon_threadsafe(ran.append, number)
                # Not asyncio's promise: see `LoopCore`.
                loop.call_soon(ran.append, number)

        together(*times(THREADS, put), lambda: [runner.run(answer, 1) for _ in range(ROUNDS)])
        runner.run(answer, 1)
        runner.run(asyncio.sleep, 0.01)
    assert sorted(ran) == sorted([*range(ROUNDS)] * 2 * THREADS)


def handles() -> None:
    """Handles and timers that other threads cancel while the loop takes them."""
    with sideloop.Runner(debug=False) as runner:  # debug mode refuses other threads
        loop = runner.loop
        ran: set[int] = set()

        def put(offset: int) -> None:
            for number in range(offset, offset + ROUNDS):
                one = loop.call_soon(ran.add, number)
                timer = loop.call_later(0.0001, ran.add, -number - 1)
                if number % 3:
                    one.cancel()
                    timer.cancel()

        together(
            *(lambda i=i: put(i * ROUNDS) for i in range(THREADS)),
            lambda: [runner.run(answer_later, 1) for _ in range(ROUNDS)],
        )
        runner.run(asyncio.sleep, 0.05)
        assert {n for n in range(THREADS * ROUNDS) if n % 3 == 0} <= ran
        assert {-n - 1 for n in range(THREADS * ROUNDS) if n % 3 == 0} <= ran


def errands() -> None:
    """Errands that are asked for while the caller leaves: whoever awaits one goes on."""
    from sideloop import run_on_caller

    manager = sideloop.LoopManager(grace=PATIENCE, scope="process")
    ended: list[int] = []

    async def ask(number: int) -> None:
        try:
            while True:
                with contextlib.suppress(RuntimeError):
                    await run_on_caller(int)
                await asyncio.sleep(0)
        finally:
            ended.append(number)

    def call(offset: int) -> None:
        for number in range(offset, offset + ROUNDS):
            with contextlib.suppress(TimeoutError), sideloop.timeout(0.0005 * (number % 5)):
                manager.run_sync(ask, number)

    together(*(lambda i=i: call(i * ROUNDS) for i in range(THREADS)))
    begun = time.monotonic()
    manager.close()
    assert time.monotonic() - begun < PATIENCE / 2


def iterators() -> None:
    """One iterator for several threads: each item goes to one of them."""

    async def items(number: int) -> AsyncIterator[int]:
        for item in range(number):
            if item % 3 == 0:
                await asyncio.sleep(0)
            yield item

    shared = sideloop.iterate(items(ROUNDS))
    got: list[int] = []

    def take() -> None:
        while True:
            try:
                got.append(next(shared))
            except ValueError:
                continue
            except StopIteration:
                return

    together(*times(THREADS, take))
    assert sorted(got) == [*range(ROUNDS)]


def maps() -> None:
    """Maps of several threads, on one loop."""
    manager = sideloop.LoopManager(scope="process")

    def work() -> None:
        for _ in range(ROUNDS // 20 + 1):
            assert list(manager.map(answer_later, range(20), limit=5)) == [*range(20)]

    together(*times(THREADS, work))
    manager.close()


def twins() -> None:
    """Objects of one class that threads translate, and containers that others change meanwhile."""

    class Inner:
        async def number(self) -> int:
            return 1

    held = Inner()
    everything: list[object] = [held] * 5
    # Never without one: what holds nothing to translate is passed on as it is.
    by_number: dict[int, object] = {0: held}

    class Outer:
        async def get(self) -> tuple[Inner, list[object], dict[int, object], set[int]]:
            return held, everything, by_number, {1, 2}

    twin = sideloop.synced(Outer, deep=True)()
    over = threading.Event()

    def change() -> None:
        number = 0
        while not over.is_set():
            number += 1
            everything.append(number)
            by_number[number] = held
            if number % 50 == 0:
                del everything[5:]
                for known in range(1, number + 1):
                    by_number.pop(known, None)

    def look() -> None:
        try:
            for _ in range(ROUNDS):
                inner, items, named, numbers = twin.get()
                assert inner is twin.get()[0]
                assert inner.number() == 1
                assert items[0] is inner
                assert numbers == {1, 2}
                assert all(value is inner for value in named.values())
        finally:
            over.set()

    together(*times(2, look), change)


def collections() -> None:
    """The collector, while others call, iterate and nest."""
    over = threading.Event()

    async def items() -> AsyncIterator[int]:
        for item in range(5):
            yield item

    async def nest() -> int:
        return sideloop.run_sync(answer, 3)

    def call() -> None:
        try:
            for number in range(ROUNDS):
                assert sideloop.run_sync(answer_later, number) == number
                assert sideloop.run_sync(nest) == 3
                assert list(sideloop.iterate(items())) == [0, 1, 2, 3, 4]
                for item in sideloop.iterate(items()):
                    if item == 2:
                        break
        finally:
            over.set()

    def collect() -> None:
        while not over.is_set():
            gc.collect()

    together(*times(THREADS, call), collect)


def forks() -> None:
    """Forks, while other threads call: the child calls, too, and none of its locks is held."""
    # Since CPython 3.12 of any fork beside other threads.
    warnings.simplefilter("ignore", DeprecationWarning)
    over = threading.Event()

    def call() -> None:
        with sideloop.Runner() as runner:
            while not over.is_set():
                assert runner.run(answer, 1) == 1
                assert sideloop.run_sync(answer_later, 2) == 2

    def fork() -> None:
        try:
            for _ in range(ROUNDS // 10 + 1):
                child = os.fork()
                if not child:
                    code = 1
                    with contextlib.suppress(BaseException):
                        code = sideloop.run_sync(answer, 0)
                    os._exit(code)
                assert os.waitpid(child, 0)[1] == 0
        finally:
            over.set()

    together(*times(2, call), fork)


def patches() -> None:
    """A method of the loop's class, and one of a loop, replaced while others call."""
    over = threading.Event()

    def call() -> None:
        try:
            for number in range(ROUNDS):
                assert sideloop.run_sync(answer_later, number) == number
        finally:
            over.set()

    def patch() -> None:
        kind = sideloop.EventLoop

        def call_soon(self: object, *args: object, **options: object) -> object:
            return super(kind, self).call_soon(*args, **options)  # type: ignore[misc]

        while not over.is_set():
            kind.call_soon = call_soon  # type: ignore[method-assign, assignment]
            del kind.call_soon

    together(*times(2, call), patch)


def driven() -> None:
    """Loops that their callers drive, of several threads."""
    manager = sideloop.LoopManager(drive="caller")

    async def nest() -> int:
        return manager.run_sync(answer, 3)

    def call() -> None:
        for number in range(ROUNDS):
            assert manager.run_sync(answer_later, number) == number
            assert manager.run_sync(nest) == 3

    together(*times(THREADS, call))
    manager.close()


ALL = {
    act.__name__: act
    for act in (
        calls,
        first_calls,
        cancelled,
        closed,
        circles,
        nested_stops,
        submitted_nested,
        callbacks,
        handles,
        errands,
        iterators,
        maps,
        twins,
        collections,
        forks,
        patches,
        driven,
    )
}

if __name__ == "__main__" and sys.argv[1] == "names":
    print(*ALL)
elif __name__ == "__main__":
    for what in [sys.argv[1]] if sys.argv[1] != "all" else ALL:
        ALL[what]()
        print(what)
