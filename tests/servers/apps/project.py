"""A Django project in one file, with sync and async views.

python project.py runserver
"""

import os
import sys

import store
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DEBUG=True,
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    USE_TZ=True,
)


def ask(request: HttpRequest, what: str, number: int) -> HttpResponse:
    """A sync view."""
    return HttpResponse(store.answer(f"/{what}/{number}"))


async def aio(request: HttpRequest, number: int) -> HttpResponse:
    """An async view, which awaits the object of a loop that is not its own."""
    return HttpResponse(f"{os.getpid()} {await store.store.double.aio(number)}")


urlpatterns = [path("aio/<int:number>", aio), path("<str:what>/<int:number>", ask)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
