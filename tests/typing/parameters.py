"""Every kind of parameter of an async function is a parameter of the call, and of the sync twin."""

from typing_extensions import assert_type

from sideloop import run_sync, synced


async def none() -> int:
    raise NotImplementedError


async def any_way(a: int, b: str) -> bytes:
    raise NotImplementedError


async def positional_only(a: int, b: str, /) -> bytes:
    raise NotImplementedError


async def keyword_only(*, a: int, b: str = "") -> bytes:
    raise NotImplementedError


async def with_default(a: int, b: str = "", *, c: float = 0.0) -> bytes:
    raise NotImplementedError


async def var_positional(a: int, *rest: str) -> bytes:
    raise NotImplementedError


async def var_keyword(a: int, **options: str) -> bytes:
    raise NotImplementedError


async def anything(*args: int, **kwargs: str) -> bytes:
    raise NotImplementedError


async def our_own_names(self: int, async_fn: str, timeout: float, *, args: int = 0) -> bytes:
    raise NotImplementedError


async def our_own_names_by_keyword(
    *, self: int, async_fn: str, timeout: float, grace: float = 0.0
) -> bytes:
    raise NotImplementedError


def run_sync_takes_them() -> None:
    assert_type(run_sync(none), int)

    assert_type(run_sync(any_way, 1, "b"), bytes)
    assert_type(run_sync(any_way, 1, b="b"), bytes)
    assert_type(run_sync(any_way, a=1, b="b"), bytes)
    assert_type(run_sync(any_way, b="b", a=1), bytes)
    assert_type(run_sync(any_way, *(1, "b")), bytes)

    assert_type(run_sync(positional_only, 1, "b"), bytes)

    assert_type(run_sync(keyword_only, a=1), bytes)
    assert_type(run_sync(keyword_only, a=1, b="b"), bytes)

    assert_type(run_sync(with_default, 1), bytes)
    assert_type(run_sync(with_default, 1, "b"), bytes)
    assert_type(run_sync(with_default, 1, c=0.5), bytes)
    assert_type(run_sync(with_default, a=1, b="b", c=0.5), bytes)

    assert_type(run_sync(var_positional, 1), bytes)
    assert_type(run_sync(var_positional, 1, "b", "c"), bytes)

    assert_type(run_sync(var_keyword, 1), bytes)
    assert_type(run_sync(var_keyword, a=1, b="b", c="c"), bytes)

    assert_type(run_sync(anything), bytes)
    assert_type(run_sync(anything, 1, 2, x="x", y="y"), bytes)


def run_sync_eats_no_name() -> None:
    assert_type(run_sync(our_own_names, 1, "f", 2.0), bytes)
    assert_type(run_sync(our_own_names, self=1, async_fn="f", timeout=2.0, args=3), bytes)
    assert_type(run_sync(our_own_names_by_keyword, self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(
        run_sync(our_own_names_by_keyword, self=1, async_fn="f", timeout=2.0, grace=0.5), bytes
    )
    assert_type(run_sync(var_keyword, 1, self="s", async_fn="f", timeout="t"), bytes)


def synced_keeps_them() -> None:
    assert_type(synced(none)(), int)

    assert_type(synced(any_way)(1, "b"), bytes)
    assert_type(synced(any_way)(1, b="b"), bytes)
    assert_type(synced(any_way)(a=1, b="b"), bytes)

    assert_type(synced(positional_only)(1, "b"), bytes)

    assert_type(synced(keyword_only)(a=1), bytes)
    assert_type(synced(keyword_only)(a=1, b="b"), bytes)

    assert_type(synced(with_default)(1), bytes)
    assert_type(synced(with_default)(a=1, b="b", c=0.5), bytes)

    assert_type(synced(var_positional)(1, "b", "c"), bytes)
    assert_type(synced(var_keyword)(a=1, b="b"), bytes)
    assert_type(synced(anything)(1, 2, x="x"), bytes)


def synced_eats_no_name() -> None:
    assert_type(synced(our_own_names)(self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(synced(our_own_names_by_keyword)(self=1, async_fn="f", timeout=2.0), bytes)
    assert_type(synced(var_keyword)(1, self="s", async_fn="f", timeout="t"), bytes)


@synced
async def decorated(a: int, b: str = "", *, c: float = 0.0) -> bytes:
    raise NotImplementedError


def synced_decorates() -> None:
    assert_type(decorated(1), bytes)
    assert_type(decorated(a=1, b="b", c=0.5), bytes)
