"""The command line itself: its options, and the way from them to an exit code.

```text
 1 command    options, exit code
 2 target     module:function  ──▶ the function
 3 arguments  texts            ──▶ its parameters
 4 convert    one text         ──▶ a value of the annotated type
 5 outcome    the value on stdout, or the traceback on stderr
```

That is `run`. `stubs` and `doctor` are in files of their own.

Nothing of pydantic is imported before a text has to be converted or a value printed as JSON: the
rest of the command works without the extra.
"""

import argparse
import contextlib
import functools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sideloop
from sideloop._cli import doctor, outcome, stubs
from sideloop._cli.arguments import Arguments, bind
from sideloop._cli.errors import CommandError, TimedOutError
from sideloop._cli.target import Target, find

_EXIT_INTERRUPTED = 130  # 128 + SIGINT, what shells report for a command that Ctrl-C ended

_DESCRIPTION = """\
Run async functions from the shell, write stubs for their sync twins, and find the bridges that
installed packages have.
"""

_EPILOG = """\
example:
  python -m sideloop run app:async_add a=10 b=12 --timeout 5
  python -m sideloop run --help
"""

_RUN_DESCRIPTION = """\
Import a module, call one of its async functions with arguments from the shell, wait, and print
what it returns. Modules are found as `python -m` finds them: the current directory comes first.
"""

_RUN_EPILOG = """\
arguments:
  name=value   by name, when the function has a parameter of that name or takes **kwargs
  value        by position, in order; so is any other text, also one that contains `=`
  -- value ... after a lone `--` everything is positional, whatever it looks like

  The parameter's annotation says what the text becomes (this needs pydantic, which
  `pip install "sideloop[cli]"` brings): int, float, bool, str, Path, datetime, Literal, Enum (by
  value or by member name) and so on; lists, dicts, tuples, dataclasses and models as JSON text. A
  union takes the first of its types, from left to right, that fits; `None` or `null` is None where
  None is allowed. Without an annotation the text stays as it is.

exit codes:
  0 it returned; 1 it failed, ran out of time, or its outcome could not be printed; 2 what was
  typed cannot be run; 130 Ctrl-C; after SystemExit, the code that the function asked for

examples:
  python -m sideloop run app:async_add a=10 b=12
  python -m sideloop run app.tools:fetch https://localhost:8000/ --timeout 2.5
  python -m sideloop run app:total 'prices=[1.5, 2.25]' --json
  python -m sideloop run app:Store.search -- 'name=value' --verbatim
"""


@dataclass(frozen=True)
class _Options:
    """What `run` was asked to do."""

    target: str
    texts: Sequence[str]
    positional_texts: Sequence[str]
    timeout: float | None
    printer: outcome.Printer


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Blocks until the function's task is done. The function runs on a loop thread, as under any
    `run_sync`; its arguments are converted and its outcome is printed on the calling thread.

    Args:
        argv: The texts after the command's name; `sys.argv[1:]` when left out.

    Returns:
        0 to 130, as `python -m sideloop run --help` lists them.

    Raises:
        SystemExit: The function, the module while it was imported, or argparse asked for it.
    """
    try:
        _parse(sys.argv[1:] if argv is None else argv)()
        exit_code = 0
    except SystemExit:
        outcome.flush()
        raise
    except KeyboardInterrupt:
        exit_code = _EXIT_INTERRUPTED
    except CommandError as error:
        outcome.explain(error)
        exit_code = error.exit_code
    except BaseException as error:  # whatever the function raised ends here
        outcome.report(error)
        exit_code = 1
    return outcome.flush() or exit_code


def _run(options: _Options) -> None:
    target = find(options.target)
    arguments = bind(target, options.texts, options.positional_texts)
    options.printer.prepare()
    options.printer.print(_call(target, arguments, options.timeout))


def _call(target: Target, arguments: Arguments, seconds: float | None) -> Any:
    limit = contextlib.nullcontext() if seconds is None else sideloop.timeout(seconds)
    try:
        with limit:
            return sideloop.run_sync(target.async_fn, *arguments.args, **arguments.kwargs)
    except TimeoutError as error:
        # The function may raise one itself, time limit or not.
        if seconds is None or outcome.came_from_user_code(error):
            raise
        raise TimedOutError(
            f"{target.name} did not return within {seconds:g} seconds, so it was cancelled"
        ) from error.__cause__


# Parsing.
#
# Does not work:
# - leaving `--` to argparse: which of several it drops, and where, changed in 3.12 and 3.13;
# - `parse_intermixed_args`: refuses parsers that have sub-parsers. So values after an option
#   arrive as "unknown" texts, still in order, and only those that look like options are wrong.
def _parse(argv: Sequence[str]) -> Callable[[], None]:
    texts = list(argv)
    split = texts.index("--") if "--" in texts else len(texts)
    parser, run = _parsers()
    options, more = parser.parse_known_args(texts[:split])
    if options.command == "stubs":
        options = parser.parse_args(texts)  # with all it has to say about what is left over
        return functools.partial(options.action, options.packages)
    if options.command == "doctor":
        options = parser.parse_args(texts)
        return functools.partial(doctor.examine, options.modules, options.form)
    for text in more:
        if text.startswith("-") and not _is_number(text):
            run.error(f"there is no option {text!r}; write a value that begins with - after --")
    return functools.partial(
        _run,
        _Options(
            target=options.target,
            texts=[*options.arguments, *more],
            positional_texts=texts[split + 1 :],
            timeout=options.timeout,
            printer=options.printer,
        ),
    )


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(
        prog="python -m sideloop",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"sideloop {sideloop.__version__}",
        help="print the version and exit",
    )
    commands = parser.add_subparsers(
        title="commands", metavar="command", dest="command", required=True
    )
    run = commands.add_parser(
        "run",
        help="run an async function of a module",
        usage="python -m sideloop run module:function [value | name=value ...] "
        "[--timeout SECONDS] [--json] [-- value ...]",
        description=_RUN_DESCRIPTION,
        epilog=_RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    run.add_argument(
        "target",
        metavar="module:function",
        help="what to run: a dotted module name, a colon, a name in it (or Class.method)",
    )
    run.add_argument("arguments", nargs="*", metavar="value | name=value", help="see below")
    run.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="cancel the call when it takes longer, wait until it has unwound, and fail",
    )
    run.add_argument(
        "--json",
        dest="printer",
        action="store_const",
        const=outcome.JSON,
        default=outcome.TEXT,
        help="print what it returns as one line of JSON (None as null)",
    )
    _add_stubs(commands)
    _add_doctor(commands)
    return parser, run


def _add_stubs(commands: Any) -> None:
    command = commands.add_parser(
        "stubs",
        help="write type stubs for modules with sync twins",
        description=stubs.DESCRIPTION,
        epilog=stubs.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("packages", nargs="+", metavar="package", help="a package or module")
    command.add_argument(
        "--check",
        dest="action",
        action="store_const",
        const=stubs.check,
        default=stubs.write,
        help="write nothing, and fail if a stub is not up to date: for CI",
    )


def _add_doctor(commands: Any) -> None:
    command = commands.add_parser(
        "doctor",
        help="find what installed packages call async code with, and what to write instead",
        description=doctor.DESCRIPTION,
        epilog=doctor.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="module",
        help="import this module, and say what is live then; may be given more than once",
    )
    command.add_argument(
        "--json",
        dest="form",
        action="store_const",
        const=doctor.data,
        default=doctor.text,
        help="print the report as one line of JSON",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
