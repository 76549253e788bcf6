"""Hosts under test, on each kind of loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

import sideloop
from sideloop import Runner

PATIENCE = 20.0

Drive = Literal["thread", "caller"]

MakeRunner = Callable[..., Runner]
"""`make_runner(make_loop, debug=False)`"""

MakeLoop = Callable[[type[Any]], Any]
"""Makes a loop of this class."""


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        yield number


@asynccontextmanager
async def entered() -> AsyncIterator[str]:
    yield "entered"


def options_of(kind: str, make_loop: MakeLoop) -> Any:
    loop_class = asyncio.SelectorEventLoop if kind == "foreign" else sideloop.EventLoop
    return {
        "loop_factory": lambda: make_loop(loop_class),
        "drive": "caller" if kind == "driven" else "thread",
    }
