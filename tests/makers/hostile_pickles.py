"""Hostile pickles in every wrapping, by technique; the first line of a docstring describes it.

Each would leave `marker(folder)` behind, or tie up the loader, if it were loaded without care.
Nothing here is ever loaded outside a worker.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path

from tests.makers.hostile_plain import PLAIN
from tests.makers.hostile_values import VALUES
from tests.makers.hostile_wrapped import WRAPPED

Maker = Callable[[Path], Path]


def marker(folder: Path) -> Path:
    """What a technique makes, if it works, when its file was written to `folder`."""
    return folder / "marker"


def _file(content: Callable[[Path], bytes], ending: str) -> Maker:
    @wraps(content)
    def write(folder: Path) -> Path:
        path = folder / f"{content.__name__}{ending}"
        path.write_bytes(content(marker(folder)))
        return path

    return write


TECHNIQUES: dict[str, Maker] = {
    maker.__name__: _file(maker, ending)
    for ending, makers in {".pkl": (*PLAIN, *VALUES), **WRAPPED}.items()
    for maker in makers
}
"""Technique to `maker(folder) -> path`."""
