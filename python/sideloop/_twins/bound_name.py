"""The name that a statement is about to give to what it calls."""

import dis
from types import FrameType


def bound_name(frame: FrameType) -> str | None:
    """The qualified name that the statement which runs in `frame` binds in a module or class.

    For `Client = synced(AsyncClient)`, and for a decorator. A class needs it to be found again when
    it is unpickled, and Python tells it to nobody; `collections.namedtuple` has to be told.
    """
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset <= frame.f_lasti or instruction.opname == "EXTENDED_ARG":
            continue
        if instruction.opname not in ("STORE_NAME", "STORE_GLOBAL"):
            return None
        name = str(instruction.argval)
        if frame.f_locals is frame.f_globals or instruction.opname == "STORE_GLOBAL":
            return name
        outer = frame.f_locals.get("__qualname__")
        return f"{outer}.{name}" if isinstance(outer, str) and "<locals>" not in outer else None
    return None
