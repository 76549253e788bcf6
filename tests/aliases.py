"""The types of what the fixtures in conftest.py give."""

import asyncio
from collections.abc import Callable

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
"""What makes the loops of a runner or manager under test, where it is not the default."""

WaitUntil = Callable[[Callable[[], object]], None]
"""`wait_until(condition)`: returns when the condition holds, fails if it never does."""
