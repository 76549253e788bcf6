"""A server that runs: it is asked over HTTP, and stopped as its users stop it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pace import scaled
from programs import sigint_not_ignored

APPS = Path(__file__).with_name("apps")

TIME_LIMIT = 60.0


class Server:
    """A command that serves on a port of this machine, in a session of its own."""

    def __init__(self, folder: Path, *command: str, **environment: str) -> None:
        self.port = _free_port()
        self._log = folder / "log"
        with self._log.open("wb") as log, sigint_not_ignored():
            self._process = subprocess.Popen(
                [sys.executable, *(text.format(port=self.port) for text in command)],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(APPS)} | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str) -> tuple[int, str]:
        """Who answers, and what."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=scaled(TIME_LIMIT)) as answer:
                process, _, found = answer.read().decode().partition(" ")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error}\n{self.log}") from None
        return int(process), found

    def get_all(self, paths: Iterable[str], at_once: int = 8) -> list[tuple[int, str]]:
        """The same, of many at once."""
        with ThreadPoolExecutor(at_once) as threads:
            return list(threads.map(self.get, paths))

    def wait(self) -> None:
        """Wait until it takes connections."""
        self._wait_until(self._listens, "does not listen")

    def wait_for(self, text: str, times: int) -> None:
        """Wait until it has written this so often."""
        self._wait_until(lambda: self.log.count(text) >= times, f"has not written {text!r}")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def _wait_until(self, happened: Callable[[], bool], what_else: str) -> None:
        end = time.monotonic() + scaled(TIME_LIMIT)
        while not happened():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, f"{what_else}\n{self.log}"
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM, *, session: bool = False) -> int:
        """Have it end by a signal, to itself or to all of its session, and say how it did."""
        pid = self._process.pid
        (os.killpg if session else os.kill)(pid, number)
        try:
            return self._process.wait(scaled(TIME_LIMIT))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end\n{self.log}") from None

    def kill(self) -> None:
        """Leave nothing of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def running(folder: Path, *command: str, **environment: str) -> Generator[Server]:
    """A server that was started. In the command, {port} is where it has to take connections."""
    server = Server(folder, *command, **environment)
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def serving(folder: Path, *command: str, **environment: str) -> Generator[Server]:
    """The same, when it takes connections."""
    with running(folder, *command, **environment) as server:
        server.wait()
        yield server


def check_answers(server: Server, *ways: str, each: int = 40) -> set[int]:
    """Ask much at once, and return the processes that have answered."""
    asked = [(way, number) for number in range(each) for way in ways]
    found = server.get_all(f"/{way}/{number}" for way, number in asked)
    assert [text for _, text in found] == [str(2 * number) for _, number in asked], server.log
    return {process for process, _ in found}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
