"""The recorder: a unittest result that keeps the journal."""

import sys
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from test import support

from asyncio_suite.journal import Entry, Verdict, Writer

Raised = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

MOST_OUTPUT = 4000
"""Bytes; older output is left out."""

_WORST_LAST = list(Verdict)


class Recorder(unittest.TestResult):
    """Writes down each test's start and its verdict: the worst that was said of it."""

    def __init__(self, writer: Writer, log: Path) -> None:
        super().__init__()
        self._writer = writer
        self._log = log
        self._log_start = 0
        self._said: list[tuple[Verdict, str]] = []
        self._running = False
        self._start = 0.0
        sys.unraisablehook = _noting(sys.unraisablehook)

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # unittest's
        super().startTest(test)
        self._said, self._running, self._start = [], True, time.monotonic()
        self._log_start = self._log.stat().st_size
        support.environment_altered = False
        self._writer.start(test.id())

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        if support.environment_altered:
            self._said.append((Verdict.ALTERED, ""))
        self._running = False
        self._write_down(test)
        super().stopTest(test)

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._say(test, Verdict.PASSED)

    def addFailure(self, test: unittest.TestCase, err: Raised) -> None:  # noqa: N802
        self._say(test, Verdict.FAILED, self._exc_info_to_string(err, test))

    def addError(self, test: unittest.TestCase, err: Raised) -> None:  # noqa: N802
        self._say(test, Verdict.ERROR, self._exc_info_to_string(err, test))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self._say(test, Verdict.SKIPPED, reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Raised) -> None:  # noqa: N802
        self._say(test, Verdict.EXPECTED_FAILURE, self._exc_info_to_string(err, test))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._say(test, Verdict.UNEXPECTED_SUCCESS)

    def addSubTest(  # noqa: N802
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: Raised | None
    ) -> None:
        if err is not None:
            self._say(
                test, Verdict.FAILED, f"{subtest.id()}\n{self._exc_info_to_string(err, test)}"
            )

    def _say(self, test: unittest.TestCase, verdict: Verdict, detail: str = "") -> None:
        self._said.append((verdict, detail))
        if not self._running:  # A fixture of a class or of the module.
            self._write_down(test)

    def _write_down(self, test: unittest.TestCase) -> None:
        # A test that only its subtests speak for is one that passed.
        verdict, detail = max(
            self._said, key=lambda said: _WORST_LAST.index(said[0]), default=(Verdict.PASSED, "")
        )
        self._said = []
        if verdict.bad:
            detail = f"{detail}\n{self._output()}".strip()
        self._writer.end(test.id(), Entry(verdict, time.monotonic() - self._start, detail))

    def _output(self) -> str:
        """What the test has written: logged errors, warnings about what it left behind."""
        sys.stdout.flush()
        sys.stderr.flush()
        with self._log.open("rb") as log:
            log.seek(max(self._log_start, self._log.stat().st_size - MOST_OUTPUT))
            text = log.read().decode(errors="replace").strip()
        return f"It wrote:\n{text}" if text else ""


def _noting(report: Callable[[Any], object]) -> Callable[[Any], None]:
    """CPython's own runner takes an unraisable error for an altered environment; so do we."""

    def hook(unraisable: Any) -> None:
        support.environment_altered = True
        report(unraisable)

    return hook
