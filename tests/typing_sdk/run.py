"""Runs what users of the SDK write: what a type checker is told of a value is so.

Prints how many shapes there are, and how many values were looked at.
"""

# it is a program

import inspect
import types
import typing
from typing import Any, TypeVar, Union

import typing_extensions

looked_at = 0


def is_a(value: Any, said: Any) -> bool:
    """Whether a value is of a type, as far as that can be seen."""
    origin, inside = typing.get_origin(said), typing.get_args(said)
    if said is Any or isinstance(said, TypeVar):
        return True
    if said is None:
        return value is None
    if origin in (Union, types.UnionType):
        return any(is_a(value, one) for one in inside)
    if origin is typing.Literal:
        return value in inside
    if origin is type:
        return issubclass(value, inside[0])
    if origin is tuple:
        return len(value) == len(inside) and all(map(is_a, value, inside))
    if origin in (list, set):
        return isinstance(value, origin) and all(is_a(one, inside[0]) for one in value)
    if origin is dict:
        pairs = value.items()
        return all(is_a(key, inside[0]) and is_a(item, inside[1]) for key, item in pairs)
    if typing_extensions.is_typeddict(said):
        hints = typing.get_type_hints(said)
        return all(is_a(item, hints[key]) for key, item in value.items())
    kind = origin or said
    return isinstance(value, (int, float) if kind is float else kind)


def assert_type(value: Any, said: Any) -> Any:
    """In place of the one that does nothing."""
    global looked_at
    looked_at += 1
    assert is_a(value, said), f"{value!r} is no {said}"
    return value


def main() -> None:
    """All shapes."""
    typing_extensions.assert_type = assert_type
    import user

    shapes = [value for name, value in vars(user).items() if name.startswith("shape_")]
    failed = 0
    for shape in shapes:
        try:
            shape()
        except Exception as error:
            failed += 1
            frame = inspect.getinnerframes(error.__traceback__)[1] if error.__traceback__ else None
            where = "" if frame is None or not frame.code_context else frame.code_context[0].strip()
            print(f"{shape.__name__}: {where}: {type(error).__name__}: {error}")
    print(f"{len(shapes)} shapes, {looked_at} values, {failed} failed")


if __name__ == "__main__":
    main()
