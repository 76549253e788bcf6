"""The origin: what a twin class knows of the async class that it stands for."""

from typing import Any, NamedTuple

from sideloop._base.errors import without_our_frame
from sideloop._twins.attribute import Attribute
from sideloop._twins.derived import hidden_original
from sideloop._twins.memory import memory_of
from sideloop._twins.override import is_value, override
from sideloop._twins.static import (
    ASYNCHRONOUS,
    LEFT_OUT,
    has_aio,
    is_special,
    names_aio,
    static_of,
)
from sideloop._twins.translate import into, kind_of
from sideloop._twins.translator import Translator

_NOTHING: Any = object()


class _Before(NamedTuple):
    """What stood under a name before it was set: on the twin class, and on the original."""

    twins: Any
    async_name: str
    originals: Any


class Origin:
    """Of a class that `synced` has made."""

    def __init__(self, original: type, translator: Translator, *, is_named: bool = True) -> None:
        self.original = original
        self.translator = translator
        self.is_named = is_named
        self._before: dict[str, _Before] = {}

        async def construct(*args: Any, **kwargs: Any) -> tuple[Any, BaseException | None]:
            # On the loop, since constructors may need the running one. The error is an answer: its
            # traceback would begin with this frame.
            try:
                made = original(*args, **kwargs)
                if has_aio(made):
                    raise TypeError(names_aio(original.__qualname__))  # an answer
                return made, None
            except BaseException as error:
                # In no variable: the frame would hold what holds the frame.
                return None, without_our_frame(error)

        construct.__module__, construct.__qualname__ = original.__module__, original.__qualname__
        self.construct = construct

    def derive(self, users: Any) -> None:
        """Make the original of a user's subclass."""
        if "aio" in users.__dict__:
            raise TypeError(names_aio(users.__qualname__))
        memory = memory_of(users)
        if memory is not None and memory.fill is None:
            raise TypeError(
                f"{users.__qualname__} cannot be derived from the twin of a "
                f"{memory.base.__name__}, whose value has to be known before its async original is "
                f"made: derive the async class, and make the twin of that"
            )
        hidden = hidden_original(users)
        type.__setattr__(users, "__sideloop__", HiddenOrigin(hidden, self.translator))
        self.translator.known.add_class(hidden, users)

    def assign(self, twin_class: Any, name: str, value: Any) -> None:
        """Set an attribute of the class where async code sees it, too."""
        if name == "aio":
            raise TypeError(names_aio(twin_class.__qualname__))
        before = self._before.get(name)
        if before is not None and before.twins is value:
            self._restore(twin_class, name)
            return
        async_name = ASYNCHRONOUS.get(name, name)
        replaced = static_of(self.original, async_name)
        if replaced is None:
            async_name, replaced = name, static_of(self.original, name)
        own = twin_class.__dict__.get(name, _NOTHING)
        originals = self.original.__dict__.get(async_name, _NOTHING)
        is_kept = is_value(value, replaced)
        if is_kept and is_special(name):
            type.__setattr__(twin_class, name, value)
            return
        self._before.setdefault(name, _Before(own, async_name, originals))
        if is_kept:
            setattr(self.original, name, into(value))
            if own is not _NOTHING and not isinstance(own, Attribute):
                type.__setattr__(twin_class, name, Attribute(name, self.original))
        else:
            made = override(twin_class, name, value, replaced, async_name)
            type.__setattr__(twin_class, name, value)
            setattr(self.original, async_name, made)

    def remove(self, twin_class: Any, name: str) -> None:
        """Delete an attribute of the class, for async code too."""
        before = self._before.pop(name, None)
        async_name = name if before is None else before.async_name
        if name in twin_class.__dict__ or async_name not in self.original.__dict__:
            type.__delattr__(twin_class, name)
        if async_name in self.original.__dict__:
            delattr(self.original, async_name)

    def _restore(self, twin_class: Any, name: str) -> None:
        """Undo what was set: as a test does that has patched it."""
        before = self._before.pop(name)
        _put(type, twin_class, name, before.twins)
        _put(kind_of(self.original), self.original, before.async_name, before.originals)

    def __reduce__(self) -> Any:
        # Only cloudpickle comes here, with a class that no other process could import.
        # Not above: importing it takes a tenth of the package's own time.
        import pickle

        raise pickle.PicklingError(
            f"the twin of class {self.original.__module__}.{self.original.__qualname__} is pickled "
            f"by reference: define both in a module that can be imported, not in a script or in a "
            f"function, under the name that synced is called for"
        )


class HiddenOrigin(Origin):
    """Of a class that a sync user has derived from one."""

    def __init__(self, original: type, translator: Translator) -> None:
        super().__init__(original, translator)

        async def construct(birth: Any, *args: Any, **kwargs: Any) -> BaseException | None:
            error: BaseException | None = await birth.construct(*args, **kwargs)
            return error

        construct.__module__, construct.__qualname__ = original.__module__, original.__name__
        self.begin = construct


def is_twins_own(name: str) -> bool:
    """Whether an attribute of a class is nothing that async code sees."""
    return name in LEFT_OUT or name.startswith("__sideloop")


def _put(meta: Any, kind: type, name: str, static: Any) -> None:
    if static is not _NOTHING:
        meta.__setattr__(kind, name, static)
    elif name in kind.__dict__:
        meta.__delattr__(kind, name)
