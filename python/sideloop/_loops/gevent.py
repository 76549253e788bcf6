"""A process that gevent has patched: its threads are greenlets, and none is there to run a loop."""

import sys
from typing import Any

_NEEDED = ("threading", "select")


def check_unpatched() -> None:
    """Refuse to make a loop whose thread or whose waiting would be gevent's: it would hang."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None:
        return
    patched = [name for name in _NEEDED if monkey.is_module_patched(name)]
    if patched:
        raise RuntimeError(
            f"gevent has patched {' and '.join(patched)}, so no event loop can be run beside its "
            f"hub: patch what gevent needs and no more, as in gevent.monkey.patch_all("
            f"thread=False, select=False, queue=False, subprocess=False, os=False, signal=False)"
        )
