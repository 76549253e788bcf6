"""asgiref's async_to_sync, unmodified, on loops of sideloop."""

import asyncio
import contextvars
import signal
import threading
from collections.abc import Iterator

import pytest
from asgiref.sync import AsyncSingleThreadContext, async_to_sync, sync_to_async

import sideloop
from sideloop.compat import asgiref as drop_in

variable = contextvars.ContextVar("variable", default="default")


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    with drop_in.installed():
        yield


async def where() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    await asyncio.sleep(0)
    return asyncio.get_running_loop(), threading.current_thread()


class TestAsyncToSync:
    def test_keeps_one_loop_for_its_thread(self) -> None:
        first, second = async_to_sync(where)(), async_to_sync(where)()
        assert first == second
        assert isinstance(first[0], sideloop.EventLoop)
        assert first[1] is not threading.current_thread()

    def test_runs_what_is_sensitive_to_threads_on_the_calling_one(self) -> None:
        async def call() -> object:
            inner = sync_to_async(threading.current_thread)
            task = asyncio.create_task(inner())
            return {await inner(), await task}

        assert async_to_sync(call)() == {threading.current_thread()}

    def test_is_nested_in_sync_code_that_async_code_calls(self) -> None:
        async def outer() -> object:
            here = asyncio.get_running_loop()
            inside = await sync_to_async(async_to_sync(where))()
            return inside[0] is here

        assert async_to_sync(outer)() is True

    def test_brings_the_context_and_exceptions_back(self) -> None:
        error = KeyError("of the user's")

        async def fail() -> None:
            variable.set("set")
            raise error

        def test() -> None:
            with pytest.raises(KeyError) as raised:
                async_to_sync(fail)()
            assert raised.value is error
            assert variable.get() == "set"

        contextvars.copy_context().run(test)

    def test_keeps_one_thread_for_a_block_that_asks_for_it(self) -> None:
        with AsyncSingleThreadContext():
            assert async_to_sync(where)()[1] is async_to_sync(where)()[1]

    def test_outlives_a_loop_that_was_stopped(self) -> None:
        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)

        with pytest.raises((sideloop.LoopStoppedError, asyncio.CancelledError, RuntimeError)):
            async_to_sync(stop)()
        assert isinstance(async_to_sync(where)()[0], sideloop.EventLoop)


class TestUninstall:
    def test_gives_the_loops_of_asgiref_back(self) -> None:
        drop_in.uninstall()
        assert not isinstance(async_to_sync(where)()[0], sideloop.EventLoop)
        drop_in.install()
        assert isinstance(async_to_sync(where)()[0], sideloop.EventLoop)


class TestASignalHandler:
    def test_that_calls_while_a_call_waits_has_a_loop_of_its_own(self) -> None:
        heard = []
        before = signal.signal(signal.SIGALRM, lambda *_: heard.append(async_to_sync(where)()[0]))

        async def wait() -> asyncio.AbstractEventLoop:
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            while len(heard) < 3:
                await asyncio.sleep(0.01)
            signal.setitimer(signal.ITIMER_REAL, 0)
            # What is sensitive to threads finds the caller again.
            assert await sync_to_async(threading.current_thread)() is threading.main_thread()
            return asyncio.get_running_loop()

        try:
            loop = async_to_sync(wait)()
        finally:
            signal.signal(signal.SIGALRM, before)
        assert loop not in heard
        assert async_to_sync(where)()[0] is loop
