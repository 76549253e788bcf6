"""What to write instead of what is live in a process."""

from sideloop._doctor.kind import FORK, GREENLETS, POLICY
from sideloop._doctor.peers import Peer, normalized, offer, peers
from sideloop._doctor.process import LiveLoop, Patch, StartMethod

NOTHING = "nothing"


def of_start_method(method: StartMethod) -> str:
    """Where children may be forks."""
    return FORK.instead if method.name == "fork" else NOTHING


def of_policy(policy: str | None) -> str:
    """Where a policy was set."""
    return NOTHING if policy is None else POLICY.instead


def of_patch(patch: Patch) -> str:
    """Where names of the standard library were replaced."""
    if patch.by in ("gevent", "eventlet"):
        return GREENLETS.instead
    if patch.by == "sideloop":
        return f"{NOTHING}: a drop-in is installed"
    peer = peers().get(normalized(patch.by))
    if peer is not None:
        return offer(peer).instead
    return f"{NOTHING}: sideloop's calls nest without it"


def of_loop(loop: LiveLoop) -> str:
    """Where a loop is open."""
    if loop.is_sideloops:
        return NOTHING
    peer = _peer_of(loop)
    if peer is not None:
        return offer(peer).instead
    if loop.runs:
        return "sideloop.run_on(loop, async_fn, ...), or a sideloop.Runner in its place"
    return (
        "sideloop.drive(loop, async_fn, ...), or sideloop.LoopManager(drive='caller') in its place"
    )


def _peer_of(loop: LiveLoop) -> Peer | None:
    """The library whose thread runs it."""
    if loop.started_by is not None:
        found = peers().get(normalized(loop.started_by.partition(".")[0]))
        if found is not None:
            return found
    by_thread = {thread: peer for peer in peers().values() for thread in peer.threads}
    return by_thread.get(loop.thread or "")
