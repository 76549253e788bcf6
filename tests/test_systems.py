"""Loops as other systems have them, made here: `SIDELOOP_LOOPS_OF`, in a process of its own."""

import asyncio
import contextvars
import gc
import selectors
import sys
import weakref

import programs
import pytest

from sideloop import EventLoop, Runner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux makes those of others")


@pytest.fixture(params=["darwin", "win32"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SIDELOOP_LOOPS_OF", request.param)
    return str(request.param)


def printed(program: str) -> list[str]:
    ended = programs.run("loops_of", program)
    assert (ended.code, ended.stderr) == (0, "")
    return ended.lines


@pytest.mark.usefixtures("system")
class TestASystemWithoutEpoll:
    def test_has_loops_that_hear_no_bell(self, system: str) -> None:
        threads = "ours" if system == "darwin" else "asyncio's"
        assert printed("kind") == [f"thread {threads} False", "caller ours False"]

    def test_serves_calls_of_many_threads_and_their_sockets(self) -> None:
        said = "b'PING' [1, 2, 3]"
        assert printed("calls") == [f"thread {said}", f"caller {said}"]

    def test_serves_them_in_every_way(self) -> None:
        expected = ["22 3 [0, 2, 4, 6]", "39800", "thread in time", "caller in time"]
        assert printed("ways") == expected

    def test_cleans_up_at_the_exit(self) -> None:
        assert printed("left") == ["cleaned up"]


class TestALoopOnAnySelector:
    """Ours, but no bell is heard there, on any system."""

    @pytest.mark.parametrize("selector", [selectors.SelectSelector, selectors.PollSelector])
    def test_is_driven_by_callers(self, selector: type[selectors.BaseSelector]) -> None:
        with Runner(drive="caller", loop_factory=lambda: EventLoop(selector())) as runner:
            assert runner.run(asyncio.sleep, 0.001, "slept") == "slept"

    def test_does_not_keep_the_context_of_its_maker(self) -> None:
        class Value:
            pass

        variable: contextvars.ContextVar[Value] = contextvars.ContextVar("variable")

        def make() -> tuple[EventLoop, weakref.ref[Value]]:
            value = Value()
            variable.set(value)
            return EventLoop(selectors.SelectSelector()), weakref.ref(value)

        loop, died = contextvars.Context().run(make)
        gc.collect()
        assert died() is None
        loop.close()


class TestTheVariable:
    def test_if_it_is_wrong_is_an_error_of_the_import_that_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SIDELOOP_LOOPS_OF", "solaris")
        ended = programs.run("loops_of", "kind")
        assert ended.code == 1
        message = ended.stderr.splitlines()[-1]
        assert message.startswith("ValueError: the environment variable SIDELOOP_LOOPS_OF is for")
        assert message.endswith("it cannot be 'solaris': unset it")

    def test_may_name_this_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIDELOOP_LOOPS_OF", "linux")
        assert printed("kind") == ["thread ours True", "caller ours True"]
