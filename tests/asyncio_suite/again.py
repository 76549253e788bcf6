"""Runs suspects again, on both loops, before they are called regressions.

First without the module's other tests. What passes then may fail because of what ran before it, so
the whole module is next; what fails then is run without the others once more.
"""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from asyncio_suite import report
from asyncio_suite.baseline import STANDARD
from asyncio_suite.compare import Suspect
from asyncio_suite.journal import Entry, Verdict
from asyncio_suite.process import Processes, Subject

Group = list[Suspect]
"""Suspects of one module, met with one loop."""


def run(
    processes: Processes, threads: ThreadPoolExecutor, suspects: Iterable[Suspect], times: int
) -> None:
    """Run these again, as often as `times` says, and note in each how it ended."""
    groups: dict[tuple[str, Subject], Group] = defaultdict(list)
    for suspect in suspects:
        groups[suspect.module, suspect.subject].append(suspect)
    for future in [threads.submit(_settle, processes, group, times) for group in groups.values()]:
        future.result()


def _settle(processes: Processes, group: Group, times: int) -> None:
    for _ in range(times):
        if processes.stopped:
            return
        passed = [s for s in group if s.ours_again and s.ours_again[-1].verdict.good]
        _run_both(processes, passed, only=None)
        failed = [s for s in group if s not in passed]
        _run_both(processes, failed, only=[s.test for s in failed])


def _run_both(processes: Processes, group: Group, only: list[str] | None) -> None:
    if not group:
        return
    module, subject = group[0].module, group[0].subject
    report.runs_again(subject.config, module, group, whole=only is None)
    ours = processes.run(module, subject, only)
    standard = processes.run(module, STANDARD, only)
    for suspect in group:
        # What is no test, like a fixture or the process's end, is only heard of when it fails.
        silent = Entry(Verdict.MISSING if suspect.test in standard else Verdict.PASSED)
        suspect.ours_again.append(ours.get(suspect.test, silent))
        suspect.standard_again.append(standard.get(suspect.test, silent))
