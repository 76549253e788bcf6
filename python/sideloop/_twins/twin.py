"""The twin: an object whose sync methods stand for the async ones of another object."""

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from sideloop._twins.form import form_of
from sideloop._twins.function import TWINS, SyncFunction
from sideloop._twins.translate import (
    Translated,
    into,
    is_plain,
    kind_of,
    original_of,
)
from sideloop._twins.translator import RESIDENT, Resident, Translator

A_co = TypeVar("A_co", covariant=True)


class Origin:
    """What a twin class knows of the async class that it was made from."""

    def __init__(self, original: type, translator: Translator) -> None:
        self.original = original
        self.translator = translator

        async def construct(*args: Any, **kwargs: Any) -> tuple[Any, BaseException | None]:
            # On the loop, since constructors may need the running one. The error is an answer: its
            # traceback would begin with this frame.
            try:
                return original(*args, **kwargs), None
            except BaseException as error:
                # In no variable: the frame would hold what holds the frame.
                return None, error.with_traceback(
                    error.__traceback__ and error.__traceback__.tb_next
                )

        construct.__module__, construct.__qualname__ = original.__module__, original.__qualname__
        self.construct = construct

    def __reduce__(self) -> Any:
        # Only cloudpickle comes here, with a class that no other process could import.
        # Not above: importing it takes a tenth of the package's own time.
        import pickle

        raise pickle.PicklingError(
            f"the twin of class {self.original.__module__}.{self.original.__qualname__} is pickled "
            f"by reference: define both in a module that can be imported, not in a script or in a "
            f"function, under the name that synced is called for"
        )


class Twin(Translated):
    """The base of all twin classes.

    Its objects have no state but the original: what is set on them is set there.
    """

    __sideloop__: Origin
    __sideloop_twin__ = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if "__sideloop__" not in cls.__dict__:
            return object.__new__(cls)  # a subclass, whose __init__ may take other arguments
        origin = cls.__sideloop__
        resident = origin.translator.here(origin.construct)
        made = resident.router.run(origin.construct, *resident.into_call(args, kwargs))
        try:
            if made[1] is not None:
                raise made[1]
            # A class may return one object again and again. So does its twin.
            return resident.out(made[0])
        finally:
            del made  # it holds the error, whose traceback holds this frame

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "_sideloop_original" in self.__dict__:
            return
        origin = self.__sideloop__
        resident = origin.translator.here(origin.construct)
        made = resident.router.run(origin.construct, *resident.into_call(args, kwargs))
        try:
            if made[1] is not None:
                raise made[1]
            known = resident.known
            self.__dict__[RESIDENT] = known.settle(made[0], resident)
            self.__dict__["_sideloop_original"] = made[0]
            known.adopt(made[0], self)
        finally:
            del made

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # One that synced makes is not news for the bases that it shares with the original.
        if "__sideloop__" not in cls.__dict__:
            super().__init_subclass__(**kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "_sideloop_original":
            raise AttributeError(name)
        return view(self, type(self), getattr(original_of(self), name))

    def __setattr__(self, name: str, value: Any) -> None:
        found = (vars(base)[name] for base in type(self).__mro__ if name in vars(base))
        if hasattr(next(found, None), "__set__"):
            object.__setattr__(self, name, value)  # a property or slot of a subclass, for example
        else:
            setattr(original_of(self), name, into(value))

    def __delattr__(self, name: str) -> None:
        delattr(original_of(self), name)

    def __dir__(self) -> list[str]:
        own = {"_sideloop_original", RESIDENT}
        return sorted({*object.__dir__(self), *dir(original_of(self))} - own)

    def __copy__(self) -> Any:
        return resident_of(self).out(copy.copy(original_of(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return resident_of(self).out(copy.deepcopy(original_of(self), memo))

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        return _restore, (type(self), original_of(self))


class AsyncOriginal(Generic[A_co]):
    """The attribute `aio` of a twin: the async original, of the class or of the object.

    In stubs it says of which class.
    """

    def __init__(self, of: Callable[[Any], A_co]) -> None:
        self._of = of

    @overload
    def __get__(self, twin: None, owner: Any) -> type[A_co]: ...
    @overload
    def __get__(self, twin: object, owner: Any) -> A_co: ...

    def __get__(self, twin: object, owner: Any) -> Any:
        return owner.__sideloop__.original if twin is None else self._of(twin)


def resident_of(twin: Twin) -> Resident:
    """Who translates for an object, and calls where it lives."""
    found: Resident | None = twin.__dict__.get(RESIDENT)
    if found is not None:
        return found
    # One that no call has made, but a pickle, say. It lives where it is used first.
    original = original_of(twin)
    translator = twin.__sideloop__.translator
    settled = translator.known.place(original)
    if settled is None:
        settled = translator.known.settle(original, translator.here(kind_of(original)))
    resident: Resident = twin.__dict__.setdefault(RESIDENT, settled)
    return resident


def view(twin: Twin | None, owner: type[Twin], value: Any) -> Any:
    """The sync view of an attribute's value, which may be an async function."""
    if is_plain(value):
        return value
    translator = owner.__sideloop__.translator if twin is None else resident_of(twin)
    if isinstance(value, SyncFunction):
        return value.at(translator)  # the original's own body has a twin
    form = form_of(value) if hasattr(value, "__code__") or hasattr(value, "__func__") else None
    if form is not None:
        return TWINS[form](translator, value)
    return translator.out(value)


def _restore(twin_class: type[Twin], original: object) -> Translated:
    return twin_class.__sideloop__.translator.known.twin(original, twin_class, None)
