"""The sync twins of functions and methods."""

import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from sideloop._loops.mismatch import note_on
from sideloop._sideloop import TwinFunction, call_name
from sideloop._twins.form import Form
from sideloop._twins.look import LOOK, Named, Shown, look_attribute, look_of, name_of
from sideloop._twins.served import Called, CalledAsync, served
from sideloop._twins.translate import kind_of
from sideloop._twins.translator import Translator
from sideloop._views.context_manager import SyncContextManager
from sideloop._views.generator import SyncGenerator

_HIDDEN = frozenset(
    ("__annotate__", "__func__", "__text_signature__", "_is_coroutine", "_is_coroutine_mark", "aio")
)
"""What would show the twin as a coroutine function, and what it has itself."""


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

    __sideloop_form__ = cast("Form | None", Form.AWAITED)

    if TYPE_CHECKING:
        # The extension's own, as is the call, which costs no frame of Python then.
        @property
        def __sideloop_translator__(self) -> Translator: ...

    def __init_subclass__(cls) -> None:
        Shown.by_objects_of(cls)

    @property
    def aio(self) -> Any:
        """The async original. Of an object's method it can be awaited on any loop."""
        return self.__sideloop_translator__.original(self.__sideloop_async_fn__)

    def __get__(self, instance: object, owner: type | None = None) -> "SyncFunction":
        async_fn = self.__sideloop_async_fn__
        bound = _bind(async_fn, instance, owner)
        return self if bound is async_fn else type(self)(self.__sideloop_translator__, bound)

    def __getattr__(self, name: str) -> Any:
        if name in LOOK:
            return look_attribute(self.__sideloop_look__(), name)
        if name in _HIDDEN:
            raise AttributeError(name)
        async_fn = self.__sideloop_async_fn__
        if name == "__self__":
            return self.__sideloop_translator__.out(async_fn.__self__)
        if name in ("__name__", "__qualname__"):
            named = named_of(self)
            return named.name if name == "__name__" else named.qualname
        # What decorators have put on it.
        return getattr(async_fn, name)

    def __sideloop_look__(self) -> Any:
        known, async_fn = self.__sideloop_translator__.known, self.__sideloop_async_fn__
        return look_of(self, known, async_fn, self.__sideloop_form__, named_of(self))

    def __sideloop_shown__(self, name: str) -> Any:
        if name == "__module__":
            return named_of(self).module
        if name == "__annotations__":
            return self.__getattr__(name)
        return getattr(self.__sideloop_async_fn__, name, None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SyncFunction):
            return NotImplemented
        same = self.__sideloop_translator__.manager is other.__sideloop_translator__.manager
        return bool(same and self.__sideloop_async_fn__ == other.__sideloop_async_fn__)

    def __hash__(self) -> int:
        return hash(self.__sideloop_async_fn__)

    def __repr__(self) -> str:
        return f"<sideloop.synced of {self.__sideloop_async_fn__!r}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        # By the name that holds it. If none does, the original's may: `get = synced(async_get)`.
        named = named_of(self)
        held: Any = sys.modules.get(named.module)
        for part in named.qualname.split("."):
            held = getattr(held, part, None)
        if held is not self:
            return _restore, (self.__sideloop_translator__.manager, self.__sideloop_async_fn__)
        return named.qualname if named.module != "__main__" else (_maker(self, named), ())


Shown.by_objects_of(SyncFunction)

_MAKER = "__sideloop_maker__"
_NAME = "__sideloop_name__"


def is_twin_function(value: object) -> TypeGuard[SyncFunction]:
    """Whether it is one. A mock of one says so of itself, and is none."""
    return issubclass(type(value), SyncFunction)


def named_of(twin: SyncFunction) -> Named:
    """Where a twin is found: of a method by the class of its twins."""
    found: Named | None = vars(twin).get(_NAME)
    if found is not None:
        return found
    async_fn = twin.__sideloop_async_fn__
    named = name_of(async_fn)
    inside = getattr(async_fn, "__self__", None)
    if inside is None or not inspect.ismethod(async_fn):
        return named
    kind = inside if isinstance(inside, type) else kind_of(inside)
    owner: Any = twin.__sideloop_translator__.known.nearest_class(kind)
    return named if owner is None else named_in(owner, named)


def named_in(owner: type, named: Named) -> Named:
    """Where the member of that name of a twin class is found: in the class that has it."""
    definer = next((base for base in owner.__mro__ if named.name in base.__dict__), None)
    if definer is None:
        return named
    return Named(definer.__module__, f"{definer.__qualname__}.{named.name}")


def name_twin(twin: SyncFunction, named: Named) -> None:
    """From now on it is known by this name."""
    vars(twin)[_NAME] = named


def living_at(twin: SyncFunction, translator: Translator) -> SyncFunction:
    """The same, for what lives there."""
    if twin.__sideloop_translator__.manager is not translator.manager:
        return twin
    return type(twin)(translator, twin.__sideloop_async_fn__)


def _maker(twin: SyncFunction, named: Named) -> Callable[[], Any]:
    # What a script defines cloudpickle sends by value, but it does so with functions only. For
    # pickle this one is found by its name.
    if _MAKER not in vars(twin):
        manager, async_fn = twin.__sideloop_translator__.manager, twin.__sideloop_async_fn__

        def make() -> Any:
            return _restore(manager, async_fn)

        make.__module__, make.__qualname__ = "__main__", f"{named.qualname}.{_MAKER}"
        vars(twin)[_MAKER] = make
    maker: Callable[[], Any] = vars(twin)[_MAKER]
    return maker


class SyncGeneratorFunction(SyncFunction):
    """The sync twin of a function that returns an async generator or iterator."""

    __sideloop_form__ = Form.ITERATED

    def __call__(self, /, *args: Any, **kwargs: Any) -> SyncGenerator[Any, Any]:
        args, kwargs = self.__sideloop_translator__.into_call(args, kwargs)
        items = self.__sideloop_async_fn__(*args, **kwargs)
        return self.__sideloop_translator__.iterate(items, self.__sideloop_async_fn__)


class SyncContextManagerFunction(SyncFunction):
    """The sync twin of a function that returns an async context manager."""

    __sideloop_form__ = Form.ENTERED

    def __call__(self, /, *args: Any, **kwargs: Any) -> SyncContextManager[Any]:
        args, kwargs = self.__sideloop_translator__.into_call(args, kwargs)
        async_fn, translator = self.__sideloop_async_fn__, self.__sideloop_translator__
        make = functools.partial(async_fn, *args, **kwargs)
        return SyncContextManager(translator.router, async_fn, make, translator.out)


_OF_ANOTHER_THREAD = ("no running event loop", "Non-thread-safe operation")
"""What asyncio says where its loop is not the one of the calling thread."""


class PassedFunction(SyncFunction):
    """A method that is not known to be async: it runs on the calling thread.

    What it returns says more. What can be awaited is, since nothing else could be done with it.
    """

    __sideloop_form__ = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = self.__sideloop_translator__.into_call(args, kwargs)
        try:
            found = self.__sideloop_async_fn__(*args, **kwargs)
        except RuntimeError as error:
            if error.args and str(error.args[0]).startswith(_OF_ANOTHER_THREAD):
                note_on(
                    error,
                    f"{call_name(self.__sideloop_async_fn__)} is no 'async def', so it was called "
                    f"on the calling thread, where no loop runs: write it with 'async def', or say "
                    f"what it returns, as in '-> asyncio.Future[int]'",
                )
            raise
        return served(self.__sideloop_translator__, found)


class CalledFunction(SyncFunction):
    """A `def` that is called on the loop, since it needs a running one.

    What it returns says more.
    """

    __sideloop_form__ = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        translator = self.__sideloop_translator__
        args, kwargs = translator.into_call(args, kwargs)
        called = Called(translator, self.__sideloop_async_fn__)
        return served(translator, translator.router.run(called, args, kwargs))


class MakingFunction(SyncFunction):
    """The same, of a function that was taken for async, and has to show that."""

    __sideloop_form__ = None

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        translator = self.__sideloop_translator__
        args, kwargs = translator.into_call(args, kwargs)
        called = CalledAsync(translator, self.__sideloop_async_fn__)
        return served(translator, translator.router.run(called, args, kwargs))


TWINS: dict[Form | None, type[SyncFunction]] = {
    Form.AWAITED: SyncFunction,
    Form.ITERATED: SyncGeneratorFunction,
    Form.ENTERED: SyncContextManagerFunction,
    None: PassedFunction,
}


def _bind(async_fn: Any, instance: object, owner: type | None) -> Any:
    if kind_of(async_fn) is not functools.partial and hasattr(kind_of(async_fn), "__get__"):
        return async_fn.__get__(instance, owner)
    return async_fn if instance is None else types.MethodType(async_fn, instance)


def _restore(manager: Any, async_fn: Any) -> Any:
    # A bound method of a class whose body has a twin comes back as its twin.
    if isinstance(async_fn, SyncFunction):
        return async_fn
    return manager.synced(async_fn)
