"""asgiref: `async_to_sync` of functions, with classes around them by hand."""

from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from twins.by_hand import ROWS_BY_HAND, Bridge, client_class, item_class
from twins.types_of import type_of_sum as _type_of_sum

NAME, DISTRIBUTION = "asgiref", "asgiref"
SAYS = "`async_to_sync` of functions, classes around them by hand"
BY_HAND = ROWS_BY_HAND


class _AsyncToSync(Bridge):
    def call(self, async_fn: Any, *args: Any) -> Any:
        return async_to_sync(async_fn)(*args)

    async def in_thread(self, sync_fn: Any, *args: Any) -> Any:
        return await sync_to_async(sync_fn)(*args)


call = _AsyncToSync().call
Item = item_class(_AsyncToSync())
Client = client_class(_AsyncToSync(), Item)


async def await_elsewhere(client: Any) -> int:
    """Use the same client on a loop of the user's own: asgiref keeps none."""
    return int(await client.original.add(1, 2))


def type_of_sum() -> str:
    """What mypy says of `add`."""
    wrapping = "from asgiref.sync import async_to_sync\n"
    return _type_of_sum(wrapping, "async_to_sync(AsyncClient().add)(1, 2)")
