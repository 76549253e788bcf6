"""Requests and responses: plain values, the same for sync and async users."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from shelf.errors import error_of

Method = Literal["DELETE", "GET", "POST", "PUT"]


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    method: Method
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """An answer, with all of its body."""

    request: Request
    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, as what it stands for."""
        return json.loads(self.body)

    def raise_for_status(self) -> None:
        """Raise a ShelfError unless the server has done what was asked for."""
        if self.status >= 400:
            raise error_of(self.status, self.reason)
