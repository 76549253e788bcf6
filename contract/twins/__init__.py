"""Twins beside what others make of async libraries for sync users: `python -m twins`."""
