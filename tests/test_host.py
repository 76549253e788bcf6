"""Hosts: the one task of an iterator or a context manager, when hooks around it misbehave."""

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aliases import WaitUntil
from hosts import MakeLoop, MakeRunner, count, entered, options_of

from sideloop import LoopManager


class Raising:
    """Raises the first time that it is called."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error("once")
        self.left = 1

    def __call__(self) -> None:
        if self.left:
            self.left -= 1
            raise self.error


ERRORS = pytest.mark.parametrize("error", [MemoryError, SystemExit, KeyboardInterrupt])


def with_factory(factory: Any) -> MakeLoop:
    def make(loop_class: type[Any]) -> Any:
        loop = loop_class()
        loop.set_task_factory(factory)
        return loop

    return make


def failing_factory(raising: Raising) -> MakeLoop:
    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        try:
            raising()
        except BaseException:
            coroutine.close()
            raise
        return asyncio.Task(coroutine, loop=loop, **options)

    return with_factory(factory)


def failing_create_task(raising: Raising) -> MakeLoop:
    def make(loop_class: type[Any]) -> Any:
        class Odd(loop_class):  # type: ignore[misc]
            def create_task(self, coroutine: Any, **options: Any) -> Any:
                raising()
                return super().create_task(coroutine, **options)

        return Odd()

    return make


def failing_callback(raising: Raising) -> MakeLoop:
    class Odd(asyncio.Task[Any]):
        def add_done_callback(self, *args: Any, **options: Any) -> None:
            raising()
            super().add_done_callback(*args, **options)

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        return Odd(coroutine, loop=loop, **options)

    return with_factory(factory)


NOT_MADE = pytest.mark.parametrize("failing", [failing_factory, failing_create_task])


class TestATaskThatIsNotMade:
    @ERRORS
    @NOT_MADE
    def test_is_an_error_of_the_first_item_and_the_next_step_gets_that_item(
        self,
        make_runner: MakeRunner,
        failing: Callable[[Raising], MakeLoop],
        error: type[BaseException],
    ) -> None:
        raising = Raising(error)
        runner = make_runner(failing(raising))
        items = runner.iterate(count(3))
        with pytest.raises(error) as raised:
            next(items)
        assert raised.value is raising.error
        assert list(items) == [0, 1, 2]

    @NOT_MADE
    def test_is_an_error_of_the_block_and_the_next_one_is_entered(
        self, make_runner: MakeRunner, failing: Callable[[Raising], MakeLoop]
    ) -> None:
        runner = make_runner(failing(Raising(MemoryError)))
        with pytest.raises(MemoryError), runner.enter(entered()):
            pytest.fail("it was not entered")
        with runner.enter(entered()) as value:
            assert value == "entered"

    @NOT_MADE
    def test_is_an_error_of_the_call_and_the_next_one_runs(
        self, kind: str, failing: Callable[[Raising], MakeLoop]
    ) -> None:
        options = options_of(kind, failing(Raising(MemoryError)))
        manager = LoopManager(copy_context_back=True, **options)
        try:
            with pytest.raises(MemoryError):
                manager.run_sync(asyncio.sleep, 0)
            assert manager.run_sync(asyncio.sleep, 0, "slept") == "slept"
        finally:
            manager.close()

    def test_of_whose_end_nobody_would_hear_begins_nothing(self, make_runner: MakeRunner) -> None:
        begun: list[int] = []

        async def items() -> AsyncIterator[int]:
            begun.append(1)
            yield 1

        runner = make_runner(failing_callback(Raising(MemoryError)))
        iterator = runner.iterate(items())
        with pytest.raises(MemoryError):
            next(iterator)
        assert list(iterator) == []
        runner.run(asyncio.sleep, 0)
        assert begun == []
        assert list(runner.iterate(count(2))) == [0, 1]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="no eager tasks")
    def test_but_run_at_once_hosts_all_the_same(self, make_runner: MakeRunner) -> None:
        eager = getattr(asyncio, "eager_task_factory", None)
        runner = make_runner(with_factory(eager))
        assert list(runner.iterate(count(5))) == [0, 1, 2, 3, 4]
        assert list(runner.iterate(count(50), read_ahead=8)) == list(range(50))
        with runner.enter(entered()) as value:
            assert value == "entered"
        ended = runner.iterate(count(0))
        assert list(ended) == []
        gone = weakref.ref(ended)
        del ended
        gc.collect()
        assert gone() is None


class TestDebugMode:
    @pytest.mark.parametrize("error", [KeyError, SystemExit, KeyboardInterrupt])
    def test_brings_out_what_a_generator_raises(
        self, make_runner: MakeRunner, error: type[BaseException]
    ) -> None:
        async def fail() -> AsyncIterator[int]:
            yield 1
            raise error("of the user's")

        items = make_runner(debug=True).iterate(fail())
        assert next(items) == 1
        with pytest.raises(error, match="of the user's"):
            next(items)
        assert list(items) == []

    def test_brings_out_what_an_exit_raises_or_returns(self, make_runner: MakeRunner) -> None:
        class Transaction:
            def __init__(self, error: BaseException | None) -> None:
                self.error = error

            async def __aenter__(self) -> "Transaction":
                return self

            async def __aexit__(self, *error: object) -> bool:
                if self.error is not None:
                    raise self.error
                return True

        runner = make_runner(debug=True)
        failing = runner.enter(Transaction(RuntimeError("commit failed")))
        with pytest.raises(RuntimeError, match="commit failed"), failing:
            pass
        with runner.enter(Transaction(None)):
            raise KeyError("suppressed")

    def test_brings_all_items(self, make_runner: MakeRunner) -> None:
        runner = make_runner(debug=True)
        assert list(runner.iterate(count(20))) == list(range(20))
        assert list(runner.iterate(count(20), read_ahead=4)) == list(range(20))

    def test_brings_out_what_a_call_raises_that_brings_its_context_back(self, kind: str) -> None:
        def with_debug(loop_class: type[Any]) -> Any:
            loop = loop_class()
            loop.set_debug(True)
            return loop

        async def fail() -> None:
            raise KeyError("of the user's")

        options = options_of(kind, with_debug)
        manager = LoopManager(copy_context_back=True, **options)
        try:
            with pytest.raises(KeyError, match="of the user's"):
                manager.run_sync(fail)
        finally:
            manager.close()


class TestAHostThatIsLetGo:
    def test_is_collected_with_its_loop(self, make_runner: MakeRunner) -> None:
        class Held:
            pass

        held = Held()
        gone = weakref.ref(held)

        async def items(held: Held) -> AsyncIterator[int]:
            yield 1
            yield 2

        runner = make_runner()
        iterator = runner.iterate(items(held), read_ahead=1)
        assert next(iterator) == 1
        runner.close()
        del iterator, held, runner
        gc.collect()
        assert gone() is None

    def test_is_collected_with_an_error_that_was_made_ahead(
        self, make_runner: MakeRunner, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # pytest's keeps the error that it is told of. Since CPython 3.15 that is seen here: what a
        # finalizer brings back to life keeps its weak references.
        monkeypatch.setattr(sys, "unraisablehook", lambda _unraisable: None)

        class Error(Exception):
            iterator: object = None

        async def items() -> AsyncIterator[int]:
            yield 1
            error = Error()
            error.iterator = ring
            made.append(1)
            raise error

        made: list[int] = []
        ring: list[object] = []
        runner = make_runner()
        iterator = runner.iterate(items(), read_ahead=4)
        ring.append(iterator)
        assert next(iterator) == 1
        runner.run(asyncio.sleep, 0.01)
        wait_until(lambda: made)
        gone = weakref.ref(iterator)
        del iterator
        ring = []
        gc.collect()
        runner.run(asyncio.sleep, 0)
        gc.collect()
        assert gone() is None
