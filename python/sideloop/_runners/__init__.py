"""Calls on a loop of one's own, or of somebody else's."""
