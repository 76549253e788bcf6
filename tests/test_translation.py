"""Translation: what is in a value on its way between twins and async code."""

import asyncio
import contextlib
import dataclasses
import enum
import functools
import gc
import inspect
import logging
import signal
import sys
import time
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import pytest
from programs import count
from steps import profiled

from sideloop import LoopManager, SyncGenerator

T = TypeVar("T")


class AsyncItem:
    """What has a twin."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    async def work(self) -> str:
        return self.name

    async def see(self, look: Callable[[Any], Any], value: Any) -> Any:
        """What async code sees in a value."""
        return look(value)

    async def make(self, make: Callable[["AsyncItem"], Any]) -> Any:
        """What async code makes with itself."""
        return make(self)

    async def same(self, value: Any) -> Any:
        return value


@pytest.fixture
def manager() -> Iterator[LoopManager]:
    manager = LoopManager(drive="caller")
    yield manager
    manager.close()


@pytest.fixture
def item_class(manager: LoopManager) -> Any:
    return manager.synced(AsyncItem)


@pytest.fixture
def item(item_class: Any) -> Any:
    return item_class("one")


class Pair(NamedTuple):
    first: Any
    second: Any


class Marked(Pair):
    mark: Any


class Rows(list[Any]):
    extra: Any = None


class Table(dict[Any, Any]):
    """Its own methods lie."""

    __slots__ = ("note",)
    note: Any

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError

    def items(self) -> Any:
        raise AssertionError

    def __setitem__(self, key: Any, value: Any) -> None:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


@dataclasses.dataclass
class Page:
    items: Any
    next: Any = None


@dataclasses.dataclass(frozen=True)
class Key:
    item: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted(Generic[T]):
    item: T
    number: int = 0


@dataclasses.dataclass(eq=False)
class Identified:
    item: Any


@dataclasses.dataclass
class Doing:
    item: Any

    async def do(self) -> None:
        """Does something with what it holds."""


class Colour(tuple[int, ...], enum.Enum):
    RED = (1, 2)


class TestContainers:
    @pytest.mark.parametrize(
        "make",
        [
            lambda one: [one],
            lambda one: (one,),
            lambda one: {one},
            lambda one: frozenset((one,)),
            lambda one: {one: 1},
            lambda one: {1: one},
            lambda one: {(1, (one,)): 1},
            lambda one: Pair(one, 1),
            lambda one: deque((1, one), maxlen=2),
            lambda one: OrderedDict({1: one}),
            lambda one: defaultdict(int, {1: one}),
            lambda one: Counter((one, one)),
            lambda one: Rows((1, one)),
            lambda one: Page([one]),
            lambda one: Key(one),
            lambda one: {Key(one)},
            lambda one: Slotted(one),
            lambda one: {Slotted((one,)): [Page(Pair(1, [one]))]},
        ],
    )
    def test_are_translated_with_what_is_in_them(
        self, make: Callable[[Any], Any], item: Any
    ) -> None:
        original, given, seen = item.aio, make(item), []
        assert item.see(lambda value: seen.append(value), given) is None
        assert seen[0] == make(original)
        assert type(seen[0]) is type(given)
        assert given == make(item)
        out = item.make(make)
        assert out == make(item)
        assert type(out) is type(given)

    def test_that_hold_nothing_to_translate_are_passed_on_as_they_are(self, item: Any) -> None:
        slotted = Slotted([1])
        for value in (
            [1, [2]],
            (1, (2, [])),
            {"a": {"b": [1]}},
            {1, 2},
            {frozenset((1, (2,)))},
            Pair(1, [2]),
            deque([[1]]),
            OrderedDict(a=[1]),
            defaultdict(list, a=[1]),
            Counter("aab"),
            Rows([[1]]),
            Page([1, [2]]),
            Key((1, 2)),
            slotted,
            [object(), slotted, time.localtime(), sys.float_info, Colour.RED],
        ):
            seen: list[Any] = []
            assert item.same(value) is value
            item.see(seen.append, value)
            assert seen[0] is value

    def test_keep_their_order(self, item: Any) -> None:
        ordered = OrderedDict[Any, Any](a=1, b=[item], c=2)
        ordered.move_to_end("a")
        assert item.see(list, ordered) == ["b", "c", "a"]
        assert list(item.make(lambda one: {1: 2, one: 3, 0: one})) == [1, item, 0]

    def test_keep_what_they_are_beside(self, item: Any) -> None:
        kept = deque([item, 1, 2], maxlen=3)
        assert item.see(lambda value: value.maxlen, kept) == 3
        table = defaultdict(list, {1: item})
        assert item.see(lambda value: value[2], table) == []
        of_items = item.make(lambda one: defaultdict(type(one), {1: one}))
        assert of_items.default_factory is type(item)
        rows, marked = Rows([item]), Marked(item, 1)
        rows.extra, marked.mark = {"of": item}, [item]
        seen: list[Any] = []
        item.see(seen.append, [rows, marked])
        assert seen[0][0].extra == {"of": item.aio}
        assert seen[0][1].mark == [item.aio]

    def test_are_read_and_written_past_their_own_methods(self, item: Any) -> None:
        table = Table()
        dict.__setitem__(table, item, 1)
        table.note = item
        seen: list[Any] = []
        item.see(seen.append, table)
        assert dict(dict.items(seen[0])) == {item.aio: 1}
        assert seen[0].note is item.aio
        assert type(seen[0]) is Table

    def test_are_one_where_they_are_one(self, item: Any) -> None:
        shared = [item]
        seen: list[Any] = []
        item.see(lambda value: seen.append(value), {"a": shared, "b": (shared, Page(shared))})
        found = seen[0]
        assert found["a"] is found["b"][0] is found["b"][1].items
        assert found["a"] == [item.aio]

    def test_are_one_in_different_arguments(self, manager: LoopManager, item: Any) -> None:
        async def look(first: Any, second: Any, *, third: Any) -> bool:
            return first is second[0] is third["x"] and first == [item.aio]

        shared = [item]
        assert manager.synced(look)(shared, [shared], third={"x": shared})

    def test_cost_as_many_steps_as_there_are(self, item: Any) -> None:
        value: Any = [item]
        plain: Any = list(range(100_000))
        for _ in range(60):
            value, plain = [value, (value,)], [plain, {1: plain}]
        seen: list[Any] = []
        item.see(seen.append, value)
        assert item.same(plain) is plain
        found = seen[0]
        for _ in range(60):
            assert found[0] is found[1][0]
            found = found[0]
        assert found == [item.aio]

    @pytest.mark.parametrize(
        "around",
        [
            lambda inside: [inside],
            lambda inside: (inside,),
            lambda inside: {"key": inside},
            lambda inside: Pair(1, inside),
            lambda inside: deque([inside]),
            lambda inside: Page(inside),
            lambda inside: Rows([inside]),
        ],
    )
    def test_may_be_deep(self, around: Callable[[Any], Any], item: Any) -> None:
        depth = 20_000

        def take_out(value: Any) -> Any:
            while not isinstance(value, AsyncItem | type(item) | int):
                if isinstance(value, Page):
                    value = value.items
                elif isinstance(value, dict):
                    value = value["key"]
                else:
                    value = value[-1]
            return value

        plain, value = around(1), around(item)
        for _ in range(depth):
            plain, value = around(plain), around(value)
        assert item.same(plain) is plain
        seen: list[Any] = []
        item.see(seen.append, value)
        assert take_out(seen[0]) is item.aio
        # From the outside in, since comparing or dropping it as a whole takes stack.
        assert take_out(item.same(value)) is item
        for one in (plain, value, seen[0]):
            unravel(one)

    def test_may_be_in_use_by_others(self, manager: LoopManager, item: Any) -> None:
        values: list[Any] = [[item.aio], item.aio]

        class Hash:
            def __hash__(self) -> int:
                values.clear()
                values.extend([item.aio] * 5)
                gc.collect()
                return 1

        async def give() -> Any:
            return {Hash(): item.aio, "values": values}

        assert manager.synced(give)()["values"] in ([[item], item], [item] * 5)

    def test_are_read_at_once_while_async_code_changes_them(self) -> None:
        manager = LoopManager(scope="process")

        class AsyncFeed(AsyncItem):
            def __init__(self) -> None:
                super().__init__()
                # Never without one: what holds nothing to translate is passed on as it is.
                self.items: list[Any] = [self]
                self.table: dict[Any, Any] = {self: [self]}

            async def begin(self) -> None:
                self.task = asyncio.create_task(self.go_on())

            async def go_on(self) -> None:
                while True:
                    self.items.append(AsyncItem())
                    self.table[AsyncItem()] = [self.items[-1]]
                    if len(self.items) > 50:
                        del self.items[1:]
                        for known in list(self.table)[1:]:
                            del self.table[known]
                    await asyncio.sleep(0)

            async def end(self) -> None:
                self.task.cancel()

            def now(self) -> Any:
                return self.items, self.table

        item_class, feed_class = manager.synced(AsyncItem), manager.synced(AsyncFeed)
        feed: Any = feed_class()
        feed.begin()
        kinds: set[type] = set()
        for _ in range(count(500, full=20_000)):
            items, table = feed.now()
            kinds.update(map(type, items), map(type, table))
            kinds.update(type(one) for held in table.values() for one in held)
        feed.end()
        manager.close()
        assert kinds <= {item_class, feed_class}


def unravel(value: Any) -> None:
    """Drop it one by one."""
    inside = [value]
    while inside:
        one = inside.pop()
        if isinstance(one, list | deque):
            inside.extend(one)
            one.clear()
        elif isinstance(one, dict):
            inside.extend(one.values())
            one.clear()
        elif isinstance(one, Page):
            inside.append(one.items)
            one.items = None


class TestWhatHoldsItself:
    def test_is_translated_at_every_depth(self, item: Any) -> None:
        value: list[Any] = [item]
        value += [value, (value, 1), {"a": value}]
        seen: list[Any] = []
        item.see(seen.append, value)
        found = seen[0]
        assert found[0] is item.aio
        assert found[1] is found[2][0] is found[3]["a"] is found
        assert found is not value

    def test_is_passed_on_as_it_is_with_nothing_to_translate(self, item: Any) -> None:
        value: list[Any] = []
        value += [value, (value, 1), {"a": value}, Page(value)]
        assert item.same(value) is value

    def test_may_be_a_tuple_that_a_list_in_it_holds(self, item: Any) -> None:
        inside: list[Any] = [item]
        inner = (1, inside)
        value = (inner, inside)
        inside.append(value)
        seen: list[Any] = []
        for one in (value, inner, inside):
            item.see(seen.append, one)
        whole, within, innermost = seen
        assert whole[1][1] is whole
        assert whole[0][1] is whole[1]
        assert within[1][1][0] is within
        assert innermost[1][0][1] is innermost
        assert whole[1][0] is within[1][0] is innermost[0] is item.aio

    def test_may_be_hashed_by_what_it_does_not_hold(self, item: Any) -> None:
        for kind in (set, frozenset):
            for first in (0, 1):
                person = Person("a", item)
                friends: Any = kind((person,))
                person.friends = friends
                seen: list[Any] = []
                item.see(seen.append, (person, friends)[first])
                found = seen[0] if first == 0 else next(iter(seen[0]))
                assert found.item is item.aio
                assert next(iter(found.friends)) is found
                assert found in found.friends

    def test_is_translated_next_to_others(self, item: Any) -> None:
        rings: list[Any] = []
        for at in (item, 1, item):
            ring: list[Any] = [at]
            ring.append({"ring": ring, "all": 1})
            rings.append(ring)
        seen: list[Any] = []
        item.see(seen.append, rings)
        assert seen[0][1] is rings[1]
        for at in (0, 2):
            assert seen[0][at][0] is item.aio
            assert seen[0][at][1]["ring"] is seen[0][at]


@dataclasses.dataclass
class Person:
    name: str
    item: Any
    friends: Any = None

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Person) and self.name == other.name


class Odd:
    """All that can be asked of it raises."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError(name)

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError

    __class__ = property(lambda _: 1 / 0)  # type: ignore[assignment]


def set_in_the_twin_alone(twin_class: Any, name: str, value: object) -> None:
    """What a class statement sets there reaches the original, too."""
    type.__setattr__(twin_class, name, value)


class OddMeta(type):
    """A class that cannot be asked, either."""

    def __getattribute__(cls, name: str) -> Any:
        raise ZeroDivisionError(name)

    def __eq__(cls, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(cls) -> int:
        raise ZeroDivisionError

    def __instancecheck__(cls, instance: object) -> bool:
        raise ZeroDivisionError


class OddClass(metaclass=OddMeta):
    pass


class Sulking(AsyncItem):
    """Is hashed while it wants to."""

    wants = True

    def __hash__(self) -> int:
        if not Sulking.wants:
            raise ZeroDivisionError
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sulking)


class Exiting(AsyncItem):
    """Exits while it is hashed, once it was armed."""

    armed = False

    def __hash__(self) -> int:
        if Exiting.armed:
            raise SystemExit(7)
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exiting)


class Ringing(AsyncItem):
    """A signal comes while it is hashed, once it was armed."""

    armed = False

    def __hash__(self) -> int:
        if Ringing.armed:
            signal.raise_signal(signal.SIGALRM)
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ringing)


class Handlers:
    """What may be installed, each of another kind."""

    @staticmethod
    def function(*_: object) -> None:
        raise LookupError("rung")

    def method(self, *_: object) -> None:
        raise LookupError("rung")

    def __call__(self, *_: object) -> None:
        raise LookupError("rung")


class TestASignalHandlerThatRaisesMeanwhile:
    @pytest.mark.parametrize(
        "handler",
        [
            Handlers.function,
            Handlers().method,
            Handlers(),
            functools.partial(Handlers.method, Handlers()),
        ],
    )
    def test_is_heard_and_is_no_failure_to_translate(
        self, manager: LoopManager, handler: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = manager.synced(Ringing)
        originals = {Ringing()}

        async def give() -> Any:
            Ringing.armed = True
            return originals

        before = signal.signal(signal.SIGALRM, handler)
        try:
            with pytest.raises(LookupError, match="rung"):
                manager.synced(give)()
        finally:
            Ringing.armed = False
            signal.signal(signal.SIGALRM, before)
        assert caplog.text == ""
        assert kept.aio is Ringing


class TestWhatIsOdd:
    def test_is_passed_on_as_it_is(self, item: Any) -> None:
        odd: Any = Odd()
        seen: list[Any] = []
        item.see(seen.append, [odd, item])
        assert seen[0][0] is odd
        assert seen[0][1] is item.aio
        found = item.make(lambda one: {"odd": odd, "class": OddClass, "one": one})
        assert found["odd"] is odd
        assert found["class"] is OddClass
        assert found["one"] is item
        instance = type.__call__(OddClass)
        assert item.same([instance])[0] is instance

    def test_loses_no_answer(
        self, manager: LoopManager, item: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = manager.synced(Sulking)
        originals = {Sulking()}

        async def give() -> Any:
            Sulking.wants = False
            return [originals, item.aio]

        try:
            found = manager.synced(give)()
        finally:
            Sulking.wants = True
        assert found[0] is originals
        assert found[1] is item
        assert "'set'> could not be translated" in caplog.text
        assert "ZeroDivisionError" in caplog.text
        assert kept.aio is Sulking  # else nothing would be translated

    def test_loses_no_answer_whatever_becomes_of_the_report(self, manager: LoopManager) -> None:
        kept = manager.synced(Sulking)
        ring: Any = Rows()
        ring += [frozenset((Sulking(),)), ring]

        async def give() -> Any:
            Sulking.wants = False
            return ring

        def refuse(_record: object) -> bool:
            raise ZeroDivisionError

        logger = logging.getLogger("sideloop")
        logger.addFilter(refuse)
        try:
            found = manager.synced(give)()
        finally:
            Sulking.wants = True
            logger.removeFilter(refuse)
        assert found[1] is found
        assert found[0] == ring[0]
        assert kept.aio is Sulking  # else nothing would be translated

    def test_that_exits_is_no_failure_to_translate(
        self, manager: LoopManager, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = manager.synced(Exiting)
        originals = {Exiting()}

        async def give() -> Any:
            Exiting.armed = True
            return originals

        try:
            with pytest.raises(SystemExit, match="7"):
                manager.synced(give)()
        finally:
            Exiting.armed = False
        assert caplog.text == ""
        assert kept.aio is Exiting  # else nothing would be translated

    def test_is_the_callers_error_on_the_way_in(self, manager: LoopManager) -> None:
        twin = manager.synced(Sulking)()
        given, ran = {twin: 1}, []

        async def take(_value: Any) -> None:
            ran.append(1)

        Sulking.wants = False
        try:
            with pytest.raises(ZeroDivisionError):
                manager.synced(take)(given)
        finally:
            Sulking.wants = True
        assert ran == []

    def test_that_is_equal_when_translated_loses_nothing(
        self, manager: LoopManager, item_class: Any
    ) -> None:
        class All(item_class):  # type: ignore[misc]
            pass

        set_in_the_twin_alone(All, "__eq__", lambda *_: True)
        set_in_the_twin_alone(All, "__hash__", lambda _: 1)
        first, second = All("a"), All("b")

        async def give() -> Any:
            return {first.aio: 1, second.aio: 2}

        assert list(manager.synced(give)()) == [first.aio, second.aio]

    def test_that_is_equal_when_translated_is_an_error_on_the_way_in(
        self, manager: LoopManager
    ) -> None:
        class Same(AsyncItem):
            def __eq__(self, other: object) -> bool:
                return True

            def __hash__(self) -> int:
                return 1

        class Different(manager.synced(Same)):  # type: ignore[misc]
            pass

        set_in_the_twin_alone(Different, "__eq__", lambda *both: both[0] is both[1])
        set_in_the_twin_alone(Different, "__hash__", object.__hash__)

        async def number(value: Any) -> int:
            return len(value)

        for given in (
            {Different("a"), Different("b")},
            frozenset((Different("a"), Different("b"))),
        ):
            with pytest.raises(ValueError, match="2 things that differ are only 1"):
                manager.synced(number)(given)

    def test_may_have_no_hash_in_its_twin(self, manager: LoopManager, item_class: Any) -> None:
        class Unhashable(item_class):  # type: ignore[misc]
            pass

        set_in_the_twin_alone(Unhashable, "__hash__", None)
        one = Unhashable("a")

        async def give() -> Any:
            return [{one.aio: 1}, {one.aio}, one.aio]

        keys, members, itself = manager.synced(give)()
        assert (keys, members, itself) == ({one.aio: 1}, {one.aio}, one)

    def test_leaves_what_was_entered(self, manager: LoopManager) -> None:
        log: list[str] = []

        class Interrupting(AsyncItem):
            def __hash__(self) -> int:
                if "entered" in log:
                    raise KeyboardInterrupt
                return 1

        twin_class = manager.synced(Interrupting)

        @manager.synced
        class Connection:
            def __init__(self, value: Any) -> None:
                self.value = value

            async def __aenter__(self) -> Any:
                log.append("entered")
                return self.value

            async def __aexit__(self, kind: Any, *_rest: Any) -> None:
                log.append(f"left by {kind.__name__}")

        @manager.synced
        @contextlib.asynccontextmanager
        async def connect(value: Any) -> AsyncGenerator[Any]:
            log.append("entered")
            try:
                yield value
            except BaseException as error:
                log.append(f"left by {type(error).__name__}")
                raise

        for enter in (Connection, connect):
            log.clear()
            entered = enter({twin_class()})
            with pytest.raises(KeyboardInterrupt), entered:
                raise AssertionError
            assert log == ["entered", "left by KeyboardInterrupt"]
            with pytest.raises(RuntimeError, match="was not entered"):
                entered.__exit__(None, None, None)


class TestObjects:
    def test_that_are_values_are_looked_into(self, item: Any) -> None:
        page = item.make(lambda one: Page([one], next=Key(one)))
        assert page == Page([item], Key(item))

    def test_that_are_not_are_passed_on_as_they_are(self, item: Any) -> None:
        class Plain:
            def __init__(self, item: Any) -> None:
                self.item = item

        for value in (Plain(item), Identified(item), Doing(item), object()):
            assert item.same([item, value])[1] is value
            assert item.same(value) is value

    def test_keep_all_that_they_have(self, item: Any) -> None:
        page = Page([item])
        page.cached = item  # type: ignore[attr-defined]
        del page.next
        seen: list[Any] = []
        item.see(seen.append, page)
        assert vars(seen[0]) == {"items": [item.aio], "cached": item.aio}
        empty: Any = object.__new__(Slotted)
        object.__setattr__(empty, "item", item)
        item.see(seen.append, empty)
        assert seen[1].item is item.aio
        assert not hasattr(seen[1], "number")

    def test_have_one_view_however_often_they_are_in_a_value(self, manager: LoopManager) -> None:
        manager.synced(AsyncItem)

        async def numbers() -> AsyncGenerator[int]:
            yield 1

        async def give() -> Any:
            made = numbers()
            return [made, {"again": made}]

        found = manager.synced(give)()
        assert isinstance(found[0], SyncGenerator)
        assert found[0] is found[1]["again"]
        assert list(found[0]) == [1]


class TestAManagerWithoutTwinsOfClasses:
    def test_looks_at_a_value_and_not_into_it(self) -> None:
        manager = LoopManager(drive="caller")
        other = LoopManager(drive="caller")
        one = other.synced(AsyncItem)("a")
        seen: list[Any] = []

        async def numbers() -> AsyncGenerator[int]:
            yield 1

        async def see(value: Any) -> Any:
            seen.append(value)
            return value

        twin = manager.synced(see)
        rows = [{"a": [one]}]
        assert twin(rows) is rows
        assert seen[0] is rows
        assert twin(one) is one.aio
        assert seen[1] is one.aio
        assert list(twin(numbers())) == [1]
        manager.close()
        other.close()


class TestTheCost:
    def test_is_no_step_of_python_for_what_is_in_a_value(self, item: Any) -> None:
        """How long it takes is shown by `benches/twin.py`."""

        def steps(rows: int) -> int:
            value = [
                {"id": n, "tags": ["a", "b"], "place": {"lat": 1.0, "lon": [2.0]}}
                for n in range(rows)
            ]
            return len(profiled(lambda: item.same(value)))

        steps(1)  # the first call of a method finds out about it
        assert steps(10) == steps(10_000) > 0

    def test_of_what_is_known_of_a_class_ends_with_it(self, item: Any) -> None:
        classes = []
        for base in (object, list, tuple):
            kind: Any = dataclasses.make_dataclass("Made", ["item"], slots=base is object)
            if base is not object:
                kind = type("Derived", (base,), {})
                one = kind([item])
            else:
                one = kind(item)
            assert item.same([one]) is not None
            classes.append(weakref.ref(kind))
            del kind, one
        gc.collect()
        assert [ref() for ref in classes] == [None] * 3


def test_a_signal_handler_may_use_twins_while_a_value_is_walked(item: Any) -> None:
    """It comes between two of our steps, and nothing is locked then."""

    class Slow(AsyncItem):
        def __hash__(self) -> int:
            signal.raise_signal(signal.SIGUSR1)
            return 1

    answers: list[Any] = []
    manager = LoopManager(drive="caller")
    slow = manager.synced(Slow)
    before = signal.signal(signal.SIGUSR1, lambda *_: answers.append(item.same([item])))
    try:

        async def same(value: Any) -> Any:
            return value

        one = slow()
        assert manager.synced(same)({one: one}) == {one: one}
    finally:
        signal.signal(signal.SIGUSR1, before)
        manager.close()
    assert answers
    assert all(answer == [item] for answer in answers)
    assert inspect.iscoroutinefunction(AsyncItem.same)
