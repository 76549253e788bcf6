"""What a user does first, with what pip has installed: `python smoke.py VERSION`.

It is run outside of the checkout, and needs nothing but the package. What it finds wrong is an
AssertionError.
"""

import asyncio
import importlib.metadata
import subprocess
import sys
import sysconfig
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sideloop


class AsyncClient:
    """An async client, as somebody's library has it."""

    def __init__(self) -> None:
        self.closed = False

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True

    async def get(self, page: int) -> str:
        await asyncio.sleep(0)
        return f"page {page}"

    async def pages(self, number: int) -> AsyncIterator[str]:
        for page in range(number):
            yield await self.get(page)


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


async def double(n: int) -> int:
    return await add(n, n)


async def loop_class() -> type:
    return type(asyncio.get_running_loop())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[str]:
    yield url


def main(version: str) -> None:
    is_what_was_installed(version)
    calls()
    twins()
    threads()
    ends()
    command_line()


def is_what_was_installed(version: str) -> None:
    assert sideloop.__version__ == version == importlib.metadata.version("sideloop")
    package = Path(sideloop.__file__).parent
    assert package.parent == Path(sysconfig.get_path("platlib")), package
    assert (package / "py.typed").is_file()
    extension = Path(sys.modules["sideloop._sideloop"].__file__ or "")
    assert extension.parent == package, extension


def calls() -> None:
    assert sideloop.run_sync(add, 10, b=12) == 22
    assert sideloop.run_sync(loop_class) is sideloop.EventLoop
    with sideloop.Runner(drive="caller") as runner:
        assert runner.run(add, 1, 2) == 3
    with sideloop.Runner() as runner:
        assert runner.submit(add, 1, 2).result() == 3

    async def outer() -> int:
        return sideloop.run_sync(add, 1, 2)

    assert sideloop.run_sync(outer) == 3
    assert list(sideloop.map(double, [1, 2, 3])) == [2, 4, 6]


def twins() -> None:
    with sideloop.synced(AsyncClient)() as client:
        assert client.get(1) == "page 1"
        assert list(client.pages(3)) == ["page 0", "page 1", "page 2"]
    assert client.closed
    with sideloop.synced(opened)("url") as url:
        assert url == "url"


def threads() -> None:
    found: list[int] = []
    several = [
        threading.Thread(target=lambda: found.append(sideloop.run_sync(add, 1, 1)))
        for _ in range(8)
    ]
    for one in several:
        one.start()
    for one in several:
        one.join()
    assert found == [2] * 8


def ends() -> None:
    try:
        with sideloop.timeout(0.05):
            sideloop.run_sync(asyncio.sleep, 60)
    except TimeoutError:
        pass
    else:
        raise AssertionError("no TimeoutError")

    async def fails() -> None:
        raise ValueError("on purpose")

    try:
        sideloop.run_sync(fails)
    except ValueError:
        pass
    else:
        raise AssertionError("no ValueError")


def command_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "sideloop", "run", "smoke:loop_class"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "EventLoop" in ended.stdout, ended.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
    print("a call, a map, twins, threads, limits, errors, the command line: as they should be")
