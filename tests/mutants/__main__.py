"""Puts each fault of faults.toml into a copy of the sources, and says which the tests do not find.

`python -m mutants [PART OF A FAULT]...`. Works in target/mutants: a copy of the sources, a build
of the extension that is made anew for each fault in it, the package as the tests import it, and an
environment in which they do.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]

WORK = ROOT / "target" / "mutants"

SOURCES = (
    "benches/ping_pong",
    "contract/rust",
    "crates",
    "examples/rust",
    "python",
    "Cargo.toml",
    "README.md",
)
"""What the extension and the package are made of, and what its workspace names."""

CORE = "sideloop-core"
"""Among the tests: those of this package, by cargo."""

LIMIT = 180.0
"""Seconds in which the tests of a fault have to end; one that hangs has been found."""

FAST = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    "CARGO_INCREMENTAL": "1",
}


@dataclass(frozen=True)
class Fault:
    """One line that is wrong on purpose."""

    file: str
    old: str
    new: str
    killed_by: list[str]

    def __str__(self) -> str:
        return f"{self.file}: {self.old} -> {self.new}"


def main() -> int:
    chosen = faults()
    if asked := sys.argv[1:]:
        chosen = [fault for fault in chosen if any(part in str(fault) for part in asked)]
    lost = [str(fault) for fault in chosen if len(places(ROOT, fault)) != 1]
    if lost:
        print("not in the sources, or more than once:", *lost, sep="\n  ")
        return 2
    _copy_sources()
    _make_environment()
    _build()
    tests = sorted({test for fault in chosen for test in fault.killed_by})
    if not _passes(tests, LIMIT * 4):
        print("these tests fail without any fault:", *tests, sep="\n  ")
        print((WORK / "log").read_text("utf-8", "replace"))
        return 2
    survived = [fault for fault in chosen if not _is_found(fault)]
    print(f"{len(chosen)} faults, {len(survived)} survived", *survived, sep="\n  ")
    return 1 if survived else 0


def faults() -> list[Fault]:
    """The list, in its order."""
    listed = tomllib.loads(Path(__file__).with_name("faults.toml").read_text("utf-8"))
    return [Fault(**fault) for fault in listed["fault"]]


def places(root: Path, fault: Fault) -> list[Path]:
    """The files in which the line is, as often as it is there."""
    return [
        path
        for path in sorted(root.glob(fault.file))
        for _ in range(path.read_text("utf-8").count(fault.old))
    ]


def _copy_sources() -> None:
    """Bring the copy up to date, without touching what is as it was: cargo goes by the time."""
    wanted: set[Path] = set()
    for source in SOURCES:
        path = ROOT / source
        for file in [path] if path.is_file() else path.rglob("*"):
            if not file.is_file() or file.suffix in (".pyc", ".so") or "target" in file.parts:
                continue
            copy = WORK / "tree" / file.relative_to(ROOT)
            wanted.add(copy)
            if not copy.exists() or copy.read_bytes() != file.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
    for copy in (WORK / "tree").rglob("*"):
        if copy.is_file() and copy not in wanted and copy.name != "Cargo.lock":
            copy.unlink()


def _make_environment() -> None:
    """Have the tests find the copy of the package in front of what is installed.

    By the environment, not by PYTHONPATH: some of their programs ignore what that says.
    """
    venv.create(WORK / "venv", symlinks=True)
    (packages,) = (WORK / "venv").glob("lib/python*/site-packages")
    found_first = [str(WORK / "site"), sysconfig.get_path("purelib")]
    (packages / "mutants.pth").write_text("\n".join(found_first), "utf-8")


def _build() -> None:
    environment = {
        **os.environ,
        **FAST,
        "PYO3_PYTHON": sys.executable,
        "PYO3_BUILD_EXTENSION_MODULE": "1",
    }
    command = ["cargo", "build", "--quiet", "--release", "--package", "sideloop-py", "--lib"]
    subprocess.run(
        [*command, "--target-dir", str(WORK / "build")],
        cwd=WORK / "tree",
        env=environment,
        check=True,
    )
    shutil.rmtree(WORK / "site", ignore_errors=True)
    package = WORK / "site" / "sideloop"
    shutil.copytree(WORK / "tree" / "python" / "sideloop", package)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    shutil.copyfile(WORK / "build/release/lib_sideloop.so", package / f"_sideloop{suffix}")


def _is_found(fault: Fault) -> bool:
    (path,) = places(WORK / "tree", fault)
    right = path.read_text("utf-8")
    start = time.monotonic()
    try:
        path.write_text(right.replace(fault.old, fault.new), "utf-8")
        _build()
        found = not _passes(fault.killed_by, LIMIT)
    finally:
        path.write_text(right, "utf-8")
    print(
        f"{'found' if found else 'SURVIVED'} ({time.monotonic() - start:.0f} s) {fault}", flush=True
    )
    return found


def _passes(tests: list[str], limit: float) -> bool:
    ours = [f"tests/{test}" for test in tests if test != CORE]
    pytest = [
        str(WORK / "venv" / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-o",
        "timeout=60",
    ]
    cargo = ["cargo", "test", "--quiet", "--package", CORE, "--target-dir", str(WORK / "build")]
    return (not ours or _succeeds([*pytest, *ours], ROOT, limit)) and (
        CORE not in tests or _succeeds(cargo, WORK / "tree", limit)
    )


def _succeeds(command: list[str], folder: Path, limit: float) -> bool:
    with (
        (WORK / "log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as child,
    ):
        try:
            return child.wait(limit) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
