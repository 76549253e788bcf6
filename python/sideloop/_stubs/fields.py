"""Fields: what classes say of the attributes of their objects, other than by annotations."""

import ast
from collections.abc import Iterator
from typing import Any

from sideloop._base.classes import is_class
from sideloop._stubs.statement import Function, statements

_DEFAULTS = {"default", "default_factory", "factory", "repr", "hash", "compare", "metadata", "doc"}


def set_by_methods(node: ast.ClassDef) -> Iterator[tuple[str, tuple[str, ast.expr]]]:
    """Attributes that methods annotate, or set to a parameter of theirs: its path, and its type."""
    for function in reversed([one for one in statements(node.body) if isinstance(one, Function)]):
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        own = arguments[0].arg if arguments else ""
        annotations = {one.arg: one.annotation for one in arguments}
        for inside in ast.walk(function):
            match inside:
                case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                    if owner == own:
                        yield name, ("", inside.annotation)
                case ast.Assign(
                    targets=[ast.Attribute(value=ast.Name(id=owner), attr=name)],
                    value=ast.Name(id=parameter),
                ):
                    annotation = annotations.get(parameter)
                    if owner == own and annotation is not None:
                        yield name, (f"{function.name}.{parameter}", annotation)
                case _:
                    pass


def has_fields(kind: Any) -> bool:
    """Whether the annotations of a class are the parameters of its constructor."""
    if not is_class(kind):
        return False
    made: type = kind
    bases: list[type] = [*made.__mro__, *type(made).mro(type(made))]
    return (
        hasattr(made, "__dataclass_fields__")
        or hasattr(made, "__attrs_attrs__")
        or any("__dataclass_transform__" in vars(base) for base in bases)
    )


def has_values(kind: Any) -> bool:
    """Whether it tells something that an attribute has a value."""
    return has_fields(kind) or hasattr(kind, "_fields")


def tells_no_more_than_default(value: ast.Call) -> bool:
    """Whether a field's call tells a checker no more than that there is a default."""
    given = {keyword.arg for keyword in value.keywords}
    return (
        not value.args
        and given <= _DEFAULTS
        and any("factory" in str(one) or one == "default" for one in given)
    )
