"""Uploaded files made into what a tensor takes: pictures, sounds, files of numbers.

The files are decoded in a locked worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry import codec, staging, tensors, versions
from registry.core import Registry
from registry.errors import Conflict, NotFound, TooLarge
from registry.records import Actor, Schema, Tensor

if TYPE_CHECKING:
    import numpy as np

_MAX_FILE = 256 << 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the tensor with one row, and the whole picture, small, uint8 `(h, w, 3)`."""

    values: np.ndarray
    original: np.ndarray


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound as the tensor with one row, and its samples `(channels, n)` as they went in.

    `remark` says what was changed on the way, "" for nothing.
    """

    values: np.ndarray
    samples: np.ndarray
    rate: int
    remark: str


def picture(reg: Registry, actor: Actor, ref: str, tensor_name: str, staged_id: str) -> Picture:
    """An uploaded picture, scaled and normalised as the schema says.

    Raises:
        NotFound: No such version, tensor or upload, or not for this actor.
        Forbidden: The actor may not predict.
        Conflict: Nothing says what the version takes.
        InvalidInput: The tensor takes no picture.
        BrokenArtifact: The file is no picture.
    """
    tensor = _tensor(reg, actor, ref, tensor_name)
    hints = tensors.image_size(tensor)
    size = {"width": hints.width, "height": hints.height, "channels": hints.channels}
    found = _decoded(reg, actor, staged_id, "picture", **size, fit=hints.fit)
    return Picture(tensors.from_picture(tensor, found["pixels"]), found["small"])


def sound(reg: Registry, actor: Actor, ref: str, tensor_name: str, staged_id: str) -> Sound:
    """An uploaded WAV file at the rate and with the channels that the schema says.

    Raises:
        NotFound: No such version, tensor or upload, or not for this actor.
        Forbidden: The actor may not predict.
        Conflict: Nothing says what the version takes.
        InvalidInput: The tensor takes no sound.
        BrokenArtifact: The file is no sound.
    """
    tensor = _tensor(reg, actor, ref, tensor_name)
    hints = tensors.sound_shape(tensor)
    order = {"rate": hints.sample_rate, "channels": hints.channels}
    found = _decoded(reg, actor, staged_id, "sound", **order)
    samples, facts = found["samples"], [int(n) for n in found["facts"][:2]]
    values = tensors.from_sound(tensor, samples)
    remark = _changes(tensor, samples.shape[1], *facts)
    return Sound(values, samples, hints.sample_rate or facts[0], remark)


def numbers(reg: Registry, actor: Actor, ref: str, tensor_name: str, staged_id: str) -> np.ndarray:
    """The array in an uploaded .npy, .npz or CSV file, as the tensor's type and shape.

    Raises:
        NotFound: No such version, tensor or upload, or not for this actor.
        Forbidden: The actor may not predict.
        Conflict: Nothing says what the version takes.
        InvalidInput: It is not of the tensor's type and shape; the problem says of which.
        BrokenArtifact: The file holds no array that can be read.
        TooLarge: It holds too many values.
    """
    tensor = _tensor(reg, actor, ref, tensor_name)
    text = tensor.dtype in ("string", "str", "object")
    found = _decoded(reg, actor, staged_id, "numbers", name=tensor.name, text=text)
    array = found["array"]
    values = tensors.room(array.shape)
    if values > tensors.MAX_GIVEN:
        most = f"at most {tensors.MAX_GIVEN:,} are taken here"
        raise TooLarge(f"the file holds {values:,} values; {most}")
    return tensors.checked(
        tensor, tensors.from_rows(tensor, array) if found["is_rows"][0] else array
    )


def _tensor(reg: Registry, actor: Actor, ref: str, name: str) -> Tensor:
    with reg.reading() as s:
        row = versions.for_action(s, actor, "model.predict", ref)[1]
        schema = codec.load(Schema, row.schema) if row.schema else None
    if schema is None:
        raise Conflict(f"{ref} has no schema yet: say on its page what it takes")
    for tensor in schema.tensors:
        if tensor.name == name:
            return tensor
    raise NotFound(f"this model has no input {name!r}")


def _decoded(
    reg: Registry, actor: Actor, staged_id: str, kind: str, **order: Any
) -> dict[str, np.ndarray]:
    found = staging.get(reg, actor, staged_id)
    if found.size_bytes > _MAX_FILE:
        raise TooLarge(f"{found.filename} is larger than {_MAX_FILE >> 20} MiB")
    with staging.opened(reg, staged_id) as fd:
        return reg.pool.decode(fd, kind, **order)


def _changes(tensor: Tensor, n: int, rate: int, channels: int) -> str:
    """What was done to a sound beyond scaling it."""
    hints = tensors.sound_shape(tensor)
    said = []
    if hints.sample_rate not in (0, rate):
        said.append(f"{rate:,} → {hints.sample_rate:,} Hz by linear interpolation")
    if channels != hints.channels:
        said.append(f"{channels} → {hints.channels} channels")
    wanted = tensors.wanted_samples(tensor)
    if 0 < wanted != n:
        length = f"{n:,} → {wanted:,} samples"
        said.append(f"cut: {length}" if n > wanted else f"silence added: {length}")
    return " · ".join(said)
