"""Under other async libraries, and with asyncio patched: what the coroutine sees is asyncio."""

import asyncio
import contextlib
import gc
import importlib
import subprocess
import sys
from collections.abc import AsyncGenerator
from typing import Any, Literal
from unittest import mock

import anyio
import anyio.lowlevel
import programs
import pytest
import sniffio
import trio
from aliases import WaitUntil
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner

Drive = Literal["thread", "caller"]


async def ask() -> tuple[str, str]:
    await anyio.sleep(0.001)
    await anyio.lowlevel.checkpoint()
    return sniffio.current_async_library(), "awaited"


@pytest.mark.parametrize("drive", ["thread", "caller"])
@pytest.mark.parametrize("around", ["trio", "anyio on trio", "anyio on asyncio"])
class TestUnderAnotherLibrary:
    def run(self, around: str, drive: Drive, back: bool) -> None:
        manager = LoopManager(drive=drive, copy_context_back=back)

        async def items() -> object:
            for _ in range(2):
                yield await ask()

        async def main() -> None:
            before = sniffio.current_async_library()
            assert manager.run_sync(ask) == ("asyncio", "awaited")
            views = manager.iterate(items())  # type: ignore[arg-type]
            assert list(views) == [("asyncio", "awaited")] * 2
            with sideloop.Runner(drive=drive) as runner:
                assert runner.run(ask) == ("asyncio", "awaited")
            if drive == "thread":
                with sideloop.Runner() as runner:
                    assert runner.submit(ask).result(scaled(20)) == ("asyncio", "awaited")
                mapped = list(sideloop.map(lambda _: ask(), range(2)))
                assert mapped == [("asyncio", "awaited")] * 2
            assert sniffio.current_async_library() == before
            await anyio.sleep(0)

        if around == "trio":
            trio.run(main)
        else:
            anyio.run(main, backend=around.removeprefix("anyio on "))
        manager.close()

    def test_the_coroutine_runs_under_asyncio(self, around: str, drive: Drive) -> None:
        self.run(around, drive, back=False)

    def test_also_where_variables_are_brought_back(self, around: str, drive: Drive) -> None:
        self.run(around, drive, back=True)


@pytest.mark.parametrize("drive", ["thread", "caller"])
@pytest.mark.parametrize("left", ["task", "generator", "items"])
@pytest.mark.parametrize("end", ["close", "drop", "manager", "stop"])
@pytest.mark.parametrize("around", ["trio", "anyio on asyncio"])
class TestWhatUnwindsUnderAnotherLibrary:
    """It is asyncio's to the end, whoever turns the loop then."""

    def test_sees_asyncio_and_cleans_up(
        self, around: str, end: str, left: str, drive: Drive, wait_until: WaitUntil
    ) -> None:
        seen: list[object] = []

        async def unwinding() -> AsyncGenerator[int, None]:
            try:
                yield 1
            finally:
                with anyio.CancelScope(shield=True):
                    seen.append(await ask())

        async def stay() -> None:
            async with contextlib.aclosing(unwinding()) as items:
                await items.__anext__()
                await asyncio.sleep(scaled(50))

        async def leave() -> None:
            loop: Any = asyncio.get_running_loop()
            if left == "task":
                loop.keep = asyncio.create_task(stay())
                await asyncio.sleep(0)
            elif left == "generator":
                loop.keep = unwinding()
                await loop.keep.__anext__()

        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(scaled(50))

        async def main() -> None:
            before = sniffio.current_async_library()
            owner: Any = LoopManager(drive=drive) if end == "manager" else Runner(drive=drive)
            call = owner.run_sync if end == "manager" else owner.run
            call(leave)
            items = owner.iterate(unwinding()) if left == "items" else None
            if items is not None:
                assert next(items) == 1
            if end == "stop":
                with pytest.raises(sideloop.LoopStoppedError):
                    call(stop)
            if end == "drop":
                del owner, call, items
                gc.collect()
            else:
                owner.close()
            assert sniffio.current_async_library() == before
            await anyio.sleep(0)

        if around == "trio":
            trio.run(main)
        else:
            anyio.run(main)
        wait_until(lambda: seen == [("asyncio", "awaited")])


def test_sniffio_is_not_imported_for_it() -> None:
    program = (
        "import sideloop, asyncio, sys; sideloop.run_sync(asyncio.sleep, 0); "
        "print('sniffio' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "False\n"


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestSniffio:
    def test_may_be_imported_again(self, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
        async def library() -> str:
            return importlib.import_module("sniffio").current_async_library()

        with sideloop.Runner(drive=drive) as runner:
            for _ in range(2):
                again = importlib.import_module("sniffio")
                token = again.current_async_library_cvar.set("trio")
                assert runner.run(library) == "asyncio"
                assert again.current_async_library_cvar.get() == "trio"
                again.current_async_library_cvar.reset(token)
                for name in [name for name in sys.modules if name.split(".")[0] == "sniffio"]:
                    monkeypatch.delitem(sys.modules, name)

    def test_may_be_a_mock_for_a_while(self, drive: Drive) -> None:
        with sideloop.Runner(drive=drive) as runner:
            with mock.patch.dict(sys.modules, {"sniffio": mock.MagicMock()}):
                assert runner.run(asyncio.sleep, 0, 1) == 1
            assert runner.run(asyncio.sleep, 0, 2) == 2


@pytest.mark.parametrize("drive", ["thread", "caller"])
@pytest.mark.parametrize("when", ["before", "inside"])
class TestNestAsyncio:
    def test_nests_what_libraries_nest_with_it(self, drive: Drive, when: str) -> None:
        ended = programs.run("nest_asyncio_applied", when, drive, flags=())
        assert (ended.lines, ended.code) == (["ok"], 0), ended.stderr
