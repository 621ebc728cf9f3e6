"""The few Linux calls that Python has no name for, by ctypes; standard library only."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

LINUX = sys.platform == "linux"
MACHINE = platform.machine()

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_NO_NEW_PRIVS = 1, 4, 15, 38
PR_SET_VMA = 0x53564D41

_libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """Make a system call.

    Raises:
        OSError: It failed.
    """
    return _checked(_libc.syscall(number, *arguments))


def prctl(option: int, value: int) -> None:
    """Change this thread's own settings.

    Raises:
        OSError: The kernel refused.
    """
    _checked(_libc.prctl(option, value, 0, 0, 0))


def drop_capabilities() -> None:
    """Give up every capability for good, as far as no_new_privs holds.

    Source: capset(2), _LINUX_CAPABILITY_VERSION_3.
    """
    header = ctypes.create_string_buffer((0x20080522).to_bytes(4, sys.byteorder) + bytes(4), 8)
    _checked(_libc.capset(header, ctypes.create_string_buffer(24)))


def buffer(data: bytes) -> ctypes.Array[ctypes.c_char]:
    """Bytes at a fixed address, to hand to `call`."""
    return ctypes.create_string_buffer(data, len(data))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
