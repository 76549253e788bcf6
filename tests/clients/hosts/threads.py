"""Eight threads use one client, and one that a thread has made which is gone."""

import functools
import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

THREADS = 8
QUESTIONS = range(100)


def ask_from_threads(example: Any, client: Any) -> None:
    """Ask from all threads at once, and check each answer."""
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(functools.partial(example.ask, client), QUESTIONS))
    assert answers == list(map(example.answer, QUESTIONS)), answers


def made_by_a_thread(example: Any, address: str) -> Any:
    """A client, which has outlived the thread that made it."""
    made: list[Any] = []
    thread = Thread(target=lambda: made.append(example.connect(address)))
    thread.start()
    thread.join()
    return made.pop()


def main() -> None:
    """Ask."""
    example, address = importlib.import_module(sys.argv[1]), sys.argv[2]
    with example.connect(address) as client:
        ask_from_threads(example, client)
    with made_by_a_thread(example, address) as client:
        ask_from_threads(example, client)
    print("ok")


if __name__ == "__main__":
    main()
