"""The runners that a manager knows: all that there are, whoever comes in between."""

from typing import Any

from sideloop import Runner
from sideloop._manager.runners import Runners


class Interrupted:
    """A closed runner; while it is asked whether it is, a signal handler's call makes one."""

    def __init__(self, runners: Runners) -> None:
        self._runners = runners
        self.made: list[Runner] = []

    @property
    def closed(self) -> bool:
        if not self.made:
            self.made.append(Runner())
            self._runners.add(self.made[0])
        return True


def test_one_that_is_made_while_closed_ones_are_forgotten_is_known() -> None:
    runners = Runners()
    interrupted: Any = Interrupted(runners)
    runners.started.append(interrupted)
    with Runner() as runner:
        runners.add(runner)
        assert runner in runners.started
        assert interrupted.made[0] in runners.started
        assert interrupted not in runners.started
    interrupted.made[0].close()
