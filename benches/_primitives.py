"""What bridges of others need of sideloop, called as peers are (`_peers.py`)."""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call,no-any-return"

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import Context
from typing import Any

from _measure import Call
from _peers import ANSWER, Peer, Thread, async_add


def add() -> int:
    """Do the same without a loop."""
    return ANSWER


@contextmanager
def _run_awaitable() -> Iterator[Call]:
    from sideloop import Runner

    with Runner() as runner:
        yield lambda: runner.run_awaitable(async_add(a=10, b=12))


@contextmanager
def _run_function() -> Iterator[Call]:
    from sideloop import Runner

    with Runner() as runner:
        yield lambda: runner.run_function(add)


@contextmanager
def _loop_and_thread() -> Iterator[Call]:
    from sideloop import Runner

    def ask() -> int:
        return ANSWER if runner.loop and runner.thread else 0

    with Runner() as runner:
        yield ask


@contextmanager
def _run_of(**options: Any) -> Iterator[Call]:
    from sideloop import Runner

    with Runner(**options) as runner:
        yield lambda: runner.run(async_add, a=10, b=12)


@contextmanager
def _opened_and_closed(*, drain: bool) -> Iterator[Call]:
    from sideloop import Runner

    def once() -> object:
        runner = Runner()
        answer = runner.run(async_add, a=10, b=12)
        runner.close(drain=drain)
        return answer

    yield once


@contextmanager
def _submit() -> Iterator[Call]:
    from sideloop import Runner

    with Runner() as runner:
        yield lambda: runner.submit(async_add, a=10, b=12).result()


@contextmanager
def _others() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _run_on() -> Iterator[Call]:
    from sideloop import run_on

    with _others() as loop:
        yield lambda: run_on(loop, async_add, a=10, b=12)


@contextmanager
def _run_on_when_it_runs() -> Iterator[Call]:
    from sideloop import run_on

    with _others() as loop:
        yield lambda: run_on(loop, wait_for_loop=60)(async_add, a=10, b=12)


@contextmanager
def _run_on_with_a_task_factory() -> Iterator[Call]:
    from sideloop import run_on

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coroutine, loop=loop)

    with _others() as loop:
        loop.set_task_factory(factory)  # type: ignore[arg-type, unused-ignore]
        yield lambda: run_on(loop, async_add, a=10, b=12)


@contextmanager
def _submit_on() -> Iterator[Call]:
    from sideloop import submit_on

    with _others() as loop:
        yield lambda: submit_on(loop, async_add, a=10, b=12).result()


@contextmanager
def _drive() -> Iterator[Call]:
    from sideloop import drive

    with closing(asyncio.new_event_loop()) as loop:
        yield lambda: drive(loop, async_add, a=10, b=12)


@contextmanager
def _run_on_caller() -> Iterator[Call]:
    from sideloop import Runner, run_on_caller

    async def ask() -> int:
        return await run_on_caller(add)

    with Runner() as runner:
        yield lambda: runner.run(ask)


PRIMITIVES = (
    Peer("Runner.loop, and .thread", "sideloop", Thread.OWN, _loop_and_thread),
    Peer("Runner.run_awaitable", "sideloop", Thread.OTHER, _run_awaitable),
    Peer("Runner.run_function", "sideloop", Thread.OTHER, _run_function),
    Peer("run_on_caller, from Runner.run", "sideloop", Thread.OTHER, _run_on_caller),
    Peer("Runner.run", "sideloop", Thread.OTHER, _run_of),
    Peer(
        "Runner(context=...).run",
        "sideloop",
        Thread.OTHER,
        lambda: _run_of(context=Context()),
    ),
    Peer(
        "Runner(copy_context_back=True).run",
        "sideloop",
        Thread.OTHER,
        lambda: _run_of(copy_context_back=True),
    ),
    Peer(
        'Runner(task_name="task").run',
        "sideloop",
        Thread.OTHER,
        lambda: _run_of(task_name="task"),
    ),
    Peer("Runner.submit(...).result()", "sideloop", Thread.OTHER, _submit),
    Peer("sideloop.run_on, asyncio's loop", "sideloop", Thread.OTHER, _run_on),
    Peer("run_on(wait_for_loop=60)", "sideloop", Thread.OTHER, _run_on_when_it_runs),
    Peer("run_on, loop with a task factory", "sideloop", Thread.OTHER, _run_on_with_a_task_factory),
    Peer("sideloop.submit_on(...).result()", "sideloop", Thread.OTHER, _submit_on),
    Peer("sideloop.drive, asyncio's loop", "sideloop", Thread.OWN, _drive),
    Peer(
        "Runner() to close()",
        "sideloop",
        Thread.OTHER,
        lambda: _opened_and_closed(drain=False),
    ),
    Peer(
        "Runner() to close(drain=True)",
        "sideloop",
        Thread.OTHER,
        lambda: _opened_and_closed(drain=True),
    ),
)
