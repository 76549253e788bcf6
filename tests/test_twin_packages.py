"""Twins of packages: their names, and their submodules."""

import importlib
import pickle
import sys
import textwrap
import types
import unittest.mock
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sideloop
from sideloop import LoopManager

FILES = {
    "__init__": '''
        """Sells things."""

        from acme import helpers
        from acme._client import AsyncAcme, connect
        from acme.resources import AsyncChat
        from acme.settings import Settings

        async def async_fetch(n: int) -> int:
            """Fetch one."""
            return n
        ''',
    "_client": """
        from acme._base import AsyncBase
        from acme.resources import AsyncChat

        class AsyncAcme(AsyncBase):
            def __init__(self, name: str = "acme") -> None:
                self.name = name

            async def chat(self) -> AsyncChat:
                return AsyncChat(self)

        def connect(name: str):
            return AsyncAcme(name)
        """,
    "_base": """
        class AsyncBase:
            async def ping(self) -> str:
                return "pong"
        """,
    "resources/__init__": """
        import acme
        from acme.resources.deep import AsyncDeep

        class AsyncChat:
            def __init__(self, client) -> None:
                self.client = client

            async def create(self) -> str:
                return f"hi from {self.client.name}"
        """,
    "resources/deep": """
        class AsyncDeep:
            async def get(self) -> int:
                return 1
        """,
    "helpers": """
        def double(n: int) -> int:
            return 2 * n
        """,
    "settings": """
        class Settings:
            retries = 3
        """,
    "later": """
        class AsyncLater:
            async def get(self) -> int:
                return 2
        """,
}


def strip(name: str) -> str:
    """`Acme` of `AsyncAcme`, `fetch` of `async_fetch`."""
    return name.removeprefix("Async").removeprefix("async_")


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    package = tmp_path / "acme"
    (package / "resources").mkdir(parents=True)
    for name, text in FILES.items():
        (package / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("acme")
    for name in [one for one in sys.modules if one.partition(".")[0] == "acme"]:
        del sys.modules[name]


@pytest.fixture
def manager() -> Iterator[LoopManager]:
    manager = LoopManager(grace=1)
    yield manager
    manager.close()


class TestNames:
    def test_are_those_that_a_function_gives(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename=strip)
        client = api.Acme("one")
        assert (type(client).__name__, type(client).__qualname__) == ("Acme", "acme.Acme")
        assert client.chat().create() == "hi from one"
        assert api.fetch(3) == 3
        assert (api.fetch.__name__, api.fetch.__doc__) == ("fetch", "Fetch one.")
        assert type(client.chat()) is api.Chat

    def test_are_those_of_a_mapping_and_else_as_they_were(
        self, manager: LoopManager, acme: Any
    ) -> None:
        api = manager.synced(acme, rename={"AsyncAcme": "Acme", "AsyncDeep": "Deep"})
        assert api.Acme("one").ping() == "pong"
        assert type(api.Acme("one").chat()) is api.AsyncChat
        assert api.async_fetch(1) == 1
        assert api.resources.deep.Deep().get() == 1

    def test_of_originals_lead_to_these(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename=strip)
        assert api.AsyncAcme is acme.AsyncAcme
        assert api.Acme.aio is acme.AsyncAcme
        assert {"Acme", "fetch", "AsyncAcme"} <= set(dir(api))

    def test_are_patched_for_async_code_too(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename=strip)
        with unittest.mock.patch.object(api, "fetch", lambda n: n + 100):
            assert api.fetch(1) == 101
            assert manager.run_sync(acme.async_fetch, 1) == 101
        assert api.fetch(1) == manager.run_sync(acme.async_fetch, 1) == 1
        assert not hasattr(acme, "fetch")

    @pytest.mark.usefixtures("acme")
    def test_are_found_again_by_pickle(self, tmp_path: Path) -> None:
        lines = (
            "import acme, sideloop",
            "api = sideloop.synced(acme, rename=lambda name: name.replace('Async', ''))",
        )
        (tmp_path / "acme" / "sync.py").write_text("\n".join(lines), encoding="utf-8")
        api = importlib.import_module("acme.sync").api
        for twin, name in (
            (api.Acme, "api.Acme"),
            (api.resources.Chat, "api.Chat"),
            (api.resources.deep.Deep, "api.resources.Deep"),
        ):
            assert (twin.__module__, twin.__qualname__) == ("acme.sync", name)
            assert pickle.loads(pickle.dumps(twin)) is twin
        assert pickle.loads(pickle.dumps(api.Acme("two"))).name == "two"
        assert pickle.loads(pickle.dumps(api.async_fetch))(2) == 2

    @pytest.mark.parametrize(
        ("rename", "kind", "message"),
        [
            ("Async", TypeError, "rename is a function from a name to a name"),
            (3, TypeError, "or a mapping, .* got 3"),
            (lambda _: None, TypeError, "the name None, which is no name"),
            (lambda _: "a b", TypeError, "the name 'a b', which is no name"),
            (lambda _: "class", TypeError, "the name 'class', which is no name"),
            (
                lambda _: "Same",
                ValueError,
                r"gives acme\.\w+ the name 'Same', which the twin of acme\.\w+ has",
            ),
            (
                {"AsyncAcme": "Settings"},
                ValueError,
                r"gives acme\.AsyncAcme the name 'Settings', which acme\.Settings has",
            ),
            ({"AsyncAcmee": "Acme"}, ValueError, "'AsyncAcmee', and acme defines nothing async"),
        ],
    )
    def test_that_are_none_or_collide_are_refused_at_the_door(
        self, acme: Any, rename: Any, kind: type[Exception], message: str
    ) -> None:
        with pytest.raises(kind, match=message):
            sideloop.synced(acme, rename=rename)

    def test_may_be_swapped(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename={"AsyncAcme": "AsyncChat", "AsyncChat": "AsyncAcme"})
        assert api.AsyncChat.aio is acme.AsyncAcme
        assert api.AsyncAcme.aio is acme.AsyncChat

    @pytest.mark.parametrize("target", [type("A", (), {}), strip, property(strip)])
    def test_are_for_modules_alone(self, target: Any) -> None:
        with pytest.raises(TypeError, match=r"name its twin by an assignment, as in Acme = "):
            sideloop.synced(target, rename=strip)


class TestSubmodules:
    def test_have_twins(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme)
        assert isinstance(api.resources, types.ModuleType)
        assert api.resources.AsyncChat is api.AsyncChat
        assert api.resources.deep.AsyncDeep().get() == 1
        assert api.resources is api.resources
        assert api.resources.acme is api
        assert api.resources.aio is acme.resources

    def test_without_anything_async_are_as_they_are(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme)
        assert api.helpers is acme.helpers
        assert api.settings is acme.settings
        assert api.Settings is acme.Settings

    def test_that_are_imported_later_have_twins_too(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename=strip)
        with pytest.raises(AttributeError):
            _ = api.later
        importlib.import_module("acme.later")
        assert api.later.Later().get() == 2

    def test_alone_make_a_package_async(self, manager: LoopManager, acme: Any) -> None:
        for name in ("AsyncAcme", "AsyncChat", "connect", "async_fetch"):
            delattr(acme, name)
        assert manager.synced(acme).resources.deep.AsyncDeep().get() == 1

    def test_are_deep(self, manager: LoopManager, acme: Any) -> None:
        acme.__all__ = ["AsyncAcme"]
        api = manager.synced(acme)
        assert api.AsyncAcme().chat().create() == "hi from acme"


class TestADefThatMakesObjects:
    def test_makes_twins(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename=strip)
        assert type(api.connect("two")) is api.Acme
        assert api.connect("two").ping() == "pong"

    def test_that_makes_others_is_as_it_is(self, manager: LoopManager, acme: Any) -> None:
        assert manager.synced(acme).helpers.double is acme.helpers.double


class Base:
    async def ping(self) -> str:
        return "pong"


class Middle(Base):
    pass


class Derived(Middle):
    async def get(self) -> int:
        return 1


class TestBases:
    @pytest.mark.parametrize(
        "order", [(Base, Middle, Derived), (Derived, Middle, Base), (Derived, Base, Middle)]
    )
    def test_may_be_wrapped_in_any_order(self, manager: LoopManager, order: Any) -> None:
        twins = {kind: manager.synced(kind) for kind in order}
        base, middle, derived = (twins[kind] for kind in (Base, Middle, Derived))
        assert issubclass(middle, base)
        assert issubclass(derived, middle)
        assert isinstance(derived(), base)
        assert (derived().ping(), derived().get()) == ("pong", 1)
        assert not issubclass(base, derived)

    def test_may_be_wrapped_after_a_user_has_derived(self, manager: LoopManager) -> None:
        derived: Any = manager.synced(Derived)

        class Mine(derived):  # type: ignore[misc]
            def ping(self) -> str:
                return "mine"

        base = manager.synced(Base)
        assert isinstance(Mine(), base)
        assert (Mine().ping(), Mine().get()) == ("mine", 1)

    def test_in_other_modules_may_be_met_later(self, manager: LoopManager, acme: Any) -> None:
        api = manager.synced(acme, rename=strip)
        client = api.Acme()
        base = getattr(api, "_base").Base  # noqa: B009  # as its users would not
        assert isinstance(client, base)
