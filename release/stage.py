"""Lays out what the source archive is made of: the sources, the crates they need, and a lock.

`python release/stage.py FOLDER` makes the folder, from which `maturin sdist` makes the archive.
What is in it can be built without a network:

    sideloop, its extension, the core    as in the repository; of the workspace nothing else
    README.md, [project.urls]            as an index is to show them (release/readme.py)
    vendor/                              the crates of release/crates.txt, as in their archives
    .cargo/config.toml                   has cargo take crates from there
    Cargo.lock                           made by cargo of vendor/, and compared with the list

`python release/stage.py --sources FOLDER` leaves out the crates and the lock: of that,
`scripts/lock` has cargo choose crates anew.
"""

import argparse
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import crates
import readme
from crates import Crate

ROOT = Path(__file__).parents[1]

PARTS = (
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "LICENSE-THIRD-PARTY",
    "README.md",
    "backend",
    "crates/core",
    "crates/sideloop-py",
    "pyproject.toml",
    "python",
)

CONFIG = """\
# Crates come from vendor/, so that this builds without a network.
[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"
"""


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sources", action="store_true", help="no crates, and no lock")
    asked = parser.parse_args()
    copy_sources(asked.folder)
    if not asked.sources:
        vendor(crates.read(), asked.folder)
        lock(crates.read(), asked.folder)


def copy_sources(folder: Path) -> None:
    """Make the folder anew, with what git knows of the sources."""
    shutil.rmtree(folder, ignore_errors=True)
    known = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PARTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in known.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"', project, re.MULTILINE)
    assert version is not None
    where = readme.sources(version[1])
    changed: dict[str, Callable[[str], str]] = {
        "Cargo.toml": _without_others,
        "crates/core/Cargo.toml": _without_loom,
        "README.md": lambda text: readme.for_index(text, where),
        "pyproject.toml": lambda text: _with_addresses(text, where),
    }
    for name, change in changed.items():
        path = folder / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def vendor(listed: list[Crate], folder: Path) -> None:
    """Bring the crates of the list, and no other.

    Raises:
        SystemExit: What was brought is not what the list has.
    """
    with tempfile.TemporaryDirectory() as place:
        # Each is asked for by its version, so that cargo has nothing to choose.
        manifest = (
            '[package]\nname = "vendored"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\n'
        )
        for number, one in enumerate(listed):
            asked = f'package = "{one.name}", version = "={one.version}", default-features = false'
            manifest += f"c{number} = {{ {asked} }}\n"
        (Path(place) / "Cargo.toml").write_text(manifest, encoding="utf-8")
        (Path(place) / "src").mkdir()
        (Path(place) / "src" / "lib.rs").touch()
        command = ["cargo", "vendor", "--quiet", folder.absolute() / "vendor"]
        subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, check=True)
    brought: list[Crate] = []
    for crate in sorted((folder / "vendor").iterdir()):
        manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
        name, version = (
            re.search(rf'^{key} = "([^"]+)"', manifest, re.MULTILINE) for key in ("name", "version")
        )
        assert name is not None
        assert version is not None
        sums = json.loads((crate / ".cargo-checksum.json").read_text(encoding="utf-8"))
        brought.append(Crate(name[1], version[1], sums["package"]))
    _compare("vendor/", brought, listed)
    (folder / ".cargo").mkdir()
    (folder / ".cargo" / "config.toml").write_text(CONFIG, encoding="utf-8")


def lock(listed: list[Crate], folder: Path) -> None:
    """Have cargo write the lock, for which it has no choice: there is one version of each.

    Raises:
        SystemExit: The lock is not what the list has.
    """
    subprocess.run(["cargo", "generate-lockfile", "--quiet", "--offline"], cwd=folder, check=True)
    _compare("Cargo.lock", crates.of_lock(folder / "Cargo.lock"), listed)


def _compare(what: str, found: list[Crate], listed: list[Crate]) -> None:
    if differing := set(found) ^ set(listed):
        lines = "\n".join(f"  {one}" for one in sorted(differing))
        raise SystemExit(
            f"error: {what} is not what release/crates.txt lists (scripts/lock):\n{lines}"
        )


def _without_others(manifest: str) -> str:
    """The workspace, with the extension and the core alone."""
    members = 'members = ["crates/core", "crates/sideloop-py"]\n'
    return re.sub(r"^members = \[.*?^\]\n", members, manifest, flags=re.MULTILINE | re.DOTALL)


def _without_loom(manifest: str) -> str:
    """The core, without what its tests under loom need."""
    return manifest.replace("[target.'cfg(loom)'.dependencies]\nloom.workspace = true\n\n", "")


def _with_addresses(project: str, where: readme.Sources | None) -> str:
    """The project, with the addresses that an index shows beside the README."""
    if where is None:
        return project
    added = {
        "Documentation": where.page("README.md"),
        "Repository": where.repository,
        "Issues": f"{where.repository}/issues",
        "Changelog": where.page("CHANGELOG.md"),
    }
    lines = "".join(f'{name} = "{address}"\n' for name, address in added.items())
    return project.replace("[project.urls]\n", f"[project.urls]\n{lines}")


if __name__ == "__main__":
    main()
