"""What torch's zip files share: their top folder, the pickle inside walked dry, weights counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from registry.formats import archives
from registry.formats.dry_run import Seen, dry_run_torch
from registry.formats.stubs import Instance, Weight
from registry.formats.text import clean

_MAX_PICKLE = 256 << 20
_MAX_WEIGHTS = 100_000
_MAX_SHOWN = 200


def pickle_inside(archive: ZipFile, folder: str, name: str = "data.pkl") -> Seen:
    """The walked pickle of a torch file.

    Raises:
        BrokenArtifact: It is missing or damaged.
    """
    return dry_run_torch(archives.read(archive, folder + name, _MAX_PICKLE))


def weights(root: object) -> Iterator[tuple[str, Weight, Instance | None]]:
    """Every tensor below a stub, with its dotted name and the module it belongs to, in order."""
    seen: set[int] = set()
    stack: list[tuple[str, Any, Instance | None]] = [("", root, None)]
    found = 0
    while stack and found < _MAX_WEIGHTS:
        name, value, owner = stack.pop()
        if isinstance(value, Weight):
            found += 1
            yield name, value, owner
            continue
        if not isinstance(value, (dict, list, tuple, Instance)) or id(value) in seen:
            continue
        seen.add(id(value))
        owner = value if isinstance(value, Instance) else owner
        stack += [(_dotted(name, k), v, owner) for k, v in reversed(_children(value))]


def _children(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Instance):
        return [
            *((str(k), v) for k, v in value.state.items()),
            *((str(k), v) for k, v in value.pairs if isinstance(k, (str, int))),
            *((str(n), v) for n, v in enumerate(value.items)),
        ]
    if isinstance(value, dict):
        return [(str(k), v) for k, v in value.items() if isinstance(k, (str, int))]
    return [(str(n), v) for n, v in enumerate(value)]


def _dotted(name: str, part: str) -> str:
    """Torch's own names: the dictionaries that hold parameters and modules do not show."""
    hidden = ("_parameters", "_buffers", "_modules")
    return name if part in hidden else f"{name}.{part}" if name else part


def shapes(root: object) -> dict[str, str]:
    """The first tensors, name to `float32 [10, 144]`."""
    shown: dict[str, str] = {}
    for name, weight, _ in weights(root):
        if len(shown) == _MAX_SHOWN:
            break
        shown[clean(name)] = f"{weight.dtype} {list(weight.shape)}".strip()
    return shown


def total(root: object) -> int | None:
    """Number of values in all tensors; None without any."""
    return sum(weight.size for _, weight, _ in weights(root)) or None
