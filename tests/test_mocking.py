"""Tests of a user's that replace parts of twins: by hand, by mock.patch, by autospec."""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest import mock

import pytest

import sideloop
from sideloop import LoopManager

CHECKS_STATIC_ONES = sys.version_info >= (3, 11)
"""Whether autospec has what replaces a class or static method check its arguments, of any class."""


class AsyncUsers:
    kind = "users"

    def __init__(self, name: str = "all") -> None:
        self.name = name

    async def get(self, n: int) -> str:
        return f"real {n}"

    async def twice(self, n: int) -> list[str]:
        return [await self.get(n), await self.get(n)]

    async def walk(self, to: int) -> AsyncIterator[int]:
        for n in range(to):
            yield n

    async def walked(self) -> list[int]:
        return [n async for n in self.walk(2)]

    @classmethod
    async def make(cls, n: int) -> str:
        return f"made {n}"

    async def makes(self) -> list[str]:
        return [await self.make(1), await type(self).make(2)]

    @staticmethod
    async def check(n: int) -> bool:
        return n > 0

    async def checks(self) -> list[bool]:
        return [await self.check(1), await type(self).check(2)]

    @property
    async def size(self) -> int:
        return 1

    @property
    def plain(self) -> int:
        return 2

    async def sizes(self) -> list[int]:
        return [await self.size, self.plain]

    def hello(self, to: str) -> str:
        return f"hello {to}"

    async def __aenter__(self) -> "AsyncUsers":
        return self

    async def __aexit__(self, *error: object) -> None: ...


async def fetch(n: int, *, by: int = 1) -> int:
    return n * by


async def count(to: int) -> AsyncIterator[int]:
    for n in range(to):
        yield n


class Api:
    """As a module that makes twins."""

    fetch: Any = staticmethod(sideloop.synced(fetch))


@pytest.fixture(params=["default", "manager", "driven"])
def users_class(request: pytest.FixtureRequest) -> Iterator[Any]:
    manager = LoopManager(drive="caller") if request.param == "driven" else LoopManager()
    yield (sideloop.synced if request.param == "default" else manager.synced)(AsyncUsers)
    manager.close()


class TestAnObject:
    @pytest.mark.parametrize("name", ["get", "hello", "make", "check"])
    def test_has_a_method_replaced(self, users_class: Any, name: str) -> None:
        users = users_class()
        real = getattr(users, name)(1)
        setattr(users, name, lambda n: f"fake {n}")
        assert getattr(users, name)(1) == "fake 1"
        delattr(users, name)
        assert getattr(users, name)(1) == real
        for options in ({"return_value": "fake 1"}, {"autospec": True, "return_value": "fake 1"}):
            with mock.patch.object(users, name, **options) as mocked:
                assert getattr(users, name)(1) == "fake 1"
                mocked.assert_called_once_with(1)
            assert getattr(users, name)(1) == real

    def test_calls_what_it_has_in_place_of_a_method(self, users_class: Any) -> None:
        users = users_class()
        with mock.patch.object(users, "get", return_value="fake"):
            assert users.twice(1) == ["fake", "fake"]
        assert users.twice(1) == ["real 1", "real 1"]
        with mock.patch.object(users, "walk", return_value=[7]):
            assert (list(users.walk(1)), users.walked()) == ([7], [7])
        assert users.walked() == [0, 1]


class TestTheClass:
    @pytest.mark.parametrize("autospec", [None, True])
    def test_has_a_method_replaced_for_async_code_too(
        self, users_class: Any, autospec: bool | None
    ) -> None:
        with mock.patch.object(users_class, "get", autospec=autospec) as mocked:
            mocked.return_value = "fake"
            users = users_class()
            assert (users.get(1), users.twice(1)) == ("fake", ["fake", "fake"])
            mocked.assert_called_with(*([users, 1] if autospec else [1]))
            if autospec:
                with pytest.raises(TypeError):
                    users.get()
        assert users_class().twice(1) == ["real 1", "real 1"]

    @pytest.mark.parametrize("autospec", [None, True])
    @pytest.mark.parametrize("name", ["make", "check"])
    def test_has_its_class_and_static_methods_replaced_too(
        self, users_class: Any, name: str, autospec: bool | None
    ) -> None:
        users = users_class()
        real = getattr(users, f"{name}s")()
        with mock.patch.object(users_class, name, autospec=autospec) as mocked:
            mocked.return_value = "fake"
            assert (getattr(users_class, name)(5), getattr(users, name)(5)) == ("fake", "fake")
            mocked.assert_called_with(5)
            assert getattr(users, f"{name}s")() == ["fake", "fake"]
            mocked.assert_called_with(2)
            if autospec and CHECKS_STATIC_ONES:
                with pytest.raises(TypeError):
                    getattr(users_class, name)()
        assert getattr(users, f"{name}s")() == real
        assert getattr(users_class, name)(5) in ("made 5", True)

    def test_has_properties_and_values_replaced(self, users_class: Any) -> None:
        users = users_class()
        for name, value in (("size", 5), ("plain", 6)):
            with mock.patch.object(
                users_class, name, new_callable=mock.PropertyMock, return_value=value
            ):
                assert getattr(users, name) == value
                assert value in users.sizes()
        assert users.sizes() == [1, 2]
        with mock.patch.object(users_class, "kind", "fake"):
            assert (users.kind, users.aio.kind) == ("fake", "fake")
        assert (users.kind, users.aio.kind) == ("users", "users")

    def test_has_several_replaced_at_once(self, users_class: Any) -> None:
        with mock.patch.multiple(users_class, get=mock.DEFAULT, hello=mock.DEFAULT) as mocked:
            mocked["get"].return_value = mocked["hello"].return_value = "fake"
            assert (users_class().twice(1), users_class().hello("a")) == (["fake", "fake"], "fake")
        assert users_class().hello("a") == "hello a"


class TestAutospec:
    def test_of_a_function_is_sync_and_checks_its_arguments(self) -> None:
        twin: Any = sideloop.synced(fetch)
        for spec in (twin, twin.__call__):
            mocked: Any = mock.create_autospec(spec, return_value="fake")
            assert mocked(1, by=2) == "fake"
            mocked.assert_called_once_with(1, by=2)
            for args, kwargs in (((), {}), ((1, 2), {}), ((1,), {"of": 1})):
                with pytest.raises(TypeError):
                    mocked(*args, **kwargs)

    def test_of_a_generator_function_is_what_the_test_says(self) -> None:
        mocked: Any = mock.create_autospec(sideloop.synced(count), return_value=iter([7]))
        assert list(mocked(1)) == [7]
        with pytest.raises(TypeError):
            mocked()

    @pytest.mark.parametrize("of", ["class", "object", "object of the class"])
    def test_of_a_class_or_object_is_sync_and_checks_arguments(
        self, users_class: Any, of: str
    ) -> None:
        mocked: Any
        if of == "object":
            mocked = mock.create_autospec(users_class())
        else:
            mocked = mock.create_autospec(users_class)
            with pytest.raises(TypeError):
                mocked(1, 2, 3)
            if of == "object of the class":
                mocked = mocked("some")
        names = ("make", "check") if of == "class" else ("get", "hello", "make", "check", "walk")
        for name in names:
            getattr(mocked, name).return_value = "fake"
            assert getattr(mocked, name)(1) == "fake"
            with pytest.raises(TypeError):
                getattr(mocked, name)(1, 2, 3)
        with pytest.raises(AttributeError):
            mocked.nothing()
        assert isinstance(mocked, users_class) or of == "class"

    def test_of_a_spec_works_with_a_with_block(self, users_class: Any) -> None:
        mocked: Any = mock.MagicMock(spec=users_class)
        mocked.__enter__.return_value = mocked
        with mocked as users:
            users.get.return_value = "fake"
            assert users.get(1) == "fake"

    def test_replaces_a_function_by_name(self) -> None:
        with mock.patch.object(Api, "fetch", autospec=True) as mocked:
            mocked.return_value = 7
            assert Api.fetch(1) == 7
            if CHECKS_STATIC_ONES:
                with pytest.raises(TypeError):
                    Api.fetch()
        assert Api.fetch(2, by=2) == 4
