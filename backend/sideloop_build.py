"""What pip builds sideloop with: maturin, when there is a compiler.

Without one, maturin would go to fetch a toolchain, or fail with what cargo or a linker say. An
install ends here instead, with what is missing and what there is to do.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import maturin
from maturin import (
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).parents[1]

Settings = dict[str, Any] | None
"""What `pip --config-settings` says."""


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What else pip has to install. It asks this first, unless it is told to install nothing."""
    _ask_for_a_compiler()
    return maturin.get_requires_for_build_wheel(config_settings)


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """As for a wheel."""
    _ask_for_a_compiler()
    return maturin.get_requires_for_build_editable(config_settings)


def prepare_metadata_for_build_wheel(folder: str, config_settings: Settings = None) -> str:
    """Write what the package is, for which maturin asks cargo."""
    _ask_for_a_compiler()
    return maturin.prepare_metadata_for_build_wheel(folder, config_settings)


def prepare_metadata_for_build_editable(folder: str, config_settings: Settings = None) -> str:
    """As for a wheel."""
    _ask_for_a_compiler()
    return maturin.prepare_metadata_for_build_editable(folder, config_settings)


def _ask_for_a_compiler() -> None:
    """End here if there is none: this text is the last that pip prints."""
    if missing := _missing():
        sys.exit(_what_to_do(missing))


def _missing() -> str | None:
    """What cannot be done without, if it is not there."""
    needed = _rust_version()
    for tool in ("cargo", "rustc"):
        if shutil.which(tool) is None:
            return f"Rust {needed} or newer is needed, and there is no {tool} on the PATH."
    found = _version_of_rustc()
    if found is not None and _as_numbers(found) < _as_numbers(needed):
        return f"Rust {needed} or newer is needed, and rustc is {found}."
    # On Windows rustc looks for Microsoft's linker in the registry, by rules of its own.
    names_a_linker = any(re.fullmatch(r"CARGO_TARGET_\w+_LINKER", name) for name in os.environ)
    if os.name == "posix" and not names_a_linker and shutil.which("cc") is None:
        return (
            "A C compiler is needed, too, since Rust links with it, and there is no cc on the "
            "PATH (Debian: gcc and libc6-dev; Alpine: build-base; macOS: xcode-select --install)."
        )
    return None


def _what_to_do(missing: str) -> str:
    return f"""
sideloop is to be built from its sources: there is no wheel of it for
{_here()}, or pip was asked not to take one.
{missing}

What to do:
  - take a CPython and a system that there is a wheel for: the files of sideloop's release are
    named by them;
  - if there is one for yours, have pip see it: python -m pip install --upgrade pip;
  - or install what is missing, and run this again. Rust is to be had from https://rustup.rs or
    from your system's packages. Everything else that is needed is in the source archive.
"""


def _here() -> str:
    libc = "-".join(platform.libc_ver()) if sys.platform == "linux" else ""
    tag = sysconfig.get_platform() + (f", {libc}" if libc.strip("-") else "")
    return f"{platform.python_implementation()} {platform.python_version()} on {tag}"


def _rust_version() -> str:
    """The oldest Rust that takes the extension, as its manifest says."""
    manifest = (ROOT / "crates/sideloop-py/Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^rust-version = "([\d.]+)"', manifest, re.MULTILINE)
    assert found is not None
    return found[1]


def _version_of_rustc() -> str | None:
    """None where it does not say: a toolchain's own error is better than ours then."""
    try:
        ended = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    found = re.match(r"rustc (\d+\.\d+\.\d+)", ended.stdout)
    return found and found[1]


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
