"""A process that has aiohttp get something again and again, by `run_sync`.

    python benches/_get_trial.py LOOP URL CALLS

Prints, as JSON, the nanoseconds that each call took, and those of the CPU time of the process a
call. The connection is kept between calls, and a few are made before.
"""

# mypy: disable-error-code="import-not-found,import-untyped"
# aiohttp may be absent where this is type-checked.

from __future__ import annotations

import json
import sys
import time
from contextlib import closing

import aiohttp
from _loops import IO_LOOPS, SIDELOOP

from sideloop import LoopManager

BEFORE = 20
"""Calls that go before, untimed."""

KIB = 1024


async def open_session() -> aiohttp.ClientSession:
    """Make a session on the loop that is to use it."""
    return aiohttp.ClientSession()


async def get(session: aiohttp.ClientSession, url: str) -> bytes:
    """Get what there is."""
    async with session.get(url) as response:
        return await response.read()


def main() -> None:
    """Call, and print what it took."""
    name, url, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
    (peer,) = (peer for peer in IO_LOOPS if peer.name == name)
    clock = time.perf_counter_ns
    # Ours is what a manager has by itself.
    factory = None if peer is SIDELOOP else peer.make
    with closing(LoopManager(loop_factory=factory)) as manager:
        run_sync = manager.run_sync
        session = run_sync(open_session)
        for _ in range(BEFORE):
            assert len(run_sync(get, session, url)) == KIB
        took = []
        before = time.process_time_ns()
        for _ in range(calls):
            begin = clock()
            run_sync(get, session, url)
            took.append(clock() - begin)
        cpu = time.process_time_ns() - before
        run_sync(session.close)
    print(json.dumps({"wall": took, "cpu": cpu / calls}))


if __name__ == "__main__":
    main()
