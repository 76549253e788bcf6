"""Twins of classes."""

import asyncio
import contextlib
import copy
import dataclasses
import gc
import inspect
import pickle
import pydoc
import threading
import traceback
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import cloudpickle
import library
import pytest
from interpreters import is_gone
from library import Leaf, Named, Node, Pair, Point, Special, Ticker
from pace import scaled

import sideloop
from sideloop import LoopManager, SyncGenerator


@pytest.fixture
def node() -> Any:
    return Node("root")


class TestATwin:
    def test_has_sync_methods_in_place_of_async_ones(self, node: Any) -> None:
        assert node.add("a").name == "a"
        assert node("!") == "root!"
        assert Node.make("b").name == "b"
        assert Node.double(2) == node.double(2) == 4
        assert node.first.name == "a"

    def test_has_all_else_as_it_is(self, node: Any) -> None:
        assert (node.name, node.kind, Node.kind, node.shout(), node.title) == (
            "root",
            "node",
            "node",
            "ROOT",
            "Root",
        )
        node.title = "Other"
        assert node.aio.name == node.name == "other"
        node.extra = 1
        assert node.aio.extra == 1
        del node.extra
        assert not hasattr(node, "extra")
        assert len(node) == 0
        assert "add" in dir(node)
        assert "loop" in dir(node)

    def test_constructs_its_original_on_the_loop(self, node: Any) -> None:
        assert isinstance(node.loop, asyncio.AbstractEventLoop)

    def test_is_entered_and_left_in_one_task(self, node: Any) -> None:
        with node as same:
            assert same is node
            assert node.inside == 1
            with node:
                assert node.inside == 2
        assert node.inside == 0
        with pytest.raises(RuntimeError, match="was not entered"):
            node.__exit__(None, None, None)

    def test_is_entered_by_several_threads_at_once(self) -> None:
        @dataclasses.dataclass
        class Gate:
            left: list[str] = dataclasses.field(default_factory=list)

            async def __aenter__(self) -> str | None:
                task = asyncio.current_task()
                assert task is not None
                return task.get_name()

            async def __aexit__(self, *error: object) -> None:
                task = asyncio.current_task()
                assert task is not None
                self.left.append(task.get_name())

        manager = LoopManager(scope="process")
        gate = manager.synced(Gate)()
        together = threading.Barrier(4)

        def enter() -> bool:
            with gate as name:
                together.wait(scaled(20))
            return name in gate.left

        with ThreadPoolExecutor(4) as threads:
            assert all(one.result(scaled(20)) for one in [threads.submit(enter) for _ in range(4)])
        assert len(set(gate.left)) == 4
        manager.close()

    def test_is_iterated(self, node: Any) -> None:
        node.add("a")
        assert [one.name for one in node] == ["root", "a"]
        assert isinstance(iter(node), SyncGenerator)
        ticker = Ticker(3)
        assert iter(ticker) is ticker
        assert isinstance(ticker, Iterator)
        assert next(ticker) == 2
        assert list(ticker) == [1, 0]

    def test_shows_no_frame_of_ours_in_a_traceback_and_one_of_a_constructor(
        self, node: Any
    ) -> None:
        with pytest.raises(KeyError) as raised:
            node.give_up()
        with pytest.raises(TypeError) as unfit:
            Node()
        for error, ours in ((raised.value, 0), (unfit.value, 1)):
            files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
            assert sum("sideloop/_" in file for file in files) == ours

    def test_leaves_no_cycle_when_it_fails(self) -> None:
        class GivenUpError(Exception):
            pass

        raised: list[weakref.ref[GivenUpError]] = []

        class Failing:
            def __init__(self, fails: bool = False) -> None:
                if fails:
                    self.give_up()

            def give_up(self) -> None:
                error = GivenUpError()
                raised.append(weakref.ref(error))
                try:
                    raise error
                finally:
                    del error

            async def fail(self) -> None:
                self.give_up()

            async def __aenter__(self) -> None:
                self.give_up()

            async def __aexit__(self, *error: object) -> None: ...

            async def __anext__(self) -> None:
                self.give_up()

        twin_class = sideloop.synced(Failing)
        twin = twin_class()
        calls = (twin.fail, twin.give_up, twin.__enter__, twin.__next__, lambda: twin_class(True))
        gc.disable()
        try:
            for call in calls:
                with contextlib.suppress(GivenUpError):
                    call()
            assert [is_gone(error) for error in raised] == [True] * len(calls)
        finally:
            gc.enable()

    def test_is_limited_by_a_timeout(self) -> None:
        class Sleeper:
            async def sleep(self) -> None:
                await asyncio.sleep(60)

        sleeper = sideloop.synced(Sleeper)()
        with pytest.raises(TimeoutError, match=r"Sleeper\.sleep"), sideloop.timeout(0.02):
            sleeper.sleep()

    def test_runs_a_coroutine_that_a_sync_method_returns(self, node: Any) -> None:
        assert node.soon() is node

    def test_of_a_library_that_knows_nothing_of_us_works(self) -> None:
        manager = LoopManager()
        session_class = manager.synced(aiohttp.ClientSession)
        with session_class() as session:
            assert not session.closed
        assert session.closed
        manager.close()
        assert "sync" not in inspect.getdoc(session_class)


class TestTranslation:
    def test_gives_one_object_one_twin(self, node: Any) -> None:
        child = node.add("a")
        assert type(child) is Node
        assert node.first is child
        assert node.me() is node
        assert node.same(child) is child
        assert node.children == [child]

    def test_reaches_into_containers_both_ways(self, node: Any) -> None:
        given: Any = {"a": [node, (node, 1)], "b": {node}, "c": Pair(node, None), "d": 1}
        assert node.same(given) == given
        assert node.contains([node])
        assert not node.contains([[node]])
        child = Node("child")
        assert node.adopt(child, other=node) == [child, node]
        assert type(node.same(Pair(node, 1))) is Pair

    def test_passes_on_what_has_nothing_to_translate_as_it_is(self, node: Any) -> None:
        for value in ([1, [2]], {"a": 1}, {1}, (1, 2), [], object(), Pair(1, 2)):
            assert node.same(value) is value
        myself: list[Any] = []
        myself.append(myself)
        assert node.same(myself) is myself

    def test_reaches_into_iterators_and_context_managers(self, node: Any) -> None:
        child = node.add("a")
        steps = node.walk()
        assert next(steps) is node
        assert steps.send(child) is child
        assert list(steps) == [child]
        with node.locked() as locked:
            assert locked is node

    def test_translates_classes_too(self, node: Any) -> None:
        assert node.same(Node) is Node
        assert node.same(Leaf) is Leaf

    def test_gives_operators_their_originals(self, node: Any) -> None:
        assert node / Node("b") == "root/b"

    def test_gives_an_object_of_a_derived_class_the_nearest_twin(self) -> None:
        hidden = library.AsyncHidden

        async def make() -> Any:
            return hidden("h")

        assert type(sideloop.synced(make)()) is Leaf

    def test_holds_no_object_longer_than_anyone_needs(self, node: Any) -> None:
        twin = weakref.ref(node.add("a"))
        original = weakref.ref(node.first.aio)
        gc.collect()
        assert twin() is None
        node.children.clear()
        node.aio.children.clear()
        gc.collect()
        assert original() is None

    def test_is_each_managers_own(self) -> None:
        manager = LoopManager()
        other = manager.synced(library.AsyncNode)
        assert other is not Node
        assert manager.synced(library.AsyncNode) is other
        assert type(other("a").add("b")) is other
        manager.close()

    def test_gives_many_threads_the_same_twin(self) -> None:
        manager = LoopManager(scope="process")
        root = manager.synced(library.AsyncNode)("root")
        together = threading.Barrier(8)

        def find() -> Any:
            together.wait(scaled(20))
            return root.me()

        with ThreadPoolExecutor(8) as threads:
            assert {one.result(scaled(20)) for one in [threads.submit(find) for _ in range(8)]} == {
                root
            }
        manager.close()


class TestTheClass:
    def test_is_what_its_objects_are_instances_of(self, node: Any) -> None:
        leaf = Leaf("leaf")
        assert isinstance(leaf, Node)
        assert isinstance(leaf, Named)
        assert not isinstance(leaf, library.AsyncNode)
        assert issubclass(Leaf, Node)
        assert not isinstance(node, Leaf)

    def test_inherits_as_its_original_does(self) -> None:
        leaf = Leaf("leaf")
        assert leaf.fall() == "leaf falls"
        assert leaf.kind == "leaf"
        assert type(leaf.add("b")) is Leaf
        with pytest.raises(ValueError, match="leaf"):
            leaf.give_up()

    def test_may_be_derived_from(self) -> None:
        special = Special("one")
        assert special.name == "special one"
        assert special.extra == 1
        # Async code makes objects of the same class, as type(self)(...).
        both = special.add_two()
        assert [(type(one), one.name) for one in both] == [
            (Special, "special one"),
            (Special, "special two"),
        ]
        assert special.me() is special
        assert isinstance(special, Node)
        assert str(inspect.signature(Special)) == "(name: str) -> None"

    def test_that_does_not_construct_its_base_says_so(self) -> None:
        class Forgetful(Node):
            def __init__(self) -> None:
                pass

        with pytest.raises(RuntimeError, match=r"call super\(\).__init__\(...\) first"):
            Forgetful().shout()

    def test_is_no_news_for_the_bases_that_it_shares(self) -> None:
        assert "Node" not in Named.made
        assert "Special" in Named.made

    def test_has_the_name_that_its_module_gives_it(self) -> None:
        assert (Node.__module__, Node.__qualname__) == ("library", "Node")
        assert library.Outer.Inner is Node  # one class has one twin
        assert Ticker.__qualname__ == "Ticker"
        assert Ticker.aio.__qualname__ == "Ticker.aio"
        assert Node.aio.__qualname__ == "AsyncNode"

    def test_has_the_signatures_and_documentation_of_its_original(self, node: Any) -> None:
        assert str(inspect.signature(Node)) == "(name: str, *children: library.Node) -> None"
        assert str(inspect.signature(node.add)) == "(name: str) -> library.Node"
        assert not inspect.iscoroutinefunction(node.add)
        assert not inspect.iscoroutinefunction(Node.add)
        assert inspect.getdoc(Node) == "A node in a tree."
        assert inspect.getdoc(Node.add) == "Add a child."
        assert inspect.getdoc(Node.title) == "What it is called."
        text = pydoc.plain(pydoc.render_doc(Node))
        assert "add(self, name: str)" in text
        assert "Its first child." in text

    def test_keeps_originals_at_aio(self, node: Any) -> None:
        assert Node.aio is library.AsyncNode
        assert type(node.aio) is library.AsyncNode
        assert Node.add.aio is library.AsyncNode.add
        assert node.add.aio.__wrapped__ == node.aio.add
        assert asyncio.run(node.add.aio("a")).name == "a"

    def test_of_a_dataclass_is_one(self) -> None:
        point = Point(1, 2)
        assert dataclasses.is_dataclass(point)
        assert dataclasses.asdict(point) == {"x": 1, "y": 2}
        assert point.swapped() == Point(2, 1)
        assert dataclasses.replace(point, x=5) == Point(5, 2)
        assert repr(point) == "Point.aio(x=1, y=2)"
        assert Point.__hash__ is None
        match point:
            case Point(x, y):
                assert (x, y) == (1, 2)

    def test_of_a_generic_class_is_generic(self) -> None:
        assert Point[int](1, 2) == Point(1, 2)

    def test_of_a_class_that_returns_one_object_does_too(self) -> None:
        class Cached(type):
            one: Any = None

            def __call__(cls) -> Any:
                if cls.one is None:
                    cls.one = super().__call__()
                return cls.one

        class AsyncFilesystem(metaclass=Cached):
            async def ls(self) -> list[str]:
                return []

        filesystem = sideloop.synced(AsyncFilesystem)
        assert filesystem() is filesystem()

    @pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
    def test_is_pickled_by_reference_and_its_objects_with_their_originals(
        self, pickler: Any
    ) -> None:
        for twin_class in (Node, Leaf, Ticker, Point, Special):
            assert pickle.loads(pickler.dumps(twin_class)) is twin_class
        point = Point(1, [2])
        again = pickle.loads(pickler.dumps(point))
        assert type(again) is Point
        assert again == point
        assert again is not point

    def test_has_objects_that_are_copied_with_their_originals(self) -> None:
        point = Point(1, [2])
        shallow, deep = copy.copy(point), copy.deepcopy(point)
        assert shallow == deep == point
        assert shallow is not point
        assert shallow.y is point.y
        assert deep.y is not point.y
