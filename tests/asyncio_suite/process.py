"""One module in processes of its own: one, and another past each test that hangs or crashes."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from asyncio_suite.child import Plan
from asyncio_suite.journal import Entries, Entry, Story, Verdict
from asyncio_suite.replace import Config

RESTARTS = 5
"""After so many hangs and crashes in one module, the rest of it is not run."""

TESTS = Path(__file__).parents[1]
DUMP = "Fatal Python error"
C_STACK = "Current thread's C stack trace"
"""Since CPython 3.14 faulthandler writes that behind the stacks of the threads."""
THE_PROCESS = "(outside the tests)"
ENDED = "the process ended with exit code 0 in the middle of this test"

Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Limits:
    """How long, in seconds, before a child is taken for one that hangs."""

    test: float
    module: float


@dataclass(frozen=True)
class Subject:
    """The loop that is tested, by `module:Class`, and its core."""

    config: Config
    loop: str
    core: str


class Processes:
    """Runs modules, each call on a thread of its own, until told to stop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the children that run, and start no other."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def run(self, module: str, subject: Subject, only: Iterable[str] | None = None) -> Entries:
        """Run a module's tests to the end, whatever they do to their process."""
        end = time.monotonic() + self._limits.module
        entries: Entries = {}
        with tempfile.TemporaryDirectory(prefix="asyncio-suite-") as directory:
            journal = Path(directory, "journal")
            plan = Plan(
                module,
                subject.config,
                subject.loop,
                subject.core,
                str(journal),
                str(journal.with_name("log")),
                only=None if only is None else tuple(only),
            )
            for _ in range(RESTARTS):
                journal.write_text("")
                problem = self._run_once(plan, end)
                story = Story.read(journal)
                entries.update(story.entries)
                if story.running is None:
                    if problem is not None:
                        entries[f"{module} {THE_PROCESS}"] = problem
                    break
                # It hung or crashed in a test. Go on past it.
                entries[story.running] = problem or Entry(Verdict.CRASHED, detail=ENDED)
                plan = replace(plan, skip=(*plan.skip, *story.entries, story.running))
                if self.stopped or time.monotonic() > end:
                    break
        return entries

    def _run_once(self, plan: Plan, end: float) -> Entry | None:
        """Run one child. Return what was wrong with the end of its process, if anything was."""
        journal, log = Path(plan.journal), Path(plan.log)
        start = time.monotonic()
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", "asyncio_suite.child", plan.to_json()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=tempfile.mkdtemp(dir=journal.parent),
                env={**os.environ, "PYTHONPATH": _path()},
                # A group of its own, so that whatever it starts can be found when it hangs.
                start_new_session=True,
            )
        hung = self._wait(child, journal, end)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        if not hung and child.returncode == 0:
            return None
        text = log.read_text(encoding="utf-8", errors="replace")
        detail = text[text.rfind(DUMP) :].partition(C_STACK)[0] if DUMP in text else text[-4000:]
        verdict = Verdict.HUNG if hung else Verdict.CRASHED
        detail = f"exit code {child.returncode}\n{detail}"
        return Entry(verdict, time.monotonic() - start, detail)

    def _wait(self, child: Child, journal: Path, end: float) -> bool:
        """Wait for the child to end. When its journal stands still, it hangs: end it."""
        size, changed = -1, time.monotonic()
        while child.poll() is None:
            now = time.monotonic()
            if journal.stat().st_size != size:
                size, changed = journal.stat().st_size, now
            if now > min(changed + self._limits.test, end) or self.stopped:
                _dump_and_end(child)
                return True
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.05)
        return False


def _path() -> str:
    return os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])


def _dump_and_end(child: Child) -> None:
    """Have faulthandler write every thread's stack into the log, which ends the process."""
    child.send_signal(signal.SIGABRT)
    try:
        child.wait(5.0)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
