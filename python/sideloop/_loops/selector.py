"""The default selector of an event loop of ours, on Linux."""

import selectors
from typing import TYPE_CHECKING, Any

from sideloop._sideloop import generation

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

_WithoutEpoll = selectors._BaseSelectorImpl  # pyright: ignore[reportPrivateUsage]  # no public name


class ForkAwareSelector(selectors.EpollSelector):
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
