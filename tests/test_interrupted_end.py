"""What a signal handler raises is heard and leaves nothing in force, whenever it comes."""

import sys
from typing import Any

import programs
import pytest
from steps import codes_called

import sideloop

DRIVES = ["thread", "caller"]


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize(
    "what",
    [
        "call",
        "call_of_a_bringer",
        "call_of_a_runner",
        "twin",
        "last_item",
        "last_item_held",
        "last_item_of_a_twin",
        "last_item_ahead",
        "next",
        "enter",
        "enter_of_a_bringer",
        "exit",
        "map",
    ],
)
class TestASignalThatComesJustBeforeTheEnd:
    def test_is_heard_and_leaves_no_block_entered(self, what: str, drive: str) -> None:
        ended = programs.run("interrupted_end", what, drive)
        assert (ended.stdout, ended.stderr) == ("20 of 20 heard, 0 left inside 42\n", "")
        assert ended.code == 0


class TestNoPythonCodeOfOurs:
    """In which a signal handler could raise: what is in force is entered and left without."""

    @staticmethod
    def calls_of(act: Any) -> list[str]:
        calls = codes_called(act)[1:]  # the act's own
        return [code.co_qualname if sys.version_info >= (3, 11) else "a call" for code in calls]

    def test_runs_between_the_coroutine_of_an_iterator_and_its_task(self) -> None:
        """The coroutine would be lost there, and warned of."""

        async def items() -> Any:
            yield 1

        with sideloop.Runner(drive="caller") as runner:
            ahead = runner.iterate(items())
            calls = self.calls_of(lambda: next(ahead))
            of_ours = [call for call in calls if "attend" in call]
            assert of_ours == ["attend"] or sys.version_info < (3, 11)
            assert "call_name" not in calls
            ahead.close()

    def test_runs_as_a_time_limit_is_entered_and_left(self) -> None:
        limit = sideloop.timeout(60)

        def act() -> None:
            with limit:
                pass

        assert self.calls_of(act) == []

    def test_runs_between_the_items_of_an_iterator(self) -> None:
        async def items() -> Any:
            yield 1
            yield 2

        iterator = iter(sideloop.iterate(items()))
        next(iterator)

        def act() -> None:
            next(iterator)

        assert self.calls_of(act) == []
