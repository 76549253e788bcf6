"""Attributes of twins that raise AttributeError: they have run once, and say so."""

import asyncio
import functools
from typing import Any

import pytest

import sideloop

runs: list[str] = []


class Descriptor:
    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: object) -> Any:
        runs.append(self.name)
        raise AttributeError(f"no {self.name}")


class AsyncClient:
    """Its attributes raise at the first look, and would not at the next."""

    def __init__(self) -> None:
        self.stored = 1

    async def fetch(self) -> int:
        return 1

    async def ask(self, name: str) -> Any:
        return getattr(self, name)

    @property
    async def awaited(self) -> str:
        await asyncio.sleep(0)
        return self._once("awaited")

    @property
    def plain(self) -> str:
        return self._once("plain")

    @functools.cached_property
    def cached(self) -> str:
        return self._once("cached")

    @functools.cached_property
    async def cached_awaited(self) -> str:
        return self._once("cached_awaited")

    described = Descriptor("described")

    def _once(self, name: str) -> str:
        runs.append(name)
        if runs.count(name) > 1:
            return "found"
        raise AttributeError(f"no {name}")


Client: Any = sideloop.synced(AsyncClient)


@pytest.fixture(autouse=True)
def no_runs() -> None:
    runs.clear()


@pytest.mark.parametrize("name", ["awaited", "plain", "cached", "cached_awaited", "described"])
class TestAnAttributeOfTheOriginals:
    def test_runs_once_and_says_what_it_has_said(self, name: str) -> None:
        with pytest.raises(AttributeError, match=f"^no {name}$"):
            getattr(Client(), name)
        assert runs == [name]

    def test_is_not_there_for_hasattr(self, name: str) -> None:
        assert not hasattr(Client(), name)
        assert runs == [name]

    def test_does_so_in_a_users_subclass(self, name: str) -> None:
        class Mine(Client):
            pass

        with pytest.raises(AttributeError, match=f"^no {name}$"):
            getattr(Mine(), name)
        assert runs == [name]


def test_of_a_class_it_runs_once() -> None:
    with pytest.raises(AttributeError, match="'described'"):
        _ = Client.described
    assert runs == ["described"]


class TestAPropertyOfAUsers:
    class Mine(Client):
        @property
        def own(self) -> Any:
            runs.append("own")
            return self._not_set

        @property
        def plain(self) -> Any:
            runs.append("plain")
            return self.misspelt

        @property
        def awaited(self) -> Any:
            runs.append("awaited")
            raise AttributeError("no token")

    @pytest.mark.parametrize(
        ("name", "said"),
        [("own", "_not_set"), ("plain", "misspelt"), ("awaited", "no token")],
    )
    def test_runs_once(self, name: str, said: str) -> None:
        with pytest.raises(AttributeError, match=said):
            getattr(self.Mine(), name)
        assert runs == [name]
        assert not hasattr(self.Mine(), name)

    def test_runs_once_for_async_code(self) -> None:
        with pytest.raises(AttributeError, match="misspelt"):
            self.Mine().ask("plain")
        assert runs == ["plain"]


class AsyncMagic:
    async def fetch(self) -> int:
        return 1

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return f"magic {name}"


class TestGetattrOfAUsers:
    def test_is_asked_for_what_the_original_lacks(self) -> None:
        class Mine(Client):
            def __getattr__(self, name: str) -> Any:
                if name == "own":
                    return "own"
                return super().__getattr__(name)

        mine = Mine()
        assert (mine.own, mine.stored, mine.fetch()) == ("own", 1, 1)
        with pytest.raises(AttributeError, match="'nothing'"):
            _ = mine.nothing

    def test_stands_in_front_of_the_originals(self) -> None:
        class Mine(sideloop.synced(AsyncMagic)):  # type: ignore[misc]
            def __getattr__(self, name: str) -> Any:
                return "own" if name == "own" else super().__getattr__(name)

        class Derived(Mine):
            def __getattr__(self, name: str) -> Any:
                return "derived" if name == "derived" else super().__getattr__(name)

        assert (Mine().own, Mine().other) == ("own", "magic other")
        assert (Derived().derived, Derived().own, Derived().other) == (
            "derived",
            "own",
            "magic other",
        )
