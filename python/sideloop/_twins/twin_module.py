"""Twins of modules."""

import functools
import sys
from types import ModuleType
from typing import Any

from sideloop._base.classes import is_class
from sideloop._base.lazy import import_names
from sideloop._base.signals import raise_a_handlers
from sideloop._twins.annotation import module_hints_of
from sideloop._twins.code import asks_for_loop
from sideloop._twins.form import form_behind
from sideloop._twins.function import SyncFunction, name_twin
from sideloop._twins.given import user_of
from sideloop._twins.hooks import hook_of
from sideloop._twins.look import Named
from sideloop._twins.nature import has_async, makes_async
from sideloop._twins.rename import Rename, check_known, check_rename, renamed
from sideloop._twins.static import is_special
from sideloop._twins.translate import into, kind_of
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_class import twin_class_of
from sideloop._twins.want import Want, satisfied, want_of
from sideloop._twins.wrap_function import twin_function_of

_NOTHING: Any = object()

_BEFORE = "what was there before"
_PACKAGE = "the package of this twin"
_NAMES = "the names of the originals"
"""What a twin has these under. No name in somebody's module is like that."""


class TwinModule(ModuleType):
    """A module with the twins of what is async in another one, and all else as it is there.

    The other one is at `aio`. What is set here is set there: of a function the async code gets what
    it can await.
    """

    def __init__(
        self,
        original: ModuleType,
        name: str,
        twins: dict[str, Any],
        names: dict[str, str],
        package: "Package",
    ) -> None:
        super().__init__(name, original.__doc__)
        own: dict[str, Any] = {
            "aio": original,
            # What was there before a test, say, has set it: here, and in the original.
            _BEFORE: {},
            _PACKAGE: package,
            # What the originals of twins are called, where that is something else.
            _NAMES: {new: old for old, new in names.items() if new != old},
        }
        self.__dict__.update(own | twins)

    def __getattr__(self, name: str) -> Any:
        value = user_of(getattr(self.aio, name))
        if not isinstance(value, ModuleType):
            return value
        twin = self.__dict__[_PACKAGE].twin_of(value, f"{self.__name__}.{name}")
        return self.__dict__.setdefault(name, twin) if twin is not value else value

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
        setattr(self.aio, self._async_name(name), self._taken(name, value, before))

    def __delattr__(self, name: str) -> None:
        self.__dict__[_BEFORE].pop(name, None)
        async_name = self._async_name(name)
        if name in self.__dict__ or not hasattr(self.aio, async_name):
            super().__delattr__(name)
        if hasattr(self.aio, async_name) and not is_special(name):
            delattr(self.aio, async_name)

    def __dir__(self) -> list[str]:
        own = {name for name in super().__dir__() if name.isidentifier()}
        return sorted({*own, *dir(self.aio)})

    def _async_name(self, name: str) -> str:
        found: str = self.__dict__[_NAMES].get(name, name)
        return found

    def _both(self, name: str) -> tuple[Any, Any]:
        original: Any = self.aio
        async_name = self._async_name(name)
        return vars(self).get(name, _NOTHING), original.__dict__.get(async_name, _NOTHING)

    def _taken(self, name: str, value: Any, before: tuple[Any, Any]) -> Any:
        """What async code gets: of a callable in place of an async function, its face."""
        form = None if isinstance(before[1], type) else form_behind(before[1])
        said = module_hints_of(self.aio).get(self._async_name(name))
        want = want_of(said) or (None if form is None else Want(form=form))
        if want is None:
            return into(value)
        translator = self.__dict__[_PACKAGE].translator
        return into(satisfied(want, value, functools.partial(hook_of, translator)))

    def _restore(self, name: str) -> None:
        before = self.__dict__[_BEFORE].pop(name)
        async_name = self._async_name(name)
        for module, key, value in ((self, name, before[0]), (self.aio, async_name, before[1])):
            if value is not _NOTHING:
                vars(module)[key] = value
            else:
                vars(module).pop(key, None)


class Package:
    """What the twins of a module and of its submodules have in common."""

    def __init__(
        self, translator: Translator, root: ModuleType, module: str, rename: Rename | None
    ) -> None:
        check_rename(rename)
        self._module = module
        self.translator = translator
        self._root = root
        self._rename = rename
        # By identity. Those with twins keep the originals.
        self._twins: dict[int, TwinModule] = {}
        loaded = {module.__name__: _own(module) for module in self._loaded(root)}
        check_known(rename, root.__name__, [key for own in loaded.values() for key in own])
        for module, own in loaded.items():
            self._names(sys.modules.get(module, root), own)

    def twin_of(self, module: ModuleType, name: str) -> ModuleType:
        """The twin of a module that is met, or the module itself: it may be another library's."""
        found = self._twins.get(id(module))
        if found is not None:
            return found
        is_inside = f"{module.__name__}.".startswith(f"{self._root.__name__}.")
        if not is_inside or not any(map(_own, self._loaded(module))):
            return module
        return self.make(module, name.removeprefix(f"{self._module}."))

    def make(self, original: ModuleType, name: str) -> TwinModule:
        """The twin of a module, which the module that has asked will know by this name."""
        own = _own(original)
        names = self._names(original, own)
        classes = {key: value for key, value in own.items() if is_class(value)}
        twins: dict[str, Any] = {}
        # Bases before what is derived from them.
        for key, value in sorted(classes.items(), key=lambda item: len(item[1].__mro__)):
            qualname = f"{name}.{names[key]}"
            twins[names[key]] = twin_class_of(self.translator, value, self._module, qualname)
        for key, value in own.items():
            if key not in classes:
                twins[names[key]] = twin = twin_function_of(self.translator, value)
                if names[key] != key:
                    name_twin(twin, Named(twin.__module__, names[key]))
        made = TwinModule(original, f"{self._module}.{name}", twins, names, self)
        return self._twins.setdefault(id(original), made)

    def is_empty(self) -> bool:
        """Whether nothing async is to be seen, in any module that is loaded."""
        return not any(map(_own, self._loaded(self._root)))

    def _names(self, original: ModuleType, own: dict[str, Any]) -> dict[str, str]:
        # What is async and imported from elsewhere is in nobody's way: its twin is there.
        found = _contents(original).items()
        others = [key for key, value in found if key not in own and not _is_async(value)]
        return renamed(self._rename, original.__name__, own, others)

    def _loaded(self, module: ModuleType) -> list[ModuleType]:
        """The module and those inside of it, also what they import lazily."""
        inside = f"{module.__name__}."
        found, fresh = {id(module): module}, [module]
        while fresh:
            for one in fresh:
                import_names(one)
            loaded = [one for name, one in list(sys.modules.items()) if name.startswith(inside)]
            fresh = [one for one in loaded if id(one) not in found and kind_of(one) is ModuleType]
            found |= {id(one): one for one in fresh}
        return list(found.values())


def twin_module_of(
    translator: Translator, original: ModuleType, module: str, name: str, rename: Rename | None
) -> TwinModule:
    """The twin of a module, which `module` will know by this name."""
    package = Package(translator, original, module, rename)
    if package.is_empty():
        raise TypeError(
            f"expected a module with something async, and {original.__name__} defines no async "
            f"function and no class that has one; use it as it is"
        )
    return package.make(original, name)


def _own(original: ModuleType) -> dict[str, Any]:
    """What is async of a module."""
    found = _contents(original).items()
    return {key: value for key, value in found if _is_own(original, key, value)}


def _contents(original: ModuleType) -> dict[str, Any]:
    """What is in a module, also what it imports when it is asked for that."""
    import_names(original)
    found = dict(vars(original))
    if "__getattr__" in found:
        for name in set(found.get("__all__", ())) - found.keys():
            try:
                found[name] = getattr(original, name)
            except Exception as error:
                # What it cannot import here, its users cannot either.
                raise_a_handlers(error)
    return found


def _is_own(original: ModuleType, key: str, value: Any) -> bool:
    """Whether it is async, and the module's or package's own: not imported from elsewhere."""
    public = getattr(original, "__all__", None)
    if public is not None and key not in public:
        return False
    package = original.__name__
    where = f"{getattr(value, '__module__', None)}."
    if not where.startswith(f"{package}.") or isinstance(value, SyncFunction):
        return False
    return _is_async(value)


def _is_async(value: Any) -> bool:
    if is_class(value):
        return has_async(value) and not issubclass(value, BaseException | Twin)
    if not callable(value):
        return False
    return form_behind(value) is not None or asks_for_loop(value) or makes_async(value)


def twins_in(module: TwinModule) -> dict[str, Any]:
    """The twins of what is a module's own, and those of its submodules."""
    own = list(vars(module).items())
    found = {key: value for key, value in own if _is_twin(value)}
    original: ModuleType = module.aio
    inside = f"{original.__name__}."
    for key, value in list(vars(original).items()):
        if isinstance(value, ModuleType) and value.__name__.startswith(inside):
            twin = getattr(module, key)
            if isinstance(twin, TwinModule):
                found[key] = twin
    return found


def _is_twin(value: Any) -> bool:
    return isinstance(value, SyncFunction) or (is_class(value) and issubclass(value, Twin))
