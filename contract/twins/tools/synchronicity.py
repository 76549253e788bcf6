"""synchronicity: a wrapper made of each class."""

from typing import Any

from synchronicity import Synchronizer

from twins import library
from twins.types_of import module
from twins.types_of import type_of_sum as _type_of_sum

NAME, DISTRIBUTION = "synchronicity", "synchronicity"
SAYS = "`Synchronizer().create_blocking(...)` of each class, and `create_callback` by hand"
BY_HAND = frozenset(("callback", "callback_that_calls"))

_synchronizer = Synchronizer()


class _Client(library.AsyncClient):
    async def each(self, convert: Any) -> list[str]:
        return await super().each(_synchronizer.create_callback(convert))


_synchronizer.create_blocking(library.AsyncClient, "_Base", __name__)
Item: Any = _synchronizer.create_blocking(library.AsyncItem, "Item", __name__)
Client: Any = _synchronizer.create_blocking(_Client, "Client", __name__)


def call(async_fn: Any, *args: Any) -> Any:
    """Call any async function."""
    return _synchronizer.create_blocking(async_fn, "called", __name__)(*args)


async def await_elsewhere(client: Any) -> int:
    """Use the same client on a loop of the user's own."""
    return int(await client.add.aio(1, 2))


def type_of_sum() -> str:
    """What mypy says of `add`."""
    wrapping = """
from synchronicity import Synchronizer
synchronizer = Synchronizer()
Client = synchronizer.create_blocking(AsyncClient, "Client", __name__)
"""
    return _type_of_sum(wrapping, "Client().add(1, 2)", module("synchronicity.type_stubs", "api"))
