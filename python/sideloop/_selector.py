"""The selector of a runner's loop, on Linux: waits for I/O and for calls at once."""

import selectors
from typing import TYPE_CHECKING, Any

from sideloop._sideloop import Poller

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

    from sideloop._sideloop import RunnerCore

_WithoutEpoll = selectors._BaseSelectorImpl  # pyright: ignore[reportPrivateUsage]  # no public name


class EntrySelector(Poller, selectors.EpollSelector):
    """`selectors.EpollSelector` whose `select` also takes the calls of a runner.

    In a fork's child it only forgets: the kernel's epoll object is shared with the parent, and
    taking a file out of it would make the parent deaf to that file.
    """

    def __init__(self, runner: "RunnerCore") -> None:
        del runner  # taken by Poller's constructor
        selectors.EpollSelector.__init__(self)
        self.hear_bell()

    def register(
        self, fileobj: "FileDescriptorLike", events: int, data: Any = None
    ) -> selectors.SelectorKey:
        """Watch a file."""
        if self.orphaned:
            return _WithoutEpoll.register(self, fileobj, events, data)
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: "FileDescriptorLike") -> selectors.SelectorKey:
        """Watch a file no longer."""
        if self.orphaned:
            return _WithoutEpoll.unregister(self, fileobj)
        return super().unregister(fileobj)

    def modify(
        self, fileobj: "FileDescriptorLike", events: int, data: Any = None
    ) -> selectors.SelectorKey:
        """Watch a file for something else."""
        if self.orphaned:
            return _WithoutEpoll.modify(self, fileobj, events, data)
        return super().modify(fileobj, events, data)
