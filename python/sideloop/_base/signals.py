"""Tell what a signal handler has raised from what the code has in which it came."""

import importlib
import threading
from types import CodeType
from typing import Any

# Not `signal`, which looks up an enumeration's member for each number, and is far slower.
_signal: Any = importlib.import_module("_signal")


def is_of_a_handler(error: BaseException) -> bool:
    """Whether an exception was raised by a signal handler that is installed now.

    Python runs those between two instructions of the main thread, whatever that does. Where an
    error is reported rather than raised, a handler's is nobody's error but the program's.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = {_code_of(handler) for handler in _handlers()}
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return True
        traceback = traceback.tb_next
    return False


def raise_a_handlers(error: BaseException) -> None:
    """Where an exception is passed over: raise it all the same if it is a signal handler's."""
    if is_of_a_handler(error):
        raise error


def _handlers() -> list[Any]:
    numbers: set[int] = _signal.valid_signals()
    return [found for found in map(_signal.getsignal, numbers) if callable(found)]


def _code_of(handler: Any) -> CodeType | None:
    while hasattr(handler, "func"):  # functools.partial
        handler = handler.func
    for function in (handler, getattr(handler, "__func__", None), type(handler).__call__):
        code: CodeType | None = getattr(function, "__code__", None)
        if code is not None:
            return code
    return None
