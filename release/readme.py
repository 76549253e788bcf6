"""What a package index shows of a package: a README whose links lead somewhere from there.

In the repository a link leads to a file; on an index there are no files. So in the source archive,
and in the wheels that are made of it, README.md has links to where the files of this version can
be read: $SIDELOOP_REPOSITORY, at the version's tag. Where that is not set, as in a build by hand, a
link is its text, and a picture is left out. (The READMEs of the crates have such links already.)

`python release/readme.py FILE...` looks for what would lead nowhere in what is to be published:
source archives, wheels, crates.
"""

import argparse
import os
import re
import tarfile
import zipfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path

FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
"""A block of code, where nothing is a link."""

INLINE = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
DEFINED = re.compile(r"^\[[^\]]+\]: *(?P<target>\S+)", re.MULTILINE)
WRITTEN = re.compile(r"\b(?:href|src)=[\"']?(?P<target>[^\"'\s>]+)")
"""The three ways to write a link: in its place, at the end, as HTML."""

ABSOLUTE = re.compile(r"(?:https|mailto):")


@dataclass(frozen=True)
class Sources:
    """Where the files of a version can be read."""

    repository: str
    tag: str

    def page(self, file: str) -> str:
        """The address at which a file is shown."""
        return f"{self.repository}/blob/{self.tag}/{file}"

    def raw(self, file: str) -> str:
        """The address of the file itself, as pictures need it."""
        return f"{self.repository}/raw/{self.tag}/{file}"


def sources(version: str) -> Sources | None:
    """Those that the environment names.

    Raises:
        SystemExit: It names what is no address.
    """
    repository = os.environ.get("SIDELOOP_REPOSITORY", "").rstrip("/")
    if not repository:
        return None
    if not re.fullmatch(r"https://[^\s/]+/\S+", repository):
        raise SystemExit(f"error: SIDELOOP_REPOSITORY={repository} is no address of a repository")
    return Sources(repository, f"v{version}")


def for_index(text: str, where: Sources | None) -> str:
    """The README as an index is to show it."""

    def moved(link: re.Match[str]) -> str:
        picture, said, target = link.group("picture", "text", "target")
        if ABSOLUTE.match(target):
            return link[0]
        if where is None:
            return "" if picture else said
        return f"{picture}[{said}]({where.raw(target) if picture else where.page(target)})"

    return _outside_of_code(text, lambda part: INLINE.sub(moved, part))


def leads_nowhere(text: str) -> list[str]:
    """The links of a README that an index cannot follow."""
    found: list[str] = []

    def look(part: str) -> str:
        for way in (INLINE, DEFINED, WRITTEN):
            found.extend(link["target"] for link in way.finditer(part))
        return part

    _outside_of_code(text, look)
    return [target for target in found if not ABSOLUTE.match(target)]


def _outside_of_code(text: str, change: Callable[[str], str]) -> str:
    return "".join(part if FENCED.fullmatch(part) else change(part) for part in FENCED.split(text))


def of(package: Path) -> str:
    """The README that a package brings to its index.

    Raises:
        SystemExit: It brings none.
    """
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            (name,) = (one for one in wheel.namelist() if one.endswith(".dist-info/METADATA"))
            text = _description(wheel.read(name).decode())
    else:
        crate = package.suffix == ".crate"
        wanted = re.compile(r"[^/]+/README\.md" if crate else r"[^/]+/PKG-INFO")
        with tarfile.open(package) as archive:
            names = [one for one in archive.getnames() if wanted.fullmatch(one)]
            file = archive.extractfile(names[0]) if names else None
            content = "" if file is None else file.read().decode()
        text = content if crate else _description(content)
    if not text.strip():
        raise SystemExit(f"error: {package.name} has no README")
    return text


def _description(metadata: str) -> str:
    """Of Python's metadata, which have the README as their body."""
    body = message_from_string(metadata).get_payload()
    assert isinstance(body, str)
    return body


def _problems(packages: list[Path]) -> Generator[str]:
    for package in packages:
        for target in leads_nowhere(of(package)):
            yield f"error: {package.name}: its README links to {target}, which no index has"


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="+", type=Path)
    if problems := list(_problems(parser.parse_args().packages)):
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
