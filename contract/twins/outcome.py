"""What comes of a row: in a process of its own, and within a time limit."""

import os
import select
import signal
from collections.abc import Callable

SECONDS = 10.0
"""After this long a call is taken for one that never returns."""


class NotOfferedError(Exception):
    """The tool has nothing for this."""


class HangsError(Exception):
    """What was asked for did not end."""


class OtherwiseError(Exception):
    """It came out otherwise than sync users expect."""


def expect(is_so: object) -> None:
    """Go on, if that is so."""
    if not is_so:
        raise OtherwiseError


def told_by(error: BaseException) -> str:
    """What to say of an error."""
    if isinstance(error, NotOfferedError | OtherwiseError):
        return "no"
    if isinstance(error, HangsError):
        return "hangs"
    return f"`{type(error).__name__}`"


def in_child(ask: Callable[[], object]) -> str:
    """What `ask` comes to in a fork's child."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            said = "yes" if ask() else "no"
        except BaseException as error:
            said = told_by(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], SECONDS / 2)
    said = os.read(reading, 1000).decode() if ready else "hangs"
    os.close(reading)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return said
