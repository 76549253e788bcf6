"""The birth of an object of a sync user's class: one for async code and its twin, made together.

Either a sync user makes the twin, whose `__init__` comes to `super().__init__`, and that makes the
other on the loop; or async code makes the other, by a classmethod for example, and the user's
`__init__` runs right there. So what one of them begins, the other one must not begin again.
"""

import asyncio
import contextlib
import inspect
import threading
from typing import Any

from sideloop._base.errors import without_our_frame
from sideloop._base.signature import signature_of
from sideloop._twins.behind import super_of
from sideloop._twins.known import RESIDENT
from sideloop._twins.memory import remember
from sideloop._twins.override import found_by, twin_of
from sideloop._twins.static import has_aio, names_aio, static_of
from sideloop._twins.translate import ORIGINAL, kind_of
from sideloop._twins.translator import Resident
from sideloop._twins.view import resident_of


class _Births(threading.local):
    """Those under way on the calling thread, innermost last."""

    def __init__(self) -> None:
        self.now: list[Birth] = []


class Birth:
    """The birth of an object for a twin that is there."""

    def __init__(self, twin: Any, original: type, resident: Resident) -> None:
        self._twin = twin
        self._original = original
        self._resident = resident
        self._kind: Any = twin.__sideloop__.original

    async def construct(self, *args: Any, **kwargs: Any) -> BaseException | None:
        """Make it, on the loop. Returns what went wrong: its traceback begins with this frame."""
        _births.now.append(self)
        try:
            made = self._kind(*args, **kwargs)
            if has_aio(made):
                raise TypeError(names_aio(self._kind.__qualname__))  # an answer
        except BaseException as error:
            # In no variable: the frame would hold what holds the frame.
            return without_our_frame(error)
        finally:
            if self in _births.now:
                _births.now.remove(self)
        # A class may return one object again and again, which is not initialised anew.
        self.bind(made)
        return None

    def is_of(self, inside: Any) -> bool:
        """Whether this is the object."""
        return type(inside) is self._kind

    def initialise(self, inside: Any, args: Any, kwargs: Any) -> None:
        """Call the constructor that the user's has called."""
        _births.now.remove(self)
        self.bind(inside)
        initialise(inside, self._original, args, kwargs)

    def bind(self, inside: Any) -> None:
        """From here on the twin stands for the object."""
        known = self._resident.known
        self._twin.__dict__[RESIDENT] = known.settle(inside, self._resident)
        self._twin.__dict__[ORIGINAL] = inside
        known.adopt(inside, self._twin)
        remember(self._twin, inside, self._resident.out)


_births = _Births()


def hidden_constructor(owner: Any) -> Any:
    """The `__init__` of the hidden original of a user's class."""

    def __init__(inside: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it is one
        now = _births.now
        if now and now[-1].is_of(inside):
            now[-1].initialise(inside, args, kwargs)
            return
        kind = translator_of(owner).known.nearest_class(type(inside)) or owner
        if _is_users(owner, kind):
            twin = twin_of(owner, inside)
            out = resident_of(twin).out
            sync_kwargs = {name: out(value) for name, value in kwargs.items()}
            found_by(owner, kind, twin, "__init__")(*map(out, args), **sync_kwargs)
        else:
            hidden = owner.__sideloop__.original
            after = type(inside).__mro__[type(inside).__mro__.index(hidden) + 1]
            initialise(inside, after, args, kwargs)

    static = inspect.getattr_static(owner, "__init__")
    with contextlib.suppress(TypeError, ValueError):
        vars(__init__)["__signature__"] = signature_of(getattr(static, "async_fn", static))
    return __init__


def translator_of(owner: Any) -> Any:
    """Who translates for a class."""
    return owner.__sideloop__.translator


def _is_users(owner: Any, kind: Any) -> bool:
    """Whether the constructor that comes first, from `owner` on, is one that a user has written."""
    definer = _definer(kind, owner)
    return not hasattr(definer.__dict__["__init__"], "__sideloop_constructor__")


def _definer(kind: Any, first: Any) -> Any:
    """The class whose constructor comes first for a `kind`, from `first` on."""
    rest = kind.__mro__[kind.__mro__.index(first) :]
    return next(base for base in rest if "__init__" in base.__dict__)


def initialise(inside: Any, original: type, args: Any, kwargs: Any) -> None:
    """Call the constructor of an object as `original` has it."""
    kind = kind_of(inside)
    made = static_of(kind, "__new__") is not object.__dict__["__new__"]
    if made and _definer(kind, original) is object:
        return  # which has taken the arguments
    super_of(kind, original, inside).__init__(*args, **kwargs)


def begin(twin: Any, original: type, args: Any, kwargs: Any) -> BaseException | None:
    """What `__init__` of a twin does for an object of a user's class. Returns what went wrong."""
    if ORIGINAL not in twin.__dict__:
        origin = twin.__sideloop__
        resident = origin.translator.here(origin.begin)
        birth = Birth(twin, original, resident)
        error: BaseException | None = resident.router.run(origin.begin, (birth, *args), kwargs)
        return error
    inside, resident = twin.__dict__[ORIGINAL], resident_of(twin)

    async def again() -> None:
        initialise(inside, original, args, kwargs)

    if _runs_here(resident):
        initialise(inside, original, args, kwargs)
    else:
        resident.router.run(again, (), {})
    return None


def _runs_here(resident: Resident) -> bool:
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return False
    return resident.home.for_call(type(resident)).loop is running
