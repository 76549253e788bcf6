"""The tests that libraries publish of their bridges, and of what is built on them, run on ours.

They come from the source distributions on PyPI, of the versions and with the hashes of
requirements/bridges.txt.
"""

import os
import re
import signal
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pace import scaled

from bridges.environment import ROOT

CACHE = ROOT / "target" / "published"
PYTHON = ROOT / ".venv-bridges" / "bin" / "python"

PLUGIN = Path(__file__).parent / "plugin"


@dataclass(frozen=True, eq=False)
class Published:
    """A distribution's tests: which, and those that are left out, with the reason.

    `drop_in` is the library whose bridge they go through, and `replaced` a name of it that has to
    be ours to the end. At least so many have to be `passed`.
    """

    distribution: str
    drop_in: str
    replaced: str
    files: Sequence[str]
    passed: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Counts:
    """What has become of them, and all that pytest says."""

    passed: int
    failed: int
    skipped: int
    left_out: int
    said: str

    @property
    def run(self) -> int:
        """How many have run."""
        return self.passed + self.failed


NESTED = "tests/nest_test.py::NestTest::test_ensure_future_with_run_until_complete"

MINUTES = 8
"""One library's tests take that long at most, on an idle machine."""

THE_BRIDGE = "not of the bridge"

PUBLISHED = (
    Published(
        "anyio",
        "anyio",
        "anyio.from_thread:start_blocking_portal",
        [
            "tests/test_from_thread.py::TestBlockingPortal",
            "tests/test_from_thread.py::TestBlockingPortalProvider",
        ],
        passed=150,
    ),
    Published(
        "asgiref",
        "asgiref",
        "asgiref.sync:ThreadPoolExecutor",
        ["tests"],
        passed=110,
    ),
    Published(
        "jupyter_core",
        "jupyter_core",
        "jupyter_core.utils:run_sync",
        ["tests/test_utils.py"],
        passed=5,
    ),
    Published(
        "nest-asyncio",
        "nest_asyncio",
        "nest_asyncio:apply",
        ["tests/nest_test.py"],
        passed=4,
        left_out={
            NESTED: "it waits for a task of the loop that waits: a DeadlockError",
            f"{NESTED}_with_wait": "the same by `asyncio.wait`, which does not ask whose its tasks "
            "are: it waits",
        },
    ),
    Published(
        "synchronicity",
        "synchronicity",
        "synchronicity.synchronizer:Synchronizer._get_loop",
        ["test"],
        passed=110,
        left_out={
            "test/synchronicity_test.py::test_synchronizer_unexpected_thread_death": "it ends the "
            "main task of the loop's thread, which ours has not",
            "test/tracebacks_test.py::test_full_traceback_flag": "it counts the frames of the "
            "original bridge, nine; ours has six",
            "test/gevent_test.py": "it has a process patched by gevent, by a module of its own",
            "test/type_stub_test.py": THE_BRIDGE,
            "test/type_stub_e2e_test.py": THE_BRIDGE,
            "test/type_stub_translation_test.py": THE_BRIDGE,
        },
        options=["--confcutdir=test"],
    ),
    Published(
        "unsync",
        "unsync",
        "unsync.unsync:Unfuture.__init__",
        ["test"],
        passed=30,
        left_out={
            "test/test_custom_event_loop.py": "its loop is to come from asyncio's policy, which "
            "goes with CPython 3.16; `install(runner)` takes a loop of one's own",
        },
    ),
    Published(
        "zarr",
        "zarr",
        "zarr.core.sync:sync",
        ["tests/test_sync.py"],
        passed=19,
    ),
)


def sources(distribution: str) -> Path:
    """Its source distribution, unpacked. Asked for once."""
    lock = (ROOT / "requirements" / "bridges.txt").read_text(encoding="utf-8")
    name = distribution.replace("_", "-")
    # One that has several versions, for different interpreters: that which is here.
    python = subprocess.run(
        [PYTHON, "-c", f"import importlib.metadata as m; print(m.version({name!r}))"],
        capture_output=True,
        text=True,
        check=True,
    )
    version = re.escape(python.stdout.strip())
    locked = re.search(rf"^{name}=={version}\b.*\\\n(    --hash=\S+( \\)?\n)+", lock, re.MULTILINE)
    assert locked is not None, name
    folder = CACHE / f"{distribution.replace('-', '_')}-{python.stdout.strip()}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        asked_for = CACHE / f"{distribution}.txt"
        asked_for.write_text(locked[0], encoding="utf-8")
        download = [PYTHON, "-m", "pip", "download", "--quiet", "--no-deps"]
        options = ["--no-binary", ":all:", "--require-hashes", "--dest", str(CACHE)]
        subprocess.run([*download, *options, "--requirement", str(asked_for)], check=True)
        with tarfile.open(f"{folder}.tar.gz") as packed:
            packed.extractall(CACHE, filter="data")
    return folder


def run(published: Published) -> Counts:
    """Run its tests.

    Those that fail run again: their time limits are for machines that have no other work.
    """
    left_out = [
        f"--{'deselect' if '::' in name else 'ignore'}={name}" for name in published.left_out
    ]
    found = _run(published, f"--timeout={scaled(60):.0f}", *left_out)
    passed = found.passed
    for _ in range(4):
        if not 0 < found.failed <= (passed + found.failed) / 5:
            break
        again = _run(published, "--last-failed", *left_out)
        passed += again.passed
        found = Counts(passed, again.failed, found.skipped, found.left_out, again.said)
    return found


def _run(published: Published, *options: str) -> Counts:
    process = subprocess.Popen(
        [
            *(PYTHON, "-m", "pytest", "-q", "-p", "on_sideloop", "--rootdir=.", "--confcutdir=."),
            # Of theirs, whatever it says: this is another pytest.
            *("-o", "addopts=", "-o", "asyncio_default_fixture_loop_scope=function"),
            *(*options, *published.options, *published.files),
        ],
        cwd=sources(published.distribution),
        env={
            **os.environ,
            "PYTHONPATH": str(PLUGIN),
            "SIDELOOP_DROP_IN": published.drop_in,
            "SIDELOOP_REPLACED": published.replaced,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=scaled(60 * MINUTES))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    last = said.rstrip().rpartition("\n")[2]
    counts = {what.rstrip("s"): int(number) for number, what in re.findall(r"(\d+) (\w+)", last)}
    failed = counts.get("failed", 0) + counts.get("error", 0)
    if process.returncode not in (0, 1) or (process.returncode == 1) != bool(failed):
        # It has not come to its end, or not in time.
        failed = max(failed, 1)
    return Counts(
        counts.get("passed", 0),
        failed,
        counts.get("skipped", 0) + counts.get("xfailed", 0),
        len(published.left_out),
        said,
    )
