"""Turns one text from the shell into a value of the annotated type, through pydantic."""

import enum
import functools
import inspect
from collections.abc import Callable
from types import MethodType, NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from sideloop._base.classes import is_class
from sideloop._cli.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType

    from pydantic import ValidationError


class ConvertError(Exception):
    """The text does not fit the annotation; the message says why."""


def convert(text: str, annotation: Any, function: Callable[..., Any]) -> Any:
    """Make a value of `annotation` out of `text`.

    Args:
        text: What was typed.
        annotation: The parameter's, perhaps itself a text (`from __future__ import annotations`).
        function: Whose parameter it is: names in a textual annotation are its module's.

    Returns:
        The value; the text itself for `str`, `Any`, `object` and no annotation.

    Raises:
        ConvertError: The text does not fit.
        UsageError: pydantic, which is optional, is missing.
    """
    if annotation is inspect.Parameter.empty:
        return text
    return _convert(text, _resolve(annotation, function))


def need_pydantic(purpose: str) -> "ModuleType":
    """Import pydantic, or say how to get it.

    Args:
        purpose: What it is needed for, as the beginning of a sentence.

    Returns:
        The module.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import pydantic  # optional, and slow to import
    except ModuleNotFoundError as error:
        if error.name != "pydantic":
            raise
        raise UsageError(
            f'{purpose} needs pydantic, which is not installed; pip install "sideloop[cli]"'
        ) from None
    return pydantic


def _convert(text: str, annotation: Any) -> Any:
    if annotation in (str, Any, object):
        return text
    if get_origin(annotation) in (Union, UnionType):
        return _convert_to_union(text, get_args(annotation))
    if annotation is NoneType:
        # First of all, so that `str | None` can be None at all.
        if text in ("None", "null"):
            return None
        raise ConvertError("it is not None")
    return _convert_with_pydantic(text, annotation)


def _convert_to_union(text: str, members: tuple[Any, ...]) -> Any:
    # From left to right, each member in full. pydantic's own union of text would let `str` win
    # over `list[int]`, whose JSON text it does not look at.
    reasons: list[str] = []
    for member in sorted(members, key=lambda member: member is not NoneType):
        try:
            return _convert(text, member)
        except ConvertError as error:  # few members, and slow ones
            if member is not NoneType:
                reasons.append(f"{inspect.formatannotation(member)}: {error}")
    raise ConvertError("; ".join(reasons))


def _convert_with_pydantic(text: str, annotation: Any) -> Any:
    need_pydantic(f"making {inspect.formatannotation(annotation)} of {text!r}")
    from pydantic import PydanticUserError, TypeAdapter, ValidationError
    from pydantic.errors import PydanticUndefinedAnnotation

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            as_text = error
        if is_class(annotation) and issubclass(annotation, enum.Enum):
            member = annotation.__members__.get(text)
            if member is not None:
                return member
        if not _may_be_json(as_text):
            raise ConvertError(_reason(as_text))
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            raise ConvertError(_reason(error if _must_be_json(as_text) else as_text)) from None
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        message = str(error).partition("\n")[0]
        raise ConvertError(f"a value of this type cannot be made of text: {message}") from None


def _must_be_json(error: "ValidationError") -> bool:
    # list_type, dict_type, dataclass's arguments_type, model_type, …: no scalar will do.
    return any(detail["type"].endswith("_type") for detail in error.errors())


def _may_be_json(error: "ValidationError") -> bool:
    # Literals, and enums of numbers, are only found in JSON. Other scalars are not looked for
    # there, or `true` would become the integer 1.
    scalars = {"enum", "literal_error", "none_required"}
    return _must_be_json(error) or any(detail["type"] in scalars for detail in error.errors())


def _reason(error: "ValidationError") -> str:
    reasons: list[str] = []
    for detail in error.errors(include_url=False):
        where = "".join(f"{part}: " for part in detail["loc"])
        reasons.append(f"{where}{detail['msg']}")
    if any(detail["type"] == "json_invalid" for detail in error.errors()):
        reasons.append("this type is written as JSON text")
    return "; ".join(reasons)


def _resolve(annotation: Any, function: Callable[..., Any]) -> Any:
    home = _home(function)

    # A parameter's annotation is resolved alone: one that no text was given for may name what is
    # imported under TYPE_CHECKING only, and need not be resolved at all.
    def holder() -> None: ...

    holder.__annotations__ = {"value": annotation}
    names = {t.__name__: t for t in getattr(home, "__type_params__", ())}
    try:
        hints = get_type_hints(holder, getattr(home, "__globals__", {}), names, include_extras=True)
    except Exception as error:
        raise ConvertError(
            f"the annotation {annotation!r} cannot be resolved ({type(error).__name__}: {error}); "
            f"import what it names outside of `if TYPE_CHECKING:`"
        ) from None
    return hints["value"]


def _home(function: Callable[..., Any]) -> Any:
    """Find the plain function whose signature `inspect.signature` reads."""
    found: Any = inspect.unwrap(function)
    while isinstance(found, functools.partial):
        found = inspect.unwrap(found.func)
    if isinstance(found, MethodType):
        return inspect.unwrap(found.__func__)
    if hasattr(found, "__globals__"):
        return found
    return inspect.unwrap(type(found).__call__)
