"""Calls and twins in the children of multiprocessing: `python processes.py METHOD`."""

import multiprocessing
import os
import sys
from typing import Any

import store

import sideloop

NUMBERS = range(30)


def begin() -> None:
    """What each child does first."""
    if multiprocessing.get_start_method() == "fork":
        store.renew()  # where it does not fork, it has imported the module itself


def ask(number: int) -> tuple[int, int, int]:
    """Who answers, and what, by a call and by the twin."""
    called = store.manager.run_sync(store.double, number)
    return os.getpid(), called, store.store.double(number)


def alone(answers: Any) -> None:
    """A child whose parent's object was copied, or made anew."""
    try:
        answers.put(f"answered {store.store.double(1)}")
    except sideloop.RunnerClosedError as error:
        answers.put(f"closed: {error}")
    answers.put(store.manager.run_sync(store.double, 2))


def main(method: str) -> None:
    """Ask here, in a pool, in a process, and here again."""
    multiprocessing.set_start_method(method)
    assert ask(1)[1:] == (2, 2)
    with multiprocessing.Pool(2, begin) as pool:
        found = pool.map(ask, NUMBERS, chunksize=1)
        pool.close()
        pool.join()
    assert [answers for _, *answers in found] == [[2 * n, 2 * n] for n in NUMBERS], found
    assert os.getpid() not in {process for process, *_ in found}
    answers: Any = multiprocessing.SimpleQueue()
    child = multiprocessing.Process(target=alone, args=(answers,))
    child.start()
    said, called = answers.get(), answers.get()
    child.join()
    assert (child.exitcode, called) == (0, 4)
    assert said.startswith("closed: " if method == "fork" else "answered 2"), said
    assert ask(3)[1:] == (6, 6)
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
