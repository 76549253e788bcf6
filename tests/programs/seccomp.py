"""A filter of system calls, after which the kernel refuses some. For this process, and for good.

There is no other way to have it say that it has no memory for a socket.
"""

import ctypes
import struct
from collections.abc import Sequence

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
"""Instructions: load a word, compare it and jump, end."""

ALLOW, FAIL = 0x7FFF0000, 0x00050000
"""What a filter ends with. To the second one the error's number is added."""

CALL, THIRD_ARGUMENT = 0, 16 + 2 * 8
"""Where these lie in what a filter looks at."""

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def install(program: Sequence[tuple[int, int, int, int]]) -> None:
    """Have each call looked at by this: instruction, jump if equal, jump if not, operand."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    told = ctypes.create_string_buffer(head)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, told)):
        if prctl(*option, 0, 0):
            raise OSError(ctypes.get_errno(), "no filter of system calls")
