"""The hooks: what raises, at which entries that can be, and what may come of it."""

import asyncio
import contextlib
import contextvars
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pace import scaled

import sideloop
from hooks import futures, loops
from hooks.bridges import ENTRIES, HANG, AsyncFn, Bridge

ANSWER = 22


@dataclass(frozen=True)
class Hook:
    """One way to raise.

    `use(bridge, error)` makes the call in which the hook raises, and returns what comes of it.
    """

    use: Callable[[Bridge, BaseException], Any]
    entries: tuple[str, ...] = ENTRIES
    raised: bool = True
    """Whether the caller gets it; else asyncio reports it, and an exit ends the loop."""
    limited: bool = False
    """Whether it raises when the call is cancelled, by a time limit."""
    leaves_its_task: bool = False
    """Whether asyncio's own task is left until the loop closes: what it awaits is not cancelled."""
    loop: loops.OurLoop = loops.OurLoop.PLAIN


HOOKS: dict[str, Hook] = {}


def hook(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(use: Callable[..., Any]) -> Callable[..., Any]:
        HOOKS[use.__name__] = Hook(use, **options)
        return use

    return add


async def answer() -> int:
    await asyncio.sleep(0)
    return ANSWER


async def answer_after_some_turns() -> int:
    for _ in range(5):
        await asyncio.sleep(0)
    return ANSWER


# What the function is and gives.


def _both_ways(name: str, make: Callable[[BaseException], Any], **options: Any) -> None:
    """The awaitable is what the function returns, or what its coroutine awaits."""

    def returned(bridge: Bridge, error: BaseException) -> Any:
        return bridge.enter(lambda: make(error))

    def awaited(bridge: Bridge, error: BaseException) -> Any:
        async def wait() -> Any:
            return await make(error)

        return bridge.enter(wait)

    HOOKS[f"{name}, returned"] = Hook(returned, **options)
    HOOKS[f"{name}, awaited"] = Hook(awaited, **options)


def _limited(make: AsyncFn) -> Callable[[Bridge, BaseException], Any]:
    def use(bridge: Bridge, error: BaseException) -> Any:
        with sideloop.timeout(scaled(0.2)):  # the call has to begin before
            return bridge.enter(lambda: make(error))

    return use


async def _wait_for(awaitable: Any) -> Any:
    return await awaitable


LIMITED = tuple(entry for entry in ENTRIES if entry != "submit")
"""A time limit is not for what is submitted."""

_both_ways("__await__", futures.BadAwaitable)
_both_ways("next of __await__", lambda error: futures.BadSteps("next", error))
_both_ways("a later next of __await__", lambda error: futures.BadSteps("next_later", error))
HOOKS["throw of __await__"] = Hook(
    _limited(lambda error: futures.BadSteps("throw", error)), entries=LIMITED, limited=True
)
for _name in futures.NAMES:
    if _name != "cancel":
        _both_ways(
            f"a future's {_name}",
            lambda error, name=_name: futures.ForeignFuture(name, error),  # type: ignore[misc]
            raised=_name != "exception",  # who awaits it asks for the result alone
        )
HOOKS["a future's cancel"] = Hook(
    _limited(lambda error: futures.ForeignFuture("cancel", error)),
    entries=LIMITED,
    limited=True,
    leaves_its_task=True,
)
HOOKS["a future's cancel, awaited"] = Hook(
    _limited(lambda error: _wait_for(futures.ForeignFuture("cancel", error))),
    entries=LIMITED,
    limited=True,
    leaves_its_task=True,
)


@hook()
def call_of_the_function(bridge: Bridge, error: BaseException) -> Any:
    class BadCall:
        def __call__(self) -> Any:
            raise error

    return bridge.enter(BadCall())


class Nameless:
    """A function whose every other hook raises."""

    def __init__(self, error: BaseException, result: Any) -> None:
        object.__setattr__(self, "_mine", (error, result))

    def __call__(self) -> Any:
        return object.__getattribute__(self, "_mine")[1]()

    def __getattribute__(self, name: str) -> Any:
        if name in ("__qualname__", "__name__", "__module__", "__code__", "__wrapped__"):
            raise object.__getattribute__(self, "_mine")[0]
        return object.__getattribute__(self, name)

    def __repr__(self) -> str:
        raise object.__getattribute__(self, "_mine")[0]

    def __eq__(self, other: object) -> bool:
        raise object.__getattribute__(self, "_mine")[0]

    def __hash__(self) -> int:
        raise object.__getattribute__(self, "_mine")[0]


@hook(raised=False)
def name_and_repr_and_eq_of_the_function(bridge: Bridge, error: BaseException) -> Any:
    return bridge.enter(Nameless(error, answer))


@hook(raised=False)
def name_of_a_function_that_is_refused(bridge: Bridge, error: BaseException) -> Any:
    """The error would name it."""
    try:
        return bridge.enter(Nameless(error, int))
    except TypeError:
        return ANSWER


@hook(raised=False)
def eq_of_the_value(bridge: Bridge, error: BaseException) -> Any:
    class Value:
        def __eq__(self, other: object) -> bool:
            raise error

        def __hash__(self) -> int:
            raise error

        def __bool__(self) -> bool:
            raise error

        def __repr__(self) -> str:
            raise error

    value = Value()

    async def give() -> Any:
        await asyncio.sleep(0)
        return value

    assert bridge.enter(give) is value
    return ANSWER


@hook(entries=("iterate",))
def aiter_of_an_iterable(bridge: Bridge, error: BaseException) -> Any:
    class Items:
        def __aiter__(self) -> Any:
            raise error

    return list(_iterate(bridge, Items()))


@hook(entries=("iterate",))
def anext_of_an_iterator(bridge: Bridge, error: BaseException) -> Any:
    class Items:
        def __aiter__(self) -> Any:
            return self

        def __anext__(self) -> Any:
            raise error

    return list(_iterate(bridge, Items()))


@hook(entries=("iterate",))
def aclose(bridge: Bridge, error: BaseException) -> Any:
    async def generator() -> Any:
        try:
            yield ANSWER
        finally:
            raise error

    items = _iterate(bridge, generator())
    assert next(items) == ANSWER
    items.close()
    return "nothing was raised"


@hook(entries=("iterate",), raised=False)
def aclose_of_a_dropped_iterator(bridge: Bridge, error: BaseException) -> Any:
    async def items() -> Any:
        try:
            yield ANSWER
        finally:
            raise error

    for item in _iterate(bridge, items()):
        assert item == ANSWER
        break
    return bridge.run(answer_after_some_turns)


@hook(entries=("iterate",))
def a_generator_that_raises_later(bridge: Bridge, error: BaseException) -> Any:
    async def items() -> Any:
        yield ANSWER
        await asyncio.sleep(0)
        raise error

    return list(_iterate(bridge, items()))


@hook(entries=("enter",))
def aenter(bridge: Bridge, error: BaseException) -> Any:
    class Manager:
        def __aenter__(self) -> Any:
            raise error

        async def __aexit__(self, *_: object) -> None: ...

    return _enter(bridge, Manager())


@hook(entries=("enter",))
def aexit(bridge: Bridge, error: BaseException) -> Any:
    class Manager:
        async def __aenter__(self) -> int:
            return ANSWER

        def __aexit__(self, *_: object) -> Any:
            raise error

    return _enter(bridge, Manager())


@hook(entries=("enter",))
def aexit_of_a_body_that_raises(bridge: Bridge, error: BaseException) -> Any:
    class Manager:
        async def __aenter__(self) -> int:
            return ANSWER

        async def __aexit__(self, *_: object) -> None:
            raise error

    assert bridge.manager is not None
    with bridge.manager.enter(Manager()):
        raise LookupError


@hook(entries=("map",))
def iter_of_the_items(bridge: Bridge, error: BaseException) -> Any:
    class Items:
        def __iter__(self) -> Any:
            raise error

    return list(sideloop.map(lambda _item: answer(), Items()))


@hook(entries=("map",))
def next_of_the_items(bridge: Bridge, error: BaseException) -> Any:
    def items() -> Iterator[int]:
        yield 1
        raise error

    return list(sideloop.map(lambda _item: answer(), items()))


def _iterate(bridge: Bridge, async_fn: Any) -> Any:
    assert bridge.manager is not None
    return bridge.manager.iterate(async_fn)


def _enter(bridge: Bridge, async_fn: Any) -> Any:
    assert bridge.manager is not None
    with bridge.manager.enter(async_fn) as value:
        return value


# What the loop was given.


@hook()
def task_factory(bridge: Bridge, error: BaseException) -> Any:
    async def install() -> None:
        loop = asyncio.get_running_loop()

        def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **_: Any) -> Any:
            loop.set_task_factory(None)
            coroutine.close()
            raise error

        loop.set_task_factory(make)

    bridge.run(install)
    return bridge.enter(answer)


@hook(
    loop=loops.OurLoop.MADE_AT_THE_SECOND_TRY,
    entries=tuple(one for one in ENTRIES if one not in ("run_on", "map")),
)
def loop_factory(bridge: Bridge, error: BaseException) -> Any:
    return bridge.enter(answer)


def _of_the_loop(name: str) -> Callable[[Bridge, BaseException], Any]:
    def use(bridge: Bridge, error: BaseException) -> Any:
        async def arm() -> loops.BadLoop:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, loops.BadLoop)
            loop.call_soon(loop.arm, name, error)
            return loop

        bad: loops.BadLoop = bridge.run(arm)
        try:
            return bridge.enter(answer)
        finally:
            bad.disarm()  # one that was not asked meanwhile would raise at the close

    return use


for _name in loops.NAMES:
    HOOKS[f"a loop's {_name}"] = Hook(
        _of_the_loop(_name),
        loop=loops.OurLoop.BAD,
        entries=tuple(one for one in ENTRIES if one != "map"),
        raised=False,
    )


@hook(raised=False)
def exception_handler(bridge: Bridge, error: BaseException) -> Any:
    def handle(loop: asyncio.AbstractEventLoop, context: Any) -> None:
        loop.set_exception_handler(None)
        raise error

    async def report() -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(handle)
        loop.call_soon(_raise, LookupError())
        return await answer_after_some_turns()

    return bridge.enter(report)


@hook(raised=False)
def callback(bridge: Bridge, error: BaseException) -> Any:
    async def schedule() -> int:
        asyncio.get_running_loop().call_soon(_raise, error)
        return await answer_after_some_turns()

    return bridge.enter(schedule)


@hook(raised=False)
def callback_of_the_last_turn(bridge: Bridge, error: BaseException) -> Any:
    async def schedule() -> int:
        asyncio.get_running_loop().call_soon(_raise, error)
        return ANSWER

    return bridge.enter(schedule)


@hook(raised=False)
def done_callback_of_the_task(bridge: Bridge, error: BaseException) -> Any:
    async def schedule() -> int:
        task = asyncio.get_running_loop().create_task(answer())
        task.add_done_callback(lambda _: _raise(error))
        return await answer_after_some_turns()

    return bridge.enter(schedule)


@hook(entries=("submit",), raised=False)
def done_callback_of_the_future(bridge: Bridge, error: BaseException) -> Any:
    assert bridge.runner is not None
    future = bridge.runner.submit(answer)
    with contextlib.suppress(BaseException):  # the callback runs here, if it is done by now
        future.add_done_callback(lambda _: _raise(error))
    return future.result(timeout=HANG)


@hook()
def fileno(bridge: Bridge, error: BaseException) -> Any:
    class BadFile:
        def fileno(self) -> int:
            raise error

    async def watch() -> None:
        asyncio.get_running_loop().add_reader(BadFile(), int)

    return bridge.enter(watch)


@hook()
def a_later_fileno(bridge: Bridge, error: BaseException) -> Any:
    """The reader is there, and cannot be removed by its object."""
    one, other = socket.socketpair()

    class BadFile:
        bad = False

        def fileno(self) -> int:
            if self.bad:
                raise error
            return one.fileno()

    async def watch() -> None:
        loop, file = asyncio.get_running_loop(), BadFile()
        loop.add_reader(file, int)
        await asyncio.sleep(0)
        file.bad = True
        try:
            loop.remove_reader(file)
        finally:
            loop.remove_reader(one)

    with one, other:
        return bridge.enter(watch)


@hook(entries=("run_sync",), raised=False)
def eq_of_a_context_variables_value(bridge: Bridge, error: BaseException) -> Any:
    class Value:
        def __eq__(self, other: object) -> bool:
            raise error

        __hash__ = None  # type: ignore[assignment]

    variable = contextvars.ContextVar[Value]("variable")
    variable.set(Value())

    async def change() -> int:
        variable.set(Value())
        return await answer()

    with contextlib.ExitStack() as stack:
        manager = sideloop.LoopManager(copy_context_back=True)
        stack.callback(manager.close)
        before = variable.get()
        assert manager.run_sync(change) == ANSWER
        assert variable.get() is not before
    return bridge.enter(change)


def _raise(error: BaseException) -> None:
    raise error
