"""How a pickle is known by its first bytes."""

from __future__ import annotations

import pickletools
import re

_OPCODES = frozenset(opcode.code for opcode in pickletools.opcodes)
# Protocols 0 and 1 have no header: a name, or a container that starts with one.
_OLD = re.compile(rb"[(\]}]{0,3}(?:[ldt]?p?\d*\n)?[(]{0,2}[ci][A-Za-z_][\w.]*\r?\n[\w.<>]+\r?\n")
HEAD_BYTES = 200
"""As many as `is_pickle` looks at."""

_FIRST = frozenset(b"\x80(]}ci")


def is_pickle(head: bytes) -> bool:
    """Whether these first bytes start a pickle of any protocol."""
    if not head or head[0] not in _FIRST:
        return False
    if head[0] == 0x80:
        return len(head) > 2 and head[1] <= 5 and chr(head[2]) in _OPCODES
    return bool(_OLD.match(head))
