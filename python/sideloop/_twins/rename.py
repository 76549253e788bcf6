"""Renaming: what the twins of a module are called: `Acme`, of `AsyncAcme`."""

import keyword
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Rename = Callable[[str], str] | Mapping[str, str]
"""Says what the twin of something of this name is called. Names that a mapping lacks are kept."""


def check_rename(rename: object) -> None:
    """Refuse what is neither a function nor a mapping.

    Raises:
        TypeError: It is something else.
    """
    if rename is not None and not callable(rename) and not isinstance(rename, Mapping):
        raise TypeError(
            f"rename is a function from a name to a name, as in rename=lambda name: "
            f"name.removeprefix('Async'), or a mapping, as in rename={{'AsyncAcme': 'Acme'}}; got "
            f"{rename!r}"
        )


def check_known(rename: Rename | None, package: str, names: Iterable[str]) -> None:
    """Refuse a mapping of names that the package does not have.

    Raises:
        ValueError: There is nothing async of that name.
    """
    if callable(rename) or rename is None:
        return
    if unknown := sorted({*rename} - {*names}):
        raise ValueError(
            f"rename has {', '.join(map(repr, unknown))}, and {package} defines nothing async of "
            f"that name: leave it out, or import the module that does before"
        )


def renamed(
    rename: Rename | None, module: str, names: Iterable[str], taken: Iterable[str]
) -> dict[str, str]:
    """The names of the twins in a module, by those of the originals.

    `taken` is what else has a name there.

    Raises:
        TypeError: What is to be a name is none.
        ValueError: Two things would have one name.
    """
    found: dict[str, str] = {}
    owners = {name: f"{module}.{name}" for name in taken}
    for name in names:
        new = _new_name(rename, module, name)
        if new in owners:
            raise ValueError(
                f"rename gives {module}.{name} the name {new!r}, which {owners[new]} has: give one "
                f"of them another name"
            )
        owners[new] = f"{module}.{name}" if new == name else f"the twin of {module}.{name}"
        found[name] = new
    return found


def _new_name(rename: Rename | None, module: str, name: str) -> str:
    if rename is None:
        return name
    new: Any = rename(name) if callable(rename) else rename.get(name, name)
    if not isinstance(new, str) or not new.isidentifier() or keyword.iskeyword(new):
        raise TypeError(f"rename gives {module}.{name} the name {new!r}, which is no name")
    return new
