"""Binds texts from the shell to a function's parameters."""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ForwardRef

from sideloop._base.signature import signature_of
from sideloop._cli.convert import ConvertError, convert
from sideloop._cli.errors import UsageError
from sideloop._cli.target import Target

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass
class Arguments:
    """Values that a function is called with."""

    args: list[Any] = field(default_factory=list[Any])
    kwargs: dict[str, Any] = field(default_factory=dict[str, Any])


def bind(target: Target, texts: Sequence[str], positional_texts: Sequence[str]) -> Arguments:
    """Convert texts to values and put each where the function's signature wants it.

    Args:
        target: The function, and its name for error messages.
        texts: `name=value` by name where the function has that name, all others by position.
        positional_texts: More texts by position, whatever they look like.

    Returns:
        What to call the function with.

    Raises:
        UsageError: Values are wrong, missing or too many. All of them are named.
    """
    try:
        signature = signature_of(target.function)
    except (TypeError, ValueError):
        raise UsageError(
            f"{target.name} has no signature that Python can read; wrap it in an `async def` which "
            f"names its parameters"
        ) from None
    binding = _Binding(target, signature)
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and binding.takes_name(name):
            binding.add_named(name, value)
        else:
            binding.add_positional(text)
    for text in positional_texts:
        binding.add_positional(text)
    return binding.finish()


class _Binding:
    """One function's parameters while texts are bound to them."""

    def __init__(self, target: Target, signature: inspect.Signature) -> None:
        self._target = target
        self._signature = signature
        parameters = signature.parameters.values()
        self._by_position = [p for p in parameters if p.kind in _BY_POSITION]
        self._by_name = {p.name: p for p in parameters if p.kind in _BY_NAME}
        self._further = _first(p for p in parameters if p.kind is p.VAR_POSITIONAL)
        self._any_name = _first(p for p in parameters if p.kind is p.VAR_KEYWORD)
        self._positions_used = 0
        # Apart, because a positional-only `x` and a keyword `x` for **kwargs go together.
        self._given: dict[str, str] = {}
        self._given_any_name: dict[str, str] = {}
        self._arguments = Arguments()
        self._problems: list[str] = []

    def takes_name(self, name: str) -> bool:
        if self._any_name is not None and name.isidentifier():
            return True
        return name in self._by_name or any(p.name == name for p in self._by_position)

    def add_named(self, name: str, text: str) -> None:
        parameter = self._by_name.get(name, self._any_name)
        if parameter is None:
            self._problems.append(
                f"{name} is positional-only; write {text!r} without {name}= (a text that itself "
                f"contains = goes after --)"
            )
            return
        given = self._given if name in self._by_name else self._given_any_name
        if name in given:
            self._problems.append(f"{name} is given twice: {given[name]!r} and {text!r}")
            return
        given[name] = text
        try:
            self._arguments.kwargs[name] = self._convert(parameter, text)
        except ConvertError as error:
            self._problems.append(f"{_typed(parameter, name)}: {text!r} does not fit: {error}")

    def add_positional(self, text: str) -> None:
        position = self._positions_used
        self._positions_used += 1
        if position < len(self._by_position):
            parameter = self._by_position[position]
            if parameter.name in self._given:
                earlier = self._given[parameter.name]
                self._misplaced(text, f"{parameter.name} is given twice: {earlier!r} and {text!r}")
                return
            self._given[parameter.name] = text
        elif self._further is not None:
            parameter = self._further
        else:
            takes = _count(len(self._by_position))
            self._misplaced(
                text, f"{text!r} is too much: {self._target.name} takes {takes} by position"
            )
            return
        try:
            self._arguments.args.append(self._convert(parameter, text))
        except ConvertError as error:
            self._misplaced(text, f"{_typed(parameter)}: {text!r} does not fit: {error}")

    def finish(self) -> Arguments:
        for parameter in self._signature.parameters.values():
            is_needed = parameter.kind not in _VARIABLE and parameter.default is parameter.empty
            if is_needed and parameter.name not in self._given:
                how = "a value" if parameter.name not in self._by_name else f"{parameter.name}=…"
                self._problems.append(f"{_typed(parameter)} is missing; write {how}")
        if self._problems:
            problems = "\n".join(f"  {problem}" for problem in self._problems)
            raise UsageError(
                f"{self._target.name} cannot be called with these arguments:\n{problems}\n"
                f"signature: {_shown(self._target, self._signature)}"
            )
        return self._arguments

    def _convert(self, parameter: inspect.Parameter, text: str) -> Any:
        return convert(text, parameter.annotation, self._target.function)

    def _misplaced(self, text: str, problem: str) -> None:
        name, equals, _ = text.partition("=")
        if equals and name.isidentifier() and not self.takes_name(name):
            close = difflib.get_close_matches(name, self._by_name, n=1)
            meant = f" (did you mean {close[0]}=?)" if close else ""
            problem = f"there is no parameter {name!r}{meant}; as a value by position: {problem}"
        self._problems.append(problem)


def _shown(target: Target, signature: inspect.Signature) -> str:
    # str(signature) puts quotes around annotations that `from __future__ import annotations` keeps
    # as text: `a: 'int'`.
    parameters = [p.replace(annotation=_bare(p.annotation)) for p in signature.parameters.values()]
    returns = _bare(signature.return_annotation)
    shown = signature.replace(parameters=parameters, return_annotation=returns)
    return f"{target.name.partition(':')[2]}{shown}"


def _typed(parameter: inspect.Parameter, name: str | None = None) -> str:
    name = name or parameter.name
    if parameter.annotation is parameter.empty:
        return name
    return f"{name} ({inspect.formatannotation(_bare(parameter.annotation))})"


def _bare(annotation: Any) -> Any:
    if isinstance(annotation, str):
        return _Bare(annotation)
    if isinstance(annotation, ForwardRef):
        return _Bare(annotation.__forward_arg__)
    return annotation


@dataclass(frozen=True, repr=False)
class _Bare:
    """An annotation's text, shown without quotes."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _count(number: int) -> str:
    return {0: "no values", 1: "1 value"}.get(number, f"{number} values")


def _first(parameters: Iterable[inspect.Parameter]) -> inspect.Parameter | None:
    return next(iter(parameters), None)
