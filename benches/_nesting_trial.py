"""The trial: one nested call by the peer that is named, in a process of its own.

    python benches/_nesting_trial.py NAME

Many a bridge cannot call itself from its own loop: it raises, or waits for itself for ever. So each
is tried where that hurts nobody before any is measured. Prints nothing if the answer is right, else
what came instead.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

from _nesting import NESTED
from _peers import ANSWER, Peer, why_left_out

TIME_LIMIT = 20.0
"""Seconds, most of which an import may take."""


def refusal(peer: Peer) -> str | None:
    """Say what a peer does instead of a nested call, or return None. Blocks until it is tried."""
    try:
        ended = subprocess.run(
            [sys.executable, str(Path(__file__)), peer.name],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"hangs: no answer in {TIME_LIMIT:g} s"
    if ended.returncode != 0 and not ended.stdout:
        return f"ends the process with exit code {ended.returncode}"
    return ended.stdout.strip() or None


def attempt(peer: Peer) -> str:
    """Say what comes of a nested call instead of the answer, or nothing."""
    try:
        with peer.open() as call:
            answer = call()
    except ImportError as error:
        return why_left_out(error, peer.distribution)
    except BaseException as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return "" if answer == ANSWER else f"a wrong answer, {answer!r}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable()
    (chosen,) = (peer for peer in NESTED if peer.name == sys.argv[1])
    print(attempt(chosen), flush=True)
    # Not by way of threads that may be blocked.
    os._exit(0)
