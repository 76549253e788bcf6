"""The end of a process as a program's end is, on a thread that was not its first one.

The interpreter itself cannot be taken down there: since CPython 3.13 that crashes in the child of
a fork that another thread than the main one has made. So no module is torn down, and files that
were left open are not flushed; nor does any object of a parent's come to an end.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn


def end_process(error: BaseException | None) -> NoReturn:
    """End as an exit says; with 1 after any other exception, which is printed; else with 0.

    Threads that are no daemons are waited for, exit handlers run, and output is flushed.
    """
    code = 0 if error is None else _print(error)
    shutdown: Callable[[], object] = getattr(threading, "_shutdown")  # noqa: B009  # typeshed has it not
    # After a fork by C code, of which Python knows nothing, it would wait for the parent's threads.
    known = threading.current_thread() is threading.main_thread()
    exit_handlers = atexit._run_exitfuncs  # pyright: ignore[reportPrivateUsage]
    for step in [*([shutdown] if known else []), exit_handlers]:
        try:
            step()
        except BaseException:
            _print_exception()
    if not all([_flushed(sys.stdout), _flushed(sys.stderr)]):
        code = 120  # as the interpreter's own
    os._exit(code & 0xFF)


def _print(error: BaseException) -> int:
    """Tell of what nobody has caught, and by which code it ends the process."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        with contextlib.suppress(Exception):
            sys.stderr.write(f"{error.code}\n")
        return 1
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as exits:
        return _print(exits)
    except BaseException:
        _print_exception()
    return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def _print_exception() -> None:
    with contextlib.suppress(Exception):
        traceback.print_exc()


def _flushed(stream: Any) -> bool:
    try:
        if stream is not None and not stream.closed:
            stream.flush()
    except Exception:
        return False
    return True
