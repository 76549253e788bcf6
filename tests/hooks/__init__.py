"""Hooks of the user's that raise: what comes of it at each entry."""
