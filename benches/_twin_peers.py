"""The peers of twins: what makes sync methods of a class's async ones, called as their users do."""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call,no-any-return"
# Any peer may be absent where this is type-checked, and not all of them ship types.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from _measure import Call
from _peers import ANSWER, Peer, Thread, why_left_out

Value = list[dict[str, Any]]


class AsyncClient:
    """Methods that return at their first step: what is left is the way there and back."""

    async def add(self, a: int, b: int) -> int:
        """Add."""
        return a + b

    async def same(self, value: Any) -> Any:
        """Give back what was given."""
        return value


@contextmanager
def _run_sync() -> Iterator[Call]:
    from sideloop import LoopManager

    with closing(LoopManager()) as manager:
        client, run_sync = AsyncClient(), manager.run_sync
        yield lambda: run_sync(client.add, a=10, b=12)


@contextmanager
def _twin() -> Iterator[Call]:
    from sideloop import LoopManager

    with closing(LoopManager()) as manager:
        client: Any = manager.synced(AsyncClient)()
        yield lambda: client.add(a=10, b=12)


@contextmanager
def _synchronicity() -> Iterator[Call]:
    from synchronicity import Synchronizer

    class Client:
        async def add(self, a: int, b: int) -> int:
            return a + b

    client: Any = Synchronizer().create_blocking(Client, "Client", __name__)()
    yield lambda: client.add(a=10, b=12)


@contextmanager
def _flyte() -> Iterator[Call]:
    from flyte.syncify import syncify

    class Client:
        @syncify  # type: ignore[untyped-decorator, unused-ignore]
        async def add(self, a: int, b: int) -> int:
            return a + b

    client: Any = Client()
    yield lambda: client.add(a=10, b=12)


RUN_SYNC = Peer("sideloop.run_sync of a method", "sideloop", Thread.OTHER, _run_sync)
TWIN = Peer("a method of a sideloop twin", "sideloop", Thread.OTHER, _twin)
SYNCHRONICITY = Peer("synchronicity create_blocking", "synchronicity", Thread.OTHER, _synchronicity)
FLYTE = Peer("flyte.syncify", "flyte", Thread.OTHER, _flyte)

TWINS = (RUN_SYNC, TWIN, SYNCHRONICITY, FLYTE)


def open_twins(stack: ExitStack) -> tuple[dict[Peer, Call], dict[Peer, str]]:
    """Open each peer and check its answer, as `open_peers` does."""
    calls: dict[Peer, Call] = {}
    left_out: dict[Peer, str] = {}
    for peer in TWINS:
        try:
            call = stack.enter_context(peer.open())
        except ImportError as error:
            left_out[peer] = why_left_out(error, peer.distribution)
            continue
        if call() != ANSWER:
            raise RuntimeError(f"{peer.name} gave a wrong answer: correct how this bench calls it")
        calls[peer] = call
    return calls, left_out


JSON = "json.dumps"
PASSED = "sideloop.run_sync"
UNKNOWN = "a twin, nothing to translate to"
WALKED = "a twin's method"
EXCHANGED = "a twin's method, a twin in each dict"


def open_takers(stack: ExitStack, rows: int) -> dict[str, Call]:
    """What takes and returns a list of so many small dicts."""
    import json

    from sideloop import LoopManager

    value: Value = [
        {"id": n, "tags": ["a", "b"], "place": {"lat": 1.0, "lon": 2.0}} for n in range(rows)
    ]
    without = stack.enter_context(closing(LoopManager()))
    manager = stack.enter_context(closing(LoopManager()))
    client: Any = manager.synced(AsyncClient)()
    function: Any = without.synced(AsyncClient().same)
    with_twins: Value = [row | {"client": client} for row in value]
    same = AsyncClient().same
    if function(value) is not value or client.same(value) is not value:
        raise RuntimeError("what holds nothing to translate was not passed on as it is")
    if client.same(with_twins) != with_twins:
        raise RuntimeError("a twin came back as something else")
    return {
        JSON: lambda: json.dumps(value),
        PASSED: lambda: manager.run_sync(same, value),
        UNKNOWN: lambda: function(value),
        WALKED: lambda: client.same(value),
        EXCHANGED: lambda: client.same(with_twins),
    }
