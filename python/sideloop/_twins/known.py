"""Known: which class has which twin, which object too, and where that one lives."""

import functools
import weakref
from typing import Any, NamedTuple, Protocol, TypeVar

from sideloop._base.errors import logger
from sideloop._base.signals import raise_a_handlers
from sideloop._base.stack import warn_user
from sideloop._sideloop import forget_weak, keep_weak
from sideloop._twins.by_class import ByClass, mro_of
from sideloop._twins.memory import memory_of, remember
from sideloop._twins.translate import Translated, new_twin

RESIDENT = "where this twin lives"
"""What an object's twin has that under."""


L = TypeVar("L", bound="Lives")


class Lives(Protocol):
    """Where an object lives: its translator, which translates for what it hands out."""

    def as_for(self, twin_class: Any, /) -> Any:
        """The same, as objects of this class are translated for."""

    def out(self, value: Any, /) -> Any:
        """The sync view of what async code has handed out."""


def _as_it_is(value: Any) -> Any:
    return value


class Known:
    """What one manager's twins know of each other.

    An object has one twin at a time, which lives as long as somebody uses it and keeps the object
    alive. It has no state of its own, so that the next twin of the object is as good. An object
    lives in one place for as long as it is there itself, whatever becomes of its twins: what it has
    open belongs to a loop.
    """

    def __init__(self) -> None:
        # A twin class holds its original, so these must not hold the twin class.
        self._classes: ByClass[weakref.ref[type[Translated]]] = ByClass()
        self._nearest: ByClass[_Nearest] = ByClass()
        self.has_classes = False
        # Another one whenever there is another class.
        self._edition = object()
        # By identity: a twin keeps its original, and with that the identity, until it is gone.
        self._twins: dict[int, _Keyed] = {}
        self._places: dict[int, _Place] = {}
        self._forget_twin = functools.partial(forget_weak, self._twins)
        self._forget_place = functools.partial(forget_weak, self._places)
        self._derived: ByClass[list[weakref.ref[type]]] = ByClass()
        self._warned: ByClass[bool] = ByClass()

    def warn_once(self, kind: type, message: str) -> None:
        """Warn whoever meets objects of a class, the first time."""
        if self._warned.get(kind) is None:
            self._warned.keep(kind, True)
            try:
                warn_user(message)
            except Warning as error:  # where warnings are errors, an answer is not lost for one
                raise_a_handlers(error)
                logger.warning("sideloop: %s", message)

    def twin_class(self, kind: type) -> type[Translated] | None:
        """The twin of exactly this class."""
        found = self._classes.get(kind)
        return None if found is None else found()

    def add_class(self, kind: type, twin_class: type[Translated]) -> type[Translated]:
        """From now on its instances are translated. Returns its one twin."""
        ref = weakref.ref(twin_class)
        # Another thread's may have come first. One that is gone may be kept still.
        if (first := self._classes.keep_first(kind, ref)()) is None:
            self._classes.keep(kind, ref)
        self.has_classes = True
        self._edition = object()
        return first or twin_class

    def await_bases(self, kind: type) -> None:
        """Have the twin of a class be told to those of its bases that may have twins later."""
        ref = weakref.ref(kind)
        for base in mro_of(kind)[1:]:
            if base is not object and self._classes.get(base) is None:
                self._derived.keep_first(base, []).append(ref)

    def derived(self, kind: type) -> list[type]:
        """The classes with twins that are derived from this one, which had none then."""
        found = [ref() for ref in self._derived.get(kind) or ()]
        return [one for one in found if one is not None]

    def nearest_class(self, kind: type) -> type[Translated] | None:
        """The twin of this class, or of the first one that it is derived from."""
        if not self.has_classes:
            return None
        nearest = self._nearest.get(kind)
        if nearest is not None and nearest.edition is self._edition:
            if nearest.ref is None:
                return None
            if (found := nearest.ref()) is not None:
                return found
        edition = self._edition
        twins = (self.twin_class(base) for base in mro_of(kind))
        twin_class = next((one for one in twins if one is not None), None)
        ref = None if twin_class is None else weakref.ref(twin_class)
        self._nearest.keep(kind, _Nearest(edition, ref))
        return twin_class

    def found_twin(self, original: object) -> Translated | None:
        """The twin of an object, if it has one now."""
        found = self._twins.get(id(original))
        return None if found is None else found()

    def twin(
        self, original: object, twin_class: type[Translated], resident: "Lives | None"
    ) -> Translated:
        """The one twin of an object. Where that lives is settled later, if it is not said."""
        found = self.found_twin(original)
        if found is None:
            view = _as_it_is if resident is None else resident.out
            memory = memory_of(twin_class)
            made = new_twin(twin_class, memory, original, view)
            if resident is not None:
                settled = self.settle(original, resident)
                made.__dict__[RESIDENT] = settled.as_for(twin_class)
            found = self.keep(original, made)
            if memory is not None:
                # Not before: it may hold itself.
                remember(found, original, view)
        return found

    def keep(self, original: object, twin: Translated) -> Translated:
        """This is the object's twin, if no other thread has made one. Returns the one that is."""
        ref = self._ref(twin, original)
        # Another thread's may have come first, and may go before it is held here.
        while (found := keep_weak(self._twins, ref.key, ref)()) is None:
            pass
        kept: Translated = found
        return kept

    def adopt(self, original: object, twin: Translated) -> None:
        """This is the object's twin from now on."""
        ref = self._ref(twin, original)
        self._twins[ref.key] = ref

    def _ref(self, twin: Translated, original: object) -> "_Keyed":
        try:
            ref = _Keyed(twin, self._forget_twin)
        except TypeError:
            ref = _KeyedByCompanion(_Companion(twin), self._forget_twin)
        ref.key = id(original)
        return ref

    def place(self, original: object) -> Any:
        """Where an object lives, if that is settled."""
        found = self._places.get(id(original))
        return None if found is None else found.resident

    def settle(self, original: object, resident: L) -> L:
        """Where an object lives: here, unless that was settled before."""
        try:
            place = _Place(original, self._forget_place)
        except TypeError:
            return resident  # one without weak references: its twin alone knows
        place.key, place.resident = id(original), resident
        settled: L = keep_weak(self._places, place.key, place).resident
        return settled


class _Nearest(NamedTuple):
    """The nearest class with a twin, when these were the classes with twins."""

    edition: object
    ref: weakref.ref[type[Translated]] | None


class _Keyed(weakref.ref[Any]):
    """A reference that knows what it is kept under."""

    __slots__ = ("key",)

    key: int


class _Companion:
    """Of a twin that allows no weak references itself, as that of a tuple, bytes or int.

    Each holds the other, so they go together, when the collector finds that nobody uses the twin.
    """

    __slots__ = ("__weakref__", "twin")

    def __init__(self, twin: Translated) -> None:
        self.twin = twin
        twin.__dict__[_COMPANION] = self


_COMPANION = "the companion of this twin"


class _KeyedByCompanion(_Keyed):
    __slots__ = ()

    def __call__(self) -> Any:
        companion = super().__call__()
        return None if companion is None else companion.twin


class _Place(_Keyed):
    """Where an object lives, until it is gone."""

    __slots__ = ("resident",)

    resident: Any
