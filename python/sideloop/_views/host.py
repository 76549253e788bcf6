"""The coroutine of the one task in which all steps of an iterator or a context manager run."""

from collections.abc import Coroutine
from typing import Any

from sideloop._sideloop import Host, call_name


def attend(host: Host, async_fn: object) -> Coroutine[Any, Any, None]:
    """The coroutine for the host's task, under the name of what it is for."""
    coroutine: Any = _attend(host)
    coroutine.__qualname__ = call_name(async_fn).removesuffix("()")
    named: Coroutine[Any, Any, None] = coroutine
    return named


async def _attend(host: Host) -> None:
    await host
