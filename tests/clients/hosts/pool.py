"""A client in the processes of a pool: each makes its own. One that a fork has copied says so."""

import importlib
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import sideloop

QUESTIONS = range(40)

example: Any = importlib.import_module(sys.argv[1])

client: Any
inherited: Any


def connect() -> None:
    """Make the client of this process."""
    global client
    client = example.connect(sys.argv[2])


def ask(n: int) -> tuple[int, str]:
    """Ask, and tell who has asked."""
    return os.getpid(), example.ask(client, n)


def use_the_copy(n: int) -> str:
    """What a client says that was made before the fork."""
    try:
        return str(example.ask(inherited, n))
    except sideloop.RunnerClosedError as error:
        return f"closed: {error}"


def main(method: str) -> None:
    """Ask from this process and from those of a pool."""
    global inherited
    with example.connect(sys.argv[2]) as inherited:
        assert example.ask(inherited, 1) == example.answer(1)
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(2, mp_context=context, initializer=connect) as pool:
            found = list(pool.map(ask, QUESTIONS))
            copy = pool.submit(use_the_copy, 2).result() if method == "fork" else "closed: fork"
        assert [text for _, text in found] == list(map(example.answer, QUESTIONS)), found
        assert os.getpid() not in {process for process, _ in found}
        assert copy.startswith("closed: "), copy
        assert "fork" in copy, copy
        assert example.ask(inherited, 3) == example.answer(3)
    print("ok")


if __name__ == "__main__":
    main(sys.argv[3])
