"""What is printed."""

from collections import Counter

from asyncio_suite.compare import Suspect
from asyncio_suite.journal import Entries, Entry
from asyncio_suite.replace import Config

TAIL = 40
"""Lines of a traceback."""


def module_ended(config: Config, module: str, entries: Entries, seconds: float | None) -> None:
    """Tell that a module has run in one configuration, and how its tests ended."""
    counts = Counter(entry.verdict.value for entry in entries.values())
    took = "   kept" if seconds is None else f"{seconds:5.1f} s"
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    _say(f"{took}  {config.value:8}  {module:24}  {said or 'no tests'}")


def runs_again(config: Config, module: str, suspects: list[Suspect], whole: bool) -> None:
    """Tell that suspects are run again."""
    what = "the whole module" if whole else "without the module's other tests"
    _say(f"  again  {config.value:8}  {module:24}  {len(suspects)} to confirm, {what}")


def _say(line: str) -> None:
    """Print from any thread, the line and its end at once."""
    print(line + "\n", end="", flush=True)


def conclude(passed: int, suspects: list[Suspect]) -> bool:
    """Print what is wrong and the closing line. Return whether nothing has regressed."""
    regressions = [s for s in suspects if s.regression]
    excluded = [s for s in suspects if s.excluded]
    unreliable = [s for s in suspects if s.unreliable and not s.excluded]
    flaky = [s for s in suspects if s not in regressions + excluded + unreliable]

    _list("EXCLUDED, with the reason", excluded)
    _list("UNRELIABLE: these fail on the standard loop as well, so they do not count", unreliable)
    _list("FLAKY: these failed on ours, but not in most of the runs", flaky)
    _list("REGRESSIONS", regressions)
    print(f"{passed} passed, {len(regressions)} failed")
    return not regressions


def _list(title: str, suspects: list[Suspect]) -> None:
    if not suspects:
        return
    print(f"\n{title}: {len(suspects)}")
    for suspect in suspects:
        verdict = suspect.first.verdict.value
        times = f"{suspect.bad_runs} of {suspect.runs} runs"
        print(f"\n* {suspect.subject.config.value}  {suspect.test}\n  {verdict}, {times}")
        if suspect.excluded:
            print(f"  {suspect.excluded}")
        else:
            print(_tail(suspect.first))
    print(flush=True)


def _tail(entry: Entry) -> str:
    lines = entry.detail.rstrip().splitlines()
    cut = ["..."] if len(lines) > TAIL else []
    return "\n".join(f"    {line}" for line in cut + lines[-TAIL:])
