"""What was done and what came of it, counted by each thread for itself."""

import threading
import traceback
from collections import Counter


class Tally:
    """Counts without a lock: a signal handler may count in the midst of counting."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._counters: list[Counter[str]] = []
        self.wrong: list[str] = []
        """What must not happen, in words."""

    def count(self, what: str) -> None:
        try:
            counter = self._local.counter
        except AttributeError:
            counter = self._local.counter = Counter()
            self._counters.append(counter)
        counter[what] += 1

    def is_wrong(self, what: str, error: BaseException | None = None) -> None:
        lines = traceback.format_exception(type(error), error, error.__traceback__) if error else []
        self.wrong.append("".join([what, "\n", *lines]))

    def total(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for counter in list(self._counters):
            total.update(counter)
        # Of the threads that have ended, one is enough to remember.
        self._counters = [total]
        self._local = threading.local()
        return total


tally = Tally()
