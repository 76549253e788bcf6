"""Busy neighbours: threads and processes that compute without end beside what is measured."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

# Says when it has begun, and ends with the bench, however that ends.
COMPUTE = """
import os
parent = os.getppid()
print("busy", flush=True)
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


@contextmanager
def busy_threads(number: int) -> Iterator[None]:
    """Have that many threads of this process run Python code without end."""
    enough = False

    def compute() -> None:
        while not enough:
            pass

    threads = [threading.Thread(target=compute) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough = True
        for thread in threads:
            thread.join()


@contextmanager
def _busy_process() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-ISc", COMPUTE], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Have that many other processes compute without end."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_busy_process()) for _ in range(number)]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        yield
