"""Ctrl-C on the main thread, which waits for a loop that another thread makes."""

import asyncio
import os
import signal
import threading
import time

import sideloop

making, go_on = threading.Event(), threading.Event()


def factory() -> asyncio.AbstractEventLoop:
    making.set()
    go_on.wait()
    return sideloop.new_event_loop()


async def answer() -> int:
    return 42


def interrupt() -> None:
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


with sideloop.Runner(loop_factory=factory) as runner:
    other = threading.Thread(target=runner.run, args=(answer,))
    other.start()
    making.wait()
    threading.Thread(target=interrupt).start()
    try:
        runner.run(answer)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    go_on.set()
    other.join()
    print(runner.run(answer), flush=True)
