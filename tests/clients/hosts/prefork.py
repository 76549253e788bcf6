"""A client in gunicorn's threads, made and used before the workers are forked, and anew in each.

    python prefork.py EXAMPLE ADDRESS SOCKET

gunicorn imports this file once more, as its configuration and for the application.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

example: Any = importlib.import_module(os.environ.get("EXAMPLE") or sys.argv[1])

client: Any


def connect() -> None:
    """Make the client of this process."""
    global client
    client = example.connect(os.environ["ADDRESS"])


def when_ready(_: object) -> None:
    """What gunicorn calls when it listens."""
    print("listens", flush=True)


def post_fork(_: object, __: object) -> None:
    """What gunicorn calls in each worker: the client of the parent stays the parent's."""
    # This file as gunicorn's configuration is another module than the application's.
    importlib.import_module(Path(__file__).stem).connect()


def app(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Ask, and tell who has asked."""
    found = example.ask(client, int(environment["PATH_INFO"].strip("/")))
    start("200 OK", [("content-type", "text/plain")])
    return [f"{os.getpid()} {found}".encode()]


def main() -> None:
    """Serve until SIGTERM comes."""
    from gunicorn.app.wsgiapp import run

    _, os.environ["EXAMPLE"], os.environ["ADDRESS"], path = sys.argv
    kind = ("--preload", "--worker-class", "gthread", "--workers", "2", "--threads", "4")
    file = Path(__file__)
    sys.argv = [
        *("gunicorn", "--bind", f"unix:{path}", "--log-level", "warning", *kind),
        *("--config", str(file), "--pythonpath", str(file.parent), f"{file.stem}:app"),
    ]
    run()


if __name__ == "__main__":
    main()
elif "gunicorn" in sys.argv[0]:
    connect()
    # The loop runs, and holds a connection, when the workers are forked.
    assert example.ask(client, 0) == example.answer(0)
