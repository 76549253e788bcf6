"""uvloop: used where it is asked for, whoever asks."""

import asyncio
import warnings

import pytest

from sideloop import EventLoop, LoopManager

uvloop = pytest.importorskip("uvloop")


async def kind_of_loop() -> type[asyncio.AbstractEventLoop]:
    return type(asyncio.get_running_loop())


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

    def test_can_be_the_callers_running_loop(self) -> None:
        manager = LoopManager()

        async def call() -> type[asyncio.AbstractEventLoop]:
            return manager.run_sync(kind_of_loop)

        loop = uvloop.new_event_loop()
        assert loop.run_until_complete(call()) is EventLoop
        loop.close()
        manager.close()
