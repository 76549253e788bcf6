"""A client library for a book shelf on the web: written once, async, for async and sync users.

`AsyncClient` and what it hands out are async code. `Client` is its sync twin, and what that hands
out are twins, too: `Book` of `AsyncBook`, and so on. Each module makes the twins of its classes by
calls of `synced`, and has a stub beside it that `python -m sideloop stubs shelf` writes.
"""

from shelf.auth import ApiKey, AsyncApiKey, AsyncAuth, Auth
from shelf.books import AsyncBook, AsyncBooks, Book, Books
from shelf.client import AsyncClient, Client, Event
from shelf.errors import AuthError, NotFoundError, ShelfError
from shelf.message import Request, Response
from shelf.page import AsyncPage, Page
from shelf.reviews import AsyncReviews, Review, Reviews

__all__ = [
    "ApiKey",
    "AsyncApiKey",
    "AsyncAuth",
    "AsyncBook",
    "AsyncBooks",
    "AsyncClient",
    "AsyncPage",
    "AsyncReviews",
    "Auth",
    "AuthError",
    "Book",
    "Books",
    "Client",
    "Event",
    "NotFoundError",
    "Page",
    "Request",
    "Response",
    "Review",
    "Reviews",
    "ShelfError",
]
