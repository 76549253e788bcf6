"""The loop that all of the library's sync objects live on."""

from sideloop import LoopManager

# A client is shared by threads, and so is what it hands out: one loop serves all.
manager = LoopManager(scope="process", name="shelf")
