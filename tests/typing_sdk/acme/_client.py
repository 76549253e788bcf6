"""The client and its resources."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar, overload

from typing_extensions import Self

from acme._base import AsyncBox, AsyncNumbers, AsyncPages, Named
from acme._models import AsyncUser
from acme._types import AcmeError, Color, Mode, Options, Point, Retry, Row

if TYPE_CHECKING:
    from acme._types import Greet, Handler

T = TypeVar("T")


def make_retry() -> Retry:
    """What a function returns that fills an attribute."""
    return Retry()  # type: ignore[no-untyped-call]


class AsyncUsers:
    """A resource of the client."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self.client = client
        self.cache: dict[int, AsyncUser] = {}

    async def get(self, number: int) -> AsyncUser:
        """One of them.

        Raises:
            AcmeError: There is none.
        """
        if number < 0:
            raise AcmeError(404)
        return self.cache.setdefault(number, AsyncUser(number))

    async def list(self, *, limit: int = 2) -> list[AsyncUser]:
        """Some of them."""
        return [AsyncUser(n) for n in range(limit)]

    async def rename(self, user: AsyncUser, name: str) -> AsyncUser:
        """Give one another name."""
        assert isinstance(user, AsyncUser)
        user.name = name
        return user

    async def merge(self, users: Sequence[AsyncUser]) -> int:
        """Take many."""
        assert all(isinstance(user, AsyncUser) for user in users)
        return len(users)


class AsyncUserPages(AsyncPages[AsyncUser]):
    """The base has no twin, and what it is generic in has one."""

    async def count(self) -> int:
        """Of the items."""
        return len(self.items)


class AsyncClient(Named):
    """Talks to acme.

    Not for the faint of heart.
    """

    NAME: Final = "acme"
    LIMIT: Final[int] = 10
    registry: ClassVar[dict[str, int]] = {}
    timeout = 5.0
    mode: Mode = "fast"
    on_number: Handler | None = None

    def __init__(
        self, url: str, options: Options | None = None, *, greet: Greet | None = None
    ) -> None:
        super().__init__("client")
        self.url = url
        self.options = options
        self.greet = greet
        self.users = AsyncUsers(self)
        self.retry = make_retry()
        self.lock = asyncio.Lock()
        self.pattern = re.compile("a+")
        self.length = len(url)
        self.home = os.environ.get("ACME_HOME_THAT_IS_NOT_SET")
        self.first, self.second = AsyncBox(1), "second"
        self.all_users = [AsyncUser(n) for n in range(2)]
        self.by_name = {"a": AsyncUser(1)}
        self.maybe = AsyncUser(1) if url else None
        self.colors = {Color.RED}
        self.calls = 0
        self._secret = "s"

    async def ping(self) -> bool:
        """Whether it answers."""
        self.calls += 1
        return True

    @overload
    async def find(self, key: int) -> AsyncUser: ...
    @overload
    async def find(self, key: str, *, many: Literal[True]) -> list[AsyncUser]: ...
    @overload
    async def find(self, key: str, *, many: Literal[False] = ...) -> str: ...
    async def find(
        self, key: int | str, *, many: bool = False
    ) -> AsyncUser | list[AsyncUser] | str:
        """Find one, or many."""
        if isinstance(key, int):
            return AsyncUser(key)
        return [AsyncUser(1)] if many else key

    async def echo(self, value: T) -> T:
        """Anything."""
        return value

    async def boxed(self, value: T) -> AsyncBox[T]:
        """Anything, in a box."""
        return AsyncBox(value)

    async def nested(self) -> dict[str, tuple[AsyncUser, AsyncUser | None]]:
        """Deep inside."""
        return {"a": (AsyncUser(1), None)}

    async def either(self, number: int) -> AsyncUser | Point:
        """One of two."""
        return AsyncUser(number) if number else Point(1)

    async def row(self, row: Row) -> Row:
        """A typed dictionary."""
        return {**row, "name": "row"}

    async def colored(self, color: Color = Color.RED, /, *points: Point, **more: int) -> Color:
        """Parameters of all kinds."""
        return color if points or more else Color.BLUE

    async def stream(self, to: int = 2) -> AsyncIterator[AsyncUser]:
        """One by one."""
        for n in range(to):
            yield AsyncUser(n)

    async def talk(self) -> AsyncGenerator[str, int]:
        """In both directions."""
        yield str((yield "first"))

    @asynccontextmanager
    async def session(self, name: str) -> AsyncGenerator[AsyncUser, None]:
        """For the length of a block."""
        yield AsyncUser(1, name=name)

    def transaction(self) -> AbstractAsyncContextManager[AsyncUser]:
        """The same, by a plain function."""
        return self.session("transaction")

    def later(self) -> Awaitable[AsyncUser]:
        """A plain function that returns an awaitable."""
        return self.users.get(1)

    def latest(self) -> Coroutine[Any, Any, list[AsyncUser]]:
        """And a coroutine."""
        return self.users.list()

    def numbers(self) -> AsyncNumbers:
        """A plain function that returns an object."""
        return AsyncNumbers(3)

    def describe(self, prefix: str = "> ") -> str:
        """Nothing async."""
        return prefix + self.url

    def chained(self) -> Self:
        """Itself."""
        return self

    @property
    def best(self) -> AsyncUser:
        """A property."""
        return self.all_users[0]

    @property
    def limit(self) -> int:
        """A property that can be set."""
        return self.calls

    @limit.setter
    def limit(self, limit: int) -> None:
        self.calls = limit

    @property
    async def count(self) -> int:
        """A property that is awaited."""
        return 3

    @cached_property
    def token(self) -> str:
        """Once."""
        return self._secret

    @classmethod
    async def connect(cls, url: str) -> Self:
        """A client that is connected."""
        return cls(url)

    @classmethod
    def from_env(cls, **options: str) -> Self:
        """A client as the environment says."""
        return cls(options.get("url", "env"))

    @staticmethod
    async def check(url: str) -> bool:
        """Whether it is an address."""
        return bool(url)

    async def each(self, handler: Handler, *others: Handler) -> list[str]:
        """Calls hooks."""
        return [await one(n) for n, one in enumerate([handler, *others])]

    async def convert(self, convert: Callable[[AsyncUser], Awaitable[T]]) -> list[T]:
        """A hook whose result counts."""
        return [await convert(user) for user in self.all_users]

    async def configured(self) -> list[str]:
        """Calls the hooks of the options."""
        assert self.options is not None
        on_number, greet = self.options.on_number, self.options.greet
        found = [await handler(2) for handler in self.options.handlers]
        found += [] if on_number is None else [await on_number(1)]
        return found + ([] if greet is None else [await greet("you", loud=True)])

    def listener(self, handler: Handler) -> Handler:
        """A decorator."""
        self.on_number = handler
        return handler

    async def notify(self) -> str:
        """Calls what was registered."""
        return "" if self.on_number is None else await self.on_number(7)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[AsyncUser]:
        return self.stream()

    async def __call__(self, user: AsyncUser) -> AsyncUser:
        return user

    def __getitem__(self, number: int) -> AsyncUser:
        return self.all_users[number]

    def __len__(self) -> int:
        return len(self.all_users)

    def __contains__(self, user: object) -> bool:
        return user in self.all_users
