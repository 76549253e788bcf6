"""Twins of modules."""

from types import ModuleType
from typing import Any

from sideloop._twins.form import form_behind
from sideloop._twins.function import SyncFunction
from sideloop._twins.translator import Translator
from sideloop._twins.twin import Twin
from sideloop._twins.twin_class import has_async, twin_class_of
from sideloop._twins.wrap_function import twin_function_of


class TwinModule(ModuleType):
    """A module with the twins of what is async in another one, and all else as it is there.

    The other one is at `aio`.
    """

    def __init__(self, original: ModuleType, name: str, twins: dict[str, Any]) -> None:
        super().__init__(name, original.__doc__)
        self.aio = original
        self.__dict__.update(twins)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.aio, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.aio)})


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
    return TwinModule(original, f"{module}.{name}", twins)


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
