"""Sync twins of async functions, classes and modules, and the translation between them."""
