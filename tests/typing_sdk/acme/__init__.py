"""An SDK with one of each shape that async Python has, for the tests of stubs."""

from acme import functions as functions
from acme._types import NOT_FOUND, Color, Point, Row
from acme._types import AcmeError as AcmeError
from acme.sync import Client, Users

__all__ = ["NOT_FOUND", "AcmeError", "Client", "Color", "Point", "Row", "Users", "functions"]
__version__ = "1.0"
