"""Event loops of ours, run by the main thread of a program: signals, Ctrl-C and forks.

`event_loop.py <what>`.
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Generator
from typing import NoReturn

import sideloop

# A fork of a process with threads may be what a library does.
warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)


def say(text: str) -> None:
    print(text, flush=True)


async def hear_signals() -> None:
    event_loop = asyncio.get_running_loop()
    heard: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        event_loop.add_signal_handler(number, heard.put_nowait, number)
    say("ready")
    while (number := await heard.get()) != signal.SIGTERM:
        say(number.name)
    assert event_loop.remove_signal_handler(signal.SIGUSR1)
    assert not event_loop.remove_signal_handler(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
    say("removed")


def signals() -> None:
    event_loop = sideloop.new_event_loop()
    event_loop.run_until_complete(hear_signals())
    event_loop.close()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


async def wait_idly() -> None:
    await asyncio.Event().wait()


class Turn:
    """Awaited without a coroutine, which Ctrl-C may leave unawaited when it is just made."""

    def __await__(self) -> Generator[None]:
        yield


async def wait_busily() -> None:
    while True:
        await Turn()


async def wait_among_timers() -> None:
    event_loop = asyncio.get_running_loop()
    while True:
        future = event_loop.create_future()
        event_loop.call_later(0.0001, lambda done=future: done.done() or done.set_result(None))
        await future


async def unwind() -> None:
    try:
        say("ready")
        await {"idly": wait_idly, "busily": wait_busily, "timers": wait_among_timers}[sys.argv[2]]()
    finally:
        await asyncio.sleep(0.001)
        say("unwound")


def runner() -> None:
    with asyncio.Runner(loop_factory=sideloop.EventLoop) as runner:
        try:
            runner.run(unwind())
        except KeyboardInterrupt:
            say("KeyboardInterrupt")
        say(runner.run(asyncio.sleep(0.001, "goes on")))


def bare() -> None:
    """Without a runner, the exception leaves `run_until_complete`; the loop can be run again."""
    event_loop = sideloop.new_event_loop()
    task = event_loop.create_task(unwind())
    try:
        event_loop.run_until_complete(task)
    except KeyboardInterrupt:
        say("KeyboardInterrupt")
    # asyncio hangs in a task that has ended with KeyboardInterrupt already.
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            event_loop.run_until_complete(task)
    say(event_loop.run_until_complete(asyncio.sleep(0.001, "goes on")))
    event_loop.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for number in range(20):
        writer.write(b"hear %d\n" % number)
        assert await asyncio.wait_for(reader.readline(), 10) == b"HEAR %d\n" % number


async def ask_anew(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await ask(reader, writer)
    writer.close()
    await writer.wait_closed()


class Inherited:
    """What a fork's child has of its parent."""

    def __init__(self, server: asyncio.Server, writer: asyncio.StreamWriter) -> None:
        self.event_loop = asyncio.get_running_loop()
        self.server = server
        self.writer = writer
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """In the parent: and wait until the connections have ended."""
        self.writer.close()
        self.server.close()
        await self.server.wait_closed()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.001)


def leave(inherited: Inherited) -> None:
    """Exit as `multiprocessing` does."""


def use_a_new_loop(inherited: Inherited) -> None:
    """The parent serves a child's own loop, too."""
    asyncio._set_running_loop(None)
    event_loop = sideloop.new_event_loop()
    event_loop.run_until_complete(asyncio.wait_for(ask_anew(inherited.port), 10))
    event_loop.close()


def close_all(inherited: Inherited) -> None:
    """A tidy child closes what it has, which also is its parent's."""
    inherited.writer.close()
    inherited.server.close()
    inherited.event_loop.remove_reader(inherited.writer.get_extra_info("socket").fileno())
    gc.collect()


def do_as_child(inherited: Inherited) -> NoReturn:
    code = 1
    try:
        children = {"leave": leave, "use_a_new_loop": use_a_new_loop, "close_all": close_all}
        children[sys.argv[2]](inherited)
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


async def serve_and_fork(do_as_child: Callable[[Inherited], NoReturn]) -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await ask(reader, writer)
    inherited = Inherited(server, writer)
    child = os.fork()
    if child == 0:
        do_as_child(inherited)
    waited = asyncio.get_running_loop().run_in_executor(None, os.waitpid, child, 0)
    # Not only once it is gone.
    await asyncio.gather(*(ask_anew(port) for _ in range(5)))
    _, status = await waited
    assert os.waitstatus_to_exitcode(status) == 0, status
    await ask(reader, writer)
    await asyncio.gather(*(ask_anew(port) for _ in range(5)))
    await inherited.close()


def serve(do_as_child: Callable[[Inherited], NoReturn]) -> None:
    event_loop = sideloop.new_event_loop()
    try:
        event_loop.run_until_complete(serve_and_fork(do_as_child))
        event_loop.run_until_complete(event_loop.shutdown_default_executor())
    finally:
        event_loop.close()
    say("the parent is undisturbed")


def fork() -> None:
    serve(do_as_child)


def exits() -> None:
    """The child leaves by `SystemExit`, through the parent's loop and what closes that."""
    serve(lambda _: sys.exit(0))


if __name__ == "__main__":
    programs = {"signals": signals, "runner": runner, "bare": bare, "fork": fork, "exits": exits}
    programs[sys.argv[1]]()
