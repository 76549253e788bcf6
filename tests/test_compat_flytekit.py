"""The drop-in for flytekit.utils.asyn: what flytekit's users and its own tests ask of the module.

flytekit itself is not needed here; tests/peers runs it.
"""

import asyncio
import contextvars
import functools
import gc
import os
import pickle
import threading
from collections.abc import Iterator
from unittest import mock

import pytest
from pace import scaled

from sideloop.compat import flytekit as asyn
from sideloop.compat.flytekit import loop_manager, run_sync


async def async_add(a: int, b: int) -> int:
    return a + b


def close_all_runners() -> None:
    for name in list(loop_manager._runner_map):
        loop_manager._runner_map.pop(name)._close()


@pytest.fixture(autouse=True)
def no_runner_is_left() -> Iterator[None]:
    yield
    loop_manager.close()


class TestRunSync:
    def test_runs_the_documented_example(self) -> None:
        assert run_sync(async_add, a=10, b=12) == 22

    def test_lets_the_coroutine_use_an_executor(self) -> None:
        async def in_executor(a: int, b: int) -> int:
            subtract = functools.partial(int.__sub__, a, b)
            return await asyncio.get_running_loop().run_in_executor(None, subtract)

        assert run_sync(in_executor, a=10, b=12) == -2

    def test_can_be_called_again_by_a_sync_function_in_an_executor_thread(self) -> None:
        def sync_add(a: int, b: int) -> int:
            return run_sync(async_add, a=a, b=b)

        async def in_executor(a: int, b: int) -> int:
            call = functools.partial(sync_add, a, b)
            return await asyncio.get_running_loop().run_in_executor(None, call)

        assert run_sync(in_executor, a=10, b=12) == 22

    def test_raises_the_error_to_the_caller(self) -> None:
        error = ValueError("theirs")

        async def fails() -> None:
            raise error

        with pytest.raises(ValueError, match="theirs") as caught:
            run_sync(fails)
        assert caught.value is error


class TestTenLevels:
    """Sync calls async calls sync, ten deep on one thread, by turns run_sync and synced."""

    seen: contextvars.ContextVar[list[int]] = contextvars.ContextVar("seen")

    def descend(self, level: int) -> str:
        self.seen.get().append(level)
        if level == 0:
            return "bottom"
        if level % 2:
            return run_sync(self.descend_async, level)
        return loop_manager.synced(self.descend_async)(level)

    async def descend_async(self, level: int) -> str:
        await asyncio.sleep(0.001)
        return self.descend(level - 1)

    def test_share_a_context_variable_twice_with_an_event_loop_of_somebody_else_between(
        self,
    ) -> None:
        async def elsewhere() -> str:
            await asyncio.sleep(0)
            return "elsewhere"

        for _ in range(2):
            levels: list[int] = []
            token = self.seen.set(levels)
            assert self.descend(10) == "bottom"
            assert levels == list(range(10, -1, -1))
            assert asyncio.run(elsewhere()) == "elsewhere"
            self.seen.reset(token)


class TestRunnerMap:
    def test_names_each_runner_by_a_string_that_holds_the_process_id(self) -> None:
        run_sync(async_add, 1, 2)
        names = list(loop_manager._runner_map.keys())
        assert names
        assert all(isinstance(name, str) and str(os.getpid()) in name for name in names)

    def test_makes_a_runner_anew_after_it_was_closed_and_taken_out(self) -> None:
        run_sync(async_add, 1, 2)
        before = set(loop_manager._runner_map.values())
        close_all_runners()
        assert len(loop_manager._runner_map) == 0
        assert run_sync(async_add, 1, 2) == 3
        assert not before & set(loop_manager._runner_map.values())

    def test_makes_a_runner_anew_after_it_was_only_closed(self) -> None:
        run_sync(async_add, 1, 2)
        for runner in loop_manager._runner_map.values():
            runner._close()
        assert run_sync(async_add, 1, 2) == 3

    @pytest.mark.parametrize("take_out", ["del", "pop", "pop with a default", "popitem", "clear"])
    def test_keeps_a_closed_runner_until_it_is_taken_out(self, take_out: str) -> None:
        run_sync(async_add, 1, 2)
        on_a_thread = threading.Thread(target=run_sync, args=(async_add, 1, 2))
        on_a_thread.start()
        on_a_thread.join()
        runner_map = loop_manager._runner_map
        names = list(runner_map)
        for name in names:
            runner_map[name]._close()
            runner_map[name]._close()
        assert list(runner_map) == list(runner_map.keys()) == names
        assert len(runner_map) == len(names)
        for name in names:
            assert name in runner_map
            if take_out == "del":
                del runner_map[name]
            elif take_out == "pop":
                runner_map.pop(name)._close()
            elif take_out == "pop with a default":
                assert runner_map.pop(name, None) is not None
            elif take_out == "popitem":
                runner_map.popitem()
            else:
                runner_map.clear()
                break
            assert take_out == "popitem" or name not in runner_map
        assert dict(runner_map) == runner_map == {}
        with pytest.raises(KeyError):
            del runner_map[names[0]]
        assert runner_map.pop(names[0], "gone") == "gone"
        assert run_sync(async_add, 1, 2) == 3

    @pytest.mark.parametrize("view", ["items", "values", "keys", "itself"])
    def test_is_iterated_over_as_it_was_while_runners_close(self, view: str) -> None:
        ready, over = threading.Barrier(4), threading.Event()

        def work() -> None:
            run_sync(async_add, 1, 2)
            ready.wait(scaled(20))
            over.wait(scaled(20))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        ready.wait(scaled(20))
        runner_map = loop_manager._runner_map
        looked_at = runner_map if view == "itself" else getattr(runner_map, view)()
        seen = 0
        for _ in looked_at:
            seen += 1
            loop_manager.close()
        over.set()
        for thread in threads:
            thread.join()
        assert seen >= 3

    def test_can_be_emptied_by_assignment(self) -> None:
        run_sync(async_add, 1, 2)
        loop_manager._runner_map = {}
        assert not loop_manager._runner_map
        assert run_sync(async_add, 1, 2) == 3

    def test_refuses_a_runner_from_outside(self) -> None:
        with pytest.raises(TypeError, match="made anew, but not put in"):
            loop_manager._runner_map["mine"] = asyn._TaskRunner()

    def test_has_a_runner_for_each_of_two_threads_with_one_name(self) -> None:
        threads_met = threading.Barrier(2)

        def call() -> None:
            run_sync(async_add, 1, 2)
            threads_met.wait(10)
            threads_met.wait(10)

        threads = [threading.Thread(target=call, name="the same", daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(loop_manager._runner_map) < 2:
            pass
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)


class TestTaskRunner:
    def test_runs_a_coroutine_object(self) -> None:
        runner = asyn._TaskRunner()
        assert runner.run(async_add(1, 2)) == 3
        runner.close()

    def test_asks_a_mocked_get_exc_handler_for_the_handler_of_each_new_loop(self) -> None:
        close_all_runners()
        handler = mock.Mock()
        with mock.patch.object(asyn._TaskRunner, "get_exc_handler", return_value=handler):
            run_sync(async_add, 1, 2)

        async def forget_a_failure() -> None:
            asyncio.get_running_loop().create_future().set_exception(ValueError("forgotten"))

        run_sync(forget_a_failure)
        gc.collect()
        assert handler.call_count == 1
        assert handler.call_args.args[1]["message"] == "Future exception was never retrieved"

        def fail() -> None:
            raise ValueError("in a callback")

        async def fail_in_a_callback() -> None:
            asyncio.get_running_loop().call_soon_threadsafe(fail)
            await asyncio.sleep(0.01)

        run_sync(fail_in_a_callback)
        assert handler.call_count == 2
        assert "Exception in callback" in handler.call_args.args[1]["message"]


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            *("Any", "Awaitable", "Callable", "ParamSpec", "TypeVar", "P", "T", "logger"),
            *("loop_manager", "run_sync", "_AsyncLoopManager", "_TaskRunner"),
        ],
    )
    def test_are_those_of_the_original_module(self, name: str) -> None:
        assert hasattr(asyn, name)


class TestPickle:
    def test_finds_the_manager_of_the_other_process_by_its_name(self) -> None:
        assert pickle.loads(pickle.dumps(loop_manager)) is loop_manager
