"""Libraries that bring a bridge of their own, and what stands in its place."""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sideloop import compat
from sideloop.compat._drop_in import DropIn

_RUNNER = "a sideloop.Runner: run(async_fn, ...), submit(async_fn, ...), enter(manager)"
_SYNCED = "sideloop.synced of the class, function or module"


@dataclass(frozen=True)
class Peer:
    """A library with a bridge, under the name that it has on PyPI."""

    library: str

    names: tuple[str, ...]
    """What of it is the bridge, or makes one."""

    instead: str
    """What its users write, where sideloop has no drop-in for it."""

    threads: tuple[str, ...] = ()
    """The names of the threads on which its loops run."""


@dataclass(frozen=True)
class Offer:
    """What a user of a library with a bridge may write."""

    drop_in: str | None
    """The module of the drop-in, if there is one."""

    versions: str | None
    """Those of the library that the drop-in knows."""

    instead: str
    """What to write."""

    installed: bool
    """Whether the drop-in is installed in this process."""


PEERS = (
    Peer(
        "anyio",
        (
            "anyio.from_thread.start_blocking_portal",
            "anyio.from_thread.BlockingPortal",
            "anyio.from_thread.BlockingPortalProvider",
        ),
        _RUNNER,
    ),
    Peer(
        "asgiref",
        ("asgiref.sync.async_to_sync", "asgiref.sync.AsyncToSync"),
        "sideloop.run_sync(async_fn, ...), or sideloop.synced(async_fn)",
    ),
    Peer(
        "distributed",
        ("distributed.utils.sync", "distributed.utils.SyncMethodMixin"),
        "sideloop.run_on(loop, async_fn, ...)",
        ("IO loop",),
    ),
    Peer("flyte", ("flyte.syncify.syncify",), _SYNCED),
    Peer(
        "flytekit",
        (
            "flytekit.utils.asyn.run_sync",
            "flytekit.utils.asyn.loop_manager",
            "flytekit.tools.asyn.run_sync",
            "flytekit.tools.asyn.loop_manager",
        ),
        "sideloop.run_sync(async_fn, ...)",
    ),
    Peer(
        "fsspec",
        ("fsspec.asyn.sync", "fsspec.asyn.sync_wrapper", "fsspec.asyn.mirror_sync_methods"),
        "sideloop.run_on(loop, async_fn, ...)",
        ("fsspecIO",),
    ),
    Peer(
        "jupyter_core",
        ("jupyter_core.utils.run_sync",),
        "sideloop.synced(async_fn)",
    ),
    Peer("nest_asyncio", ("nest_asyncio.apply",), "sideloop.run_sync(async_fn, ...)"),
    Peer("synchronicity", ("synchronicity.Synchronizer",), _SYNCED),
    Peer(
        "unasync",
        ("unasync.unasync_files", "unasync.cmdclass_build_py"),
        "sideloop.synced(module), and stubs by python -m sideloop stubs",
    ),
    Peer(
        "unsync",
        ("unsync.unsync",),
        "sideloop.synced(async_fn); sideloop.loop_manager.submit(async_fn, ...) for a future",
    ),
    Peer("zarr", ("zarr.core.sync.sync",), "sideloop.run_sync(async_fn, ...)", ("zarr_io",)),
)


def normalized(library: str) -> str:
    """A name on PyPI, as that compares names."""
    return library.lower().replace("-", "_").replace(".", "_")


@functools.cache
def peers() -> Mapping[str, Peer]:
    """All that are known, by the names of the libraries, with those that have only a drop-in."""
    known = {normalized(peer.library): peer for peer in PEERS}
    return {name: Peer(name, (), "") for name in _drop_ins()} | known


def offer(peer: Peer) -> Offer:
    """What a user of this library may write."""
    found = _drop_ins().get(normalized(peer.library))
    if found is None:
        return Offer(None, None, peer.instead, installed=False)
    name = found.module.rpartition(".")[2]
    write = f"from sideloop.compat import {name}; {name}.install()"
    return Offer(found.module, found.versions, write, found.is_installed())


@dataclass(frozen=True)
class _Found:
    """A drop-in of ours."""

    library: str
    module: str
    drop_ins: tuple[DropIn, ...]

    @property
    def versions(self) -> str | None:
        """Of the library, as the drop-in knows them."""
        return next((one.versions for one in self.drop_ins), None)

    def is_installed(self) -> bool:
        # That of flytekit is a finder itself.
        finds = any(type(finder).__module__ == self.module for finder in sys.meta_path)
        return finds or any(one.installed for one in self.drop_ins)


@functools.cache
def _drop_ins() -> Mapping[str, _Found]:
    return {normalized(found.library): found for found in _find_drop_ins()}


def _find_drop_ins() -> Iterator[_Found]:
    """Each module of `sideloop.compat`: none of them imports its library."""
    for one in pkgutil.iter_modules(compat.__path__, f"{compat.__name__}."):
        name = one.name.rpartition(".")[2]
        if name.startswith("_"):
            continue
        module = importlib.import_module(one.name)
        drop_ins = tuple(value for value in vars(module).values() if isinstance(value, DropIn))
        yield _Found(drop_ins[0].library if drop_ins else name, one.name, drop_ins)
