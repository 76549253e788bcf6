"""Opened: a call that async code may await or enter, made at once, for sync code to do either.

HTTP sessions and database clients have such: `await session.get(url)`, and `async with
session.get(url) as response`. Sync code would write `response = session.get(url)`, `with
session.get(url) as response:`, or the call alone, and expects that it was made.
"""

import operator
from collections.abc import Callable
from typing import Any

from sideloop._twins.translate import Translated, kind_of, new_twin
from sideloop._twins.translator import Translator
from sideloop._views.context_manager import SyncContextManager, Visit


class Opened(Translated):
    """Is what entering has given, for all that sync code does with it, and can be left.

    Left it is by a `with` block only: what was awaited is left by nobody.
    """

    @classmethod
    def by_entering(cls, translator: Translator, found: Any) -> "Opened":
        """Enter it, on the loop."""
        manager = SyncContextManager[Any](translator.router, kind_of(found), lambda: found)
        host, visit = manager._begin()  # pyright: ignore[reportPrivateUsage]  # ours
        entered = host.run(visit.enter)
        opened: Any = new_twin(cls, None, entered, translator.out)
        own = object.__getattribute__(opened, "__dict__")
        own["the manager of this twin"], own["the visit of this twin"] = manager, visit
        try:
            own["the view of this twin"] = translator.out(entered)
        except BaseException as error:  # a signal handler's: nobody will get it
            manager.__exit__(type(error), error, error.__traceback__)
            raise
        made: Opened = opened
        return made

    def result(self) -> Any:
        """What awaiting it gives."""
        return _view(self)

    def __enter__(self) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if own.pop("the visit of this twin", None) is None:
            return own["the manager of this twin"].__enter__()
        return own["the view of this twin"]

    def __exit__(self, *error: Any) -> Any:
        own = object.__getattribute__(self, "__dict__")
        try:
            return own["the manager of this twin"].__exit__(*error)
        finally:
            del error

    def __del__(self) -> None:
        own = object.__getattribute__(self, "__dict__")
        visit: Visit[Any] | None = own.get("the visit of this twin")
        if visit is not None:
            visit.forget()

    @property
    def __class__(self) -> Any:
        return kind_of(_view(self))

    @__class__.setter
    def __class__(self, kind: type) -> None:
        _view(self).__class__ = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(_view(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_view(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_view(self), name)

    def __dir__(self) -> Any:
        return dir(_view(self))

    def __repr__(self) -> str:
        return repr(_view(self))

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return _view(self)(*args, **kwargs)

    def __eq__(self, other: object) -> Any:
        return _view(self) == (_view(other) if kind_of(other) is Opened else other)

    def __hash__(self) -> int:
        return hash(_view(self))


def _view(opened: Any) -> Any:
    own = object.__getattribute__(opened, "__dict__")
    if "the view of this twin" not in own:
        raise AttributeError("the view of this twin")
    return own["the view of this twin"]


def _passing(function: Callable[..., Any]) -> Callable[..., Any]:
    def pass_on(self: Opened, *args: Any) -> Any:
        return function(_view(self), *args)

    return pass_on


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "__bool__": bool,
    "__bytes__": bytes,
    "__contains__": operator.contains,
    "__delitem__": operator.delitem,
    "__float__": float,
    "__format__": format,
    "__getitem__": operator.getitem,
    "__int__": int,
    "__iter__": iter,
    "__len__": len,
    "__next__": next,
    "__setitem__": operator.setitem,
    "__str__": str,
}

for _name, _function in _FUNCTIONS.items():
    setattr(Opened, _name, _passing(_function))
