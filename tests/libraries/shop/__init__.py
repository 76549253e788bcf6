"""A package with twins in several modules, for the tests of stubs."""

from shop.sync import Client as Client
