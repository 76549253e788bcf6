"""What a module imports for type checkers alone."""

from collections.abc import Awaitable, Callable
from typing import Any

OnlyForCheckers = Callable[[int], Awaitable[Any]]
