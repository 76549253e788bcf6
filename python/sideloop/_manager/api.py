"""The default manager, and its methods as functions."""

from sideloop._manager.manager import LoopManager

loop_manager = LoopManager()
"""The manager behind `run_sync` and `synced`: one runner for each calling thread."""

loop_manager._importable_as = "sideloop:loop_manager"  # pyright: ignore[reportPrivateUsage]  # ours

run_sync = loop_manager.run_sync
synced = loop_manager.synced
iterate = loop_manager.iterate
enter = loop_manager.enter
