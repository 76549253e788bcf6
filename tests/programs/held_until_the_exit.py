"""What is held until the exit, and used then. `held_until_the_exit.py <when> <kind of loop>`."""

import atexit
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable
from typing import Any

steps: list[Callable[[], object]] = []


def say(text: str, write: Any = os.write) -> None:
    write(1, f"{text}\n".encode())


def use(steps: list[Callable[[], object]] = steps, say: Callable[[str], None] = say) -> None:
    """What it needs it has, since the modules may be gone."""
    for step in steps:
        try:
            say(repr(step()))
        except BaseException as error:
            say(type(error).__name__)


class Finalizer:
    use = staticmethod(use)

    def __del__(self) -> None:
        self.use()


WHEN = sys.argv[1]
if WHEN == "after_the_exit":
    atexit.register(use)  # before sideloop's own, and so after that

from kinds import loop_factory  # noqa: E402  # see above

import sideloop  # noqa: E402

if WHEN == "at_exit":
    atexit.register(use)
elif WHEN == "when_modules_are_gone":
    sys.modules["kept"] = Finalizer()  # type: ignore[assignment]


async def items() -> AsyncGenerator[int, None]:
    try:
        for number in range(3):
            yield number
    finally:
        say("items cleaned up")


@contextlib.asynccontextmanager
async def entered() -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        say("exited")


options: dict[str, Any] = (
    {"drive": "caller"} if sys.argv[2] == "driven" else {"loop_factory": loop_factory(sys.argv[2])}
)
runner = sideloop.Runner(**options)
iterator = runner.iterate(items())
next(iterator)
manager = runner.enter(entered())
manager.__enter__()
steps += [iterator.__next__, lambda: manager.__exit__(None, None, None)]
