"""A client library for a book shelf on the web: written once, async, for async and sync users."""

from shelf.client import AsyncBook, Book, Client, Response, ShelfError

__all__ = ["AsyncBook", "Book", "Client", "Response", "ShelfError"]
