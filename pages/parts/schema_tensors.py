"""The editor's part for tensors: names, types, shapes, and how pictures and sound become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, cast

import pandas as pd
import streamlit as st

from pages.parts import text
from registry.records import AudioHints, ImageHints, Tensor

_DTYPES = (
    *("float32", "float64", "float16", "int64", "int32", "int16", "int8"),
    *("uint8", "uint16", "uint32", "uint64", "bool", "string"),
)
_NUMBERS, _PICTURE, _SOUND = "numbers", "picture", "sound"
_FITS = {"stretch": "stretched", "cover": "cropped around the middle", "contain": "with black bars"}
_SCALES = {"0 to 1": 1 / 255, "0 to 255": 1.0}
_OWN = "own"
_NORMS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none": ((), ()),
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "−1 to 1": ((0.5,), (0.5,)),
}
"""Mean and deviation of channels, for pixels from 0 to 1.

Source: ImageNet's as in torchvision 0.23, transforms/_presets.py, ImageClassification.
"""
_CHANNELS = (1, 3, 4)
_PICTURE_LAYOUTS: dict[int, tuple[str, ...]] = {
    2: ("HW",),
    3: ("CHW", "HWC", "NHW"),
    4: ("NCHW", "NHWC"),
}
_SOUND_LAYOUTS = {1: ("T",), 2: ("NT", "CT", "TC"), 3: ("NCT", "NTC")}


def edit(tensors: tuple[Tensor, ...], key: str) -> tuple[Tensor, ...]:
    """The tensors as corrected, and below the table how pictures and sound fill them."""
    edited = st.data_editor(
        frame(tensors),
        column_config={
            "Tensor": st.column_config.TextColumn(required=True, max_chars=200),
            "Type": st.column_config.SelectboxColumn(options=_DTYPES, default="float32"),
            "Shape": st.column_config.TextColumn(help="Sizes with commas; -1 for any size."),
            "Filled with": st.column_config.SelectboxColumn(
                options=[_NUMBERS, _PICTURE, _SOUND], default=_NUMBERS,
                help="Pictures and sound are made into numbers as said below the table.",
            ),
        },
        num_rows="dynamic",
        placeholder="",
        hide_index=True,
        key=f"{key}.tensors",
        alt="Tensors that a prediction takes",
    )  # fmt: skip
    known = {tensor.name: tensor for tensor in tensors}
    rows = [row for row in edited.to_dict("records") if _word(row["Tensor"])]
    made = [_tensor(row, known.get(_word(row["Tensor"]))) for row in rows]
    return tuple(_hinted(tensor, f"{key}.{n}") for n, tensor in enumerate(made))


def frame(tensors: Iterable[Tensor]) -> pd.DataFrame:
    """The tensors as a table to read or edit."""
    rows = [
        (
            *(t.name, t.dtype, ", ".join(str(n) for n in t.shape)),
            _PICTURE if t.image else _SOUND if t.audio else _NUMBERS,
        )
        for t in tensors
    ]
    return pd.DataFrame(rows, columns=["Tensor", "Type", "Shape", "Filled with"]).astype("str")


def _tensor(row: Mapping[Any, Any], known: Tensor | None) -> Tensor:
    shape = tuple(
        int(part) for part in _word(row["Shape"]).split(",") if part.strip().lstrip("-").isdigit()
    )
    same = known is not None and known.shape == shape
    dtype = _word(row["Type"]) or (known.dtype if known else "float32")
    made = Tensor(_word(row["Tensor"]), dtype, shape)
    if row["Filled with"] == _PICTURE:
        return replace(made, image=(known.image if known and same else None) or _picture(shape))
    if row["Filled with"] == _SOUND:
        return replace(made, audio=(known.audio if known and same else None) or _sound(shape))
    return made


def _picture(shape: tuple[int, ...]) -> ImageHints | None:
    """How a picture would fill a tensor of this shape; None when no picture fits."""
    if len(shape) == 4 and shape[1] in (1, 3, 4):
        return ImageHints("NCHW", _side(shape[3]), _side(shape[2]), shape[1])
    if len(shape) == 4 and shape[3] in (1, 3, 4):
        return ImageHints("NHWC", _side(shape[2]), _side(shape[1]), shape[3])
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return ImageHints("CHW", _side(shape[2]), _side(shape[1]), shape[0])
    if len(shape) == 3 and shape[2] in (1, 3, 4):
        return ImageHints("HWC", _side(shape[1]), _side(shape[0]), shape[2])
    if len(shape) == 3:
        return ImageHints("NHW", _side(shape[2]), _side(shape[1]), 1)
    if len(shape) == 4:
        return ImageHints("NCHW", _side(shape[3]), _side(shape[2]), 3)
    return ImageHints("HW", _side(shape[1]), _side(shape[0]), 1) if len(shape) == 2 else None


def _sound(shape: tuple[int, ...]) -> AudioHints | None:
    """How a sound would fill a tensor of this shape; None when none fits."""
    layouts = _SOUND_LAYOUTS.get(len(shape))
    return None if layouts is None else AudioHints(layout=cast("Any", layouts[0]))


def _side(size: int) -> int:
    return size if size > 0 else 224


def _hinted(tensor: Tensor, key: str) -> Tensor:
    """The tensor with its hints as corrected."""
    name = text.escape(tensor.name, 60)
    if tensor.image:
        with st.container(border=True):
            st.markdown(f"**{name}** :gray[:small[from pictures]]")
            return replace(tensor, image=_edit_picture(tensor.image, tensor.shape, key))
    if tensor.audio:
        with st.container(border=True):
            st.markdown(f"**{name}** :gray[:small[from sound]]")
            return replace(tensor, audio=_edit_sound(tensor.audio, tensor.shape, key))
    return tensor


def _edit_picture(hints: ImageHints, shape: tuple[int, ...], key: str) -> ImageHints:
    """Size where it is open, how others are fitted, and what becomes of the pixels."""
    layouts = _PICTURE_LAYOUTS.get(len(shape), (hints.layout,))
    chosen = hints.layout if hints.layout in layouts else layouts[0]
    with st.container(horizontal=True):
        layout = st.selectbox(
            "Axes", layouts, layouts.index(chosen), key=f"{key}.axes", width=110,
            help="N: a batch of one, C: channels, H: height, W: width.",
        )  # fmt: skip
        axes = dict(zip(layout, shape, strict=False))
        hints = replace(hints, layout=cast("Any", layout), channels=_channels(hints, axes))
        width = _size("Width", hints.width, axes.get("W", -1), key)
        height = _size("Height", hints.height, axes.get("H", -1), key)
        fit = st.selectbox(
            "Other proportions are", list(_FITS), list(_FITS).index(hints.fit),
            format_func=_FITS.__getitem__, key=f"{key}.fit", width=210,
        )  # fmt: skip
        spans, norms = list(_SCALES), [*_NORMS, _OWN]
        before_span = spans[int(hints.scale == 1.0)]
        span = st.selectbox(
            "Pixels from", spans, spans.index(before_span), key=f"{key}.scale", width=120
        )
        norm = st.selectbox(
            "Then normalised", norms, norms.index(_norm(hints)), key=f"{key}.norm",
            width=150, help="(pixel − mean) / deviation, by channel.",
        )  # fmt: skip
    mean, std = _normalised(hints, norm, key)
    scale = hints.scale if span == before_span else _SCALES[span]
    return replace(
        hints, width=width, height=height, fit=cast("Any", fit), scale=scale, mean=mean, std=std
    )


def _channels(hints: ImageHints, axes: Mapping[str, int]) -> int:
    """As many as the tensor has, where a picture can have as many."""
    said = axes.get("C", 1)
    if said in (-1, *_CHANNELS):
        return said if said > 0 else hints.channels
    st.caption(f":red[its axis C has {said} channels; a picture has 1, 3 or 4]")
    return hints.channels


def _size(label: str, known: int, fixed: int, key: str) -> int:
    place = f"{key}.{label.lower()}"
    size = st.number_input(
        label, 1, 8192, fixed if fixed > 0 else known, key=place, disabled=fixed > 0, width=130
    )
    return int(size or known)


def _norm(hints: ImageHints) -> str:
    """The name of a preset, or that it is none."""
    for name, (mean, std) in _NORMS.items():
        if (hints.mean, hints.std) in ((mean, std), (mean * hints.channels, std * hints.channels)):
            return name
    return _OWN


def _normalised(
    hints: ImageHints, norm: str, key: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation, one per channel, or one for all, or none."""
    if norm in _NORMS:
        mean, std = _NORMS[norm]
        return (mean, std) if len(mean) in (0, 1, hints.channels) else (mean[:1], std[:1])
    with st.container(horizontal=True):
        mean = _listed("Mean", hints.mean, hints.channels, key)
        std = _listed("Deviation", hints.std, hints.channels, key)
    return mean, tuple(value or 1.0 for value in std)


def _listed(label: str, known: tuple[float, ...], channels: int, key: str) -> tuple[float, ...]:
    """Numbers with commas: none, one, or one per channel; anything else is not taken."""
    start = ", ".join(f"{value:g}" for value in known)
    said = st.text_input(label, start, key=f"{key}.{label.lower()}", placeholder="0.5, 0.5, 0.5")
    try:
        values = tuple(float(part) for part in (said or "").split(",") if part.strip())
    except ValueError:
        values = ()
        st.caption(":red[numbers with commas between them]")
    if len(values) not in (0, 1, channels):
        st.caption(f":red[one number, or {channels}]")
        return ()
    return values


def _edit_sound(hints: AudioHints, shape: tuple[int, ...], key: str) -> AudioHints:
    layouts = _SOUND_LAYOUTS.get(len(shape), (hints.layout,))
    chosen = hints.layout if hints.layout in layouts else layouts[0]
    with st.container(horizontal=True):
        rate = st.number_input(
            "Samples a second", 1, 768_000, hints.sample_rate, key=f"{key}.rate", width=170
        )
        layout = st.selectbox(
            "Axes", layouts, layouts.index(chosen), key=f"{key}.axes", width=120,
            help="N: a batch of one, C: channels, T: time.",
        )  # fmt: skip
        axes = dict(zip(layout, shape, strict=False))
        fixed = axes.get("C", -1) if "C" in layout else 1
        channels = st.number_input(
            "Channels", 1, 32, fixed if fixed > 0 else hints.channels, disabled=fixed > 0,
            key=f"{key}.channels.{fixed}", width=130,
        )  # fmt: skip
    wanted = cast("Literal['T', 'NT', 'CT', 'TC', 'NCT', 'NTC']", layout)
    return AudioHints(int(rate or hints.sample_rate), int(channels or 1), wanted)


def _word(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value).strip()
