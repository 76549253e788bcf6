"""Items of a map that wait."""

import asyncio


class Waiting:
    """An async function whose tasks wait for ever, and which knows what becomes of them."""

    def __init__(self) -> None:
        self.began = 0
        self.unwound = 0

    async def __call__(self, n: int) -> int:
        self.began += 1
        try:
            if n:
                await asyncio.Event().wait()
            return n
        finally:
            await asyncio.sleep(0.01)
            self.unwound += 1
