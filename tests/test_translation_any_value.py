"""Translation of any value, against a slow and obvious model: what changes, and what is one."""

import dataclasses
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from programs import count

from sideloop import LoopManager


class AsyncItem:
    async def same(self, value: Any, seen: Callable[[Any], Any]) -> Any:
        seen(value)
        return value


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass(unsafe_hash=True)
class Named:
    """May be hashed whatever it holds."""

    name: int
    parts: Any = dataclasses.field(default=None, compare=False)


class Rows(list[Any]):
    pass


class Bag(set[Any]):
    pass


# Made empty, filled later: so they may hold what comes after them, and themselves.
FILLED: dict[str, Callable[[], Any]] = {
    "list": list,
    "dict": dict,
    "set": set,
    "deque": deque,
    "ordered": OrderedDict,
    "default": lambda: defaultdict(int),
    "rows": Rows,
    "bag": Bag,
    "named": lambda: Named(0),
}
AT_ONCE: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "frozenset": frozenset,
    "pair": lambda parts: Pair(tuple(parts), parts[0] if parts else None),
}
LEAVES = ("item", "class", "number", "text", "object")

kinds = st.sampled_from([*FILLED, *AT_ONCE, *LEAVES])
Plan = list[tuple[str, list[int]]]
plans = st.lists(
    st.tuples(kinds, st.lists(st.integers(0, 30), max_size=4)), min_size=1, max_size=14
)


def can_be_hashed(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def build(plan: Plan, twin_class: Any) -> list[Any]:
    """The objects of a plan: each a kind, and which others it holds."""
    made: dict[int, Any] = {}
    for at, (kind, _) in enumerate(plan):
        if kind in FILLED:
            made[at] = Named(at) if kind == "named" else FILLED[kind]()
        elif kind == "item":
            made[at] = twin_class()
        elif kind == "class":
            made[at] = twin_class
        elif kind in LEAVES:
            made[at] = {"number": at, "text": f"text {at}", "object": object()}[kind]
    for at, (kind, parts) in enumerate(plan):
        if kind in AT_ONCE:
            there = [made[part % len(plan)] for part in parts if part % len(plan) in made]
            made[at] = AT_ONCE[kind](
                list(filter(can_be_hashed, there)) if kind == "frozenset" else there
            )
    for at, (kind, numbers) in enumerate(plan):
        held = [made[number % len(plan)] for number in numbers]
        hashed = list(filter(can_be_hashed, held))
        if kind in ("list", "deque", "rows"):
            made[at].extend(held)
        elif kind in ("set", "bag"):
            made[at].update(hashed)
        elif kind in ("dict", "ordered", "default"):
            made[at].update(zip(hashed, reversed(held), strict=False))
            if kind == "ordered" and made[at]:
                made[at].move_to_end(next(iter(made[at])))
        elif kind == "named":
            made[at].parts = held
    return [made[at] for at in range(len(plan))]


def parts_of(value: Any) -> list[Any] | None:
    """What a container holds, in an order that its copy has, too; None for what is none."""
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, Named):
        return [value.name, value.parts]
    if isinstance(value, list | tuple | deque | set | frozenset):
        return list(value)
    return None


def changing(value: Any, translated: dict[int, Any]) -> set[int]:
    """Which objects below a value change: the leaves, and what holds one that does."""
    holders: dict[int, list[Any]] = {}
    objects, waiting = {id(value): value}, [value]
    while waiting:
        one = waiting.pop()
        for part in parts_of(one) or ():
            holders.setdefault(id(part), []).append(one)
            if id(part) not in objects:
                objects[id(part)] = part
                waiting.append(part)
    changed = set(objects) & set(translated)
    waiting = [objects[one] for one in changed]
    while waiting:
        for holder in holders.get(id(waiting.pop()), ()):
            if id(holder) not in changed:
                changed.add(id(holder))
                waiting.append(holder)
    return changed


class Comparison:
    """Of a value and its translation, in which each object stands for one of the value's."""

    def __init__(self, value: Any, translated: dict[int, Any]) -> None:
        self._translated = translated
        self._changed = changing(value, translated)
        self._pairs: dict[int, Any] = {}
        self._back: dict[int, Any] = {}

    def compare(self, value: Any, found: Any) -> None:
        waiting = [(value, found)]
        while waiting:
            one, other = waiting.pop()
            if id(one) not in self._changed:
                assert other is one
                continue
            if id(one) in self._translated:
                assert other is self._translated[id(one)]
                continue
            if id(one) in self._pairs:
                assert other is self._pairs[id(one)]
                continue
            assert other is not one
            assert type(other) is type(one)
            assert id(other) not in self._back
            self._pairs[id(one)], self._back[id(other)] = other, one
            waiting += self._parts(one, other)

    def _parts(self, one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
        parts, others = parts_of(one), parts_of(other)
        assert parts is not None
        assert others is not None
        assert len(parts) == len(others)
        if not isinstance(one, set | frozenset):
            yield from zip(parts, others, strict=True)
            return
        # In any order: each is found by what it is equal to.
        there = {part: part for part in others}
        for part in parts:
            found = self._equal_to(part)
            assert found in other
            yield part, there[found]

    def _equal_to(self, value: Any) -> Any:
        """Something equal to the translation of what can be hashed."""
        if id(value) in self._translated:
            return self._translated[id(value)]
        if type(value) in (tuple, frozenset):
            return type(value)(map(self._equal_to, value))
        return Pair(*map(self._equal_to, value)) if type(value) is Pair else value


def check(manager: LoopManager, plan: Plan, root: int) -> None:
    """Send a value of this plan to async code and back, and compare both ways."""
    twin_class: Any = manager.synced(AsyncItem)
    objects = build(plan, twin_class)
    value, item = objects[root % len(objects)], twin_class()
    originals: dict[int, Any] = {id(twin_class): AsyncItem}
    twins: dict[int, Any] = {id(AsyncItem): twin_class}
    for one in objects:
        if type(one) is twin_class:
            originals[id(one)] = one.aio
            twins[id(one.aio)] = one
    seen: list[Any] = []
    found = item.same(value, seen.append)
    Comparison(value, originals).compare(value, seen[0])
    Comparison(seen[0], twins).compare(seen[0], found)


class TestAnyValue:
    def test_has_a_translation_in_which_what_was_one_is_one(self) -> None:
        manager = LoopManager(drive="caller")

        @settings(deadline=None, max_examples=count(400, full=8_000))
        @given(plan=plans, root=st.integers(0, 13))
        def check_any(plan: Plan, root: int) -> None:
            check(manager, plan, root)

        try:
            check_any()
        finally:
            manager.close()
