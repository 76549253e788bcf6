"""Async functions in what async code hands out: sync code can call them."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sideloop import LoopManager

Handler = Callable[[int], Awaitable[int]]


class AsyncRouter:
    def __init__(self) -> None:
        self.commands: dict[str, Any] = {"me": self.me, "each": self.each, "name": self.name}
        self.handlers: list[Handler] = []

    async def me(self) -> "AsyncRouter":
        return self

    async def each(self) -> AsyncIterator["AsyncRouter"]:
        yield self

    def name(self) -> str:
        return "router"

    async def run(self, name: str) -> Any:
        return await self.commands[name]()

    async def is_own(self, command: object) -> bool:
        return command is self.commands["me"]

    async def make(self) -> Handler:
        async def handler(number: int) -> int:
            await asyncio.sleep(0)
            return number + 1

        return handler

    async def make_partial(self) -> Any:
        return functools.partial(await self.make(), 4)

    async def through(self, middleware: Callable[[int, Handler], Awaitable[int]]) -> int:
        async def call_next(number: int) -> int:
            await asyncio.sleep(0)
            return 2 * number

        return await middleware(3, call_next)


@pytest.fixture
def router(manager: LoopManager) -> Any:
    return manager.synced(AsyncRouter)()


class TestAnAsyncFunction:
    def test_in_a_dictionary_is_sync(self, router: Any) -> None:
        assert router.commands["me"]() is router
        assert list(router.commands["each"]()) == [router]
        assert router.commands["name"]() == "router"

    def test_that_is_a_result_is_sync(self, router: Any, manager: LoopManager) -> None:
        assert router.make()(3) == 4
        assert router.make_partial()() == 5
        made = manager.synced(router.aio.make)
        assert made()(3) == 4

    def test_is_the_async_codes_own_for_async_code(self, router: Any) -> None:
        assert router.is_own(router.commands["me"])
        router.commands = router.commands
        assert router.run("me") is router

    def test_that_a_hook_is_given_is_called_by_it(self, router: Any) -> None:
        def middleware(number: int, call_next: Any) -> Any:
            return call_next(number) + 1

        assert router.through(middleware) == 7

    def test_that_stands_for_a_users_callable_is_that(self, router: Any) -> None:
        def handler(number: int) -> int:
            return number

        router.handlers = [handler]
        assert router.handlers == [handler]
