"""Small files that are huge to whoever walks, hashes or copies what they hold."""

from __future__ import annotations

from typing import Any

from registry.formats.stubs import Instance

_CONTAINERS = (list, tuple, dict, set, frozenset, Instance)
_MAX_EXPANDED = 10**12
_MAX_DEPTH = 20_000
_MAX_HASHED = 100_000


def refuse_bombs(root: Any) -> None:
    """Refuse what is nested too deeply, or holds the same things twice again and again.

    Raises:
        ValueError: It is a bomb.
    """
    sizes: dict[int, int] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    depth = 0
    while stack:
        value, done = stack.pop()
        children = _children(value)
        if done:
            depth -= 1
            size = 1 + sum(sizes.get(id(child), 1) for child in children)
            if size > _MAX_EXPANDED:
                raise ValueError("it holds the same things twice, again and again")
            sizes[id(value)] = size
            continue
        if id(value) in sizes:
            continue
        sizes[id(value)] = 1  # where it holds itself
        depth += 1
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        stack.append((value, True))
        stack.extend((child, False) for child in children if id(child) not in sizes)


def _children(value: Any) -> list[Any]:
    if isinstance(value, Instance):
        parts: list[Any] = [value.args, value.state, value.items, value.pairs]
    elif isinstance(value, dict):
        parts = list(value.values())
    else:
        parts = list(value) if isinstance(value, (list, tuple, set, frozenset)) else []
    return [part for part in parts if isinstance(part, _CONTAINERS)]


def refuse_slow_key(value: tuple[Any, ...]) -> None:
    """Refuse a tuple that takes too long to hash: 60 nested pairwise take 2**60 steps.

    Raises:
        ValueError: It is one.
    """
    if _hashed(value, {}) > _MAX_HASHED:
        raise ValueError("a dictionary key that would take years to hash")


def _hashed(value: Any, known: dict[int, int]) -> int:
    if not isinstance(value, tuple):
        return 1
    if id(value) not in known:
        known[id(value)] = 1 + sum(_hashed(part, known) for part in value)
    return known[id(value)]
