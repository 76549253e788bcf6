"""Async views, and sync views that call async code."""

import asyncio

from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views import View

from bank import services
from bank.models import Account, Note


async def balance(request: HttpRequest, owner: str) -> HttpResponse:
    """Async: ask the database."""
    account = await Account.objects.aget(owner=owner)
    return JsonResponse({"balance": account.balance, "by": request.seen_by})


def total(request: HttpRequest) -> HttpResponse:
    """Sync: call what is async."""
    return JsonResponse({"total": async_to_sync(services.total)(), "by": request.seen_by})


async def move(request: HttpRequest, giver: str, taker: str, amount: int) -> HttpResponse:
    """Async: a transaction, which is sync, which calls what is async."""
    try:
        await sync_to_async(services.move)(giver, taker, amount)
    except services.RefusedError:
        return HttpResponse("refused", status=409)
    return HttpResponse("moved")


def move_at_once(request: HttpRequest, giver: str, taker: str, amount: int) -> HttpResponse:
    """The same by a sync view."""
    services.move(giver, taker, amount)
    return HttpResponse("moved")


class Notes(View):
    """A class of an async view."""

    async def get(self, request: HttpRequest, owner: str) -> StreamingHttpResponse:
        """A stream of them."""

        async def lines():
            async for note in Note.objects.filter(account__owner=owner).order_by("pk"):
                await asyncio.sleep(0)
                yield f"{note.text}\n"

        return StreamingHttpResponse(lines())
