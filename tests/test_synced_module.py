"""Twins of modules."""

import pickle
import signal
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import plain_library
import pytest

from sideloop import LoopManager, synced
from sideloop._base.signature import annotations_of, signature_of

sync = synced(plain_library)


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A package that imports its parts when they are asked for, and keeps none of them."""
    lazy = types.ModuleType("lazy")
    parts = types.ModuleType("lazy.parts")
    exec("class Client:\n    async def get(self): return 5", parts.__dict__)

    def find(name: str) -> Any:
        if name == "Client":
            return parts.Client
        if name == "missing":
            raise ImportError("an optional dependency is not installed")
        raise AttributeError(name)

    vars(lazy).update(__getattr__=find, __all__=["Client", "missing"])
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    return lazy


class TestAModuleThatImportsItsPartsWhenTheyAreAskedFor:
    def test_has_twins_of_those_that_it_names(self, lazy: types.ModuleType) -> None:
        api = synced(lazy)
        assert api.Client().get() == 5
        assert api.Client.aio is lazy.Client

    def test_has_no_name_that_it_cannot_import(self, lazy: types.ModuleType) -> None:
        with pytest.raises(ImportError, match="optional dependency"):
            _ = synced(lazy).missing

    def test_may_have_them_renamed(self, lazy: types.ModuleType) -> None:
        assert synced(lazy, rename={"Client": "SyncClient"}).SyncClient().get() == 5


class TestASignalHandlerThatRaisesMeanwhile:
    """While user code runs whose errors would be passed over."""

    @pytest.fixture
    def rings(self) -> Iterator[Callable[[], None]]:
        def handle(*_: object) -> None:
            raise TimeoutError("of the handler")

        before = signal.signal(signal.SIGUSR1, handle)
        yield lambda: signal.raise_signal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, before)

    def test_is_heard_while_the_module_imports_what_it_is_asked_for(
        self, rings: Callable[[], None]
    ) -> None:
        module: Any = types.ModuleType("late")
        module.__all__ = ["Client"]
        module.__getattr__ = lambda _: rings()
        with pytest.raises(TimeoutError, match="of the handler"):
            synced(module)

    def test_is_heard_while_annotations_are_looked_up(self, rings: Callable[[], None]) -> None:
        class Annotated:
            @property
            def __annotations__(self) -> Any:  # type: ignore[override]
                return rings()

            async def __call__(self) -> None: ...

        with pytest.raises(TimeoutError, match="of the handler"):
            annotations_of(Annotated())

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are evaluated late there")
    @pytest.mark.parametrize("look", [annotations_of, signature_of])
    def test_is_heard_while_late_annotations_are_evaluated(
        self, rings: Callable[[], None], look: Callable[[Any], object]
    ) -> None:
        names: dict[str, Any] = {"rings": rings}
        exec("async def take(value: rings()) -> None: pass", names)
        with pytest.raises(TimeoutError, match="of the handler"):
            look(names["take"])

    def test_is_heard_while_an_annotation_is_evaluated(self, rings: Callable[[], None]) -> None:
        names: dict[str, Any] = {"rings": rings}
        exec("async def take(value: 'rings()') -> None: pass", names)
        with pytest.raises(TimeoutError, match="of the handler"):
            synced(names["take"])(len)


class TestAModule:
    def test_has_twins_of_what_is_async_in_it(self) -> None:
        assert sync.double(2) == 4
        assert list(sync.count(3)) == [0, 1, 2]
        assert sync.Sub("a").get() == "sub a"
        assert issubclass(sync.Sub, sync.Base)

    def test_has_all_else_as_it_is(self) -> None:
        assert sync.CONSTANT == 5
        assert sync.sync_double is plain_library.sync_double
        assert sync.OopsError is plain_library.OopsError
        assert sync.asyncio is plain_library.asyncio
        plain_library.ADDED = 1  # type: ignore[attr-defined]
        assert sync.ADDED == 1
        with pytest.raises(AttributeError, match="nothing"):
            _ = sync.nothing

    def test_is_a_module_with_its_original_at_aio(self) -> None:
        assert isinstance(sync, types.ModuleType)
        assert sync.aio is plain_library
        assert sync.__doc__ == plain_library.__doc__
        assert "double" in dir(sync)

    def test_translates_between_its_classes(self) -> None:
        base = sync.Base("a")
        assert sync.wrap(base).get() == "base a"
        assert sync.wrap(base) is base

    def test_has_classes_that_are_pickled_by_reference(self) -> None:
        assert sync.Base.__qualname__ == "sync.Base"
        assert pickle.loads(pickle.dumps(sync.Base)) is sync.Base
        assert pickle.loads(pickle.dumps(sync.double))(2) == 4

    def test_is_of_the_manager_that_wraps_it(self) -> None:
        manager = LoopManager()
        other: Any = manager.synced(plain_library)
        assert other.double(4) == 8
        assert len(manager.runners()) == 1
        manager.close()
