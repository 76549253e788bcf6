"""What the makers of tasks take: not all know of contexts."""

import asyncio
import inspect
import sys
from collections.abc import Callable

from sideloop._base.signature import signature_of


def takes_context(maker: Callable[..., object]) -> bool:
    """Whether a task factory, or a loop's `create_task`, takes `context` by name.

    asyncio's own take it since CPython 3.11; what was written before then need not. One whose
    parameters cannot be learned is compiled, and as new as the rest.
    """
    if getattr(maker, "__func__", None) is asyncio.BaseEventLoop.create_task:
        return sys.version_info >= (3, 11)
    if inspect.isbuiltin(maker):
        # As our loop's is. To parse its signature takes longer than a new loop does.
        return True
    try:
        parameters = signature_of(maker).parameters
    except (TypeError, ValueError):
        return True
    kinds = {parameter.kind for parameter in parameters.values()}
    named = parameters.get("context")
    return inspect.Parameter.VAR_KEYWORD in kinds or (
        named is not None and named.kind is not inspect.Parameter.POSITIONAL_ONLY
    )
