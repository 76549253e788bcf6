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
from typing import Any

from sideloop._cli.convert import need_pydantic
from sideloop._cli.errors import CommandError

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
        sys.stdout.write(f"{text}\n")
    except BrokenPipeError:
        raise  # for `report`, which is quiet about it
    except OSError as error:
        raise CommandError(_CANNOT_WRITE.format(error)) from None


TEXT = Printer(prepare=lambda: None, print=_print_text)
JSON = Printer(prepare=lambda: need_pydantic("--json"), print=_print_json)


def explain(error: CommandError) -> None:
    """Print an error of the command's own in one line, below the traceback of its cause."""
    # A task cancelled by the time limit ends with CancelledError; any other error is news.
    if error.__cause__ is not None and not isinstance(error.__cause__, asyncio.CancelledError):
        report(error.__cause__)
    sys.stderr.write(f"{error.label}: {error}\n")


def report(error: BaseException) -> None:
    """Print a traceback as an uncaught exception's, without the command's own frames.

    Quiet when it only says that the reader of stdout has gone.
    """
    if isinstance(error, BrokenPipeError) and _reader_has_gone():
        return
    trimmed = _user_part(error.__traceback__)
    if trimmed is None and not _failed_in_import_machinery(error):
        trimmed = error.__traceback__
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
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Else the interpreter tries again at exit, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
    while traceback is not None and _is_ours(traceback):
        traceback = traceback.tb_next
    return traceback


def _is_ours(traceback: TracebackType) -> bool:
    return traceback.tb_frame.f_code.co_filename.startswith((_PACKAGE, *_IMPORT_MACHINERY))


def _failed_in_import_machinery(error: BaseException) -> bool:
    # A syntax error or a bad extension module: no frame of the module ever ran.
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(
        _IMPORT_MACHINERY
    )
