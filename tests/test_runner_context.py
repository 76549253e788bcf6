"""A runner's context and the names of its tasks."""

import asyncio
import contextvars
import functools
import pickle
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aliases import LoopFactory
from pace import scaled

import sideloop
from sideloop import LoopManager, Runner

variable = contextvars.ContextVar("variable", default="default")

KEEPS = pytest.mark.skipif(sys.version_info < (3, 11), reason="a task copies its context there")


async def put(value: str) -> str:
    before = variable.get()
    await asyncio.sleep(0)
    variable.set(value)
    return before


async def name() -> str:
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    return task.get_name()


def in_a_context_of_its_own(test: Any) -> None:
    contextvars.copy_context().run(test)


@pytest.fixture(params=["native", "foreign", "driven"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {
        "native": {},
        "foreign": {"loop_factory": asyncio.new_event_loop},
        "driven": {"drive": "caller"},
    }
    return found[request.param]


class TestAContext:
    @KEEPS
    def test_is_that_of_all_calls(self, options: dict[str, Any]) -> None:
        context = contextvars.Context()
        with Runner(context=context, **options) as runner:
            assert runner.run(put, "first") == "default"
            assert runner.run(put, "second") == "first"
            assert runner.run_awaitable(put("third")) == "second"
            assert runner.run_function(variable.get) == "third"
            if "drive" not in options:
                assert runner.submit(put, "fourth").result(scaled(20)) == "third"
            assert variable.get() == "default"
        assert context[variable] in ("third", "fourth")

    @KEEPS
    def test_is_that_of_steps(self, options: dict[str, Any]) -> None:
        async def items() -> AsyncIterator[str]:
            yield variable.get()
            variable.set("the generator's")
            yield variable.get()

        with Runner(context=contextvars.Context(), **options) as runner:
            runner.run(put, "a call's")
            assert list(runner.iterate(items())) == ["a call's", "the generator's"]
            assert runner.run(put, "") == "the generator's"

    def test_lets_a_time_limit_cancel_the_call_alone(self, options: dict[str, Any]) -> None:
        with Runner(context=contextvars.Context(), **options) as runner:
            with pytest.raises(TimeoutError), sideloop.timeout(0.05):
                runner.run(asyncio.sleep, 60)
            assert runner.run(asyncio.sleep, 0, "slept") == "slept"

    def test_refuses_a_caller_that_runs_in_it(self, options: dict[str, Any]) -> None:
        context = contextvars.Context()
        with Runner(context=context, **options) as runner:
            with pytest.raises(RuntimeError, match="already entered"):
                context.run(runner.run, put, "value")
            assert runner.run(asyncio.sleep, 0, "slept") == "slept"

    def test_is_not_copied_back_as_well(self) -> None:
        with pytest.raises(ValueError, match="leave out context or copy_context_back"):
            Runner(context=contextvars.Context(), copy_context_back=True)


class TestContextBack:
    def test_of_a_runner_comes_from_calls(self, options: dict[str, Any]) -> None:
        def test() -> None:
            with Runner(copy_context_back=True, **options) as runner:
                runner.run(put, "run")
                assert variable.get() == "run"
                runner.run_awaitable(put("awaitable"))
                assert variable.get() == "awaitable"
                runner.run_function(variable.set, "function")
                assert variable.get() == "function"

        in_a_context_of_its_own(test)

    @pytest.mark.parametrize("owner", [Runner, LoopManager])
    def test_comes_from_a_submitted_call_to_who_takes_its_outcome(
        self, owner: Any, loop_factory: LoopFactory | None
    ) -> None:
        async def fail() -> None:
            variable.set("failed")
            raise KeyError

        def test() -> None:
            with owner(copy_context_back=True, loop_factory=loop_factory) as made:
                future = made.submit(put, "submitted")
                assert variable.get() == "default"
                assert future.result(scaled(20)) == "default"
                assert variable.get() == "submitted"
                variable.set("the caller's")
                future.result()
                assert variable.get() == "the caller's"
                assert isinstance(made.submit(fail).exception(scaled(20)), KeyError)
                assert variable.get() == "failed"
                with pytest.raises(TypeError, match="cannot be awaited"):
                    made.submit(int, "3").result(scaled(20))

        in_a_context_of_its_own(test)


class TestTaskNames:
    def test_may_be_a_word_with_a_number(self, options: dict[str, Any]) -> None:
        with Runner(task_name="fetch", **options) as runner:
            assert [runner.run(name) for _ in range(3)] == ["fetch-1", "fetch-2", "fetch-3"]

    def test_may_be_what_a_function_says(self, options: dict[str, Any]) -> None:
        def namer(async_fn: Any) -> str:
            return f"of {async_fn.__qualname__}"

        with Runner(task_name=namer, **options) as runner:
            assert runner.run(name) == "of name"

    def test_are_a_managers_too_also_after_pickling(self) -> None:
        with LoopManager(task_name="fetch") as manager:
            assert manager.run_sync(name) == "fetch-1"
            with pickle.loads(pickle.dumps(manager)) as other:
                assert other.run_sync(name).startswith("fetch-")

    def test_that_cannot_be_made_fail_the_call_alone(self, options: dict[str, Any]) -> None:
        def namer(async_fn: Any) -> Any:
            if isinstance(async_fn, functools.partial):
                raise KeyError("no name")
            return 22 if async_fn is put else "name"

        with Runner(task_name=namer, **options) as runner:
            with pytest.raises(KeyError, match="no name"):
                runner.run(functools.partial(name))
            with pytest.raises(TypeError):
                runner.run(put, "value")
            assert runner.run(name) == "name"

    def test_are_words_or_come_from_a_function(self) -> None:
        with pytest.raises(TypeError, match="task_name is a word"):
            Runner(task_name=22)  # type: ignore[arg-type]
