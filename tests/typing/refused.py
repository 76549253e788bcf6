"""What does not fit is refused: every line here is an error, or the check of this file fails.

Each error is expected by both type checkers. A line that one of them would accept has an ignore
comment with nothing to ignore, and that is an error itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from typing import TypedDict, overload

from sideloop import LoopManager, Runner, loop_manager, run_on, run_sync, synced, timeout


class Page(TypedDict):
    url: str


class Fetcher:
    async def __call__(self, url: str, *, retries: int = 0) -> bytes:
        raise NotImplementedError


class SyncFetcher:
    def __call__(self, url: str) -> bytes:
        raise NotImplementedError


class Store:
    async def async_get(self, key: str) -> bytes:
        raise NotImplementedError

    @synced
    async def put(self, key: str, value: bytes) -> int:
        raise NotImplementedError

    @classmethod
    @synced
    async def open(cls, path: str) -> "Store":
        raise NotImplementedError

    @staticmethod
    @synced
    async def check(path: str) -> bool:
        raise NotImplementedError


async def none() -> None:
    raise NotImplementedError


async def add(a: int, b: int) -> int:
    raise NotImplementedError


async def positional_only(a: int, /) -> int:
    raise NotImplementedError


async def keyword_only(*, a: int) -> int:
    raise NotImplementedError


async def var_positional(*values: int) -> int:
    raise NotImplementedError


async def var_keyword(**values: int) -> int:
    raise NotImplementedError


async def our_own_names(*, self: int, async_fn: int, timeout: int) -> int:
    raise NotImplementedError


async def perhaps() -> str | None:
    raise NotImplementedError


async def page() -> Page:
    raise NotImplementedError


async def generator() -> AsyncIterator[int]:
    raise NotImplementedError
    yield 1


def sync_add(a: int, b: int) -> int:
    raise NotImplementedError


def thread_future() -> Future[int]:
    raise NotImplementedError


@overload
async def parse(source: int) -> bytes: ...
@overload
async def parse(source: str) -> list[str]: ...
async def parse(source: int | str) -> bytes | list[str]:
    raise NotImplementedError


def run_sync_refuses_arguments_of_the_wrong_type() -> None:
    run_sync(add, "1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(add, 1, b="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(add, *("1", "2"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(var_positional, 1, "2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(var_keyword, a=1, b="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(our_own_names, self="1", async_fn=2, timeout=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(our_own_names, self=1, async_fn="2", timeout=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(our_own_names, self=1, async_fn=2, timeout="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(Store().async_get, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(Fetcher(), 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(Fetcher(), "url", retries="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(parse, b"source")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def run_sync_refuses_missing_arguments() -> None:
    run_sync(add)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(add, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(add, b=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(keyword_only)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(our_own_names, async_fn=2, timeout=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(our_own_names, self=1, timeout=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(our_own_names, self=1, async_fn=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(Store().async_get)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(Store.async_get, "key")  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]
    run_sync()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def run_sync_refuses_surplus_arguments() -> None:
    run_sync(none, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(add, 1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(add, 1, 2, c=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(add, 1, 2, a=1)  # type: ignore[misc]  # pyright: ignore[reportCallIssue]
    run_sync(positional_only, a=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(keyword_only, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def run_sync_has_no_options() -> None:
    run_sync(none, timeout=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(none, grace=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    run_sync(async_fn=none)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def run_sync_refuses_what_is_no_async_function() -> None:
    run_sync(none())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    run_sync(add(1, 2))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    run_sync(sync_add, 1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(len, "abc")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(SyncFetcher(), "url")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(lambda: 1)  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]
    run_sync(generator)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(generator())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    run_sync(thread_future)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(asyncio.gather(none()))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    run_sync(Store().put, "key", b"value")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_sync(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    run_sync(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]


def run_sync_returns_no_other_type() -> None:
    a: str = run_sync(add, 1, 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    b: int = run_sync(none)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    c: str = run_sync(perhaps)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    d: Awaitable[int] = run_sync(add, 1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
    run_sync(perhaps).upper()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    run_sync(add, 1, 2).upper()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    run_sync(page)["status"]  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    run_sync(run_sync, add, 1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(a, b, c, d)


async def run_sync_returns_nothing_to_await() -> None:
    await run_sync(add, 1, 2)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


def synced_refuses_what_is_no_async_function() -> None:
    synced(none())  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    synced(sync_add)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    synced(SyncFetcher())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    synced(thread_future)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    synced(synced(add))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    synced(None)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    synced()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    synced(add, add)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    synced(async_fn=add)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def synced_twins_refuse_arguments() -> None:
    synced(none)(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    synced(add)("1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    synced(add)(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    synced(add)(1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    synced(add)(1, 2, c=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    synced(positional_only)(a=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    synced(keyword_only)(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    synced(our_own_names)(self="1", async_fn=2, timeout=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    synced(Fetcher())("url", retries="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    synced(parse)(b"source")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


def synced_twins_return_no_other_type() -> None:
    a: str = synced(add)(1, 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    b: Callable[[str], int] = synced(add)  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
    c: Callable[[int, int], str] = synced(add)  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
    d: Callable[[int, int], Awaitable[int]] = synced(add)  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]
    print(a, b, c, d)


def synced_methods_refuse_arguments(store: Store) -> None:
    store.put(1, b"value")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    store.put("key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    store.put("key", b"value", 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    store.put(store, "key", b"value")  # type: ignore[arg-type, call-arg]  # pyright: ignore[reportCallIssue]
    Store.put("key", b"value")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Store.open(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Store.open()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    store.check(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    store.check("path", "more")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    a: str = store.put("key", b"value")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(a)


def managers_refuse_the_same(manager: LoopManager) -> None:
    manager.run_sync(add, "1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    manager.run_sync(add, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    manager.run_sync(add, 1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    manager.run_sync(none, timeout=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    manager.run_sync(none())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    manager.run_sync(sync_add, 1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    a: str = manager.run_sync(add, 1, 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    manager.synced(add)("1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    manager.synced(add)(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    manager.synced(add)(1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    manager.synced(sync_add)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    b: str = manager.synced(add)(1, 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(a, b)


def the_default_manager_refuses_the_same() -> None:
    loop_manager.run_sync(add, "1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    loop_manager.run_sync(add, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    loop_manager.run_sync(add, 1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    loop_manager.run_sync(none, timeout=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    loop_manager.run_sync(none())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    loop_manager.run_sync(sync_add, 1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    a: str = loop_manager.run_sync(add, 1, 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    loop_manager.synced(add)("1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    loop_manager.synced(sync_add)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    print(a)


def runners_refuse_the_same(runner: Runner) -> None:
    runner.run(add, "1", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    runner.run(add, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    runner.run(add, 1, 2, 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    runner.run(none, timeout=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    runner.run(none())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    runner.run(sync_add, 1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    a: str = runner.run(add, 1, 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(a)


def constructors_refuse_options_they_do_not_have() -> None:
    LoopManager("process")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    LoopManager(scope="task")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager(drive="nobody")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager(drive=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager("a", "process")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    LoopManager(grace="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager(loop_factory=asyncio.new_event_loop())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager(exception_handler=lambda: None)  # type: ignore[arg-type, misc]  # pyright: ignore[reportArgumentType]
    LoopManager(name=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager(debug="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    LoopManager(limit=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Runner("name")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Runner(name=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Runner(drive="process")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Runner(grace=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Runner(loop_factory=object)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Runner(debug="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Runner(scope="process")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def timeout_is_a_number_and_no_async_context_manager() -> None:
    timeout("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    timeout(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    timeout()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    async with timeout(1.0):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


def a_submitted_call_has_to_fit(runner: Runner, loop: asyncio.AbstractEventLoop) -> None:
    runner.submit(add, 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    runner.submit(add, 1, "2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    runner.submit(add(1, 2))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    runner.run_awaitable(add)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    runner.run_function(chr, "1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run_on(loop, add, 1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    run_on(loop, add, 1, "2")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    run_on(add, 1, 2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
