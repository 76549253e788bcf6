"""Twins of modules."""

import functools
from types import ModuleType
from typing import Any

from sideloop._twins.annotation import module_hints_of
from sideloop._twins.form import form_behind
from sideloop._twins.function import SyncFunction
from sideloop._twins.given import user_of
from sideloop._twins.hooks import hook_of
from sideloop._twins.static import is_special
from sideloop._twins.translate import into
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_class import has_async, twin_class_of
from sideloop._twins.want import Want, satisfied, want_of
from sideloop._twins.wrap_function import twin_function_of

_NOTHING: Any = object()

_BEFORE = "what was there before"
_TRANSLATOR = "the translator of this twin"
"""What a twin has these under. No name in somebody's module is like that."""


class TwinModule(ModuleType):
    """A module with the twins of what is async in another one, and all else as it is there.

    The other one is at `aio`. What is set here is set there: of a function the async code gets what
    it can await.
    """

    def __init__(
        self, original: ModuleType, name: str, twins: dict[str, Any], translator: Translator
    ) -> None:
        super().__init__(name, original.__doc__)
        # What was there before a test, say, has set it: here, and in the original.
        own: dict[str, Any] = {
            "aio": original,
            _BEFORE: {},
            _TRANSLATOR: translator,
        }
        self.__dict__.update(own | twins)

    def __getattr__(self, name: str) -> Any:
        return user_of(getattr(self.aio, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if is_special(name) or isinstance(value, ModuleType):
            super().__setattr__(name, value)
            return
        before = self.__dict__[_BEFORE].setdefault(name, self._both(name))
        if value is before[0]:
            self._restore(name)
            return
        twin = self.__dict__.get(name)
        if twin is not None:
            super().__setattr__(name, value)
        setattr(self.aio, name, self._taken(name, value, before))

    def __delattr__(self, name: str) -> None:
        self.__dict__[_BEFORE].pop(name, None)
        if name in self.__dict__ or not hasattr(self.aio, name):
            super().__delattr__(name)
        if hasattr(self.aio, name) and not is_special(name):
            delattr(self.aio, name)

    def __dir__(self) -> list[str]:
        own = {name for name in super().__dir__() if name.isidentifier()}
        return sorted({*own, *dir(self.aio)})

    def _both(self, name: str) -> tuple[Any, Any]:
        original: Any = self.aio
        return vars(self).get(name, _NOTHING), original.__dict__.get(name, _NOTHING)

    def _taken(self, name: str, value: Any, before: tuple[Any, Any]) -> Any:
        """What async code gets: of a callable in place of an async function, its face."""
        form = None if isinstance(before[1], type) else form_behind(before[1])
        said = module_hints_of(self.aio).get(name)
        want = want_of(said) or (None if form is None else Want(form=form))
        if want is None:
            return into(value)
        translator = self.__dict__[_TRANSLATOR]
        return into(satisfied(want, value, functools.partial(hook_of, translator)))

    def _restore(self, name: str) -> None:
        before = self.__dict__[_BEFORE].pop(name)
        for module, value in ((self, before[0]), (self.aio, before[1])):
            if value is not _NOTHING:
                vars(module)[name] = value
            else:
                vars(module).pop(name, None)


def twin_module_of(
    translator: Translator, original: ModuleType, module: str, name: str
) -> TwinModule:
    """The twin of a module, which `module` will know by this name."""
    own = {key: value for key, value in vars(original).items() if _is_own(original, key, value)}
    classes = {key: value for key, value in own.items() if isinstance(value, type)}
    twins: dict[str, Any] = {}
    # Bases before what is derived from them.
    for key, value in sorted(classes.items(), key=lambda item: len(item[1].__mro__)):
        twins[key] = twin_class_of(translator, value, module, f"{name}.{key}")
    for key, value in own.items():
        if key not in classes:
            twins[key] = twin_function_of(translator, value)
    if not twins:
        raise TypeError(
            f"expected a module with something async, and {original.__name__} defines no async "
            f"function and no class that has one; use it as it is"
        )
    return TwinModule(original, f"{module}.{name}", twins, translator)


def _is_own(original: ModuleType, key: str, value: Any) -> bool:
    """Whether it is async, and the module's or package's own: not imported from elsewhere."""
    public = getattr(original, "__all__", None)
    if public is not None and key not in public:
        return False
    package = original.__name__
    where = f"{getattr(value, '__module__', None)}."
    if not where.startswith(f"{package}.") or isinstance(value, SyncFunction):
        return False
    if isinstance(value, type):
        return has_async(value) and not issubclass(value, BaseException | Twin)
    return callable(value) and form_behind(value) is not None
