"""Loops to test the harness with: one that changes nothing, and some that are broken.

Each core mixes in front of asyncio's loop as ours does.
"""

import asyncio
import time
from typing import Any


class TransparentCore:
    """Changes nothing."""

    def _run_once(self) -> None:
        super()._run_once()


class TransparentLoop(TransparentCore, asyncio.SelectorEventLoop):
    """Changes nothing, and can be run."""


class BackwardCore:
    """Runs what is ready in the wrong order."""

    def _run_once(self) -> None:
        self._ready.reverse()
        super()._run_once()


class BackwardLoop(BackwardCore, asyncio.SelectorEventLoop):
    """Runs what is ready in the wrong order."""


class StuckLoop(asyncio.SelectorEventLoop):
    """Hangs in one method."""

    async def create_unix_server(self, *_: Any, **__: Any) -> Any:
        while True:
            time.sleep(60.0)
