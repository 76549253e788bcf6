"""websockets' asyncio client for sync code.

Run it with `python examples/clients/echo.py`. It needs websockets.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import servers
import websockets.asyncio.client

from sideloop import synced

serve = servers.echo

web = synced(websockets.asyncio.client)


class Line:
    """A connection that threads share: one at a time sends and waits for what comes back."""

    def __init__(self, address: str) -> None:
        self._stack = ExitStack()
        self._connection = self._stack.enter_context(web.connect(address))
        self._mine = threading.Lock()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def echo(self, text: str) -> str:
        """What comes back."""
        with self._mine:
            self._connection.send(text)
            return str(self._connection.recv())


def connect(address: str) -> Line:
    """A client, as any code of a sync user makes one."""
    return Line(address)


def ask(client: Line, n: int) -> str:
    """Ask something whose answer is `answer(n)`, whoever else is asking."""
    return client.echo(f"echo {n}")


def answer(n: int) -> str:
    """What `ask` returns."""
    return f"echo {n}"


def tour(address: str) -> None:
    """What else a sync program does with it."""
    with web.connect(address) as connection:
        # One thread sends while another one iterates over what comes back.
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(send_each, connection, ["one", "two", "three", "end"])
            for message in connection:
                print(message)
                if message == "end":
                    break
            sending.result()
        print(f"answered in less than a second: {connection.latency < 1}")


def send_each(connection: Any, messages: list[str]) -> None:
    """Send one after the other."""
    for message in messages:
        connection.send(message)


def main() -> None:
    """Serve, use, close."""
    with serve() as address, connect(address) as client:
        assert ask(client, 1) == answer(1)
        tour(address)


if __name__ == "__main__":
    main()
