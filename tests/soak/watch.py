"""The watchdog: when a thread makes no progress, all stacks are written and the process ends."""

import faulthandler
import os
import sys
import threading
import time
import traceback

import sideloop

HANG = 90.0
"""Seconds: more than all limits and graces together."""


class Watch:
    """Looks after threads that have to report again and again."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._main, name="watch", daemon=True)
        self._thread.start()

    def alive(self, name: str) -> None:
        """I am still there."""
        self._seen[name] = time.monotonic()

    def done(self, name: str) -> None:
        """I have nothing more to do."""
        self._seen.pop(name, None)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _main(self) -> None:
        while not self._ended.wait(1):
            now = time.monotonic()
            hanging = [name for name, seen in list(self._seen.items()) if now - seen > HANG]
            if hanging:
                print(f"HANG: {', '.join(hanging)}", file=sys.stderr, flush=True)
                self._show(hanging)
                sideloop.dump()
                faulthandler.dump_traceback(all_threads=True)
                os._exit(1)

    def _show(self, hanging: list[str]) -> None:
        """Their stacks: among a hundred threads they would be hard to find."""
        frames = sys._current_frames()
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if frame and (thread.name in hanging or thread is threading.main_thread()):
                print(f"{thread.name}:", *traceback.format_stack(frame), sep="\n", file=sys.stderr)
