"""A WSGI application, for gunicorn and others."""

from collections.abc import Callable, Iterable
from typing import Any

import store


def application(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Ask the async functions."""
    text = store.answer(environment["PATH_INFO"]).encode()
    start("200 OK", [("content-type", "text/plain"), ("content-length", str(len(text)))])
    return [text]
