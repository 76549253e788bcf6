"""Whether an exception is a signal handler's, told by where it was raised."""

import sys
from types import TracebackType

import pytest

from sideloop._base.signals import is_of_a_signal


def raised() -> KeyboardInterrupt:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        return error


class TestAKeyboardInterrupt:
    def test_that_code_has_raised_is_none(self) -> None:
        assert not is_of_a_signal(raised())

    def test_that_has_no_traceback_is_one(self) -> None:
        assert is_of_a_signal(KeyboardInterrupt())

    @pytest.mark.parametrize("at", [-1, -(10**6), 10**6])
    def test_out_of_a_frame_without_instructions_is_one(self, at: int) -> None:
        """Those of Cython's have none, and stand before or behind the first."""
        frame = TracebackType(None, sys._getframe(), at, 1)
        assert is_of_a_signal(KeyboardInterrupt().with_traceback(frame))
