"""What is linked into the wheels, and under which licences: LICENSE-THIRD-PARTY.

`python release/licences.py STAGE` writes it of what release/stage.py has laid out there, and
`--check` compares it. Each crate in a wheel has to be under the MIT licence, or to leave the
choice; another one is an error, since somebody has to decide. So are two versions of a crate.
"""

import argparse
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "LICENSE-THIRD-PARTY"

TARGETS = {
    "x86_64-unknown-linux-gnu": "Linux",
    "aarch64-unknown-linux-gnu": "Linux",
    "x86_64-unknown-linux-musl": "Linux",
    "aarch64-unknown-linux-musl": "Linux",
    "x86_64-apple-darwin": "macOS",
    "aarch64-apple-darwin": "macOS",
    "x86_64-pc-windows-msvc": "Windows",
}
"""What wheels are made for."""

TO_BUILD_WITH = {"Apache-2.0", "LLVM-exception", "MIT", "Unicode-3.0"}
"""Licences of what takes part in a build and is in no wheel."""

HEADING = """\
What the wheels of sideloop have in them of others. The crates below are compiled into the extension
module; where a crate leaves the choice, it is used under the MIT licence. Besides, Rust's standard
library is in it: MIT OR Apache-2.0, by the contributors to Rust; the toolchain's
share/doc/rust/COPYRIGHT-library.html has what that contains of others.

Written by scripts/lock.
"""

RULE = "\n" + 78 * "-" + "\n"


@dataclass(frozen=True, order=True)
class Linked:
    """A crate that is in wheels."""

    name: str
    version: str
    licence: str
    systems: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        systems = "" if len(self.systems) == len(set(TARGETS.values())) else ", ".join(self.systems)
        only = f" (in the wheels for {systems})" if systems else ""
        return f"{self.name} {self.version}, {self.licence}{only}"


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", type=Path)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    text = report(asked.stage)
    if not asked.check:
        PATH.write_text(text, encoding="utf-8")
    elif PATH.read_text(encoding="utf-8") != text:
        raise SystemExit(f"error: {PATH.name} is not what the crates say: scripts/lock")


def report(stage: Path) -> str:
    """Text of the file.

    Raises:
        SystemExit: A licence needs a decision, or a crate is there twice.
    """
    packages: dict[str, Any] = {}
    systems: dict[str, set[str]] = {}
    for target, system in TARGETS.items():
        asked = _metadata(stage, target)
        by_id = {one["id"]: one for one in asked["packages"]}
        packages |= by_id
        linked = [one for one in _linked(asked, by_id) if by_id[one]["source"] is not None]
        _refuse_two_versions(target, [by_id[one]["name"] for one in linked])
        for one in linked:
            systems.setdefault(one, set()).add(system)
    found = sorted(_read(packages[one], systems[one]) for one in systems)
    _refuse_unknown_licences(packages, set(systems))
    listed = "".join(f"\n  {one}" for one in found)
    texts = "".join(f"{RULE}{one}\n\n{one.text}\n" for one in found)
    return f"{HEADING}{listed}\n{texts}"


def _metadata(stage: Path, target: str) -> dict[str, Any]:
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--offline"]
    ended = subprocess.run(
        [*command, f"--filter-platform={target}"], cwd=stage, stdout=subprocess.PIPE, check=True
    )
    return json.loads(ended.stdout)


def _linked(asked: dict[str, Any], by_id: dict[str, Any]) -> set[str]:
    """The extension, and what it depends on that is neither for building nor a macro."""
    nodes = {one["id"]: one for one in asked["resolve"]["nodes"]}
    left = [one for one in nodes if by_id[one]["name"] == "sideloop-py"]
    found: set[str] = set()
    while left:
        one = left.pop()
        if one in found or _is_macro(by_id[one]):
            continue
        found.add(one)
        left += [
            dependency["pkg"]
            for dependency in nodes[one]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
    return found


def _is_macro(package: dict[str, Any]) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def _read(package: dict[str, Any], systems: set[str]) -> Linked:
    name, licence = package["name"], package["license"] or ""
    if "MIT" not in re.split(r" OR |/", licence):
        raise SystemExit(
            f"error: {name} {package['version']} is {licence or 'no licence'}: what wheels hold "
            f"is to be used under the MIT licence, or release/licences.py be told of another"
        )
    folder = Path(package["manifest_path"]).parent
    names = {one.name.upper(): one for one in folder.iterdir()}
    for candidate in ("LICENSE-MIT", "LICENSE-MIT.TXT", "LICENSE-MIT.MD", "LICENSE", "LICENSE.TXT"):
        if candidate in names:
            text = names[candidate].read_text(encoding="utf-8").strip()
            return Linked(name, package["version"], licence, tuple(sorted(systems)), text)
    raise SystemExit(f"error: {name} {package['version']} has no text of its licence")


def _refuse_two_versions(target: str, names: list[str]) -> None:
    if twice := {one for one in names if names.count(one) > 1}:
        raise SystemExit(f"error: a wheel for {target} has two versions of {', '.join(twice)}")


def _refuse_unknown_licences(packages: dict[str, Any], linked: set[str]) -> None:
    for one in packages.values():
        words = set(re.findall(r"[\w.-]+", one["license"] or "none")) - {"OR", "AND", "WITH"}
        if one["id"] not in linked and not words <= TO_BUILD_WITH:
            raise SystemExit(f"error: {one['name']} takes part in builds, and is {one['license']}")


if __name__ == "__main__":
    main()
