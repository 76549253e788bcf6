"""Signal handlers, in the code in which they come: told by what they raise, or put off."""

import contextlib
import importlib
import opcode
import sys
import threading
from collections.abc import Generator
from types import CodeType, FrameType
from typing import Any

# Not `signal`, which looks up an enumeration's member for each number, and is far slower.
_signal: Any = importlib.import_module("_signal")


def on_main_thread() -> bool:
    """Whether Python runs signal handlers on the calling thread.

    Not by `current_thread`, which makes an object for each thread that it does not know, as one in
    its last steps: some stay for good, and on CPython 3.13.0 one that goes at exit says so.
    """
    return threading.get_ident() == threading.main_thread().ident


def is_of_a_handler(error: BaseException) -> bool:
    """Whether an exception was raised by a signal handler that is installed now.

    Python runs those between two instructions of the main thread, whatever that does. Where an
    error is reported rather than raised, a handler's is nobody's error but the program's.
    """
    if not on_main_thread():
        return False
    handlers = {_code_of(handler) for handler in _handlers()}
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return True
        traceback = traceback.tb_next
    return False


def is_of_a_signal(error: BaseException) -> bool:
    """The same, of a handler of Python's own as well: the one that raises KeyboardInterrupt.

    That one leaves no frame. A KeyboardInterrupt that no `raise` has raised is taken for its.
    """
    if is_of_a_handler(error):
        return True
    if not isinstance(error, KeyboardInterrupt):
        return False
    if _signal.getsignal(_signal.SIGINT) is not _signal.default_int_handler:
        return False
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return True
    code, at = innermost.tb_frame.f_code.co_code, innermost.tb_lasti
    if not 0 <= at < len(code):  # a frame of Cython's, which has no instructions
        return True
    return opcode.opname[code[at]] not in ("RAISE_VARARGS", "RERAISE")


def raise_a_handlers(error: BaseException) -> None:
    """Where an exception is passed over: raise it all the same if it is a signal handler's."""
    if is_of_a_handler(error):
        raise error


class PutOff:
    """Puts signal handlers off while a block runs that they must not find half done.

    On the main thread, that is; others run none in any case. Each handler runs when the block has
    ended, once for each signal that came, and what it raises comes out there. What
    `signal.siginterrupt` has said of such a signal is lost, as with any handler that is installed.
    """

    def __init__(self) -> None:
        self._off: dict[int, Any] = {}
        self._came: list[tuple[int, Any]] = []

    def __enter__(self) -> None:
        if not on_main_thread():
            return
        try:
            for number in _signal.valid_signals():
                handler = _signal.getsignal(number)
                if callable(handler):
                    self._off[number] = handler
                    _signal.signal(number, self._note)
        except BaseException:  # of one that was not put off yet
            self.end()
            raise

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Install them again, and run those whose signals came."""
        try:
            while self._off:
                number, handler = next(iter(self._off.items()))
                if _signal.getsignal(number) == self._note:
                    _signal.signal(number, handler)
                self._off.pop(number, None)
            while self._came:
                number, handler = self._came.pop(0)
                handler(number, sys._getframe())  # pyright: ignore[reportPrivateUsage]
        except BaseException:
            self.end()  # the others all the same
            raise

    def forget_inherited(self) -> None:
        """In a fork's child: the signals that came were the parent's."""
        self._came.clear()

    def _note(self, number: int, _: FrameType | None) -> None:
        came = (number, self._off[number])
        if came not in self._came:
            self._came.append(came)


@contextlib.contextmanager
def errors_passed_over() -> Generator[None]:
    """Pass over any error of a block but a signal handler's."""
    try:
        yield
    except Exception as error:
        raise_a_handlers(error)


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
