"""The twin of the package, with names of its own."""

import market
from sideloop import LoopManager

manager = LoopManager()


def strip(name: str) -> str:
    """`Market` of `AsyncMarket`."""
    return name.removeprefix("Async")


api = manager.synced(market, rename=strip)
