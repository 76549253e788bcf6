"""Forks and exits: what happens in other processes, which have to end well and soon."""

import asyncio
import faulthandler
import os
import random
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sideloop

LIMIT = 60.0

PROGRAM = Path(__file__).parents[1] / "programs" / "exit.py"

EXITS = {"nothing": 0, "code": 3, "daemon_waits": 0, "stuck": 3, "busy_daemons": 0, "worker": 0}
"""What may go on at an exit, and the exit code."""


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def fork(runs: list[Callable[..., Any]]) -> None:
    """A child in which these ways to call, and the default one, work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            faulthandler.dump_traceback_later(LIMIT / 2, exit=True)
            for run in (*runs, sideloop.run_sync):
                assert run(add, 10, 12) == 22
            code = 0
        except sideloop.RunnerClosedError:
            code = 0  # the parent was about to replace it
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    end = time.monotonic() + LIMIT
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            break
        assert time.monotonic() < end, "a fork's child hangs"
        time.sleep(0.005)
    assert os.waitstatus_to_exitcode(status) == 0, f"a fork's child ended with {status}"


def exit_elsewhere(dice: random.Random) -> None:
    """An interpreter that exits in the midst of calls."""
    what = dice.choice(sorted(EXITS))
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        PROGRAM,
        what,
        dice.choice(["native", "foreign"]),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    noise = [line for line in ended.stderr.splitlines() if "is stuck" not in line]
    assert (ended.returncode, noise) == (EXITS[what], []), (command, ended)
