"""Hooks: sync functions of the user's that async code calls, each on a thread of its own."""
