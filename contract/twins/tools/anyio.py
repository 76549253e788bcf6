"""anyio: a blocking portal, with classes around its calls by hand."""

import os
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.to_thread import run_sync

from twins.by_hand import ROWS_BY_HAND, Bridge, client_class, item_class
from twins.types_of import type_of_sum as _type_of_sum

NAME, DISTRIBUTION = "anyio", "anyio"
SAYS = "a blocking portal, kept and made anew after a fork, classes around its calls by hand"
BY_HAND = ROWS_BY_HAND

_portal: BlockingPortal
_kept: list[Any] = []


def _start() -> None:
    global _portal
    _kept.append(start_blocking_portal())
    _portal = _kept[-1].__enter__()


_start()
os.register_at_fork(after_in_child=_start)


class _Calls(Bridge):
    def call(self, async_fn: Any, *args: Any) -> Any:
        return _portal.call(async_fn, *args)

    def enter(self, manager: Any) -> Any:
        return _portal.wrap_async_context_manager(manager)

    async def in_thread(self, sync_fn: Any, *args: Any) -> Any:
        return await run_sync(sync_fn, *args)


call = _Calls().call
Item = item_class(_Calls())
Client = client_class(_Calls(), Item)


async def await_elsewhere(client: Any) -> int:
    """Use the same client on a loop of the user's own."""
    return int(await run_sync(_portal.call, client.original.add, 1, 2))


def call_on_trio(async_fn: Any) -> Any:
    """Call an async function of trio's."""
    with start_blocking_portal("trio") as portal:
        return portal.call(async_fn)


def type_of_sum() -> str:
    """What mypy says of `add`."""
    wrapping = """
from anyio.from_thread import start_blocking_portal
with start_blocking_portal() as portal:
    client = AsyncClient()
"""
    return _type_of_sum(wrapping, "portal.call(client.add, 1, 2)")
