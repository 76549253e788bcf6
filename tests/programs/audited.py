"""Uses the package under an audit hook that hears of each port, process and file.

Run with -B, so that no .pyc is written.
"""

import os
import sys

heard: list[str] = []


def hear(event: str, args: tuple[object, ...]) -> None:
    if event in ("socket.bind", "socket.connect", "socket.sendto", "subprocess.Popen", "os.system"):
        heard.append(f"{event} {args}")
    elif event in ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"):
        heard.append(event)
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink"):
        heard.append(f"{event} {args}")
    elif event == "open":
        path, mode, flags = args
        assert isinstance(flags, int)
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            heard.append(f"{event} {path!r} {mode!r}")


sys.addaudithook(hear)

import asyncio
import io
import threading
from collections.abc import AsyncIterator

import sideloop


class AsyncClient:
    async def pages(self, number: int) -> AsyncIterator[int]:
        for page in range(number):
            await asyncio.sleep(0)
            yield page

    async def get(self) -> int:
        return 1


async def double(n: int) -> int:
    await asyncio.sleep(0.001)
    return 2 * n


class Derived(sideloop.synced(AsyncClient)):  # type: ignore[misc]  # a class made at run time
    def get(self) -> int:
        return 2


def use() -> None:
    assert sideloop.run_sync(double, 1) == 2
    assert list(sideloop.synced(AsyncClient)().pages(3)) == [0, 1, 2]
    assert list(sideloop.map(double, range(3))) == [0, 2, 4]
    assert Derived().get() == 2
    with sideloop.Runner(drive="caller") as runner:
        assert runner.run(double, 2) == 4
    with sideloop.LoopManager(scope="process") as manager:
        assert manager.submit(double, 2).result() == 4
    sideloop.dump(io.StringIO())
    assert sideloop.statistics().calls.made > 0


use()
other = threading.Thread(target=use)
other.start()
other.join()
# The hook hears at all.
assert not heard, heard
os.close(os.open(os.devnull, os.O_WRONLY))
assert len(heard) == 1, heard
print("as it should be")
