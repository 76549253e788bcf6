"""The end of the command: the value on stdout, or the user's own part of a traceback on stderr."""

import asyncio
import importlib
import os
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from sideloop._cli.convert import need_pydantic
from sideloop._cli.errors import CommandError

_COMMAND = f"{Path(__file__).parent}{os.sep}"
_PACKAGE = f"{Path(__file__).parent.parent}{os.sep}"
_CANNOT_WRITE = "cannot write to stdout: {}"
_IMPORT_MACHINERY = (importlib.__file__, "<frozen importlib")


@dataclass(frozen=True)
class Printer:
    """How a value is shown."""

    prepare: Callable[[], object]
    """Raises when values cannot be shown this way at all: before the function runs, not after."""

    print: Callable[[Any], None]
    """Shows one value."""


def _print_text(value: object) -> None:
    if value is not None:
        _write(str(value))


def _print_json(value: object) -> None:
    from pydantic_core import to_json  # comes with pydantic, see `prepare`

    try:
        # NaN and infinity are not JSON; null is what pydantic's own models write for them.
        text = to_json(value, inf_nan_mode="null").decode()
    except ValueError as error:
        raise CommandError(
            f"a value of type {type(value).__name__} was returned, which cannot be written as "
            f"JSON: {error}; run it without --json, or return something plainer"
        ) from None
    _write(text)


def _write(text: str) -> None:
    try:
        write_line(sys.stdout, text)
    except BrokenPipeError:
        raise  # for `report`, which is quiet about it
    except OSError as error:
        raise CommandError(_CANNOT_WRITE.format(error)) from None


def write_line(stream: TextIO | None, line: str) -> None:
    """Write a line where there is a stream for it."""
    # Python has no stream where the shell has closed it (`>&-`).
    if stream is not None:
        stream.write(f"{line}\n")


TEXT = Printer(prepare=lambda: None, print=_print_text)
JSON = Printer(prepare=lambda: need_pydantic("--json"), print=_print_json)


def explain(error: CommandError) -> None:
    """Print an error of the command's own in one line, below the traceback of its cause."""
    # A task that the time limit cancels ends with CancelledError, and with TimeoutError where it
    # waits in a nested call, which has the same limit. Anything else is news.
    cause = error.__cause__
    if cause is not None and not isinstance(cause, asyncio.CancelledError | TimeoutError):
        report(cause)
    write_line(sys.stderr, f"{error.label}: {error}")


def report(error: BaseException) -> None:
    """Print a traceback as an uncaught exception's, without the command's own frames.

    Quiet when it only says that the reader of stdout has gone.
    """
    if isinstance(error, BrokenPipeError) and _reader_has_gone():
        return
    trimmed = _user_part(error.__traceback__)
    if trimmed is None and not _failed_in_import_machinery(error):
        # Not the user's: what is left is sideloop's, or else a bug of the command itself.
        trimmed = _skip(error.__traceback__, _COMMAND) or error.__traceback__
    # Not traceback.print_exception: whoever replaced the hook (colours, error collectors) expects
    # to see this one too.
    sys.excepthook(type(error), error.with_traceback(trimmed), trimmed)


def came_from_user_code(error: BaseException) -> bool:
    """Whether any frame below the command's own belongs to someone else."""
    return _user_part(error.__traceback__) is not None


def flush() -> int:
    """Write out what is left for stdout, as nothing at interpreter exit could report it.

    Returns:
        1 when it could not be written, else 0. A reader who has gone (`| head`) is no news for
        anybody; a full disk is.
    """
    stdout = sys.stdout
    if stdout is None:
        return 0
    try:
        stdout.flush()
    except OSError as error:
        # Else the interpreter tries again at exit, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            explain(CommandError(_CANNOT_WRITE.format(error)))
        return 1
    return 0


def _reader_has_gone() -> bool:
    # A second flush would not tell: unbuffered, there is nothing left to write.
    if sys.stdout is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _user_part(traceback: TracebackType | None) -> TracebackType | None:
    return _skip(traceback, _PACKAGE, *_IMPORT_MACHINERY)


def _skip(traceback: TracebackType | None, *places: str) -> TracebackType | None:
    """Leave out the frames at the beginning whose files' names begin with one of `places`."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(places):
        traceback = traceback.tb_next
    return traceback


def _failed_in_import_machinery(error: BaseException) -> bool:
    # A syntax error or a bad extension module: no frame of the module ever ran.
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(
        _IMPORT_MACHINERY
    )
