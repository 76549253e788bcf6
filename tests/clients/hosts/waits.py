"""A call that waits for long is ended by a time limit and by Ctrl-C, and the client goes on."""

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import sideloop

LONG = 30
SOON = 0.2
AT_ONCE = 5.0

WAITS: dict[str, Callable[[Any], object]] = {
    "counter": lambda client: client.blpop("nothing", timeout=LONG),
    "fetch": lambda client: client.get("/slow", timeout=LONG),
    "echo": lambda client: client.echo(""),
}
"""What each server does not answer."""


def raised_by(wait: Callable[[], object]) -> str:
    """The name of the error that ends it, unless that takes long."""
    begin = time.monotonic()
    try:
        wait()
    except (TimeoutError, KeyboardInterrupt) as error:
        assert time.monotonic() - begin < AT_ONCE
        return type(error).__name__
    return "nothing"


def with_limit(wait: Callable[[], object]) -> None:
    """Give up soon."""
    with sideloop.timeout(SOON):
        wait()


def interrupted(wait: Callable[[], object]) -> None:
    """Press Ctrl-C soon."""
    threading.Timer(SOON, os.kill, (os.getpid(), signal.SIGINT)).start()
    wait()


def main() -> None:
    """Wait, and ask."""
    example, address = importlib.import_module(sys.argv[1]), sys.argv[2]
    with example.connect(address) as client:
        for end, name in ((with_limit, "TimeoutError"), (interrupted, "KeyboardInterrupt")):
            found = raised_by(lambda end=end: end(lambda: WAITS[sys.argv[1]](client)))
            assert found == name, found
            assert example.ask(client, 1) == example.answer(1)
    print("ok")


if __name__ == "__main__":
    main()
