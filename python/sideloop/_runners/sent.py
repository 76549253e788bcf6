"""What is sent to other processes: found again where it has come before, or made anew, once."""

import os
import weakref
from collections.abc import Callable
from typing import Any

_known: "weakref.WeakValueDictionary[bytes, Sent]" = weakref.WeakValueDictionary()
"""Those that pickles know, by what these call them, for as long as somebody has them."""


class Sent:
    """Is pickled as a key and a way to make another one, which the first pickle with it uses."""

    def _reduced(self, make: Callable[[], "Sent"]) -> tuple[Any, ...]:
        key: bytes = vars(self).setdefault("_sent_as", os.urandom(16))
        _known.setdefault(key, self)
        return received, (key, make)


def received(key: bytes, make: Callable[[], Sent]) -> Sent:
    """What a pickle means."""
    found = _known.get(key)
    if found is not None:
        return found
    made = make()
    vars(made)["_sent_as"] = key
    return _known.setdefault(key, made)
