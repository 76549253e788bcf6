"""What the bank does: sync code that calls async code, and the other way round."""

import asyncio
import threading

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, transaction

from bank.models import Account, Note


class RefusedError(Exception):
    """There is not that much."""


def move(giver: str, taker: str, amount: int) -> None:
    """Move an amount, and note it, by async code inside of the transaction."""
    with transaction.atomic():
        one = Account.objects.select_for_update().get(owner=giver)
        other = Account.objects.select_for_update().get(owner=taker)
        one.balance -= amount
        other.balance += amount
        one.save()
        other.save()
        async_to_sync(note)(one, f"gave {amount}")
        async_to_sync(note)(other, f"got {amount}")
        if one.balance < 0:
            raise RefusedError(giver)


async def note(account: Account, text: str) -> None:
    """Note something, of what the transaction of who calls has in it already."""
    await asyncio.sleep(0)
    seen = await Account.objects.aget(pk=account.pk)
    assert seen.balance == account.balance, "another connection"
    await Note.objects.acreate(account=account, text=text)


async def total() -> int:
    """What there is in all, asked for one by one, at once."""
    owners = [owner async for owner in Account.objects.values_list("owner", flat=True)]
    found = await asyncio.gather(*(Account.objects.aget(owner=owner) for owner in owners))
    return sum(account.balance for account in found)


def where() -> tuple[int, int]:
    """Which thread runs this, and with which connection."""
    connection.ensure_connection()
    return threading.get_ident(), id(connection.connection)


async def where_sensitive() -> tuple[int, int]:
    """Of what is sensitive to threads: each on the thread of who calls."""
    first = await sync_to_async(where)()
    tasks = [asyncio.create_task(sync_to_async(where)()) for _ in range(3)]
    assert {first} == set(await asyncio.gather(*tasks))
    return first


async def thread_of_others() -> int:
    """Of what is not: on any other."""
    return await sync_to_async(threading.get_ident, thread_sensitive=False)()
