"""What is installed: the distributions of this interpreter, and the Python files of each."""

import ast
import csv
import importlib.metadata
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath

from sideloop._doctor.peers import normalized


@dataclass(frozen=True)
class Source:
    """A Python file of a distribution."""

    shown: str
    """Its path as the distribution has it."""

    path: Path


@dataclass
class Installed:
    """A distribution, or the modules that belong to none."""

    name: str | None
    """None for modules that belong to none: the user's own."""

    version: str | None
    sources: list[Source] = field(default_factory=list[Source])
    problems: list[str] = field(default_factory=list[str])
    """What of it cannot be found, and why."""

    beginnings: set[str] = field(default_factory=set[str])
    """Functions that its programs begin with, as `module:function`."""


def installed() -> list[Installed]:
    """All distributions that this interpreter finds, but for sideloop itself, by name."""
    found: dict[str, Installed] = {}
    for distribution in importlib.metadata.distributions():
        try:
            name, one = _read(distribution)
        except Exception as error:  # of metadata that are broken in whatever way
            name = str(getattr(distribution, "_path", "a distribution"))
            one = Installed(name, None, problems=[f"its metadata cannot be read: {error!r}"])
        # The first of a name hides the others from imports, too.
        found.setdefault(normalized(name), one)
    found.pop("sideloop", None)
    return [found[name] for name in sorted(found)]


def modules_of_nobody(distributions: Iterable[Installed]) -> Installed:
    """The loaded modules that are neither of a distribution nor of Python: the user's own."""
    taken = {source.path for one in distributions for source in one.sources}
    own = Installed(None, None)
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or _is_known(name):
            continue
        path = Path(file)
        if path not in taken and not _is_of_site_packages(path) and not _is_pythons(path):
            taken.add(path)
            own.sources.append(Source(_from_here(path), path))
    return own


def _is_known(module: str) -> bool:
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in ("__main__", "sideloop")


def _is_of_site_packages(path: Path) -> bool:
    return any(part in ("site-packages", "dist-packages") for part in path.parts)


def _is_pythons(path: Path) -> bool:
    # Also what a system has put there, as Debian's `sitecustomize`.
    return path.is_relative_to(sysconfig.get_path("stdlib"))


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _read(distribution: Distribution) -> tuple[str, Installed]:
    name = _field(distribution, "Name")
    if not name:
        raise ValueError("it has no name")
    one = Installed(name, _field(distribution, "Version"))
    if normalized(name) == "sideloop":
        return name, one
    one.beginnings.update(
        entry.value.partition("[")[0].replace(" ", "")
        for entry in distribution.entry_points
        if entry.group in ("console_scripts", "gui_scripts")
    )
    files = _files(distribution)
    sources = list(_listed(distribution, files or ())) or list(_top_level(distribution))
    if files is None and not sources:
        one.problems.append("has no list of its files, so none of them was read")
    one.sources += sources
    return name, one


def _field(distribution: Distribution, name: str) -> str | None:
    # Newer versions warn of what is not there.
    metadata = distribution.metadata
    return metadata[name] if name in metadata else None  # noqa: SIM401  # typed without get


def _files(distribution: Distribution) -> Iterable[PurePosixPath] | None:
    """Its list of files, if it has one, also of those that are not there."""
    record = distribution.read_text("RECORD")
    if record is None:
        return distribution.files
    # Not `files`, which leaves out since 3.12 what is not there.
    return [PurePosixPath(row[0]) for row in csv.reader(record.splitlines()) if row]


def _listed(distribution: Distribution, files: Iterable[PurePosixPath]) -> Iterator[Source]:
    """What its list of files has, and the folders that it leads to where it is editable."""
    for file in files:
        # Above its folder are programs, which are no modules.
        if file.parts[0] == "..":
            continue
        path = Path(str(distribution.locate_file(str(file))))
        if file.suffix == ".py":
            yield Source(file.as_posix(), path)
            if file.name.startswith("__editable__"):
                yield from _mapped(path)
        elif file.suffix == ".pth":
            yield from _pointed_at(path)


def _pointed_at(pth: Path) -> Iterator[Source]:
    """The modules in the folders that a `.pth` file adds to the path."""
    for line in _lines(pth):
        folder = pth.parent / line.strip()
        if line.strip() and not line.startswith(("#", "import ", "import\t")) and folder.is_dir():
            for child in sorted(folder.iterdir()):
                if child.suffix == ".py" or (child / "__init__.py").is_file():
                    yield from _below(child, folder)


def _mapped(finder: Path) -> Iterator[Source]:
    """The modules that setuptools' finder for an editable distribution has in its `MAPPING`."""
    for node in ast.parse("\n".join(_lines(finder))).body:
        if not isinstance(node, ast.AnnAssign) or node.value is None:
            continue
        if isinstance(node.target, ast.Name) and node.target.id == "MAPPING":
            for place in ast.literal_eval(node.value).values():
                for path in (Path(place), Path(f"{place}.py")):
                    yield from _below(path, path.parent)


def _top_level(distribution: Distribution) -> Iterator[Source]:
    """Where there is no list of files: what has the names that it says it has."""
    for name in (distribution.read_text("top_level.txt") or "").split():
        path = Path(str(distribution.locate_file(name)))
        yield from _below(path, path.parent)
        yield from _below(path.with_suffix(".py"), path.parent)


def _below(path: Path, folder: Path) -> Iterator[Source]:
    found = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    for file in found:
        if file.is_file():
            yield Source(file.relative_to(folder).as_posix(), file)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
