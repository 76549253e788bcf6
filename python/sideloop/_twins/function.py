"""The sync twins of functions and methods."""

import functools
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sideloop._loops.mismatch import note_on
from sideloop._sideloop import TwinFunction, call_name
from sideloop._twins.form import Form
from sideloop._twins.served import Called, CalledAsync, served
from sideloop._twins.translate import kind_of
from sideloop._twins.translator import Translator
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.generator import SyncGenerator

_HIDDEN = frozenset(
    ("__code__", "__func__", "__wrapped__", "_is_coroutine", "_is_coroutine_mark", "aio")
)
"""What would show the twin as a coroutine function, and what it has itself."""


class _Shown(str):
    """What a class shows of itself, where each of its objects shows what its function does.

    To look that up when a twin is made would cost a method's call more than all else that is done.
    """

    name: str

    def __get__(self, twin: Any, owner: Any = None) -> Any:
        return self if twin is None else getattr(twin.__wrapped__, self.name, str(self))

    @classmethod
    def by_objects_of(cls, kind: type) -> None:
        """Have the objects of a class show their functions' documentation and module."""
        for name in ("__doc__", "__module__"):
            shown = cls(getattr(kind, name) or "")
            shown.name = name
            setattr(kind, name, shown)


class SyncFunction(TwinFunction):
    """The sync twin of an async function: what `synced` returns.

    Looks like the function, which is at `aio`, and is a method where that would be one. Calling it
    blocks, and is a call of `run_sync`: on the loop of the calling thread, or, of a method, on that
    of its object. Pickled by reference.

    >>> import sideloop
    >>> @sideloop.synced
    ... async def async_add(a: int, b: int) -> int:
    ...     return a + b
    >>> async_add(10, b=12)
    22
    >>> sideloop.run_sync(async_add.aio, 10, 12)
    22
    """

    __sideloop_twin__ = True
    """Calls refuse it, and say to pass its `aio`."""

    if TYPE_CHECKING:
        # The extension's own, as is the call, which costs no frame of Python then.
        @property
        def translator(self) -> Translator: ...

    def __init_subclass__(cls) -> None:
        _Shown.by_objects_of(cls)

    @property
    def aio(self) -> Any:
        """The async original. Of an object's method it can be awaited on any loop."""
        return self.translator.original(self.__wrapped__)

    def at(self, translator: Translator) -> "SyncFunction":
        """The same, for what lives there."""
        if self.translator.manager is not translator.manager:
            return self
        return type(self)(translator, self.__wrapped__)

    def __get__(self, instance: object, owner: type | None = None) -> "SyncFunction":
        bound = _bind(self.__wrapped__, instance, owner)
        return self if bound is self.__wrapped__ else type(self)(self.translator, bound)

    def __getattr__(self, name: str) -> Any:
        # Its name, its annotations, what decorators have put on it.
        if name in _HIDDEN:
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SyncFunction):
            return NotImplemented
        same = self.translator.manager is other.translator.manager
        return bool(same and self.__wrapped__ == other.__wrapped__)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __repr__(self) -> str:
        return f"<sideloop.synced of {self.__wrapped__!r}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        # By the name that holds it. If none does, the original's may: `get = synced(async_get)`.
        name: str = getattr(self.__wrapped__, "__qualname__", "")
        held: Any = sys.modules.get(self.__module__)
        for part in name.split("."):
            held = getattr(held, part, None)
        if held is not self:
            return _restore, (self.translator.manager, self.__wrapped__)
        return name if self.__module__ != "__main__" else (self._maker(name), ())

    def _maker(self, name: str) -> Callable[[], Any]:
        # What a script defines cloudpickle sends by value, but it does so with functions only. For
        # pickle this one is found by its name.
        if "make" not in vars(self):
            manager, async_fn = self.translator.manager, self.__wrapped__

            def make() -> Any:
                return _restore(manager, async_fn)

            make.__module__, make.__qualname__ = "__main__", f"{name}.make"
            vars(self)["make"] = make
        maker: Callable[[], Any] = vars(self)["make"]
        return maker


_Shown.by_objects_of(SyncFunction)


class SyncGeneratorFunction(SyncFunction):
    """The sync twin of a function that returns an async generator or iterator."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> SyncGenerator[Any, Any]:
        args, kwargs = self.translator.into_call(args, kwargs)
        items = self.__wrapped__(*args, **kwargs)
        return self.translator.iterate(items, self.__wrapped__)


class SyncContextManagerFunction(SyncFunction):
    """The sync twin of a function that returns an async context manager."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> SyncContextManager[Any]:
        args, kwargs = self.translator.into_call(args, kwargs)
        async_fn, translator = self.__wrapped__, self.translator
        make = functools.partial(async_fn, *args, **kwargs)
        return SyncContextManager(translator.router, async_fn, make, translator.out)


class PassedFunction(SyncFunction):
    """A method that is not known to be async: it runs on the calling thread.

    What it returns says more. What can be awaited is, since nothing else could be done with it.
    """

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = self.translator.into_call(args, kwargs)
        try:
            found = self.__wrapped__(*args, **kwargs)
        except RuntimeError as error:
            if error.args == ("no running event loop",):
                note_on(
                    error,
                    f"{call_name(self.__wrapped__)} is no 'async def', so it was called on the "
                    f"calling thread, where no loop runs: write it with 'async def', or say what "
                    f"it returns, as in '-> asyncio.Future[int]'",
                )
            raise
        return served(self.translator, found)


class CalledFunction(SyncFunction):
    """A `def` that is called on the loop, since it needs a running one.

    What it returns says more.
    """

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        translator = self.translator
        args, kwargs = translator.into_call(args, kwargs)
        called = Called(translator, self.__wrapped__)
        return served(translator, translator.router.run(called, args, kwargs))


class MakingFunction(SyncFunction):
    """The same, of a function that was taken for async, and has to show that."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        translator = self.translator
        args, kwargs = translator.into_call(args, kwargs)
        called = CalledAsync(translator, self.__wrapped__)
        return served(translator, translator.router.run(called, args, kwargs))


TWINS: dict[Form | None, type[SyncFunction]] = {
    Form.AWAITED: SyncFunction,
    Form.ITERATED: SyncGeneratorFunction,
    Form.ENTERED: SyncContextManagerFunction,
    None: PassedFunction,
}


class SyncProperty(property):
    """The sync twin of a property whose value is to be awaited. The original is at `aio`."""

    __sideloop_twin__ = True

    def __init__(
        self,
        original: property,
        getter: Callable[[Any], Any],
        setter: Callable[[Any, Any], None] | None,
        deleter: Callable[[Any], None] | None,
    ) -> None:
        super().__init__(getter, setter, deleter)
        self.__doc__ = original.__doc__
        self.aio = original


def _bind(async_fn: Any, instance: object, owner: type | None) -> Any:
    if kind_of(async_fn) is not functools.partial and hasattr(kind_of(async_fn), "__get__"):
        return async_fn.__get__(instance, owner)
    return async_fn if instance is None else types.MethodType(async_fn, instance)


def _restore(manager: Any, async_fn: Any) -> Any:
    # A bound method of a class whose body has a twin comes back as its twin.
    if isinstance(async_fn, SyncFunction):
        return async_fn
    return manager.synced(async_fn)
