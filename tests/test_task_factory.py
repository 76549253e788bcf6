"""Calls on loops with a task factory, of whatever kind."""

import asyncio
import contextvars
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest

import sideloop
from sideloop import Runner, run_on

variable = contextvars.ContextVar("variable", default="default")

Factory = Callable[..., Any]


class Marked(asyncio.Task[Any]):
    """What these factories make."""


def of_two(loop: Any, coroutine: Any) -> Any:
    return Marked(coroutine, loop=loop)


def of_any(loop: Any, coroutine: Any, **options: Any) -> Any:
    return Marked(coroutine, loop=loop, **options)


def of_a_context(loop: Any, coroutine: Any, context: Any = None) -> Any:
    options = {"context": context} if sys.version_info >= (3, 11) else {}
    return Marked(coroutine, loop=loop, **options)


class Object:
    def __call__(self, loop: Any, coroutine: Any) -> Any:
        return Marked(coroutine, loop=loop)


FACTORIES: dict[str, Factory] = {
    "of two": of_two,
    "of any": of_any,
    "of a context": of_a_context,
    "an object": Object(),
}
if sys.version_info >= (3, 12):
    FACTORIES["eager"] = asyncio.create_eager_task_factory(Marked)
    FACTORIES["eager of two"] = lambda loop, coroutine: Marked(
        coroutine, loop=loop, eager_start=True
    )


class Narrow(sideloop.EventLoop):
    """A loop whose own create_task knows nothing of contexts."""

    def create_task(self, coro: Any) -> Any:  # type: ignore[override]
        return Marked(coro, loop=self)


@pytest.fixture(params=list(FACTORIES.values()), ids=list(FACTORIES))
def factory(request: pytest.FixtureRequest) -> Factory:
    return request.param


async def look(wait: float = 0) -> tuple[str, type[object]]:
    await asyncio.sleep(wait)
    return variable.get(), type(asyncio.current_task())


async def look_at_once() -> tuple[str, type[object]]:
    return variable.get(), type(asyncio.current_task())


@pytest.fixture
def _set() -> Generator[None]:
    token = variable.set("the caller's")
    yield
    variable.reset(token)


def check(run: Callable[..., Any]) -> None:
    for _ in range(3):
        assert run(look) == ("the caller's", Marked)
        assert run(look, 0.001) == ("the caller's", Marked)
        assert run(look_at_once) == ("the caller's", Marked)

    async def fail() -> None:
        raise KeyError("of the user's")

    with pytest.raises(KeyError, match="of the user's"):
        run(fail)


@pytest.mark.usefixtures("_set")
class TestATaskFactory:
    @pytest.mark.parametrize(
        "make", [asyncio.new_event_loop, sideloop.EventLoop], ids=["asyncio", "sideloop"]
    )
    def test_makes_the_tasks_of_calls_on_somebody_elses_loop(
        self, make: Callable[[], asyncio.AbstractEventLoop], factory: Factory
    ) -> None:
        loop = make()
        loop.set_task_factory(factory)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            check(lambda *call: run_on(loop, *call))
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    @pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
    def test_makes_the_tasks_of_calls_on_a_runners_loop(
        self, drive: Any, debug: bool, factory: Factory
    ) -> None:
        async def set_it(factory: Factory | None) -> None:
            asyncio.get_running_loop().set_task_factory(factory)

        with Runner(drive=drive, debug=debug) as runner:
            runner.run(set_it, factory)
            check(runner.run)
            # Another one, and none.
            runner.run(set_it, of_any)
            check(runner.run)
            runner.run(set_it, None)
            assert runner.run(look) == ("the caller's", asyncio.Task)

    @pytest.mark.parametrize("drive", ["thread", "caller"])
    def test_makes_the_task_of_an_iterator_whose_context_lasts(
        self, drive: Any, factory: Factory
    ) -> None:
        async def count() -> AsyncGenerator[str]:
            loop = asyncio.get_running_loop()
            yield variable.get()
            for number in range(3):
                variable.set(f"set at {number}")
                await asyncio.sleep(0)
                assert loop is asyncio.get_running_loop()
                yield variable.get()

        def make() -> asyncio.AbstractEventLoop:
            loop = sideloop.EventLoop()
            loop.set_task_factory(factory)
            return loop

        with Runner(drive=drive, loop_factory=make) as runner:
            seen = list(runner.iterate(count()))
        assert seen == ["the caller's", "set at 0", "set at 1", "set at 2"]

    def test_need_not_be_there_where_a_loop_makes_its_tasks_by_itself(self) -> None:
        with Runner(loop_factory=Narrow) as runner:
            check(runner.run)
