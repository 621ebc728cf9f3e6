"""Landlock: from here on this process opens nothing but what is listed. Linux 5.13+.

Source: Documentation/userspace-api/landlock.rst, Linux 6.12 (ABI 6); later ABIs only add rights.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from registry.sandbox import syscalls

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_FIRST_RIGHTS = (1 << 13) - 1
_LATER_RIGHTS = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))  # (ABI, right): refer, truncate, ioctl
_TCP_BIND, _TCP_CONNECT = 1, 2  # ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 3  # ABI 6


def abi() -> int:
    """Version of Landlock this kernel speaks; 0 when it has none."""
    if not syscalls.LINUX:
        return 0
    try:
        return syscalls.call(_CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(readable: Iterable[str], ports: Iterable[int] | None = ()) -> None:
    """Deny everything Landlock knows, except reading the listed files and below the folders.

    Args:
        ports: The only TCP ports to connect to, None for all; held to from ABI 4.

    Raises:
        OSError: The kernel has no Landlock, or refuses.
    """
    version = abi()
    rights = _FIRST_RIGHTS | sum(right for since, right in _LATER_RIGHTS if version >= since)
    handled = _TCP_BIND | (_TCP_CONNECT if ports is not None else 0)
    network = handled if version >= 4 else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = syscalls.buffer(struct.pack("<QQQ", rights, network, scoped))
    rules = syscalls.call(_CREATE, attributes, size, 0)
    try:
        for path in readable:
            _allow(rules, path)
        for port in (ports or ()) if network else ():
            rule = syscalls.buffer(struct.pack("<QQ", _TCP_CONNECT, port))
            syscalls.call(_ADD, rules, 2, rule, 0)
        syscalls.call(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # absent or out of reach: not allowed, then
    try:
        folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        rights = _READ_FILE | (_READ_FOLDER if folder else 0)
        syscalls.call(_ADD, rules, 1, syscalls.buffer(struct.pack("<Qi", rights, fd)), 0)
    finally:
        os.close(fd)
