"""HDF5: data sets whose numbers lie in the file itself, and no links that lead away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, keras, zips
from registry.formats.stubs import lengths, product
from registry.formats.text import clean, finding
from registry.formats.unzipped import Budget, opened
from registry.formats.zips import Odd
from registry.records import Finding
from registry.scanners.contract import Look

NAME = "hdf5"
FORMATS = ("keras",)

_MAX_ITEMS = 200_000
_ALWAYS_FINE = 16 << 20
_MAX_RATIO = 1000  # HDF5's gzip on zeros
# Source: HDF5 registered filters: deflate, shuffle, fletcher32, szip, nbit, scaleoffset; lzf
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Walk every group of the file, or of the weights in a .keras file.

    Raises:
        BrokenArtifact: It is damaged or has too many parts.
    """
    head = file.read(8)
    if not archives.is_zip(head):
        look.findings.extend(_file(file))
        return
    try:
        for member in zips.members(file):
            if member.name.endswith((".h5", ".hdf5")):
                look.findings.extend(_file(opened(file, member, Budget())))
    except Odd as odd:
        raise BrokenArtifact(odd.what) from None


def _file(file: BinaryIO) -> list[Finding]:
    size = file.seek(0, 2)
    with keras.hdf5(file) as whole:
        return list(_walked(whole, size))


def _walked(whole: Any, size: int) -> Iterator[Finding]:
    import h5py

    stack, left, seen = [whole], _MAX_ITEMS, set()
    while stack:
        group = stack.pop()
        for name in group:
            left -= 1
            if left < 0:
                raise BrokenArtifact("the HDF5 file has too many parts: save the model again")
            link = group.get(name, getlink=True)
            shown = clean(f"{group.name.rstrip('/')}/{name}")
            if not isinstance(link, h5py.HardLink):
                yield _away(link, shown, h5py)
                continue
            item = group[name]
            place = h5py.h5o.get_info(item.id).addr
            if place in seen:
                continue
            seen.add(place)
            if isinstance(item, h5py.Group):
                stack.append(item)
            elif isinstance(item, h5py.Dataset):
                yield from _data(item, shown, size)


def _away(link: Any, shown: str, h5py: Any) -> Finding:
    if isinstance(link, h5py.SoftLink):
        return finding(
            "warn",
            "hdf5-soft-link",
            f"{shown} is another name for {clean(link.path)}",
            "Keras writes no such links; programs may see other weights under it",
            "Save the model again with Keras",
        )
    return _block("hdf5-link", f"{shown} leads to another file")


def _data(item: Any, shown: str, size: int) -> Iterator[Finding]:
    made = item.id.get_create_plist()
    if made.get_layout() == 3 or item.is_virtual:
        yield _block("hdf5-virtual", f"{shown} is made up from other data sets")
    elif made.get_layout() != 0 and made.get_external_count():
        yield _block("hdf5-external", f"the numbers of {shown} lie in another file")
    filters = {made.get_filter(n)[0] for n in range(made.get_nfilters())}
    if filters - _FILTERS:
        yield _block("hdf5-filter", f"{shown} needs a filter that is a program of its own")
    claimed = product(lengths(item.shape or ())) * item.dtype.itemsize
    if claimed > max(_ALWAYS_FINE, _MAX_RATIO * size):
        yield _block("hdf5-shape", f"{shown} claims {claimed:,} bytes, more than the file can hold")


def _block(rule: str, what: str) -> Finding:
    return finding(
        "block",
        rule,
        what,
        "Whoever reads the weights would read other files, run a plug-in, or run out of memory",
        "Save the model again with Keras, all in one file",
    )
