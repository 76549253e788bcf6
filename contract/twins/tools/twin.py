"""sideloop: the twin of a module."""

from typing import Any

from sideloop import LoopManager, run_sync, synced
from twins import library
from twins.types_of import module
from twins.types_of import type_of_sum as _type_of_sum

NAME, DISTRIBUTION = "sideloop", "sideloop"
SAYS = "`synced(library)`"
BY_HAND: frozenset[str] = frozenset()

_twin: Any = synced(library)

Client: Any = _twin.AsyncClient
Item: Any = _twin.AsyncItem

call = run_sync


async def await_elsewhere(client: Any) -> int:
    """Use the same client on a loop of the user's own."""
    return int(await client.add.aio(1, 2))


def without_thread() -> tuple[str, Any]:
    """A client that needs no other thread."""
    return 'drive="caller"', LoopManager(drive="caller").synced(library.AsyncClient)()


def with_context_back() -> tuple[str, Any]:
    """A client whose context variables are the caller's."""
    manager = LoopManager(copy_context_back=True)
    return "copy_context_back=True", manager.synced(library.AsyncClient)()


def type_of_sum() -> str:
    """What mypy says of `add`."""
    wrapping = "from sideloop import synced\nClient = synced(AsyncClient)\n"
    return _type_of_sum(wrapping, "Client().add(1, 2)", module("sideloop", "stubs", "api"))
