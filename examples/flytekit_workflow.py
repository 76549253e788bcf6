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
    """Sees which bridge serves flytekit, from both ends, without asking either bridge's name.

    On the caller's side it counts the calls each bridge took. On the loop's side it notes, at
    flytekit's own asynchronous steps, which class of event loop runs them. A fallback, even of one
    module that kept a reference to flytekit's bridge, shows in both.
    """

    def __init__(self) -> None:
        self.own_calls = 0
        self.loops: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self._before = 0

    def watch(self) -> None:
        """Put the counters in place; flytekit must be imported."""
        from flytekit.core.data_persistence import FileAccessProvider
        from flytekit.core.type_engine import TypeEngine
        from flytekit.utils import asyn

        # Absent where sideloop took the module's place before it was ever loaded.
        task_runner = getattr(asyn, "_TaskRunner", None)
        if task_runner is not None:
            task_runner.run = self._counting_own(task_runner.run)
        for name in ("async_to_literal", "async_to_python_value"):
            setattr(TypeEngine, name, staticmethod(self._noting_loop(getattr(TypeEngine, name))))
        for name in ("get", "_put"):
            setattr(FileAccessProvider, name, self._noting_loop(getattr(FileAccessProvider, name)))

    def start(self) -> None:
        """Count from here on: what ran while tasks were being defined is not compared."""
        self.own_calls = 0
        self._before = sideloop_calls()

    def testimony(self) -> Record:
        """Say what was seen since `start`."""
        return {
            "calls": {
                "flytekit": self.own_calls,
                "sideloop": sideloop_calls() - self._before,
            },
            "loops": dict(self.loops),
            "steps": dict(self.steps),
        }

    def _counting_own(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.own_calls += 1
            return run(*args, **kwargs)

        return counted

    def _noting_loop(self, step: Callable[..., Any]) -> Callable[..., Any]:
        # Not a coroutine function itself: it only notes where the step starts.
        @wraps(step)
        def noted(*args: Any, **kwargs: Any) -> Any:
            loop = type(asyncio.get_running_loop())
            self.loops[f"{loop.__module__}.{loop.__qualname__}"] += 1
            self.steps[step.__name__] += 1
            return step(*args, **kwargs)

        return noted


def sideloop_calls() -> int:
    """Return how many calls sideloop has taken, without importing it for the question."""
    sideloop = sys.modules.get("sideloop")
    return 0 if sideloop is None else sideloop.loop_manager.statistics().calls


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
    from flytekit.core.data_persistence import FileAccessProvider

    import stdlib_census

    if bridge == "sideloop-late":
        from sideloop.compat.flytekit import install

        install()

    witness = Witness()
    witness.watch()
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
        **witness.testimony(),
        "result": result,
    }


def fallbacks(record: Record) -> Iterator[str]:
    """Say where another bridge served than the one the record names."""
    expected = record["bridge"].partition("-")[0]
    for bridge, calls in record["calls"].items():
        if (calls > 0) != (bridge == expected):
            yield f"{bridge}'s bridge took {calls} calls"
    for loop, steps in record["loops"].items():
        if loop.startswith("sideloop.") != (expected == "sideloop"):
            yield f"{steps} steps ran on {loop}"


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Say where two JSON values differ, deepest place first named."""
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
        f"flytekit {reference['flytekit']}: census of {summary['files']} files, "
        f"{summary['lines']} lines, {sum(reference['steps'].values())} asynchronous steps"
    )
    for record in records:
        seconds, calls = record["seconds"], sum(record["calls"].values())
        print(
            f"{record['bridge']:14} census {seconds['census']:5.2f} s  "
            f"audit {seconds['audit']:5.2f} s  {calls} calls on {', '.join(record['loops'])}"
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
