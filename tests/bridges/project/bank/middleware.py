"""Two kinds of middleware, so that each request goes from one world to the other, and back."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware


class SyncMiddleware:
    """Sync, around what is async."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Say that it was here."""
        request.seen_by = ["sync"]
        return self.get_response(request)


@async_only_middleware
def async_middleware(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Async, around a view of either kind."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        request.seen_by.append("async")
        return await get_response(request)

    return middleware
