"""Items of a map that wait."""

import asyncio


class Waiting:
    """An async function whose tasks wait for ever, and which knows what becomes of them.

    But for the first, which ends when so many have begun.
    """

    def __init__(self, together: int = 1) -> None:
        self._together = together
        self.began = 0
        self.unwound = 0

    async def __call__(self, n: int) -> int:
        self.began += 1
        try:
            if n:
                await asyncio.Event().wait()
            while self.began < self._together:
                await asyncio.sleep(0.001)
            return n
        finally:
            await asyncio.sleep(0.01)
            self.unwound += 1
