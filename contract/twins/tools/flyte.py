"""flyte: what `syncify` makes of functions, with classes around them by hand."""

import asyncio
from typing import Any

from flyte.syncify import syncify

from twins.by_hand import ROWS_BY_HAND, Bridge, client_class, item_class
from twins.types_of import type_of_sum as _type_of_sum

NAME, DISTRIBUTION = "flyte", "flyte"
SAYS = "`@syncify` on functions and generators, classes around them by hand"
BY_HAND = ROWS_BY_HAND


class _Syncify(Bridge):
    def call(self, async_fn: Any, *args: Any) -> Any:
        return syncify(async_fn)(*args)

    def iterate(self, generator: Any) -> Any:
        async def items() -> Any:
            async for item in generator:
                yield item

        return syncify(items)()

    async def in_thread(self, sync_fn: Any, *args: Any) -> Any:
        return await asyncio.to_thread(sync_fn, *args)


call = _Syncify().call
Item = item_class(_Syncify())
Client = client_class(_Syncify(), Item)


async def await_elsewhere(client: Any) -> int:
    """Use the same client on a loop of the user's own."""
    return int(await syncify(client.original.add).aio(1, 2))


def type_of_sum() -> str:
    """What mypy says of `add`."""
    wrapping = """
from flyte.syncify import syncify
class Client:
    @syncify
    async def add(self, a: int, b: int) -> int:
        return await AsyncClient().add(a, b)
"""
    return _type_of_sum(wrapping, "Client().add(1, 2)")
