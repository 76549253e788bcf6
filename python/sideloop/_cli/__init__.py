"""The command `python -m sideloop`, one file a station from the shell's text to the exit code."""

from sideloop._cli.command import main

__all__ = ["main"]
