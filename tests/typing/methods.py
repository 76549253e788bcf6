"""Methods: bound ones are called, and a sync twin made in a class body is a method itself."""

from typing import Generic, TypeVar

from typing_extensions import Self, assert_type

from sideloop import LoopManager, loop_manager, run_sync, synced

T = TypeVar("T")

manager = LoopManager()


class Store:
    async def async_get(self, key: str, default: int = 0) -> bytes:
        raise NotImplementedError

    @classmethod
    async def async_open(cls, path: str, *, create: bool = False) -> Self:
        raise NotImplementedError

    @staticmethod
    async def async_check(path: str) -> bool:
        raise NotImplementedError

    async def async_chain(self) -> Self:
        raise NotImplementedError

    get = synced(async_get)

    @synced
    async def put(self, key: str, value: bytes) -> None:
        raise NotImplementedError

    @loop_manager.synced
    async def size(self, key: str) -> int:
        raise NotImplementedError

    @manager.synced
    async def delete(self, *keys: str) -> int:
        raise NotImplementedError

    @classmethod
    @synced
    async def open(cls, path: str, *, create: bool = False) -> "Store":
        raise NotImplementedError

    @staticmethod
    @synced
    async def check(path: str) -> bool:
        raise NotImplementedError

    @property
    @synced
    async def count(self) -> int:
        raise NotImplementedError


class Disk(Store):
    pass


class Box(Generic[T]):
    def __init__(self, value: T) -> None:
        self.value = value

    async def async_value(self) -> T:
        raise NotImplementedError

    @synced
    async def replace(self, value: T) -> T:
        raise NotImplementedError


def run_sync_calls_bound_methods(store: Store, disk: Disk, box: Box[int]) -> None:
    assert_type(run_sync(store.async_get, "key"), bytes)
    assert_type(run_sync(store.async_get, key="key", default=1), bytes)
    assert_type(run_sync(Store.async_open, "path", create=True), Store)
    assert_type(run_sync(Disk.async_open, "path"), Disk)
    assert_type(run_sync(Store.async_check, path="path"), bool)
    assert_type(run_sync(store.async_check, "path"), bool)
    assert_type(run_sync(disk.async_chain), Disk)
    assert_type(run_sync(box.async_value), int)


def run_sync_calls_unbound_methods(store: Store) -> None:
    assert_type(run_sync(Store.async_get, store, "key", default=1), bytes)


def synced_methods_are_bound_to_an_instance(store: Store, disk: Disk) -> None:
    assert_type(store.get("key"), bytes)
    assert_type(store.get(key="key", default=1), bytes)
    store.put("key", value=b"value")
    assert_type(store.size("key"), int)
    assert_type(store.delete("one", "two"), int)
    assert_type(disk.get("key"), bytes)


def synced_methods_take_the_instance_when_unbound(store: Store) -> None:
    assert_type(Store.get(store, "key"), bytes)
    assert_type(Store.size(store, key="key"), int)


def synced_class_methods_and_static_methods(store: Store) -> None:
    assert_type(Store.open("path", create=True), Store)
    assert_type(store.open(path="path"), Store)
    assert_type(Store.check("path"), bool)
    assert_type(store.check(path="path"), bool)


def synced_properties(store: Store) -> None:
    assert_type(store.count, int)


def synced_of_a_bound_method(store: Store, disk: Disk) -> None:
    assert_type(synced(store.async_get)("key", default=1), bytes)
    assert_type(synced(Disk.async_open)("path"), Disk)
    assert_type(synced(disk.async_chain)(), Disk)


def synced_methods_of_a_generic_class(box: Box[int]) -> None:
    assert_type(box.replace(1), int)
    assert_type(synced(box.async_value)(), int)
