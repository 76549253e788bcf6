"""uvloop: used where it is asked for, whoever asks."""

import asyncio
import warnings

import pytest
from pace import scaled

from sideloop import EventLoop, LoopManager, LoopStoppedError, Runner

uvloop = pytest.importorskip("uvloop")


async def kind_of_loop() -> type[asyncio.AbstractEventLoop]:
    return type(asyncio.get_running_loop())


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def raise_it(error: BaseException) -> None:
    raise error


def kind_with(**options: object) -> type[asyncio.AbstractEventLoop]:
    manager = LoopManager(**options)  # type: ignore[arg-type]
    kind = manager.run_sync(kind_of_loop)
    manager.close()
    return kind


class TestUvloop:
    def test_runs_calls_if_its_loop_factory_is_given(self) -> None:
        assert kind_with(loop_factory=uvloop.new_event_loop) is uvloop.Loop

    def test_as_others_policy_is_left_alone_and_followed_only_where_asked_for(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # policies go in CPython 3.16
            policy = uvloop.EventLoopPolicy()
            asyncio.set_event_loop_policy(policy)
            try:
                assert kind_with() is EventLoop
                assert kind_with(loop_factory=asyncio.new_event_loop) is uvloop.Loop
                assert asyncio.get_event_loop_policy() is policy
            finally:
                asyncio.set_event_loop_policy(None)

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    def test_goes_on_for_the_others_when_a_call_exits(self, kind: type[BaseException]) -> None:
        async def leave() -> None:
            await asyncio.sleep(0)
            raise kind

        reported: list[object] = []
        with Runner(
            loop_factory=uvloop.new_event_loop,
            exception_handler=lambda _, context: reported.append(context),
        ) as runner:
            loop = runner.run(running_loop)
            other = runner.submit(asyncio.sleep, 0.3, "slept")
            for _ in range(3):
                with pytest.raises(kind):
                    runner.run(leave)
            assert other.result(scaled(20)) == "slept"
            assert runner.run(running_loop) is loop
        assert reported == []

    def test_ends_when_a_callback_exits_after_a_call_did(self) -> None:
        exit_of_all = SystemExit(7)

        async def leave() -> None:
            raise exit_of_all

        with Runner(loop_factory=uvloop.new_event_loop) as runner:
            with pytest.raises(SystemExit):
                runner.run(leave)
            loop = runner.run(running_loop)
            other = runner.submit(asyncio.sleep, 60)
            runner.run(asyncio.sleep, 0)
            # The same object, but no outcome this time.
            loop.call_soon_threadsafe(raise_it, exit_of_all)
            with pytest.raises(LoopStoppedError) as stopped:
                other.result(scaled(20))
            assert stopped.value.__cause__ is exit_of_all

    def test_can_be_the_callers_running_loop(self) -> None:
        manager = LoopManager()

        async def call() -> type[asyncio.AbstractEventLoop]:
            return manager.run_sync(kind_of_loop)

        loop = uvloop.new_event_loop()
        assert loop.run_until_complete(call()) is EventLoop
        loop.close()
        manager.close()
