"""A manager's name, its debug mode, and its `with` block."""

import asyncio
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pace import scaled

from sideloop import LoopManager, loop_manager
from sideloop._runners.options import Drive


async def thread_name() -> str:
    return threading.current_thread().name


async def debugs() -> bool:
    return asyncio.get_running_loop().get_debug()


class TestTheName:
    def test_names_the_runners_and_their_threads_one_by_one(self) -> None:
        with LoopManager(name="sums") as manager, ThreadPoolExecutor(1) as other:
            assert manager.run_sync(thread_name) == "sums-1"
            assert other.submit(manager.run_sync, thread_name).result(scaled(20)) == "sums-2"

            async def nested() -> str:
                return manager.run_sync(thread_name)

            assert manager.run_sync(nested) == "sums-3"
            assert [runner.name for runner in manager.runners()] == ["sums-1", "sums-2", "sums-3"]
            assert (manager.name, repr(manager)) == (
                "sums",
                "<sideloop.LoopManager 'sums', 3 runners>",
            )

    def test_is_in_messages(self) -> None:
        async def close(manager: LoopManager) -> None:
            manager.close()

        with (
            LoopManager(name="sums", drive="caller") as manager,
            pytest.raises(RuntimeError, match="runner 'sums-1' cannot be closed by a coroutine"),
        ):
            manager.run_sync(close, manager)

    def test_need_not_be_given(self) -> None:
        with LoopManager() as manager:
            assert manager.run_sync(thread_name).startswith("sideloop-")
            assert (manager.name, repr(manager)) == (None, "<sideloop.LoopManager 1 runners>")
        assert loop_manager.name is None


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestTheDrive:
    def test_can_be_seen(self, drive: Drive) -> None:
        with LoopManager(drive=drive) as manager:
            assert manager.drive == drive
            assert (manager.run_sync(thread_name) == "MainThread") is (drive == "caller")


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestDebug:
    @pytest.mark.parametrize("debug", [True, False])
    def test_is_the_mode_of_all_loops(self, drive: Drive, debug: bool) -> None:
        with LoopManager(drive=drive, debug=debug) as manager:

            async def nested() -> tuple[bool, bool]:
                return await debugs(), manager.run_sync(debugs)

            assert manager.run_sync(nested) == (debug, debug)

    def test_is_what_the_environment_says_unless_said_otherwise(
        self, drive: Drive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
        with LoopManager(drive=drive) as manager, LoopManager(drive=drive, debug=False) as other:
            assert (manager.run_sync(debugs), other.run_sync(debugs)) == (True, False)


@pytest.mark.parametrize("drive", ["thread", "caller"])
class TestTheWithBlock:
    def test_closes_the_manager_which_can_be_used_again(self, drive: Drive) -> None:
        with LoopManager(drive=drive) as manager:
            loop = manager.run_sync(running_loop)
            assert not loop.is_closed()
        assert loop.is_closed()
        assert manager.runners() == []
        with manager as same:
            assert same is manager
            assert manager.run_sync(running_loop) is not loop
        assert manager.runners() == []

    def test_lets_what_is_left_unwind_and_passes_the_error_on(self, drive: Drive) -> None:
        unwound: list[str] = []
        begun: list[str] = []

        async def background() -> None:
            begun.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                unwound.append("unwound")

        async def leave() -> None:
            tasks.add(asyncio.get_running_loop().create_task(background()))
            while not begun:
                await asyncio.sleep(0)

        def block() -> None:
            with LoopManager(drive=drive) as manager:
                manager.run_sync(leave)
                raise KeyError("of the block")

        tasks: set[asyncio.Task[None]] = set()
        with pytest.raises(KeyError, match="of the block"):
            block()
        assert unwound == ["unwound"]

    def test_may_stand_in_another(self, drive: Drive) -> None:
        with LoopManager(drive=drive) as outer, LoopManager(drive=drive) as inner:

            async def nested() -> str:
                return inner.run_sync(thread_name)

            assert outer.run_sync(nested)

    def test_of_a_manager_that_has_done_nothing_does_nothing(self, drive: Drive) -> None:
        with LoopManager(drive=drive) as manager:
            pass
        assert manager.runners() == []


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class TestAPickle:
    def test_of_a_map_or_submit_is_of_the_manager(self) -> None:
        with LoopManager(name="sent", debug=True) as manager:
            for method in (manager.map, manager.submit):
                assert pickle.loads(pickle.dumps(method)) == method
        assert pickle.loads(pickle.dumps(loop_manager.submit)) == loop_manager.submit
