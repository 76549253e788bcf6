"""The machine: what class of machine was measured on."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass

from _measure import usable_cpus


@dataclass(frozen=True)
class Machine:
    """The class of machine that was measured on, without anything that names the machine."""

    usable_cpus: int
    architecture: str
    python: str
    kernel: str

    @classmethod
    def here(cls) -> Machine:
        """Describe this machine."""
        # The numbers only: what a build appends to them names whoever built it.
        release = re.match(r"[0-9.]*[0-9]", platform.release())
        return cls(
            usable_cpus=len(usable_cpus()),
            architecture=platform.machine(),
            python=f"{platform.python_implementation()} {platform.python_version()}",
            kernel=f"{platform.system()} {release.group() if release else 'unknown'}",
        )

    def __str__(self) -> str:
        """Say it in one line."""
        cores = "1 core" if self.usable_cpus == 1 else f"{self.usable_cpus} cores"
        return f"{cores} usable ({self.architecture}), {self.python}, {self.kernel}"
