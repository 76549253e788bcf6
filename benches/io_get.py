"""What `run_sync` of an aiohttp GET takes in a fresh process: on our loop, and on those of others.

    python benches/io_get.py [--rounds N] [--calls N] [--json FILE]

Each round starts a process for each loop (`_get_trial.py`), in a shuffled order (`_measure.py`): a
process that has run for long has memory at hand that a fresh one maps and unmaps with each read.
The server is a thread of this process, which answers 1 KiB and keeps the connection; the CPU time
is that of the process that calls.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from _command import command, document, finish, print_head, print_left_out
from _figures import TIMES, count
from _loops import ASYNCIO, IO_LOOPS, SIDELOOP, UVLOOP, WITH_ASYNCIOS, LoopPeer, open_loops
from _machine import Machine
from _verdict import as_fast
from _wall_and_cpu import Figures, interleave_both, print_both, row_of

TRIAL = Path(__file__).with_name("_get_trial.py")

BODY = b"x" * 1024
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)

TARGETS = {WITH_ASYNCIOS: as_fast(1.3), UVLOOP: as_fast(1.1), ASYNCIO: as_fast(1)}
"""What is asked of our CPU time beside that on other loops."""


def _answer(end: socket.socket) -> None:
    with end:
        request = b""
        while data := end.recv(65536):
            request += data
            if request.endswith(b"\r\n\r\n"):
                end.sendall(ANSWER)
                request = b""


def _accept(listening: socket.socket) -> None:
    while True:
        try:
            end, _ = listening.accept()
        except OSError:
            return
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(end,), daemon=True).start()


def serve(stack: ExitStack) -> str:
    """Answer in threads of this process, until the stack is closed; return the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    stack.callback(listening.close)
    threading.Thread(target=_accept, args=(listening,), daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


def measure(
    loops: Sequence[LoopPeer], url: str, rounds: int, calls: int
) -> Mapping[LoopPeer, Figures]:
    """Start a process for every loop in every round."""

    def time_batch(peer: LoopPeer) -> tuple[list[float], float]:
        ended = subprocess.run(
            [sys.executable, str(TRIAL), peer.name, url, str(calls)],
            stdout=subprocess.PIPE,
            check=True,
        )
        took = json.loads(ended.stdout)
        return took["wall"], took["cpu"]

    return interleave_both(loops, rounds, time_batch)


def print_tables(results: Mapping[LoopPeer, Figures]) -> None:
    """Print what the calls took, and the targets."""
    titles = {
        "cpu": "CPU time of the process, a figure a round (µs a call)",
        "wall": "time (µs a call)",
    }
    print_both(results, titles)
    print("\ntargets for sideloop")
    for peer in results:
        if peer is SIDELOOP:
            continue
        limit = TARGETS.get(peer, as_fast(1))
        for word, title in (("cpu", "CPU time"), ("wall", "time")):
            ours, theirs = getattr(results[SIDELOOP], word), getattr(results[peer], word)
            verdict = limit.judge(ours, theirs)
            text = f"{title:10}{peer.name:12}{limit.text:26}{f'{TIMES}{verdict.figure:.2f}':>7}"
            print(f"  {text}  {verdict.word:9}{verdict.in_rounds}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command("Compare what run_sync of an aiohttp GET takes.", rounds=15)
    add = parser.add_argument
    add("--calls", type=count, default=500, help="calls a process (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables and the targets."""
    options = parse(arguments)
    machine = Machine.here()
    print_head(
        machine,
        f"rounds: {options.rounds}, a process for each loop in shuffled order, {options.calls}"
        " calls each",
    )
    with ExitStack() as stack:
        loops, left_out = open_loops(stack, IO_LOOPS)
        print_left_out(left_out)
        results = measure(list(loops), serve(stack), options.rounds, options.calls)
    print_tables(results)
    rows = [row_of(peer, figures) for peer, figures in results.items()]
    finish(options, document(machine, "ns", options.rounds, left_out) | {"results": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
