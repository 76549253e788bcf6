"""Whether a wheel has what it should, and nothing of the machine that built it.

`python release/contents.py WHEEL`; with `--sbom FILE` it also takes the list of crates out of it.
"""

import argparse
import json
import re
import zipfile
from collections.abc import Generator
from pathlib import Path

import crates

LICENCES = ("LICENSE-APACHE", "LICENSE-MIT", "LICENSE-THIRD-PARTY")


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--sbom", type=Path, help="write the list of crates to this file")
    asked = parser.parse_args()
    with zipfile.ZipFile(asked.wheel) as wheel:
        if problems := list(problems_with(wheel)):
            raise SystemExit("\n".join(f"error: {asked.wheel.name}: {one}" for one in problems))
        if asked.sbom is not None:
            asked.sbom.write_bytes(wheel.read(_sbom(wheel.namelist())))


def problems_with(wheel: zipfile.ZipFile) -> Generator[str]:
    """What is missing, or should not be there."""
    names = wheel.namelist()
    for wanted in ("sideloop/__init__.py", "sideloop/py.typed", "sideloop/_sideloop.pyi"):
        if wanted not in names:
            yield f"no {wanted}"
    for wanted in LICENCES:
        if not any(
            re.fullmatch(rf"sideloop-.*\.dist-info/licenses/{wanted}", one) for one in names
        ):
            yield f"no {wanted}"
    top = {one.split("/")[0] for one in names}
    if len(top) != 2:
        yield f"{sorted(top)} at its top: the package and its metadata are wanted"
    extensions = [one for one in names if one.endswith((".so", ".pyd"))]
    if len(extensions) != 1:
        yield f"{extensions} as extension modules"
    home = str(Path.home()).encode()
    for one in extensions:
        if len(home) > 1 and home + b"/" in wheel.read(one):
            yield f"{one} has paths of {home.decode()}"
    yield from _problems_with_sbom(wheel)


def _problems_with_sbom(wheel: zipfile.ZipFile) -> Generator[str]:
    name = _sbom(wheel.namelist())
    if name is None:
        yield "no list of crates (dist-info/sboms)"
        return
    sbom = json.loads(wheel.read(name))
    if sbom["bomFormat"] != "CycloneDX":
        yield f"{name} is {sbom['bomFormat']}"
    listed = {(one.name, one.version) for one in crates.read()}
    found = {(one["name"], one["version"]) for one in sbom["components"]}
    ours = {name for name, _ in found if name.startswith("sideloop")}
    if strange := {one for one in found if one[0] not in ours} - listed:
        yield f"{name} has crates that release/crates.txt has not: {sorted(strange)}"
    if ("pyo3", dict(listed)["pyo3"]) not in found:
        yield f"{name} has no pyo3"


def _sbom(names: list[str]) -> str | None:
    return next((one for one in names if re.search(r"/sboms/.*cyclonedx\.json$", one)), None)


if __name__ == "__main__":
    main()
