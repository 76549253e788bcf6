"""Drop-in: names of a library that are replaced, before or after it is imported, and put back."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import inspect
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from types import ModuleType
from typing import Any

Replace = Callable[[ModuleType], Mapping[str, Any]]
"""What stands in a module in the place of its own names, by name; `Class.name` is a class's."""


class DropIn:
    """What stands in the place of a library's bridge.

    `replace` makes it for a module that is loaded, and `known` says what each name that it needs is
    there: how a function is called, as `inspect.signature` writes it, without annotations;
    "(class)" for a class, and the class of anything else. `put_in` and `taken_out` are called with
    the module when that has happened. Other modules that have taken a name from the library get
    ours, too, unless `elsewhere` is False: for names that are not the library's own. A name with a
    dot is that of a class's member, which all objects of the class have at once.
    """

    def __init__(
        self,
        library: str,
        module: str,
        known: Mapping[str, str],
        versions: str,
        replace: Replace,
        *,
        put_in: Callable[[ModuleType], object] = lambda _: None,
        taken_out: Callable[[ModuleType], object] = lambda _: None,
        elsewhere: bool = True,
    ) -> None:
        self.library = library
        self.versions = versions
        self._module = module
        self._known = known
        self._replace = replace
        self._put_in = put_in
        self._taken_out = taken_out
        self._elsewhere = elsewhere
        self._finder = _Finder(module, self._loaded)
        # Each original with ours, by its name, while it is replaced.
        self._pairs: dict[str, tuple[Any, Any]] = {}
        self._lock = threading.RLock()

    @property
    def installed(self) -> bool:
        """Whether it stands there, or will when the library is imported."""
        return self._finder in sys.meta_path

    def original(self, name: str) -> Any:
        """What this name was before it was replaced."""
        return self._pairs[name][0]

    def install(self) -> None:
        """Put it in. Idempotent.

        Raises:
            RuntimeError: The library is not as this knows it. Nothing is changed then.
        """
        with self._lock:
            if self.installed:
                return
            module = sys.modules.get(self._module)
            if module is not None:
                self._check(module)
                self._exchange(module)
            sys.meta_path.insert(0, self._finder)

    def uninstall(self) -> None:
        """Put the originals back. Idempotent. Calls that are under way end as they have begun."""
        with self._lock:
            if not self.installed:
                return
            sys.meta_path.remove(self._finder)
            module = sys.modules.get(self._module)
            if module is not None:
                back = {name: (ours, original) for name, (original, ours) in self._pairs.items()}
                self._put(back, module)
                self._pairs.clear()
                self._taken_out(module)

    @contextlib.contextmanager
    def for_block(self) -> Generator[None, None, None]:
        """Put it in for a `with` block, unless it is in already."""
        before = self.installed
        self.install()
        try:
            yield
        finally:
            if not before:
                self.uninstall()

    def _loaded(self, module: ModuleType) -> None:
        """The library was imported after `install`."""
        with self._lock:
            try:
                self._check(module)
            except RuntimeError as error:
                # Whoever imports it is not who has asked for this.
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
                return
            if self.installed:
                self._exchange(module)

    def _exchange(self, module: ModuleType) -> None:
        ours = self._replace(module)
        self._pairs = {name: (_look_up(module, name), one) for name, one in ours.items()}
        self._put(self._pairs, module)
        self._put_in(module)

    def _put(self, pairs: Mapping[str, tuple[Any, Any]], module: ModuleType) -> None:
        for name, (_, new) in pairs.items():
            owner, _, member = name.rpartition(".")
            if owner:
                setattr(_look_up(module, owner), member, new)
        names = [pair for name, pair in pairs.items() if "." not in name]
        _exchange(names, list(sys.modules.values()) if self._elsewhere else [module])

    def _check(self, module: ModuleType) -> None:
        for name, signature in self._known.items():
            found = _described(module, name)
            if found != signature:
                raise RuntimeError(
                    f"sideloop's drop-in knows {self.library} {self.versions}, where "
                    f"{self._module} has {name}{signature}; {self._found()} has "
                    f"{'none' if found is None else name + found}, so nothing was replaced. Use "
                    f"a version of {self.library} that it knows, or a newer sideloop"
                )

    def _found(self) -> str:
        try:
            return f"version {importlib.metadata.version(self.library)}"
        except importlib.metadata.PackageNotFoundError:
            return "the version that is loaded"


def _look_up(module: ModuleType, name: str) -> Any:
    """What a module, or a class of it, has under a name."""
    owner, _, member = name.rpartition(".")
    members: dict[str, Any] = vars(_look_up(module, owner) if owner else module)
    return members[member]


def _described(module: ModuleType, name: str) -> str | None:
    try:
        found = _look_up(module, name)
    except (KeyError, TypeError):
        return None
    if isinstance(found, type):
        return "(class)"
    if not callable(found):
        return f"({type(found).__name__})"
    parameters = [
        one.replace(annotation=inspect.Parameter.empty)
        for one in inspect.signature(found).parameters.values()
    ]
    return str(inspect.Signature(parameters))


def _exchange(pairs: Sequence[tuple[Any, Any]], modules: Sequence[ModuleType]) -> None:
    """Replace the first of each pair by the second, in all of these modules that have it."""
    new = {id(old): ours for old, ours in pairs}
    for module in modules:
        # Anything can be put into sys.modules. Cffi's libraries only say that they are modules.
        if not issubclass(type(module), ModuleType):  # pyright: ignore[reportUnnecessaryIsInstance]
            continue
        # Not by its own methods: what is imported lazily would be, now.
        names: dict[str, Any] = ModuleType.__getattribute__(module, "__dict__")
        if str(names.get("__name__")).partition(".")[0] == "sideloop":
            continue
        for name, value in list(names.items()):
            if id(value) in new:
                names[name] = new[id(value)]


class _Finder(importlib.abc.MetaPathFinder):
    """Has a module found as it would be, and tells when it is loaded."""

    def __init__(self, module: str, loaded: Callable[[ModuleType], None]) -> None:
        self._module = module
        self._loaded = loaded
        self._here = threading.local()

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None, /
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module or getattr(self._here, "looks", False):
            return None
        self._here.looks = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._here.looks = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._loaded)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, and tells that it is loaded."""

    def __init__(self, own: Any, loaded: Callable[[ModuleType], None]) -> None:
        self._own = own
        self._loaded = loaded

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._own.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        module.__loader__ = self._own
        self._own.exec_module(module)
        self._loaded(module)
