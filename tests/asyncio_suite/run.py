"""Runs what was asked for, a few processes at once, and compares."""

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from asyncio_suite import again, report
from asyncio_suite.baseline import Baseline
from asyncio_suite.compare import Suspect, compared, find_suspects
from asyncio_suite.journal import Entries
from asyncio_suite.process import Limits, Processes, Subject
from asyncio_suite.replace import Config


@dataclass(frozen=True)
class Settings:
    """What was asked for."""

    modules: list[str]
    subjects: list[Subject]
    tests: list[str]
    """Parts of test ids; none means all tests."""
    limits: Limits
    jobs: int
    reruns: int


class Suite:
    """One run of the suite."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._processes = Processes(settings.limits)
        self._baseline = Baseline(self._processes)
        self._standard: dict[str, Entries] = {}
        self._ours: dict[tuple[str, Subject], Entries] = {}

    def run(self) -> bool:
        """Run it all, and return whether nothing has regressed."""
        with ThreadPoolExecutor(self._settings.jobs) as threads:
            try:
                self._run_modules(threads)
                suspects = self._compare()
                again.run(self._processes, threads, suspects, self._settings.reruns)
            except BaseException:
                self._processes.stop()
                threads.shutdown(cancel_futures=True)
                raise
        return report.conclude(self._passed(), suspects)

    def _run_modules(self, threads: ThreadPoolExecutor) -> None:
        modules, subjects, running = self._settings.modules, self._settings.subjects, []
        if self._settings.tests:  # Their whole ids are known from the baseline.
            finish([threads.submit(self._run_standard, module) for module in modules])
            modules = [module for module in modules if self._asked(module)]
        for module in modules:
            if module not in self._standard:
                running.append(threads.submit(self._run_standard, module))
            running += [threads.submit(self._run_ours, module, subject) for subject in subjects]
        finish(running)

    def _run_standard(self, module: str) -> None:
        start = time.monotonic()
        kept = self._baseline.kept(module)
        self._standard[module] = kept or self._baseline.run(module)
        seconds = None if kept else time.monotonic() - start
        report.module_ended(Config.STANDARD, module, self._standard[module], seconds)

    def _run_ours(self, module: str, subject: Subject) -> None:
        start = time.monotonic()
        entries = self._processes.run(module, subject, self._asked(module))
        self._ours[module, subject] = entries
        report.module_ended(subject.config, module, entries, time.monotonic() - start)

    def _asked(self, module: str) -> frozenset[str] | None:
        """The tests of a module that were asked for, if not all were."""
        if not self._settings.tests:
            return None
        known = self._standard[module]
        return frozenset(t for t in known if any(part in t for part in self._settings.tests))

    def _passed(self) -> int:
        return sum(
            ours[test].verdict.good
            for (module, _), ours in self._ours.items()
            for test in compared(self._standard[module], self._asked(module))
            if test in ours
        )

    def _compare(self) -> list[Suspect]:
        return [
            suspect
            for (module, subject), ours in sorted(self._ours.items(), key=lambda item: item[0][0])
            for suspect in find_suspects(
                module, subject, self._standard[module], ours, self._asked(module)
            )
        ]


def finish(running: Iterable[Future[None]]) -> None:
    """Wait for all; the first error is raised here."""
    for future in running:
        future.result()
