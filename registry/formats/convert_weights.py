"""Weights of a torch file as safetensors: copied as bytes, with nothing unpickled and no torch."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from registry.errors import BrokenArtifact, InvalidInput, PredictionFailed
from registry.formats import archives, reductions, safetensors, torch_pickle, torch_tar, torch_zip
from registry.formats.dry_run import Seen
from registry.formats.stubs import Weight
from registry.formats.text import clean, unique

# Source: safetensors 0.8, README, "Format"
_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "float16": "F16",
    "bfloat16": "BF16", "int32": "I32", "float32": "F32", "int64": "I64", "float64": "F64",
    "complex64": "C64",
}  # fmt: skip
_MAX_STORAGE = 1 << 32
_SAME_BYTES = {1: "u1", 2: "u2", 4: "u4", 8: "u8"}
Stored = tuple[str, tuple[int, ...], bytes]
"""Type as safetensors names it, shape, and the numbers in row order, little endian."""


@dataclass
class _Storages:
    """Bytes of a torch file's storages, each read when first needed."""

    file: BinaryIO
    folder: str | None
    places: dict[str, tuple[int, int]]
    """Old layout only: key to where its bytes start and how many there are."""
    held: tuple[str, bytes] = ("", b"")

    def read(self, key: str) -> bytes:
        """All bytes of one storage; the one read last is kept, since tensors share them."""
        if self.held[0] != key or not self.held[1]:
            self.held = (key, self._read(key))
        return self.held[1]

    def _read(self, key: str) -> bytes:
        if self.folder is not None:
            with archives.opened(self.file) as archive:
                return archives.read(archive, f"{self.folder}data/{key}", _MAX_STORAGE)
        start, size = self.places.get(key, (0, 0))
        self.file.seek(start)
        return self.file.read(size)


def to_safetensors(file: BinaryIO, most_bytes: int) -> tuple[int, Iterator[bytes]]:
    """Size of the safetensors file, and the file in pieces, which are read while it is written.

    Raises:
        InvalidInput: A tensor has a type that safetensors lacks, or there is none at all.
        PredictionFailed: It would be larger than `most_bytes`.
        BrokenArtifact: The file is damaged.
    """
    found, storages = _found(file)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in found:
        start, end = end, end + weight.size * _item(name, weight)
        kind = _NAMES[weight.dtype]
        header[name] = {"dtype": kind, "shape": list(weight.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    head = struct.pack("<Q", len(text)) + text
    if len(head) + end > most_bytes:
        raise PredictionFailed(f"the result would be larger than {most_bytes >> 20} MB")
    numbers = (_numbers(name, weight, storages) for name, weight in found)
    return len(head) + end, chain((head,), numbers)


def differences(file: BinaryIO, converted: BinaryIO) -> tuple[int, int]:
    """How many tensors there are, and how many of them differ in type, shape or any byte.

    Raises:
        BrokenArtifact: One of the files is damaged.
    """
    found, storages = _found(file)
    stored = _stored(converted)
    differing = len(set(stored) ^ {name for name, _ in found})
    for name, weight in found:
        if name in stored:
            kind, shape, data = stored[name]
            same = (kind, shape) == (_NAMES.get(weight.dtype), weight.shape)
            differing += not (same and _numbers(name, weight, storages) == data)
    return len(found), differing


def _found(file: BinaryIO) -> tuple[list[tuple[str, Weight]], _Storages]:
    """Every tensor with its name, and where its numbers are."""
    layout = torch_pickle.layout(file)
    if layout == "tar":
        tar = torch_tar.walked(file)
        seen, storages = tar.seen, _Storages(file, None, tar.places)
    elif layout == "legacy":
        *_, seen, keys = torch_pickle.walked_legacy(file)
        storages = _Storages(file, None, _places(file, seen, keys.root))
    else:
        with archives.opened(file) as archive:
            folder = archives.folder(archive.namelist(), "data.pkl") or ""
            seen = torch_zip.pickle_inside(archive, folder)
            if archives.text(archive, f"{folder}byteorder") not in ("", sys.byteorder):
                raise InvalidInput({"model": "its numbers are in another byte order"})
        storages = _Storages(file, folder, {})
    listed = list(torch_zip.weights(seen.root))
    if not listed:
        raise InvalidInput({"model": "the file holds no tensors that could be kept"})
    names = unique(clean(name or "tensor") for name, _, _ in listed)
    return [(name, weight) for name, (_, weight, _) in zip(names, listed, strict=True)], storages


def _places(file: BinaryIO, seen: Seen, keys: object) -> dict[str, tuple[int, int]]:
    """Of an old file, at whose end the storages lie one after another, each behind its length."""
    at = file.seek(0, os.SEEK_END) - sum(8 + size for size in seen.storages.values())
    found: dict[str, tuple[int, int]] = {}
    for key in map(clean, keys if isinstance(keys, list) else ()):
        size = seen.storages.get(key, 0)
        found[key] = (at + 8, size)
        at += 8 + size
    return found


def _item(name: str, weight: Weight) -> int:
    if weight.dtype not in _NAMES or weight.storage is None:
        kind = weight.dtype or "a type that is not known"
        raise InvalidInput({"model": f"the tensor {name} is {kind}: safetensors has none such"})
    return reductions.item_size(weight.dtype)


def _numbers(name: str, weight: Weight, storages: _Storages) -> bytes:
    """The numbers of one tensor, row by row, once its place is seen to lie in the storage."""
    item = _item(name, weight)
    if not weight.size:
        return b""
    assert weight.storage is not None
    data = storages.read(weight.storage.key)
    strides = weight.strides
    reach = sum((n - 1) * step for n, step in zip(weight.shape, strides, strict=False))
    fits = weight.offset >= 0 and (weight.offset + reach + 1) * item <= len(data)
    if len(strides) != len(weight.shape) or not fits:
        raise BrokenArtifact(f"the tensor {name} reaches beyond its storage: save the model again")
    flat = np.frombuffer(data, dtype=_SAME_BYTES[item])[weight.offset :]
    steps = tuple(step * item for step in strides)
    return np.lib.stride_tricks.as_strided(flat, weight.shape, steps, writeable=False).tobytes()


def _stored(file: BinaryIO) -> dict[str, Stored]:
    """A safetensors file, whose layout is checked first."""
    safetensors.inspect(file)
    file.seek(0)
    length = struct.unpack("<Q", file.read(8))[0]
    header = archives.parsed(file.read(length), "the safetensors header")
    header.pop("__metadata__", None)
    found: dict[str, Stored] = {}
    for name, tensor in header.items():
        start, stop = tensor["data_offsets"]
        file.seek(8 + length + start, os.SEEK_SET)
        found[name] = (tensor["dtype"], tuple(tensor["shape"]), file.read(stop - start))
    return found
