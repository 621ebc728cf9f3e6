"""Decodes a WAV file to samples.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991);
WAVE_FORMAT_EXTENSIBLE as Microsoft documents it. Python's `wave` reads no floats and, before 3.12,
nothing extensible.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

import numpy as np

from registry.errors import BrokenArtifact
from registry.formats.text import refusal

MAX_SAMPLES = 10_000_000
_MAX_BYTES = 256 << 20
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MAX_CHANNELS, _MAX_RATE = 32, 768_000


class Sound(NamedTuple):
    """Samples between -1 and 1, float32 `(channels, n)`, and what the file had."""

    samples: np.ndarray
    rate: int
    channels: int
    bits: int
    n_frames: int


class _Shape(NamedTuple):
    kind: int
    channels: int
    rate: int
    bits: int


def decode(file: BinaryIO, rate: int, channels: int) -> Sound:
    """A WAV file's samples at another rate and number of channels.

    PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 are read. One channel is the mean of all,
    more than there are repeat the last. Rates are changed by linear interpolation: good enough to
    try a model, without a filter against aliasing.

    Args:
        rate: Samples a second; 0 keeps the file's own.

    Raises:
        BrokenArtifact: It is no such file, damaged, or too long.
    """
    file.seek(0)
    try:
        shape, data = _chunks(file)
        samples = _samples(shape, data)
    except ValueError as wrong:
        raise _broken(str(wrong)) from None
    n_frames = samples.shape[1]
    rate = rate or shape.rate
    n = round(n_frames * rate / shape.rate)
    if not n or n * channels > MAX_SAMPLES:
        raise _broken(f"it would be {n * channels:,} samples; 1 to {MAX_SAMPLES:,} are taken")
    mixed = _mixed(samples, channels)
    if n != n_frames:
        at = np.arange(n) * (shape.rate / rate)
        mixed = np.stack([np.interp(at, np.arange(n_frames), line) for line in mixed])
    clipped = np.clip(mixed, -1, 1).astype(np.float32)
    return Sound(clipped, shape.rate, shape.channels, shape.bits, n_frames)


def _broken(why: str) -> BrokenArtifact:
    return BrokenArtifact(
        refusal("the sound cannot be read", why, "Save it as WAV, PCM of 16 bits")
    )


def _chunks(file: BinaryIO) -> tuple[_Shape, bytes]:
    """The format and the bytes of the samples."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise ValueError("it is no WAV file")
    shape: _Shape | None = None
    while len(start := file.read(8)) == 8:
        name, size = start[:4], struct.unpack("<I", start[4:])[0]
        if name == b"data":
            if shape is None:
                raise ValueError("its samples come before their format")
            if size > _MAX_BYTES and size != 0xFFFFFFFF:
                raise ValueError(f"it has more than {_MAX_BYTES >> 20} MiB")
            return shape, file.read(min(size, _MAX_BYTES))
        if name == b"fmt ":
            shape = _shape(file.read(min(size, 64)))
            file.seek(max(0, size - 64) + size % 2, 1)
        else:
            file.seek(size + size % 2, 1)
    raise ValueError("it holds no samples")


def _shape(head: bytes) -> _Shape:
    if len(head) < 16:
        raise ValueError("it ends early")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[:16])
    if kind == _EXTENSIBLE and len(head) >= 26:
        kind = struct.unpack("<H", head[24:26])[0]
    if (kind, bits) not in {*((_PCM, n) for n in (8, 16, 24, 32)), (_FLOAT, 32), (_FLOAT, 64)}:
        raise ValueError(f"its coding {kind} with {bits} bits is none that is read here")
    if not 1 <= channels <= _MAX_CHANNELS or not 1 <= rate <= _MAX_RATE:
        raise ValueError(f"{channels} channels at {rate} Hz make no sense")
    return _Shape(kind, channels, rate, bits)


def _samples(shape: _Shape, data: bytes) -> np.ndarray:
    """Between -1 and 1, `(channels, n)`; a half frame at the end is left out."""
    width = shape.bits // 8
    data = data[: len(data) // (width * shape.channels) * (width * shape.channels)]
    if not data:
        raise ValueError("it holds no samples")
    values: np.ndarray
    if shape.kind == _FLOAT:
        values = np.nan_to_num(
            np.frombuffer(data, f"<f{width}").astype(np.float64), posinf=1, neginf=-1
        )
    elif width == 1:
        values = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    elif width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = wide.view("<i4")[:, 0] / float(1 << 31)
    else:
        values = np.frombuffer(data, f"<i{width}") / float(1 << (shape.bits - 1))
    return values.reshape(-1, shape.channels).T


def _mixed(samples: np.ndarray, channels: int) -> np.ndarray:
    if channels == 1:
        mean: np.ndarray = samples.mean(axis=0, keepdims=True)
        return mean
    places = [min(n, len(samples) - 1) for n in range(channels)]
    return samples[places]
