"""`doctor`: finds the bridges in what is installed, and says what to write instead."""

import json
import sys
from collections.abc import Callable, Sequence

import sideloop
from sideloop._cli.outcome import write_line
from sideloop._cli.target import import_named
from sideloop._doctor.data import as_data
from sideloop._doctor.diagnosis import Diagnosis, diagnose
from sideloop._doctor.text import as_text

DESCRIPTION = """\
Read the Python files of all installed distributions, without importing them, for what calls async
code from sync code: asyncio.run and run_until_complete in functions, run_coroutine_threadsafe,
nest_asyncio, and the bridges of libraries that sideloop knows; and for what such calls depend on:
event loop policies, gevent and eventlet, forks. Say of each what to write instead.
"""

EPILOG = """\
Tests are not read, and where a program begins (a console script, `if __name__ == "__main__"`)
asyncio.run is right.

With --import, the module is imported in this process, as `python -m` finds it, with all that it
does; then its modules are read, too, and the report says what is live: the event loop policy, what
was patched, and which threads run loops.

exit codes:
  0 there is a report, whatever it says; 1 the module failed when it was imported; 2 what was typed
  is no module

examples:
  python -m sideloop doctor
  python -m sideloop doctor --import app
  python -m sideloop doctor --json | python -m json.tool
"""

Form = Callable[[Diagnosis], str]


def text(diagnosis: Diagnosis) -> str:
    """The report for readers."""
    return as_text(diagnosis, sideloop.__version__)


def data(diagnosis: Diagnosis) -> str:
    """The report for programs, as one line."""
    return json.dumps(as_data(diagnosis, sideloop.__version__))


def examine(modules: Sequence[str], form: Form) -> None:
    """Import these modules, look, and report.

    Raises:
        UsageError: There is no such module.
        BaseException: Whatever a module raised while it was imported.
    """
    for name in modules:
        import_named(name)
    write_line(sys.stdout, form(diagnose(modules)))
