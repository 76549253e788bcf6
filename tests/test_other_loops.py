"""Under other async libraries, and with asyncio patched: what the coroutine sees is asyncio."""

import subprocess
import sys
from typing import Literal

import anyio
import anyio.lowlevel
import programs
import pytest
import sniffio
import trio
from pace import scaled

import sideloop
from sideloop import LoopManager

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
@pytest.mark.parametrize("when", ["before", "inside"])
class TestNestAsyncio:
    def test_nests_what_libraries_nest_with_it(self, drive: Drive, when: str) -> None:
        ended = programs.run("nest_asyncio_applied", when, drive, flags=())
        assert (ended.lines, ended.code) == (["ok"], 0), ended.stderr
