"""The tests that libraries publish of their bridges, run on ours.

They come from the source distributions on PyPI, of the versions and with the hashes of bridges.txt.
"""

import faulthandler
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from pace import scaled

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "target" / "published"


class Published(NamedTuple):
    """A library's tests: which, and those that are left out, with the reason."""

    library: str
    replaced: str
    files: Sequence[str]
    passed: int
    left_out: Mapping[str, str] = {}
    options: Sequence[str] = ()


LIBRARIES = [
    Published(
        "anyio",
        "anyio.from_thread:start_blocking_portal",
        [
            "tests/test_from_thread.py::TestBlockingPortal",
            "tests/test_from_thread.py::TestBlockingPortalProvider",
        ],
        passed=150,
    ),
    Published(
        "unsync",
        "unsync.unsync:Unfuture.__init__",
        ["test"],
        passed=30,
        left_out={
            "test/test_custom_event_loop.py": "its loop is to come from asyncio's policy, which "
            "goes with CPython 3.16; `install(runner)` takes a loop of one's own",
        },
        options=["-c", os.devnull],
    ),
    Published(
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
            "test/type_stub_test.py": "not of the bridge",
            "test/type_stub_e2e_test.py": "not of the bridge",
            "test/type_stub_translation_test.py": "not of the bridge",
        },
        options=["--confcutdir=test"],
    ),
]


def sources(library: str) -> Path:
    """Its source distribution, unpacked. Asked for once."""
    lock = (ROOT / "requirements" / "bridges.txt").read_text(encoding="utf-8")
    locked = re.search(rf"^{library}==(\S+).*\\\n(    --hash=\S+( \\)?\n)+", lock, re.MULTILINE)
    assert locked is not None
    folder = CACHE / f"{library}-{locked[1]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        asked_for = CACHE / f"{library}.txt"
        asked_for.write_text(locked[0], encoding="utf-8")
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        options = ["--no-binary", ":all:", "--require-hashes", "--dest", str(CACHE)]
        subprocess.run([*download, *options, "--requirement", str(asked_for)], check=True)
        with tarfile.open(f"{folder}.tar.gz") as packed:
            packed.extractall(CACHE, filter="data")
    return folder


def run(published: Published, *options: str) -> tuple[int, str, dict[str, int]]:
    """Run its tests: what pytest exits with, all that it says, and its counts."""
    given = [
        "-q",
        "-p",
        "on_sideloop",
        "--rootdir=.",
        "--confcutdir=.",
        *options,
        *published.options,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *given, *published.files],
        cwd=sources(published.library),
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "SIDELOOP_DROP_IN": published.library,
            "SIDELOOP_REPLACED": published.replaced,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=scaled(300),
        check=False,
    )
    last = done.stdout.splitlines()[-1]
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (\w+)", last)}
    return done.returncode, done.stdout, counts


@pytest.mark.timeout(scaled(600))
@pytest.mark.parametrize("published", LIBRARIES, ids=[one.library for one in LIBRARIES])
def test_published_tests_of_a_bridge_pass_on_ours(published: Published) -> None:
    # Pytest's own alarm is set for tests that are quicker.
    faulthandler.cancel_dump_traceback_later()
    left_out = [
        f"--{'deselect' if '::' in name else 'ignore'}={name}" for name in published.left_out
    ]
    code, said, counts = run(published, f"--timeout={scaled(60):.0f}", *left_out)
    ran = counts["passed"] + counts.get("failed", 0)
    assert ran >= published.passed, said
    for _ in range(4):
        if code == 1 and counts["failed"] <= ran / 5:
            # Time limits of theirs are too short for a machine that has other work.
            code, said, counts = run(published, "--last-failed", *left_out)
    assert code == 0, said
