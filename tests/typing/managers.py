"""A manager of one's own, the default manager and a runner are as exact as `run_sync`."""

import asyncio
import contextvars
import threading
from concurrent.futures import Future
from typing import Any, Literal, TypeVar

from typing_extensions import assert_type

import sideloop
from sideloop import (
    LoopManager,
    Runner,
    drive,
    loop_manager,
    run_on,
    run_sync,
    submit_on,
    synced,
    timeout,
)

T = TypeVar("T")


class Store:
    async def get(self, key: str, *, default: int = 0) -> bytes:
        raise NotImplementedError


async def fetch(url: str, *rest: int, retries: int = 0, **options: str) -> bytes:
    raise NotImplementedError


async def none() -> None:
    raise NotImplementedError


async def identity(value: T) -> T:
    raise NotImplementedError


async def our_own_names(*, self: int, async_fn: str, timeout: float) -> bytes:
    raise NotImplementedError


def future() -> asyncio.Future[str]:
    raise NotImplementedError


def a_manager(manager: LoopManager, store: Store) -> None:
    assert_type(manager.run_sync(fetch, "url"), bytes)
    assert_type(manager.run_sync(fetch, "url", 1, 2, retries=3, option="o"), bytes)
    assert_type(manager.run_sync(identity, 1), int)
    assert_type(manager.run_sync(our_own_names, self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(manager.run_sync(store.get, "key", default=1), bytes)
    assert_type(manager.run_sync(future), str)
    result: None = manager.run_sync(none)
    assert_type(result, None)

    assert_type(manager.synced(fetch)("url", 1, 2, retries=3, option="o"), bytes)
    assert_type(manager.synced(identity)(1), int)
    assert_type(manager.synced(our_own_names)(self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(manager.synced(store.get)("key", default=1), bytes)

    assert_type(manager.submit(fetch, "url", 1, retries=3), Future[bytes])
    assert_type(manager.submit(identity, 1), Future[int])
    assert_type(manager.submit(our_own_names, self=1, async_fn="f", timeout=2.0), Future[bytes])
    manager.submit(fetch)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    assert_type(manager.run_awaitable(fetch("url")), bytes)
    assert_type(manager.run_function(int, "22", base=8), int)
    assert_type(manager.loop, asyncio.AbstractEventLoop)
    assert_type(manager.thread, threading.Thread)

    assert_type(manager.runners(), list[Runner])
    assert_type(manager.name, str | None)
    assert_type(manager.drive, Literal["thread", "caller"])

    with LoopManager(name="mine", scope="process", debug=True) as own:
        assert_type(own, LoopManager)


def the_default_manager(store: Store) -> None:
    assert_type(loop_manager, LoopManager)
    assert_type(sideloop.loop_manager.run_sync(fetch, url="url"), bytes)
    assert_type(loop_manager.run_sync(fetch, "url", 1, 2, retries=3, option="o"), bytes)
    assert_type(loop_manager.run_sync(identity, 1), int)
    assert_type(loop_manager.run_sync(our_own_names, self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(loop_manager.run_sync(store.get, "key", default=1), bytes)

    assert_type(loop_manager.synced(fetch)("url", 1, 2, retries=3, option="o"), bytes)
    assert_type(loop_manager.synced(identity)(1), int)


def a_runner(runner: Runner, store: Store) -> None:
    assert_type(runner.run(fetch, "url"), bytes)
    assert_type(runner.run(fetch, "url", 1, 2, retries=3, option="o"), bytes)
    assert_type(runner.run(identity, 1), int)
    assert_type(runner.run(our_own_names, self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(runner.run(store.get, "key", default=1), bytes)
    assert_type(runner.run(future), str)
    assert_type(runner.name, str)
    assert_type(runner.closed, bool)

    with Runner(name="mine") as own:
        assert_type(own, Runner)


def a_runner_with_a_return_inside_is_no_missing_return() -> bytes:
    with Runner() as runner:
        return runner.run(fetch, "url")


def a_manager_with_a_return_inside_is_no_missing_return() -> bytes:
    with LoopManager() as manager:
        return manager.run_sync(fetch, "url")


def a_time_limit_with_a_return_inside_is_no_missing_return() -> bytes:
    with timeout(2):
        return run_sync(fetch, "url")


def the_bound_methods_under_another_name(runner: Runner) -> None:
    run = runner.run
    assert_type(run(fetch, "url", 1, retries=3), bytes)
    run_here = loop_manager.run_sync
    assert_type(run_here(identity, 1), int)
    twin_of = loop_manager.synced
    assert_type(twin_of(fetch)("url", 1, retries=3), bytes)
    names: list[str] = list(map(synced(identity), ["a"]))
    assert_type(names, list[str])


def on_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    raise NotImplementedError


def constructors_take_options() -> None:
    LoopManager()
    LoopManager(
        scope="process",
        loop_factory=asyncio.SelectorEventLoop,
        exception_handler=on_exception,
        grace=1,
    )
    LoopManager(scope="thread", drive="caller", loop_factory=sideloop.EventLoop)
    LoopManager(drive="thread")
    Runner()
    Runner(
        name="mine",
        loop_factory=asyncio.new_event_loop,
        exception_handler=on_exception,
        grace=0.5,
    ).close(grace=0.5)
    Runner(drive="caller", loop_factory=sideloop.new_event_loop)
    Runner(drive="thread")
    drives: list[Literal["thread", "caller"]] = ["thread", "caller"]
    for one in drives:
        LoopManager(drive=one)
        assert_type(Runner(drive=one).drive, Literal["thread", "caller"])


def a_future(runner: Runner, store: Store) -> None:
    assert_type(runner.submit(fetch, "url", 1, 2, retries=3, option="o"), Future[bytes])
    assert_type(runner.submit(our_own_names, self=1, async_fn="f", timeout=2.0), Future[bytes])
    assert_type(runner.submit(store.get, "key", default=1).result(timeout=1.5), bytes)
    assert_type(runner.submit(none).exception(), BaseException | None)


def a_loop_that_somebody_else_runs(loop: asyncio.AbstractEventLoop, store: Store) -> None:
    assert_type(run_on(loop, fetch, "url", 1, 2, retries=3, option="o"), bytes)
    assert_type(run_on(loop, our_own_names, self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(run_on(loop, store.get, "key", default=1), bytes)


def what_bridges_need(loop: asyncio.AbstractEventLoop, runner: Runner) -> None:
    assert_type(submit_on(loop, fetch, "url", retries=3), Future[bytes])
    assert_type(submit_on(loop, wait_for_loop=None)(fetch, "url"), Future[bytes])
    assert_type(run_on(loop, wait_for_loop=30)(fetch, "url"), bytes)
    assert_type(drive(loop, fetch, "url", 1), bytes)
    assert_type(runner.close(0.5, drain=True), None)
    Runner(task_name="fetch", context=contextvars.Context())
    LoopManager(task_name=lambda async_fn: async_fn.__name__, copy_context_back=True)
