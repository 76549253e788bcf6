"""Context variables: copied in, and brought back where that is asked for."""

import asyncio
import contextvars
import pickle
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager

import pytest

import sideloop
from sideloop import LoopManager

variable = contextvars.ContextVar("variable", default="default")
other: contextvars.ContextVar[str] = contextvars.ContextVar("other")


@pytest.fixture(params=["thread", "caller"])
def bringing(request: pytest.FixtureRequest) -> Generator[LoopManager]:
    manager = LoopManager(drive=request.param, copy_context_back=True)
    yield manager
    manager.close()


def in_a_context_of_its_own(test: Callable[[], None]) -> None:
    contextvars.copy_context().run(test)


async def set_both() -> None:
    variable.set("set")
    await asyncio.sleep(0)
    other.set("set, too")


class TestWithoutTheOption:
    def test_changes_are_dropped(self, manager: LoopManager) -> None:
        manager.run_sync(set_both)
        assert variable.get() == "default"
        assert other.get(None) is None


class TestACall:
    def test_brings_its_changes_back(self, bringing: LoopManager) -> None:
        def test() -> None:
            bringing.run_sync(set_both)
            assert (variable.get(), other.get()) == ("set", "set, too")
            bringing.synced(set_both)()
            assert (variable.get(), other.get()) == ("set", "set, too")

        in_a_context_of_its_own(test)

    def test_that_fails_brings_its_changes_back(self, bringing: LoopManager) -> None:
        async def set_and_fail() -> None:
            variable.set("set")
            raise KeyError("failed")

        def test() -> None:
            with pytest.raises(KeyError, match="failed"):
                bringing.run_sync(set_and_fail)
            assert variable.get() == "set"

        in_a_context_of_its_own(test)

    def test_that_is_nested_brings_its_changes_all_the_way(self, bringing: LoopManager) -> None:
        async def outer() -> None:
            bringing.run_sync(set_both)
            assert variable.get() == "set"

        def test() -> None:
            bringing.run_sync(outer)
            assert variable.get() == "set"

        in_a_context_of_its_own(test)

    def test_leaves_alone_what_it_does_not_change(self, bringing: LoopManager) -> None:
        async def change_nothing() -> str:
            return variable.get()

        def test() -> None:
            token = variable.set("the caller's")
            assert bringing.run_sync(change_nothing) == "the caller's"
            variable.reset(token)
            assert variable.get() == "default"

        in_a_context_of_its_own(test)

    def test_does_not_bring_a_limit_back(self, bringing: LoopManager) -> None:
        async def set_a_limit() -> None:
            sideloop.timeout(0).__enter__()

        def test() -> None:
            bringing.run_sync(set_a_limit)
            assert bringing.run_sync(asyncio.sleep, 0, result="slept") == "slept"

        in_a_context_of_its_own(test)


class TestAStep:
    def test_of_an_iterator_brings_its_own_changes_back(self, bringing: LoopManager) -> None:
        async def items() -> AsyncIterator[int]:
            variable.set("first")
            yield 1
            yield 2
            other.set("third")
            yield 3

        def test() -> None:
            steps = bringing.synced(items)()
            assert (next(steps), variable.get()) == (1, "first")
            variable.set("the caller's")
            assert (next(steps), variable.get()) == (2, "the caller's")
            assert (next(steps), variable.get(), other.get()) == (3, "the caller's", "third")
            steps.close()

        in_a_context_of_its_own(test)

    def test_of_a_context_manager_sets_what_the_block_sees(self, bringing: LoopManager) -> None:
        @asynccontextmanager
        async def setting() -> AsyncIterator[None]:
            token = variable.set("inside")
            yield
            variable.reset(token)
            variable.set("after")

        def test() -> None:
            with bringing.enter(setting()):
                assert variable.get() == "inside"
            assert variable.get() == "after"

        in_a_context_of_its_own(test)


class TestAManager:
    def test_keeps_the_option_when_it_is_pickled(self) -> None:
        manager = pickle.loads(pickle.dumps(LoopManager(copy_context_back=True)))

        def test() -> None:
            manager.run_sync(set_both)
            assert variable.get() == "set"

        in_a_context_of_its_own(test)
        manager.close()
