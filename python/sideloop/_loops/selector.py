"""The default selector of an event loop of ours, on Linux."""

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

from sideloop._loops.hubs import Hubs, hubs
from sideloop._sideloop import generation

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

_WithoutEpoll = selectors._BaseSelectorImpl  # pyright: ignore[reportPrivateUsage]  # no public name


def _without_patches(patched: Hubs) -> type[selectors.BaseSelector]:
    """The standard one anew: gevent and eventlet have taken it away, and `select.epoll` with it."""
    select: Any = patched.original("select")

    poll_like: Any = selectors._PollLikeSelector  # pyright: ignore[reportPrivateUsage]

    class EpollSelector(poll_like):  # type: ignore[misc]
        _selector_cls = select.epoll
        _EVENT_READ = select.EPOLLIN
        _EVENT_WRITE = select.EPOLLOUT

        def fileno(self) -> int:
            fd: int = self._selector.fileno()
            return fd

        def close(self) -> None:
            self._selector.close()
            selectors._BaseSelectorImpl.close(self)  # pyright: ignore[reportPrivateUsage]

    return EpollSelector


if TYPE_CHECKING:
    EpollSelector = selectors.EpollSelector
else:
    _patched = hubs()
    EpollSelector = _without_patches(_patched) if _patched else selectors.EpollSelector


class ForkAwareSelector(EpollSelector):
    """The standard `EpollSelector`, which in a fork's child only forgets.

    The kernel's epoll object is shared with the parent: taking a file out of it in the child would
    make the parent deaf to that file.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generation = generation()

    @property
    def _inherited(self) -> bool:
        return self._generation != generation()

    def register(
        self, fileobj: "FileDescriptorLike", events: int, data: Any = None
    ) -> selectors.SelectorKey:
        """Watch a file."""
        if self._inherited:
            return _WithoutEpoll.register(self, fileobj, events, data)
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        """Watch a file no longer."""
        if self._inherited:
            return _WithoutEpoll.unregister(self, fileobj)
        return super().unregister(fileobj)

    def modify(
        self, fileobj: "FileDescriptorLike", events: int, data: Any = None
    ) -> selectors.SelectorKey:
        """Watch a file for something else."""
        if self._inherited:
            return _WithoutEpoll.modify(self, fileobj, events, data)
        return super().modify(fileobj, events, data)


class HubSelector(ForkAwareSelector):
    """The same for a thread with greenlets: those run while the loop waits."""

    def __init__(self, hubs: Hubs) -> None:
        super().__init__()
        self._hubs = hubs

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait in the hub until a file is ready.

        No loop runs for the greenlets that the hub runs meanwhile. They would take ours for theirs,
        which a thread has only one of, and not wake it: asyncio does since CPython 3.14.
        """
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            self._hubs.wait_readable(self.fileno(), None if timeout is None else max(timeout, 0.0))
        finally:
            asyncio._set_running_loop(running)
        return super().select(0)
