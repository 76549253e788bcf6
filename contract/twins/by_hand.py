"""The sync library that an author writes by hand, around something that calls functions.

It has what such an author would write: a method for each, generators step by step. It has no
registry of objects, nor anything for users who derive from its classes.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from twins import library
from twins.rows import ADDS, MAKES, ROWS

ROWS_BY_HAND = frozenset(row.name for row in ROWS if row.part in (MAKES, ADDS))
"""Those that work with what is here, if they work."""


class Bridge:
    """Calls async functions. A tool's own overrides what it does better."""

    def call(self, async_fn: Any, *args: Any) -> Any:
        """What the function returns."""
        raise NotImplementedError

    async def in_thread(self, sync_fn: Any, *args: Any) -> Any:
        """A sync function, called for async code on another thread."""
        raise NotImplementedError

    def iterate(self, generator: Any) -> Iterator[Any]:
        """The items of an async generator."""
        try:
            while True:
                try:
                    yield self.call(generator.__anext__)
                except StopAsyncIteration:
                    return
        finally:
            self.call(generator.aclose)

    @contextmanager
    def enter(self, manager: Any) -> Iterator[Any]:
        """A block of an async context manager."""
        value = self.call(manager.__aenter__)
        try:
            yield value
        except BaseException as error:
            if not self.call(manager.__aexit__, type(error), error, error.__traceback__):
                raise
        else:
            self.call(manager.__aexit__, None, None, None)


def item_class(bridge: Bridge) -> Any:
    """The sync item."""

    class Item:
        def __init__(self, original: library.AsyncItem, client: Any) -> None:
            self.original = original
            self.client = client
            self.number = original.number

        def read(self) -> str:
            """What is in it."""
            return str(bridge.call(self.original.read))

        def owner(self) -> Any:
            """Whose it is."""
            return self.client

    return Item


def client_class(bridge: Bridge, item_of: Any) -> Any:
    """The sync client."""

    class Client:
        def __init__(self) -> None:
            self.original = library.AsyncClient()
            self._block: AbstractContextManager[Any] | None = None

        @property
        def name(self) -> str:
            """What it is called."""
            return self.original.name

        def events(self) -> list[str]:
            """What has happened."""
            return list(bridge.call(self.original.events))

        def __enter__(self) -> "Client":
            self._block = bridge.enter(self.original)
            self._block.__enter__()
            return self

        def __exit__(self, *error: Any) -> bool | None:
            assert self._block is not None
            return self._block.__exit__(*error)

        def add(self, a: int, b: int) -> int:
            """Add."""
            return int(bridge.call(self.original.add, a, b))

        def label(self, number: int) -> str:
            """What an item is called."""
            return str(bridge.call(self.original.label, number))

        def labels(self, count: int) -> list[str]:
            """What several are called."""
            return list(bridge.call(self.original.labels, count))

        def get(self, number: int) -> Any:
            """One item."""
            return item_of(bridge.call(self.original.get, number), self)

        def get_all(self, count: int) -> dict[str, list[Any]]:
            """Several items."""
            found = bridge.call(self.original.get_all, count)
            return {key: [item_of(item, self) for item in items] for key, items in found.items()}

        def stream(self, count: int) -> Iterator[int]:
            """Numbers, one by one."""
            return bridge.iterate(self.original.stream(count))

        @contextmanager
        def session(self) -> Iterator[Any]:
            """An item for the length of a block."""
            with bridge.enter(self.original.session()) as item:
                yield item_of(item, self)

        @property
        def size(self) -> int:
            """How many there are."""

            async def get() -> int:
                return await self.original.size

            return int(bridge.call(get))

        def each(self, convert: Any) -> list[str]:
            """What a function of the user's makes of some numbers."""

            async def converted(number: int) -> str:
                return str(await bridge.in_thread(convert, number))

            return list(bridge.call(self.original.each, converted))

        def both(self) -> float:
            """Wait twice, at the same time."""
            return float(bridge.call(self.original.both))

        def wait(self) -> None:
            """Wait for long, and clean up."""
            bridge.call(self.original.wait)

        def fail(self) -> None:
            """Raise."""
            bridge.call(self.original.fail)

        def run(self, sync_fn: Any) -> Any:
            """Call a sync function, on the loop."""
            return bridge.call(self.original.run, sync_fn)

        def who(self) -> str:
            """Who is asking."""
            return str(bridge.call(self.original.who))

        def sign_in(self, name: str) -> None:
            """Set who is asking."""
            bridge.call(self.original.sign_in, name)

    return Client
