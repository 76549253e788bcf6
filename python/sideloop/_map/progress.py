"""The progress bar of a map."""

import importlib
from collections.abc import Iterable, Sized
from typing import Protocol


class Bar(Protocol):
    """What is used of `tqdm.tqdm`."""

    def update(self, n: int) -> object:
        """Count answers."""

    def close(self) -> object:
        """Leave the bar as it is."""


def open_bar(items: Iterable[object]) -> Bar:
    """A tqdm bar, whose total is known if the items have a length.

    Raises:
        ImportError: tqdm is not installed.
    """
    try:
        tqdm = importlib.import_module("tqdm")
    except ImportError as error:
        raise ImportError(
            "progress=True shows a bar of tqdm's, which is not installed: "
            'pip install "sideloop[progress]", or leave out progress=True'
        ) from error
    bar: Bar = tqdm.tqdm(total=len(items) if isinstance(items, Sized) else None)
    return bar
