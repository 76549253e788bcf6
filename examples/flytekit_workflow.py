"""Run one flytekit workflow on flytekit's own bridge and on sideloop, and compare what it returns.

    python examples/flytekit_workflow.py

needs flytekit, pandas and pyarrow beside sideloop. It runs the census of `stdlib_census.py` in
fresh processes, once a bridge:

- `flytekit`: on `flytekit.utils.asyn`, as flytekit comes;
- `sideloop`: `sideloop.compat.flytekit.install()` before flytekit is imported;
- `sideloop-late`: the same after flytekit was imported and the tasks were defined.

It exits with 0 only if all three return the same summary, table, report and digests, do the same
asynchronous steps, and were served by the bridge they name. `--bridge NAME` runs one of them in
this process and prints its record as JSON.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

BRIDGES = ("flytekit", "sideloop", "sideloop-late")
# A bridge that hangs is a failure to report, not to wait for. One run takes a few seconds.
LIMIT = 120.0

Record = dict[str, Any]


class Witness:
    """Sees which bridge serves flytekit by what runs, not by what is installed.

    On the caller's side it counts the calls that flytekit's own bridge takes. On the loop's side,
    at flytekit's own asynchronous steps, it notes the module that runs their loop. A fallback, even
    of a single module that has kept a reference to flytekit's bridge, shows in both.

    Attributes:
        calls: How many calls flytekit's own bridge has taken.
        served: How many steps ran on the loops of each module.
        steps: How many steps of each name ran.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.served: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()

    def watch(self) -> None:
        """Put the counters in place: after flytekit is imported, before anything replaces it."""
        from flytekit.core.data_persistence import FileAccessProvider
        from flytekit.core.type_engine import TypeEngine
        from flytekit.utils.asyn import _TaskRunner

        # Installed before flytekit, sideloop's class stands here under the same name.
        if _TaskRunner.__module__ == "flytekit.utils.asyn":
            _TaskRunner.run = self._counting(_TaskRunner.run)
        for name in ("async_to_literal", "async_to_python_value"):
            setattr(TypeEngine, name, staticmethod(self._noting(getattr(TypeEngine, name))))
        for name in ("get", "_put"):
            setattr(FileAccessProvider, name, self._noting(getattr(FileAccessProvider, name)))

    def start(self) -> None:
        """Forget what was seen, such as calls made while tasks were being defined."""
        self.calls = 0
        self.served.clear()
        self.steps.clear()

    def _counting(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return run(*args, **kwargs)

        return counted

    def _noting(self, step: Callable[..., Any]) -> Callable[..., Any]:
        # No coroutine function, although it stands for one: it notes where the step starts.
        @wraps(step)
        def noted(*args: Any, **kwargs: Any) -> Any:
            self.served[loop_module()] += 1
            self.steps[step.__name__] += 1
            return step(*args, **kwargs)

        return noted


def loop_module() -> str:
    """Name the module that runs the calling thread's event loop.

    The loop's class does not tell: both bridges run asyncio's own.
    """
    frame = sys._getframe()
    while frame.f_back is not None:
        runs_loop = frame.f_code.co_name == "run_forever"
        frame = frame.f_back
        if runs_loop:
            return str(frame.f_globals["__name__"])
    return "no loop"


def run_bridge(bridge: str, wanted: int) -> Record:
    """Run census and audit in this process on the named bridge."""
    # flytekit makes its sandbox directories while it is imported, wherever tempfile says.
    with tempfile.TemporaryDirectory(prefix="census-") as scratch:
        tempfile.tempdir = scratch
        try:
            return _run_bridge(bridge, wanted, scratch)
        finally:
            tempfile.tempdir = None


def _run_bridge(bridge: str, wanted: int, scratch: str) -> Record:
    if bridge == "sideloop":
        from sideloop.compat.flytekit import install

        install()

    import flytekit
    import pandas as pd
    import stdlib_census
    from flytekit.core.data_persistence import FileAccessProvider

    witness = Witness()
    witness.watch()
    if bridge == "sideloop-late":
        from sideloop.compat.flytekit import install

        install()

    witness.start()
    contexts = flytekit.FlyteContextManager
    # The store is fsspec's in-process memory: remote enough for flytekit to upload and download,
    # which it does not do for local paths, and without a network.
    store = FileAccessProvider(local_sandbox_dir=scratch, raw_output_prefix="memory://census")
    with contexts.with_context(contexts.current_context().with_file_access(store)):
        started = time.perf_counter()
        found = stdlib_census.census(wanted=wanted)
        counted = time.perf_counter()
        digests = asyncio.run(stdlib_census.audit(found=found))
        audited = time.perf_counter()
        table = found.table.open(pd.DataFrame).all()
        result = {
            "summary": asdict(found.summary),
            "table": json.loads(table.to_json(orient="index")),
            "dtypes": {name: str(dtype) for name, dtype in table.dtypes.items()},
            "report": Path(found.report).read_text(encoding="utf-8"),
            "digests": digests,
        }
    return {
        "bridge": bridge,
        "flytekit": flytekit.__version__,
        "seconds": {"census": counted - started, "audit": audited - counted},
        "calls": witness.calls,
        "served": dict(witness.served),
        "steps": dict(witness.steps),
        "result": result,
    }


def fallbacks(record: Record) -> Iterator[str]:
    """Say where another bridge served than the one the record names."""
    ours = record["bridge"] != "flytekit"
    if not record["served"]:
        yield "no asynchronous step was seen"
    if (record["calls"] == 0) != ours:
        yield f"flytekit's own bridge took {record['calls']} calls"
    for module, steps in record["served"].items():
        if module.startswith("sideloop.") != ours:
            yield f"{steps} steps ran on loops of {module}"


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Say where two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            place = f"{where}.{key}" if where else key
            yield from differences(one.get(key, "absent"), other.get(key, "absent"), place)
    elif one != other:
        yield f"{where}: {one!r} is not {other!r}"


def run_process(bridge: str, wanted: int, scratch: str) -> Record:
    """Run one bridge in a fresh process; what it prints on stderr counts as a failure."""
    command = [sys.executable, __file__, "--bridge", bridge, "--files", str(wanted)]
    # Its temporary files are ours to delete, should it be killed at the limit.
    environment = {**os.environ, "TMPDIR": scratch}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{bridge}: hangs, no result after {LIMIT:g} s") from None
    if done.returncode != 0 or done.stderr:
        raise SystemExit(f"{bridge}: exit status {done.returncode}\n{done.stderr.rstrip()}")
    record: Record = json.loads(done.stdout)
    return record


def compare(wanted: int) -> int:
    """Run every bridge, print a line each, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="census-") as scratch:
        records = [run_process(bridge, wanted, scratch) for bridge in BRIDGES]
    reference, *others = records
    summary = reference["result"]["summary"]
    print(
        f"flytekit {reference['flytekit']}: {summary['files']} files, {summary['lines']} lines, "
        f"{sum(reference['steps'].values())} asynchronous steps\n"
        f"{'bridge':14} census   audit  calls on flytekit's own  loops run by"
    )
    for record in records:
        seconds = record["seconds"]
        print(
            f"{record['bridge']:14} {seconds['census']:4.2f} s  {seconds['audit']:4.2f} s"
            f"  {record['calls']:23}  {', '.join(record['served'])}"
        )
    failed = False
    for record in others:
        found = [
            *differences(reference["result"], record["result"]),
            *differences(reference["steps"], record["steps"], "steps"),
        ]
        failed = failed or bool(found)
        if found:
            print(f"{record['bridge']} differs from flytekit in {len(found)} places:")
            print("\n".join(f"  {place}" for place in found[:10]))
    if not failed:
        print(f"identical: {', '.join(reference['result'])}")
    return int(failed)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bridge", choices=BRIDGES, help="run this one here and print JSON")
    parser.add_argument("--files", type=int, default=240, help="how many files (default: 240)")
    options = parser.parse_args()
    if options.bridge is None:
        return compare(options.files)
    record = run_bridge(options.bridge, options.files)
    print(json.dumps(record, indent=1))
    found = list(fallbacks(record))
    if found:
        print(f"not served by {options.bridge}: {'; '.join(found)}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
