"""The interpreter's exit."""
