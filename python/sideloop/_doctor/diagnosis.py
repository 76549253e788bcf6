"""A diagnosis: all that was found, in the installed packages and in this process."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass

from sideloop._doctor.installed import installed, modules_of_nobody
from sideloop._doctor.process import Process, process
from sideloop._doctor.scan import Scan, scan


@dataclass(frozen=True)
class Diagnosis:
    """What a report is written of."""

    python: str
    """The interpreter, with its version."""

    imported: tuple[str, ...]
    """The modules that were imported to look at what they do."""

    scan: Scan
    process: Process


def diagnose(imported: Sequence[str]) -> Diagnosis:
    """Look at what is installed, and at this process.

    Imports nothing but sideloop's own modules. Takes seconds where much is installed.

    Args:
        imported: The modules that were imported for it. The user's own are read, too, then.
    """
    now = process()
    distributions = installed()
    own = [modules_of_nobody(distributions)] if imported else []
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    return Diagnosis(interpreter, tuple(imported), scan([*own, *distributions]), now)
