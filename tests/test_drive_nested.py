"""The drive: calls inside of calls, each on a loop of its own, all on one thread."""

import asyncio
import sys
import threading
from collections.abc import Generator

import pytest

import sideloop
from sideloop import LoopManager, NestingError, Runner


@pytest.fixture
def manager() -> Generator[LoopManager]:
    manager = LoopManager(drive="caller")
    yield manager
    manager.close()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class TestNestedCalls:
    def test_have_a_loop_for_each_depth_which_is_used_again(self, manager: LoopManager) -> None:
        async def level(depth: int) -> list[asyncio.AbstractEventLoop]:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            below = manager.run_sync(level, depth - 1) if depth else []
            assert asyncio.get_running_loop() is loop
            assert asyncio.current_task() is task
            await asyncio.sleep(0)
            assert asyncio.current_task() is task
            return [loop, *below]

        threads = threading.active_count()
        loops = manager.run_sync(level, 20)
        assert len(set(loops)) == 21
        assert manager.run_sync(running_loop) is loops[0]
        assert manager.run_sync(level, 20) == loops
        assert manager.run_sync(level, 3) == loops[:4]
        assert len(manager.runners()) == 21
        assert threading.active_count() == threads

    def test_leave_the_hooks_of_the_outer_loop_alone(self, manager: LoopManager) -> None:
        async def outer() -> bool:
            before = sys.get_asyncgen_hooks()
            manager.run_sync(answer)
            return sys.get_asyncgen_hooks() == before

        assert manager.run_sync(outer)

    def test_that_fail_fail_only_themselves(self, manager: LoopManager) -> None:
        error = SystemExit(3)

        async def fail() -> None:
            raise error

        async def outer() -> int:
            with pytest.raises(SystemExit) as raised:
                manager.run_sync(fail)
            assert raised.value is error
            return await answer()

        assert manager.run_sync(outer) == 42

    def test_beyond_the_limit_are_an_error_that_names_the_chain(self, manager: LoopManager) -> None:
        async def endless() -> None:
            manager.run_sync(endless)

        with pytest.raises(NestingError, match=r"endless\(\) .* sideloop-\d+ > "):
            manager.run_sync(endless)
        assert manager.run_sync(answer) == 42

    @pytest.mark.parametrize("inner", ["caller", "thread"])
    def test_may_go_from_one_drive_to_the_other(self, manager: LoopManager, inner: str) -> None:
        threaded = LoopManager()
        drives = {"caller": manager, "thread": threaded}
        outer = threaded if inner == "caller" else manager

        async def nested() -> int:
            return drives[inner].run_sync(answer)

        assert outer.run_sync(nested) == 42
        assert outer.run_sync(nested) == 42
        threaded.close()

    def test_may_be_of_callbacks(self, manager: LoopManager) -> None:
        async def outer() -> int:
            loop = asyncio.get_running_loop()
            found: asyncio.Future[int] = loop.create_future()
            loop.call_soon(lambda: found.set_result(manager.run_sync(answer)))
            return await found

        assert manager.run_sync(outer) == 42

    def test_may_close_a_runner_of_their_own(self, manager: LoopManager) -> None:
        async def outer() -> int:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            with Runner(drive="caller") as runner:
                found = runner.run(answer)
            assert (asyncio.get_running_loop(), asyncio.current_task()) == (loop, task)
            await asyncio.sleep(0)
            return found

        assert manager.run_sync(outer) == 42


class TestUnderSomebodyElsesLoop:
    def test_calls_work_and_leave_it_as_it_was(self, manager: LoopManager) -> None:
        async def main() -> list[int]:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            found = []
            for _ in range(3):
                found.append(manager.run_sync(answer))
                assert asyncio.get_running_loop() is loop
                assert asyncio.current_task() is task
                await asyncio.sleep(0)
                async with asyncio.Lock():
                    pass
            return found

        before = manager.run_sync(running_loop)
        assert asyncio.run(main()) == [42] * 3
        assert manager.run_sync(running_loop) is before

    def test_calls_of_its_tasks_take_turns(self, manager: LoopManager) -> None:
        async def work(number: int) -> int:
            for _ in range(3):
                assert manager.run_sync(answer) == 42
                await asyncio.sleep(0)
            return number

        async def main() -> list[int]:
            return await asyncio.gather(*map(work, range(5)))

        assert asyncio.run(main()) == list(range(5))

    def test_a_loop_that_is_stopped_is_replaced(self, manager: LoopManager) -> None:
        async def stop() -> None:
            asyncio.get_running_loop().stop()
            await asyncio.Event().wait()

        async def main() -> int:
            task = asyncio.current_task()
            with pytest.raises(sideloop.LoopStoppedError):
                manager.run_sync(stop)
            assert asyncio.current_task() is task
            await asyncio.sleep(0)
            return manager.run_sync(answer)

        assert asyncio.run(main()) == 42

    def test_a_runner_can_be_closed(self) -> None:
        async def main() -> int:
            with Runner(drive="caller") as runner:
                found = runner.run(answer)
            await asyncio.sleep(0)
            return found

        assert asyncio.run(main()) == 42
