"""What an item of an async generator costs sync code: sideloop and its peers.

    python benches/iterate.py [--rounds N] [--items N] [--json FILE] [--out DIR]

Two generators: one yields at once, one gives its loop a turn before each item. synchronicity wraps
the generator function; the others have no view of generators, so their users ask for each item
with a call, as they are shown here. Every batch goes through one generator to its end and checks
what came out; subjects take turns in a shuffled order (`_measure.py`). A figure is a batch's time
by its items.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"
# Any peer may be absent where this is type-checked, and not all of them ship types.

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from _chart import Bar, Sheet, Tone, draw
from _figures import TIMES, count, microseconds, times
from _machine import Machine
from _measure import Summary, interleave
from _peers import version_of, why_left_out

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"

READ_AHEAD = 64

TARGET = 10
"""How many times below these peers an item of sideloop's is meant to cost."""

TARGETED = ("fsspec.asyn.sync", "synchronicity wrap")

SHEET = Sheet(
    "One item of an async generator, from sync code",
    {
        Tone.OURS: "sideloop",
        Tone.BRIDGE: "other bridges to another thread",
        Tone.OWN_THREAD: "on the caller's own thread",
    },
)

AsyncItems = Callable[[int], AsyncGenerator[int, None]]
Items = Callable[[AsyncItems, int], Iterable[int]]


async def at_once(n: int) -> AsyncGenerator[int, None]:
    """Yield without ever waiting."""
    for number in range(n):
        yield number


async def after_a_turn(n: int) -> AsyncGenerator[int, None]:
    """Let the loop turn before each item."""
    for number in range(n):
        await asyncio.sleep(0)
        yield number


GENERATORS = {"yields at once": at_once, "waits a turn of the loop": after_a_turn}


@dataclass(frozen=True)
class Subject:
    """One way to iterate: its name, the distribution it comes from, and how to open it."""

    name: str
    distribution: str | None
    tone: Tone
    open: Callable[[], AbstractContextManager[Items]]


@contextmanager
def _synced() -> Iterator[Items]:
    from sideloop import synced

    twins = {make: synced(make) for make in GENERATORS.values()}
    yield lambda make, n: twins[make](n)


@contextmanager
def _read_ahead() -> Iterator[Items]:
    from sideloop import iterate

    yield lambda make, n: iterate(make(n), read_ahead=READ_AHEAD)


@contextmanager
def _driven() -> Iterator[Items]:
    from sideloop import Runner

    with Runner(drive="caller") as runner:
        yield lambda make, n: runner.iterate(make(n))


def _one_by_one(ask: Callable[[Callable[[], object]], int]) -> Items:
    """Ask for each item with a call."""

    def items(make: AsyncItems, n: int) -> Iterator[int]:
        generator = make(n)
        try:
            while True:
                yield ask(generator.__anext__)
        except StopAsyncIteration:
            return

    return items


@contextmanager
def _fsspec() -> Iterator[Items]:
    from fsspec.asyn import get_loop, sync

    loop = get_loop()
    yield _one_by_one(lambda anext_of: sync(loop, anext_of))


@contextmanager
def _synchronicity() -> Iterator[Items]:
    from synchronicity import Synchronizer

    synchronizer = Synchronizer()
    twins = {make: synchronizer.wrap(make) for make in GENERATORS.values()}
    yield lambda make, n: twins[make](n)


@contextmanager
def _anyio() -> Iterator[Items]:
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        yield _one_by_one(lambda anext_of: portal.call(anext_of))


@contextmanager
def _run_coroutine_threadsafe() -> Iterator[Items]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="run_coroutine_threadsafe")
    thread.start()

    async def step(anext_of: Callable[[], object]) -> int:
        return await anext_of()  # type: ignore[no-any-return, misc]

    try:
        yield _one_by_one(
            lambda anext_of: asyncio.run_coroutine_threadsafe(step(anext_of), loop).result()
        )
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _async_for() -> Iterator[Items]:
    async def collect(make: AsyncItems, n: int) -> list[int]:
        return [number async for number in make(n)]

    loop = asyncio.new_event_loop()
    try:
        yield lambda make, n: loop.run_until_complete(collect(make, n))
    finally:
        loop.close()


SYNCED = Subject("sideloop.synced", "sideloop", Tone.OURS, _synced)

SUBJECTS = (
    SYNCED,
    Subject(f"sideloop, read_ahead={READ_AHEAD}", "sideloop", Tone.OURS, _read_ahead),
    Subject('sideloop, drive="caller"', "sideloop", Tone.OURS, _driven),
    Subject("fsspec.asyn.sync", "fsspec", Tone.BRIDGE, _fsspec),
    Subject("synchronicity wrap", "synchronicity", Tone.BRIDGE, _synchronicity),
    Subject("anyio portal.call", "anyio", Tone.BRIDGE, _anyio),
    Subject("asyncio.run_coroutine_threadsafe", None, Tone.BRIDGE, _run_coroutine_threadsafe),
    Subject("async for, without a bridge", None, Tone.OWN_THREAD, _async_for),
)


@dataclass(frozen=True)
class Cell:
    """One subject on one generator."""

    subject: str
    generator: str


def open_subjects(stack: ExitStack) -> tuple[dict[str, Items], dict[str, str]]:
    """Open each subject; for those that cannot be, say why."""
    opened: dict[str, Items] = {}
    left_out: dict[str, str] = {}
    for subject in SUBJECTS:
        try:
            opened[subject.name] = stack.enter_context(subject.open())
        except ImportError as error:
            left_out[subject.name] = why_left_out(error, subject.distribution)
    return opened, left_out


def time_items(items: Items, make: AsyncItems, n: int) -> float:
    """Go through one generator to its end; return the nanoseconds by its items."""
    begin = time.perf_counter_ns()
    total = sum(items(make, n))
    took = time.perf_counter_ns() - begin
    if total != n * (n - 1) // 2:
        raise RuntimeError(f"the items sum up to {total}, not to {n * (n - 1) // 2}")
    return took / n


def measure(opened: Mapping[str, Items], rounds: int, n: int) -> dict[Cell, Summary]:
    """Time every subject on every generator, each round a batch of each."""

    def time_batch(cell: Cell) -> list[float]:
        items, make = opened[cell.subject], GENERATORS[cell.generator]
        time_items(items, make, max(n // 10, 3))
        return [time_items(items, make, n)]

    cells = [Cell(subject, generator) for generator in GENERATORS for subject in opened]
    return interleave(cells, rounds, time_batch)


def print_section(summaries: Mapping[Cell, Summary], generator: str) -> None:
    """Print the table of one generator."""
    print(f"\na generator that {generator} (µs an item)")
    header = f"  {'':34}{'version':>10}{'median':>9}{'p10':>9}{'p90':>9}"
    print(f"{header}{'batches':>24}{'to sideloop':>13}")
    of_ours = summaries.get(Cell(SYNCED.name, generator))
    distributions = {subject.name: subject.distribution for subject in SUBJECTS}
    rows = [(cell, one) for cell, one in summaries.items() if cell.generator == generator]
    for cell, summary in sorted(rows, key=lambda row: row[1].median):
        line = f"  {cell.subject:34}{version_of(distributions[cell.subject]):>10}"
        for value in (summary.median, summary.p10, summary.p90):
            line += f"{microseconds(value):>9}"
        low, high = min(summary.round_medians), max(summary.round_medians)
        line += f"{f'{microseconds(low)} to {microseconds(high)}':>24}"
        ratio = summary.median / of_ours.median if of_ours else None
        print(f"{line}{times(ratio):>13}")


def print_targets(summaries: Mapping[Cell, Summary]) -> None:
    """Print whether an item is as cheap as it is meant to be, and in how many rounds it is."""
    print(f"\ntarget: an item at least {TIMES}{TARGET} cheaper, without reading ahead")
    for generator in GENERATORS:
        ours = summaries.get(Cell(SYNCED.name, generator))
        for name in TARGETED:
            theirs = summaries.get(Cell(name, generator))
            if ours is None or theirs is None:
                continue
            rounds = list(zip(ours.round_medians, theirs.round_medians, strict=True))
            met_in = sum(their / our >= TARGET for our, their in rounds)
            ratio = theirs.median / ours.median
            verdict = "met" if ratio >= TARGET else "missed"
            print(
                f"  {name:24}{generator:28}{times(ratio):>8}  {verdict}, "
                f"in {met_in} of {len(rounds)} rounds"
            )


def draw_chart(summaries: Mapping[Cell, Summary], machine: Machine, out: Path) -> list[Path]:
    """Draw one panel a generator."""
    tones = {subject.name: subject.tone for subject in SUBJECTS}

    def bar(cell: Cell) -> Bar:
        summary = summaries[cell]
        ours = summaries.get(Cell(SYNCED.name, cell.generator))
        ratio = summary.median / ours.median if ours else None
        return Bar(
            label=cell.subject,
            tone=tones[cell.subject],
            median=summary.median,
            p10=summary.p10,
            p90=summary.p90,
            ratio="" if cell.subject == SYNCED.name else times(ratio),
        )

    # The same rows in each panel.
    first = next(iter(GENERATORS))
    order = sorted(
        (cell.subject for cell in summaries if cell.generator == first),
        key=lambda subject: summaries[Cell(subject, first)].median,
    )
    panels = {
        f"A generator that {generator}": [bar(Cell(subject, generator)) for subject in order]
        for generator in GENERATORS
    }
    caption = f"Median, p10 to p90, and {TIMES} synced's median. Logarithmic scale. {machine}."
    return draw(panels, caption, out / "iterate", SHEET)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Compare what an item of an async generator costs sync code."
    )
    add = parser.add_argument
    add("--rounds", type=count, default=40, help="rounds over all cells (%(default)s)")
    add("--items", type=count, default=300, help="items of a generator (%(default)s)")
    add("--out", type=Path, default=IMAGES, metavar="DIR", help="chart goes here (docs/images)")
    add("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, draw the chart."""
    options = parse(arguments)
    machine = Machine.here()
    print(f"{machine}\nload average before: {os.getloadavg()[0]:.2f}")
    print(f"rounds: {options.rounds}, over all cells in shuffled order, {options.items} items each")
    with ExitStack() as stack:
        opened, left_out = open_subjects(stack)
        for name, reason in left_out.items():
            print(f"left out: {name}: {reason}")
        sys.stdout.flush()
        summaries = measure(opened, options.rounds, options.items)
    for generator in GENERATORS:
        print_section(summaries, generator)
    print_targets(summaries)
    if options.json:
        rows = [asdict(cell) | asdict(summary) for cell, summary in summaries.items()]
        document = {"machine": asdict(machine), "unit": "ns", "results": rows}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if importlib.util.find_spec("matplotlib") is None:
        print("\nno chart: matplotlib is not installed")
    else:
        paths = draw_chart(summaries, machine, options.out)
        print(f"\nchart: {', '.join(path.name for path in paths)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
