"""The test modules of the running interpreter, in the order that keeps two processes busy.

All of them run, in every configuration: on two cores that is 40 seconds a configuration on 3.11.
"""

from importlib.util import find_spec
from pathlib import Path

LONGEST_FIRST = [
    "test_subprocess",
    "test_tasks",
    "test_ssl",
    "test_events",
    "test_taskgroups",
    "test_sslproto",
]


def find_modules() -> list[str]:
    """The names of the modules; none where the interpreter was installed without its tests."""
    try:
        package = find_spec("test.test_asyncio")
    except ModuleNotFoundError:
        return []
    if package is None or not package.submodule_search_locations:
        return []
    folder = Path(package.submodule_search_locations[0])
    names = {path.stem for path in folder.glob("test_*.py")}
    # The loops of Windows: these skip themselves, or cannot be imported.
    names -= {name for name in names if name.startswith("test_windows_")}
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, str]:
    place = LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)
    return place, name
