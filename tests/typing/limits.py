"""Where a type checker knows less than the package does. A limit that falls fails this check."""

import functools
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar, overload

from typing_extensions import assert_type

from sideloop import run_sync, synced

T = TypeVar("T")


class Store:
    @synced
    @staticmethod
    async def other_way_round(path: str) -> bool:
        raise NotImplementedError


async def add(a: int, b: int) -> int:
    raise NotImplementedError


async def never() -> NoReturn:
    raise NotImplementedError


@overload
async def parse(source: int) -> bytes: ...
@overload
async def parse(source: str) -> list[str]: ...
async def parse(source: int | str) -> bytes | list[str]:
    raise NotImplementedError


@overload
async def partly_async(source: int) -> bytes: ...
@overload
def partly_async(source: str) -> Callable[[], str]: ...
def partly_async(source: int | str) -> Awaitable[bytes] | Callable[[], str]:
    raise NotImplementedError


def overloads_take_no_union(either: int | str) -> None:
    # A direct call is tried with each member of the union. Through a ParamSpec it is not, so put
    # the call into a lambda; a twin is called directly.
    run_sync(parse, either)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(run_sync(lambda: parse(either)), bytes | list[str])  # type: ignore[assert-type]
    assert_type(synced(parse)(either), bytes | list[str])


def overloads_that_are_not_async_are_left_out() -> None:
    assert_type(run_sync(partly_async, 1), bytes)
    run_sync(partly_async, "source")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def arguments_after_a_partial_are_not_checked_by_mypy() -> None:
    # mypy knows what a partial returns, but takes it for a callable with any parameters when it is
    # passed on. pyright checks both.
    run_sync(functools.partial(add, 1), "2")  # pyright: ignore[reportArgumentType]
    run_sync(functools.partial(add, 1))  # pyright: ignore[reportCallIssue]
    run_sync(functools.partial(add, 1), 2, 3)  # pyright: ignore[reportCallIssue]
    synced(functools.partial(add, 1))("2")  # pyright: ignore[reportArgumentType]
    a: str = run_sync(functools.partial(add, 1), 2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    b: str = synced(functools.partial(add, 1))(2)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(a, b)


def run_sync_itself_fits_no_plain_callable_type_for_pyright() -> None:
    # It does not solve the ParamSpec from the callable type it is assigned to.
    def pass_on(call: Callable[[Callable[[int], Awaitable[T]], int], T]) -> T:
        raise NotImplementedError

    pass_on(run_sync)  # pyright: ignore[reportArgumentType]


def code_after_a_call_that_never_returns() -> NoReturn:  # pyright: ignore[reportReturnType]
    # pyright looks for NoReturn in the declared return type only; the value is exact.
    run_sync(never)


def the_original_is_not_in_the_type_of_its_twin() -> None:
    # It is there at run time. The type is a plain callable, since that is what a class body binds.
    print(synced(add).aio)  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]


def decorators_either_way_round_are_accepted(store: Store) -> None:
    # And are right: at run time both orders work, with @synced on top `aio` is bound as well.
    assert_type(store.other_way_round("path"), bool)
