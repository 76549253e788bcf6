"""The async original of a twin: what its attribute `aio` is."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

A_co = TypeVar("A_co", covariant=True)


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
