"""Rows: what comes of a call where a process begins, forks, imports and ends."""

import asyncio
import atexit
import os
import sys
import tempfile
import threading
from pathlib import Path

from twins.outcome import expect, in_child

from bridges.library import Bridge
from bridges.row import Late, Stubborn, answer, row, works


@row("no thread can be started at the first call: an error, and the next call works")
def no_thread(bridge: Bridge) -> None:
    """The system has none, once."""
    start = threading.Thread.start

    def refuse(_: threading.Thread) -> None:
        threading.Thread.start = start  # type: ignore[method-assign]
        raise RuntimeError("can't start new thread")

    threading.Thread.start = refuse  # type: ignore[method-assign]
    try:
        bridge.call(answer)
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
    works(bridge)


@row("a fork: the child's first call works")
def fork(bridge: Bridge) -> None:
    """And the parent's next one."""
    works(bridge)
    expect(in_child(lambda: bridge.call(answer) == 22) == "yes")
    works(bridge)


@row("a fork while another thread calls: the child's first call works")
def fork_under_way(bridge: Bridge) -> None:
    """And the thread's call ends."""
    begun = threading.Event()

    async def late() -> int:
        begun.set()
        await asyncio.sleep(0.3)
        return 22

    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(bridge.call(late)))
    thread.start()
    begun.wait()
    expect(in_child(lambda: bridge.call(answer) == 22) == "yes")
    thread.join()
    expect(found == [22])


@row("a call during an import, whose coroutine imports the same module")
def importing(bridge: Bridge) -> None:
    """The loop thread needs the lock that the caller holds."""

    async def imports() -> int:
        __import__("imported_by_both")
        return 22

    works(bridge)
    sys.modules["asked_by_an_import"] = namespace = type(sys)("asked_by_an_import")
    vars(namespace).update(call=bridge.call, imports=imports)
    with tempfile.TemporaryDirectory() as folder:
        text = "import asked_by_an_import as a\nfound = a.call(a.imports)\n"
        (Path(folder) / "imported_by_both.py").write_text(text, encoding="utf-8")
        sys.path.insert(0, folder)
        expect(vars(__import__("imported_by_both"))["found"] == 22)


@row("the exit while a daemon thread calls: what runs cleans up", ends=True)
def exit_under_way(bridge: Bridge) -> None:
    """It says so itself."""
    late = Late(lambda: os.write(1, b"yes"))
    threading.Thread(target=bridge.call, args=(late.run,), daemon=True).start()
    late.begun.wait()


@row("the exit while a task will not stop: the process ends in time", ends=True)
def exit_of_a_stubborn_one(bridge: Bridge) -> None:
    """A daemon thread waits for it."""
    stubborn = Stubborn()
    threading.Thread(target=bridge.call, args=(stubborn.run,), daemon=True).start()
    stubborn.begun.wait()
    os.write(1, b"yes")


@row("the first call in an atexit handler", ends=True)
def at_exit(bridge: Bridge) -> None:
    """Nothing was called before."""

    def last() -> None:
        if bridge.call(answer) == 22:
            os.write(1, b"yes")

    atexit.register(last)
