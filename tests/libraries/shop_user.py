"""What the stubs of the shop promise, for type checkers: this is not run."""

from collections.abc import Callable, Coroutine
from typing import Any

from shop import Client
from shop._client import AsyncClient
from shop._models import AsyncBox, AsyncItem, Price
from shop.sync import Box, Item, manager
from shop.tools import DEBUG, VERSION, Clock, Counter, count, first, parse
from typing_extensions import assert_type

from sideloop import LoopManager, SyncContextManager, SyncGenerator


def a_client(client: Client, item: Item) -> None:
    assert_type(Client("url", retries=1), Client)
    assert_type(client.url, str)
    assert_type(client.limit, int | None)
    assert_type(client.ping(), bool)
    assert_type(client.pong(times=2), bool)
    assert_type(client.find(1), Item)
    assert_type(client.find("a", many=True), list[Item])
    assert_type(client.echo(1), int)
    assert_type(client.box("a"), Box[str])
    assert_type(client.items("slow", "a"), SyncGenerator[Item, Any])
    assert_type(client.chat(), SyncGenerator[str, int])
    assert_type(client.open("a"), SyncContextManager[Item])
    assert_type(client.lock(), SyncContextManager[None])
    assert_type(client.later(), Price)
    assert_type(client.latest(), dict[str, Item])
    assert_type(client.describe(), str)
    assert_type(client.count, int)
    assert_type(client.best, Item)
    assert_type(Client.connect("url"), Client)
    assert_type(Client.check("url"), bool)
    assert_type(client(item), Item)
    assert_type(next(iter(client)), Item)
    with client as entered:
        assert_type(entered, Client)


def its_original(client: Client) -> None:
    assert_type(Client.aio, type[AsyncClient])
    assert_type(client.aio, AsyncClient)


async def used_by_async_code(client: Client, box: Box[int]) -> None:
    assert_type(await client.aio.find(1), AsyncItem)
    assert_type(box.aio, AsyncBox[int])


def an_item(item: Item, listener: Callable[[AsyncItem], None]) -> None:
    assert_type(item.client, Client)
    assert_type(item.renamed("a"), Item)
    assert_type(next(item.similar(item)), Item)
    item.watch(listener)


def a_generic_class(box: Box[int]) -> None:
    assert_type(box.get(), int)
    assert_type(box.put(2).inside, int)


def functions() -> None:
    assert_type(parse(1), bytes)
    assert_type(parse("a"), str)
    assert_type(first(["a"]), str)
    assert_type(count(3), SyncGenerator[int, Any])
    coroutine: Coroutine[Any, Any, str] = first.aio(["a"])
    print(coroutine)


def decorated_classes(clock: Clock) -> None:
    assert_type(Counter(1).add(Counter(2)), Counter)
    assert_type(next(clock.numbers()), int)
    assert_type(clock.add(clock), Counter)
    assert_type(clock.number, int)
    counter: Counter = clock
    print(counter)


async def decorated_originals(counter: Counter) -> None:
    assert_type((await counter.aio.add(counter.aio)).number, int)


def values() -> None:
    assert_type(manager, LoopManager)
    assert_type((VERSION, DEBUG), tuple[str, bool])


class MyClient(Client):
    """A sync class on a twin."""

    def ping(self) -> bool:
        return not super().ping()


def what_does_not_fit_is_refused(client: Client, item: AsyncItem) -> None:
    client.find(b"")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    client.items("other")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client(item)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    parse(b"")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
