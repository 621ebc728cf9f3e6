"""What a prediction takes and gives, as records; imported from `registry.records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

FieldType = Literal["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
OutputRole = Literal["label", "probabilities", "scores", "value", "tensor"]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a tabular input."""

    name: str
    type: FieldType
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    default: Any = None
    unit: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ImageHints:
    """How a picture becomes a tensor: (pixel * scale - mean) / std, channel-wise.

    `fit`: one of other proportions is stretched, cropped around its middle ("cover"), or shown
    whole between black bars ("contain").
    """

    layout: Literal["NCHW", "NHWC", "CHW", "HWC", "HW", "NHW"]
    width: int
    height: int
    channels: int
    scale: float = 1.0 / 255.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    fit: Literal["stretch", "cover", "contain"] = "stretch"


@dataclass(frozen=True, slots=True)
class AudioHints:
    """How a sound becomes a tensor: samples a second, channels, and which axis holds what.

    Samples lie between -1 and 1, in whole numbers between the ends of the tensor's type. N is a
    batch of one, C the channels, T time; without C there is one channel.
    """

    sample_rate: int = 16_000
    channels: int = 1
    layout: Literal["T", "NT", "CT", "TC", "NCT", "NTC"] = "NT"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named tensor; -1 in the shape means any size."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    image: ImageHints | None = None
    audio: AudioHints | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One named output and how to read it."""

    name: str
    role: OutputRole
    dtype: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """What a prediction takes and gives.

    `fields` for kind "table" (rows of columns), `tensors` for kind "tensors".
    `example` is one ready input: a row (column to value) or tensor name to nested list.
    `target_range` is the least and the greatest answer in the sample, () when nobody knows.
    """

    kind: Literal["table", "tensors"]
    fields: tuple[Field, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    outputs: tuple[Output, ...] = ()
    classes: tuple[str, ...] = ()
    target: str = ""
    target_range: tuple[float, ...] = ()
    example: dict[str, Any] = field(default_factory=dict)
