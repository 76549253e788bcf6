"""The default manager, and its methods as functions."""

from sideloop._manager.manager import LoopManager
from sideloop._runners.options import drive_asked_for

loop_manager = LoopManager(drive=drive_asked_for())
"""The manager behind `run_sync` and `synced`: one runner for each calling thread.

With `SIDELOOP_DRIVE=caller` in the environment the calling threads drive them.
"""

loop_manager._importable_as = "sideloop:loop_manager"  # pyright: ignore[reportPrivateUsage]  # ours

run_sync = loop_manager.run_sync
synced = loop_manager.synced
iterate = loop_manager.iterate
enter = loop_manager.enter
map = loop_manager.map  # noqa: A001  # as in concurrent.futures: read as sideloop.map
