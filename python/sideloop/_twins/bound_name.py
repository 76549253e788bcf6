"""The name that a statement is about to give to what it calls."""

import dis
from types import FrameType

_UNIT = 2
"""How many bytes an instruction has: its code, and its argument's lowest byte."""

_PASSED_OVER = ("CACHE", "<0>")
"""What stands between instructions since CPython 3.11, and what older ones call that."""


def bound_name(frame: FrameType) -> str | None:
    """The qualified name that the statement which runs in `frame` binds in a module or class.

    For `Client = synced(AsyncClient)`, and for a decorator. A class needs it to be found again when
    it is unpickled, and Python tells it to nobody; `collections.namedtuple` has to be told.
    """
    # Not by dis.get_instructions, which begins at the top of the module: with many twins in it,
    # most of the time that its import takes would go there.
    code, place, argument = frame.f_code.co_code, frame.f_lasti + _UNIT, 0
    while place < len(code):
        operation = dis.opname[code[place]]
        argument = argument << 8 | code[place + 1]
        place += _UNIT
        if operation in ("STORE_NAME", "STORE_GLOBAL"):
            name = frame.f_code.co_names[argument]
            return name if operation == "STORE_GLOBAL" else _qualified(frame, name)
        if operation in _PASSED_OVER:
            argument = 0
        elif operation != "EXTENDED_ARG":
            return None
    return None


def _qualified(frame: FrameType, name: str) -> str | None:
    if frame.f_locals is frame.f_globals:
        return name
    outer = frame.f_locals.get("__qualname__")
    return f"{outer}.{name}" if isinstance(outer, str) and "<locals>" not in outer else None
