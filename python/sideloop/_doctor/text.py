"""The report as text, for readers."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from sideloop._doctor import advice
from sideloop._doctor.diagnosis import Diagnosis
from sideloop._doctor.kind import KINDS, Kind
from sideloop._doctor.peers import Peer, offer
from sideloop._doctor.process import LiveLoop, Process
from sideloop._doctor.scan import Package, Scan

_WIDTH = 100

_MOST_PLACES = 4
"""How many of a package are shown. `--json` has all of them."""

_MOST_PROBLEMS = 10


def as_text(diagnosis: Diagnosis, version: str) -> str:
    """What was found, by what to write instead."""
    found = diagnosis.scan
    read = f"{_count(found.files, 'file')} of {_count(found.distributions, 'distribution')} read"
    parts = [
        [f"sideloop {version}, {diagnosis.python}: {read}"],
        _libraries(diagnosis),
        *(_kind(kind, diagnosis) for kind in KINDS),
        _process(diagnosis),
        _left_out(found),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


# What is installed.


def _libraries(diagnosis: Diagnosis) -> list[str]:
    packages = diagnosis.scan.packages
    installed = {one.peer: one for one in packages if one.peer is not None}
    places = [place for one in packages for place in one.places]
    used = {place.finding.what for place in places if isinstance(place.finding.what, Peer)}
    lines: list[str] = []
    for peer in sorted({*installed, *used}, key=lambda one: one.library.lower()):
        lines += _library(peer, installed.get(peer), diagnosis)
    return ["libraries with a bridge of their own:", *lines] if lines else []


def _library(peer: Peer, package: Package | None, diagnosis: Diagnosis) -> Iterator[str]:
    what = offer(peer)
    if package is None:
        yield f"  {peer.library}, which is not installed"
    else:
        yield f"  {package.shown}{_mark(package, diagnosis)}"
    if what.installed:
        yield f"    write: nothing, {what.drop_in} is installed"
    else:
        yield from _wrapped(f"write: {what.instead}", "    ")
    if what.versions is not None:
        yield f"    versions that the drop-in knows: {what.versions}"
    for user in diagnosis.scan.packages:
        yield from _places(user, peer, diagnosis, "    used by ")


def _kind(kind: Kind, diagnosis: Diagnosis) -> list[str]:
    places = [
        line for one in diagnosis.scan.packages for line in _places(one, kind, diagnosis, "  ")
    ]
    if not places:
        return []
    return [
        *_wrapped(f"{kind.title}: {kind.why}", ""),
        *_wrapped(f"write: {kind.instead}", "  "),
        *places,
    ]


def _places(
    package: Package, what: Kind | Peer, diagnosis: Diagnosis, before: str
) -> Iterator[str]:
    places = package.of(what)
    if not places:
        return
    yield f"{before}{package.shown}{_mark(package, diagnosis)}:"
    inside = " " * (len(before) - len(before.lstrip()) + 2)
    for place in places[:_MOST_PLACES]:
        finding = place.finding
        where = f" in {finding.function}" if finding.function else ""
        yield f"{inside}{place.source.shown}:{finding.line}{where}: {finding.name}"
    if len(places) > _MOST_PLACES:
        yield f"{inside}and {_count(len(places) - _MOST_PLACES, 'place')} more, all with --json"


def _mark(package: Package, diagnosis: Diagnosis) -> str:
    return ", not imported" if diagnosis.imported and not package.loaded else ""


# What is live.


def _process(diagnosis: Diagnosis) -> list[str]:
    now = diagnosis.process
    imported = ", ".join(diagnosis.imported)
    title = f"this process, after the import of {imported}:" if imported else "this process:"
    return [title, *_start_method(now), *_policy(now), *_patches(now), *_loops(now.loops)]


def _start_method(now: Process) -> Iterator[str]:
    method = now.start_method
    by = "by default" if method.is_default else "as somebody has set"
    yield f"  multiprocessing starts children by {method.name}, {by}"
    yield from _instead(advice.of_start_method(method))


def _policy(now: Process) -> Iterator[str]:
    yield f"  event loop policy: {now.policy or 'that of asyncio'}"
    yield from _instead(advice.of_policy(now.policy))


def _patches(now: Process) -> Iterator[str]:
    for patch in now.patches:
        first, rest = patch.names[:_MOST_PLACES], len(patch.names) - _MOST_PLACES
        more = f" and {rest} more" if rest > 0 else ""
        yield from _wrapped(f"replaced by {patch.by}: {', '.join(first)}{more}", "  ")
        yield from _instead(advice.of_patch(patch))


def _loops(loops: Sequence[LiveLoop]) -> Iterator[str]:
    for loop in loops:
        whose = ", sideloop's" if loop.is_sideloops else ""
        yield f"  open loop: {loop.kind}{whose}, {_where(loop)}"
        yield from _instead(advice.of_loop(loop))


def _where(loop: LiveLoop) -> str:
    if not loop.runs:
        return "which nobody runs"
    if loop.thread is None:
        return "run by a thread that does not show"
    by = f", in {loop.started_by}" if loop.started_by else ""
    return f"run by thread {loop.thread!r}{by}"


def _instead(what: str) -> Iterator[str]:
    if what != advice.NOTHING:
        yield from _wrapped(f"write: {what}", "    ")


# What was not read.


def _left_out(found: Scan) -> list[str]:
    lines = [f"  {problem.where}: {problem.why}" for problem in found.problems[:_MOST_PROBLEMS]]
    more = len(found.problems) - _MOST_PROBLEMS
    if more > 0:
        lines.append(f"  and {more} more, all with --json")
    counted = (
        (found.tests, "file", "of tests"),
        (found.beginnings, "place", "where a program begins"),
        (found.inside, "place", "that a library's own bridge is made of"),
    )
    counts = [f"{_count(number, noun)} {which}" for number, noun, which in counted if number]
    return [
        *(["not read:", *lines] if lines else []),
        *([f"left out: {', '.join(counts)}"] if counts else []),
    ]


def _wrapped(text: str, indent: str) -> Iterable[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
