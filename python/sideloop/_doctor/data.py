"""The report as data, for programs: what `--json` prints."""

from typing import Any

from sideloop._doctor import advice
from sideloop._doctor.diagnosis import Diagnosis
from sideloop._doctor.peers import Peer, offer
from sideloop._doctor.process import LiveLoop, Patch, Process
from sideloop._doctor.scan import Package, Place, Scan


def as_data(diagnosis: Diagnosis, version: str) -> dict[str, Any]:
    """Everything that was found, each with what to write instead."""
    found = diagnosis.scan
    return {
        "sideloop": version,
        "python": diagnosis.python,
        "imported": list(diagnosis.imported),
        "read": {"distributions": found.distributions, "files": found.files},
        "left_out": {
            "test_files": found.tests,
            "beginnings_of_programs": found.beginnings,
            "inside_of_libraries": found.inside,
        },
        "libraries": [_library(one, one.peer) for one in found.packages if one.peer is not None],
        "places": [_place(one, place) for one in found.packages for place in one.places],
        "process": _process(diagnosis.process),
        "not_read": _not_read(found),
    }


def _library(package: Package, peer: Peer) -> dict[str, Any]:
    what = offer(peer)
    return {
        "library": package.name,
        "version": package.version,
        "loaded": package.loaded,
        "instead": what.instead,
        "drop_in": what.drop_in,
        "drop_in_knows": what.versions,
        "drop_in_installed": what.installed,
    }


def _place(package: Package, place: Place) -> dict[str, Any]:
    what = place.finding.what
    kind, library = ("library", what.library) if isinstance(what, Peer) else (what.name, None)
    return {
        "kind": kind,
        "library": library,
        "name": place.finding.name,
        "distribution": package.name,
        "version": package.version,
        "loaded": package.loaded,
        "file": place.source.shown,
        "path": str(place.source.path),
        "line": place.finding.line,
        "function": place.finding.function or None,
        "instead": offer(what).instead if isinstance(what, Peer) else what.instead,
    }


def _process(now: Process) -> dict[str, Any]:
    method = now.start_method
    return {
        "start_method": {
            "name": method.name,
            "default": method.is_default,
            "instead": advice.of_start_method(method),
        },
        "policy": {"class": now.policy, "instead": advice.of_policy(now.policy)},
        "patched": [_patch(patch) for patch in now.patches],
        "loops": [_loop(loop) for loop in now.loops],
    }


def _patch(patch: Patch) -> dict[str, Any]:
    return {"by": patch.by, "names": list(patch.names), "instead": advice.of_patch(patch)}


def _loop(loop: LiveLoop) -> dict[str, Any]:
    return {
        "class": loop.kind,
        "runs": loop.runs,
        "thread": loop.thread,
        "started_by": loop.started_by,
        "sideloop": loop.is_sideloops,
        "instead": advice.of_loop(loop),
    }


def _not_read(found: Scan) -> list[dict[str, str]]:
    return [{"where": problem.where, "why": problem.why} for problem in found.problems]
