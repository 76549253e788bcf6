"""The project's own tests, for Django's runner."""

import asyncio
import os
import sys
import threading

from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.db import IntegrityError, connection, transaction
from django.test import AsyncClient, TestCase, TransactionTestCase

from bank import services
from bank.models import Account, Note

BY_BOTH = ["sync", "async"]


async def loop_class() -> str:
    return type(asyncio.get_running_loop()).__module__


class Accounts:
    """Two, in each test."""

    def setUp(self) -> None:
        Account.objects.bulk_create(
            [Account(owner="ann", balance=10), Account(owner="ben", balance=5)]
        )

    def balances(self) -> list[int]:
        return list(Account.objects.order_by("owner").values_list("balance", flat=True))


class TheBridge(TestCase):
    def test_is_the_one_that_was_asked_for(self) -> None:
        expected = "sideloop" if os.environ.get("SIDELOOP") == "1" else "asyncio"
        self.assertEqual(async_to_sync(loop_class)().partition(".")[0], expected)


class SyncTests(Accounts, TestCase):
    def test_async_view(self) -> None:
        found = self.client.get("/balance/ann").json()
        self.assertEqual(found, {"balance": 10, "by": BY_BOTH})

    def test_sync_view_that_calls_async_code(self) -> None:
        self.assertEqual(self.client.get("/total").json(), {"total": 15, "by": BY_BOTH})

    def test_view_whose_transaction_calls_async_code(self) -> None:
        for way in ("move", "move_at_once"):
            self.assertEqual(self.client.get(f"/{way}/ann/ben/2").content, b"moved")
        self.assertEqual(self.balances(), [6, 9])
        self.assertEqual(Note.objects.count(), 4)


class Transactions(Accounts, TransactionTestCase):
    def test_async_code_is_inside(self) -> None:
        services.move("ann", "ben", 10)
        self.assertEqual(self.balances(), [0, 15])
        self.assertEqual(Note.objects.count(), 2)

    def test_what_async_code_has_written_is_rolled_back(self) -> None:
        with self.assertRaises(services.RefusedError):
            services.move("ann", "ben", 11)
        self.assertEqual(self.balances(), [10, 5])
        self.assertEqual(Note.objects.count(), 0)
        self.assertEqual(self.client.get("/move/ann/ben/11").status_code, 409)
        self.assertEqual(self.balances(), [10, 5])

    def test_error_of_the_database_comes_through(self) -> None:
        async def again() -> None:
            await Account.objects.acreate(owner="ann")

        with self.assertRaises(IntegrityError), transaction.atomic():
            async_to_sync(again)()
        self.assertEqual(self.balances(), [10, 5])

    def test_on_commit_hook_calls_async_code(self) -> None:
        found: list[int] = []
        with transaction.atomic():
            Account.objects.create(owner="eve", balance=1)
            transaction.on_commit(lambda: found.append(async_to_sync(services.total)()))
            self.assertEqual(found, [])
        self.assertEqual(found, [16])

    def test_savepoint(self) -> None:
        async def add(owner: str) -> None:
            await Account.objects.acreate(owner=owner)

        async def count() -> int:
            return len([account async for account in Account.objects.all()])

        with transaction.atomic():
            async_to_sync(add)("eve")
            with self.assertRaises(IntegrityError), transaction.atomic():
                async_to_sync(add)("ann")
            self.assertEqual(async_to_sync(count)(), 3)
        self.assertEqual(Account.objects.count(), 3)

    def test_threads_have_connections_of_their_own(self) -> None:
        if connection.vendor == "sqlite":
            self.skipTest("one database in memory is one connection's")

        def work() -> None:
            for _ in range(5):
                services.move("ann", "ben", 1)
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.balances(), [0, 15])
        self.assertEqual(Note.objects.count(), 20)


class ThreadRules(Accounts, TestCase):
    def test_sensitive_code_is_on_the_thread_that_calls(self) -> None:
        self.assertEqual(async_to_sync(services.where_sensitive)(), services.where())

    def test_other_code_is_not(self) -> None:
        self.assertNotEqual(async_to_sync(services.thread_of_others)(), threading.get_ident())

    def test_nested_calls_come_back_to_it(self) -> None:
        def deeper() -> tuple[int, int]:
            return async_to_sync(services.where_sensitive)()

        async def outer() -> tuple[int, int]:
            return await sync_to_async(deeper)()

        self.assertEqual(async_to_sync(outer)(), services.where())

    def test_another_thread_has_its_own(self) -> None:
        found: list[object] = []

        async def ident() -> int:
            return await sync_to_async(threading.get_ident)()

        def work() -> None:
            found.append(async_to_sync(ident)() == threading.get_ident())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(found, [True])

    def test_context_has_a_thread_of_its_own(self) -> None:
        async def ident() -> int:
            return await sync_to_async(threading.get_ident)()

        async def main() -> None:
            outside = await ident()
            async with ThreadSensitiveContext():
                inside = await ident()
                self.assertNotEqual(inside, outside)
                # So does sync code there which calls what is async.
                self.assertEqual(await sync_to_async(async_to_sync(ident))(), inside)

        asyncio.run(main())


class AsyncTests(Accounts, TestCase):
    async def test_views(self) -> None:
        self.assertIsInstance(self.async_client, AsyncClient)
        found = (await self.async_client.get("/balance/ben")).json()
        self.assertEqual(found, {"balance": 5, "by": BY_BOTH})
        found = (await self.async_client.get("/total")).json()
        self.assertEqual(found, {"total": 15, "by": BY_BOTH})

    async def test_views_at_once(self) -> None:
        answers = await asyncio.gather(
            *(self.async_client.get(f"/balance/{owner}") for owner in ("ann", "ben") * 5)
        )
        self.assertEqual([answer.json()["balance"] for answer in answers], [10, 5] * 5)

    async def test_transaction(self) -> None:
        answer = await self.async_client.get("/move/ann/ben/4")
        self.assertEqual(answer.content, b"moved")
        self.assertEqual(await services.total(), 15)
        self.assertEqual((await Account.objects.aget(owner="ann")).balance, 6)

    async def test_stream(self) -> None:
        await self.async_client.get("/move/ann/ben/3")
        await self.async_client.get("/move/ann/ben/4")
        answer = await self.async_client.get("/notes/ann")
        self.assertEqual(b"".join([part async for part in answer]), b"gave 3\ngave 4\n")

    async def test_time_limit(self) -> None:
        limit = asyncio.timeout if sys.version_info >= (3, 11) else None
        if limit is None:
            self.skipTest("asyncio.timeout is of CPython 3.11")
        with self.assertRaises(TimeoutError):
            async with limit(0.05):
                await asyncio.sleep(60)
        self.assertEqual(await services.total(), 15)
