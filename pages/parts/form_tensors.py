"""One tensor of a form: what it is filled with, and what the model then sees."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.parts import charts_inputs, notices, text, uploads
from registry import decoding, tensors
from registry.core import Registry
from registry.errors import RegistryError
from registry.records import Actor, Tensor

_MOST_JSON = 20_000
_PREVIEW_PX = 144
_PICTURES = ["png", "jpg", "jpeg", "webp", "bmp", "gif"]
_TEXTS = ("string", "str", "object")
_MOST_AXIS = 4_000_000
_LOW_PX, _HIGH_PX, _FEW = 72, 140, 12


class Asked(NamedTuple):
    """A tensor to ask for; `place` begins all keys of its widgets."""

    reg: Registry
    actor: Actor
    ref: str
    tensor: Tensor
    example: Mapping[str, Any]
    place: str


@dataclass
class Held:
    """What an uploaded file became, or was given otherwise.

    Attributes:
        file_id: Of the upload it was last made from.
        made: A `decoding` record, an array, nested lists, or None.
        is_file: Whether `made` goes when the file does.
    """

    file_id: str = ""
    made: Any = None
    error: RegistryError | None = None
    is_file: bool = False

    @property
    def values(self) -> Any:
        return getattr(self.made, "values", self.made)


Decode = Callable[[Registry, Actor, str, str, str], Any]


def place(key: str, tensor: Tensor) -> str:
    """Where the form with that key keeps the tensor."""
    return f"{key}.{tensor.name}"


def ask(asked: Asked) -> Any:
    """Values of one tensor: JSON text, lists or an array; None where nothing is given yet."""
    sources = _sources(asked.tensor, asked.example)
    name = text.escape(asked.tensor.name, 60)
    key = f"{asked.place}.source"
    if st.session_state.get(key) not in sources:
        st.session_state[key] = next(iter(sources))
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            shape = text.escape(tensors.expected(asked.tensor))
            st.container(width="stretch").markdown(f"**{name}** :gray[:small[{shape}]]")
            chosen = st.selectbox(
                f"What {name} is filled with", list(sources), key=key, width=130,
                label_visibility="collapsed", persist_state="page",
            )  # fmt: skip
        return sources[chosen](asked)


def use(tensor: Tensor, place: str, values: Any) -> None:
    """Fill one tensor's widgets with values, or empty them; runs as a callback."""
    dense = _dense(values)
    flat = [] if values is None else np.asarray(values).reshape(-1).tolist()
    before = st.session_state.get(f"{place}.held", Held())
    st.session_state[f"{place}.held"] = Held(before.file_id, values)
    st.session_state[place] = dense
    st.session_state[f"{place}.text"] = "\n".join(str(each) for each in flat[:1000])
    if not tensor.shape:
        st.session_state[f"{place}.value"] = _scalar(tensor, flat[0]) if flat else None
    first = next(iter(_sources(tensor, {})))
    too_large = first == "JSON" and values is not None and not dense
    st.session_state[f"{place}.source"] = "File" if too_large else first


def _sources(tensor: Tensor, example: Mapping[str, Any]) -> dict[str, Callable[[Asked], Any]]:
    """What it can be filled with, the likeliest first."""
    found: dict[str, Callable[[Asked], Any]] = {}
    is_text = tensor.dtype in _TEXTS
    if tensor.image:
        found |= {"Picture": _picture, "Camera": _camera}
    if tensor.audio:
        found["Sound"] = _sound
    if is_text and (len(tensor.shape) < 2 or tensor.shape[1:] == (1,)):
        found["Text"] = _text
    if not tensor.shape and not is_text:
        found["Value"] = _value
    found |= {"JSON": _json, "File": _file, "Zeros": _zeros}
    if not is_text:
        found["Random"] = _random
    if example.get(tensor.name) is not None:
        found["Example"] = _example
    return found


def _picture(asked: Asked) -> Any:
    name = text.escape(asked.tensor.name, 60)
    file = st.file_uploader(
        f"Picture for {name}", type=_PICTURES, key=f"{asked.place}.file",
        label_visibility="collapsed",
    )  # fmt: skip
    return _seen(asked, _held(asked, file, decoding.picture))


def _camera(asked: Asked) -> Any:
    name = text.escape(asked.tensor.name, 60)
    file = st.camera_input(f"Photo for {name}", key=f"{asked.place}.camera")
    return _seen(asked, _held(asked, file, decoding.picture))


def _seen(asked: Asked, held: Held) -> Any:
    """The picture as it was and as the model sees it."""
    hints = asked.tensor.image
    assert hints is not None
    size = f"{hints.width} × {hints.height}"
    if held.values is None:
        st.caption(f"Any size: it is made {size} pixels ({_FITS[hints.fit]}).")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if isinstance(held.made, decoding.Picture):
            st.image(held.made.original, caption="as uploaded", width=_PREVIEW_PX)
        show_picture(held.values, f"as the model sees it, {size}")
    _facts(held.values)
    return held.values


_FITS = {"stretch": "stretched", "cover": "cropped around the middle", "contain": "with bars"}


def _sound(asked: Asked) -> Any:
    """A WAV file as samples, to look at and to listen to."""
    hints = asked.tensor.audio
    assert hints is not None
    file = st.file_uploader(
        f"Sound for {text.escape(asked.tensor.name, 60)}", type=["wav"], key=f"{asked.place}.file",
        label_visibility="collapsed",
    )  # fmt: skip
    held = _held(asked, file, decoding.sound)
    if held.values is None:
        channels = "mono" if hints.channels == 1 else f"{hints.channels} channels"
        st.caption(f"WAV of any rate: it is made {hints.sample_rate:,} Hz, {channels}.")
        return None
    sound = held.made if isinstance(held.made, decoding.Sound) else None
    samples = sound.samples if sound else np.asarray(held.values, float).reshape(1, -1)
    rate = sound.rate if sound else hints.sample_rate
    charts_inputs.waveform(asked.actor.id, samples, rate, f"{asked.place}.wave")
    st.audio(samples, sample_rate=rate)
    if sound and sound.remark:
        st.caption(text.escape(sound.remark))
    _facts(held.values)
    return held.values


def _file(asked: Asked) -> Any:
    """Numbers (or text) from a file of NumPy's, or a CSV."""
    file = st.file_uploader(
        f"File for {text.escape(asked.tensor.name, 60)}", type=["npy", "npz", "csv", "txt"],
        key=f"{asked.place}.numbers", label_visibility="collapsed",
    )  # fmt: skip
    held = _held(asked, file, decoding.numbers)
    if held.values is None:
        st.caption(
            "`.npy`, an `.npz` with one array or one of this name, or rows of a CSV; "
            f"at most {tensors.MAX_GIVEN:,} values."
        )
        return None
    _facts(held.values)
    return held.values


def _held(asked: Asked, file: UploadedFile | None, decode: Decode) -> Held:
    """What the file holds: decoded once, in a worker; its error is shown at every run."""
    key = f"{asked.place}.held"
    held: Held = st.session_state.setdefault(key, Held("", asked.example.get(asked.tensor.name)))
    if file is None and held.is_file:
        held = Held()
    if file is not None and held.file_id != file.file_id:
        held = Held(file.file_id, is_file=True)
        try:
            staged = uploads.staged(file).id
            held.made = decode(asked.reg, asked.actor, asked.ref, asked.tensor.name, staged)
        except RegistryError as failed:
            held.error = failed
    st.session_state[key] = held
    if held.error is not None:
        with notices.shown(stop=False):
            raise held.error
    return held


def _json(asked: Asked) -> str:
    st.session_state.setdefault(asked.place, _dense(asked.example.get(asked.tensor.name)))
    said = st.text_area(
        f"{text.escape(asked.tensor.name, 60)} as JSON", key=asked.place,
        height=_LOW_PX if math.prod(tensors.settled(asked.tensor)) <= _FEW else _HIGH_PX,
        label_visibility="collapsed", placeholder="Nested lists, such as [[1, 2], [3, 4]]",
        persist_state="page",
    )  # fmt: skip
    return said or ""


def _text(asked: Asked) -> Any:
    """Lines as texts where there can be several, else the whole box as one."""
    shape = asked.tensor.shape
    several = shape[:1] != () and shape[0] != 1
    key = f"{asked.place}.text"
    flat = np.asarray(asked.example.get(asked.tensor.name, "")).reshape(-1).tolist()
    st.session_state.setdefault(key, "\n".join(str(each) for each in flat))
    about = "One text a line" if several else "One text"
    said = st.text_area(
        f"{text.escape(asked.tensor.name, 60)} as text", key=key, placeholder=about, height=_LOW_PX,
        label_visibility="collapsed", persist_state="page",
    )  # fmt: skip
    texts = (said or "").split("\n") if several else [said or ""]
    wanted = (len(texts), *shape[1:]) if shape else ()
    return np.array(texts, dtype=object).reshape(wanted).tolist()  # as wide as each text is


def _value(asked: Asked) -> Any:
    """One number, or true or false."""
    tensor, key = asked.tensor, f"{asked.place}.value"
    label = text.escape(tensor.name, 60)
    st.session_state.setdefault(key, _scalar(tensor, asked.example.get(tensor.name, 0)))
    if tensor.dtype == "bool":
        options = ["false", "true"]
        chosen = st.segmented_control(label, options, key=key, label_visibility="collapsed")
        return None if chosen is None else np.array(chosen == "true")
    whole = "int" in tensor.dtype
    number = st.number_input(
        label, value=None, key=key, step=1 if whole else 0.01, format="%d" if whole else "%.6g",
        label_visibility="collapsed", persist_state="page",
    )  # fmt: skip
    return None if number is None else np.array(number)


def _scalar(tensor: Tensor, value: Any) -> Any:
    """A value as the widget for it wants it."""
    if tensor.dtype == "bool":
        return "true" if value else "false"
    return int(value) if "int" in tensor.dtype else float(value)


def _zeros(asked: Asked) -> Any:
    return _filled(asked)


def _random(asked: Asked) -> Any:
    return _filled(asked, is_random=True)


def _filled(asked: Asked, *, is_random: bool = False) -> Any:
    """Zeros, or random values, in the sizes asked for where the schema leaves them open."""
    likely = tensors.settled(asked.tensor)
    known = np.shape(asked.example.get(asked.tensor.name) or ())
    likely = known if len(known) == len(likely) else likely
    sizes = list(asked.tensor.shape)
    seed = None
    with st.container(horizontal=True):
        for axis in (axis for axis, size in enumerate(sizes) if size < 0):
            name = "N" if axis == 0 else str(axis + 1)
            sizes[axis] = st.number_input(
                f"Size of axis {name}", 0, _MOST_AXIS, likely[axis], width=130,
                key=f"{asked.place}.axis.{axis}", persist_state="page",
            )  # fmt: skip
        if is_random:
            seed = st.number_input(
                "Seed", 0, 2**32 - 1, 0, key=f"{asked.place}.seed", width=130, persist_state="page",
                help="Floats are standard normal, bytes 0 to 255, other whole numbers 0 to 9.",
            )  # fmt: skip
    values = None
    with notices.shown(stop=False):
        values = tensors.filled(asked.tensor, sizes, seed)
        _preview(asked.tensor, values)
    return values


def _example(asked: Asked) -> Any:
    values = tensors.checked(asked.tensor, asked.example[asked.tensor.name])
    _preview(asked.tensor, values)
    return values


def _preview(tensor: Tensor, values: np.ndarray) -> None:
    if tensor.image and values.size:
        show_picture(values[:1] if values.ndim == 4 else values, "as the model sees it")
    _facts(values)


def _facts(values: Any) -> None:
    """Type, shape and range of what is given."""
    array = np.asarray(values)
    shape = f"{'text' if array.dtype.kind in 'US' else array.dtype.name} {array.shape}"
    if array.dtype.kind == "b":
        shape += f" · {int(array.sum())} of {array.size} true"
    if array.dtype.kind not in "iuf" or not array.size:
        st.caption(shape)
        return
    wide = array.astype(np.float64)
    low, high, mean = (text.number(float(f(wide))) for f in (np.min, np.max, np.mean))
    st.caption(f"{shape} · from {low} to {high}, mean {mean}")


def show_picture(values: Any, caption: str) -> None:
    """A tensor with the shape of a picture, spread over the whole range of grey or colour."""
    pixels = np.squeeze(np.asarray(values, dtype=float))
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4):
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] not in (3, 4)):
        return
    low, high = float(pixels.min()), float(pixels.max())
    shades = ((pixels - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    times = max(1, round(_PREVIEW_PX / max(shades.shape[:2])))
    st.image(shades.repeat(times, axis=0).repeat(times, axis=1), caption=caption, width=_PREVIEW_PX)


def _dense(values: Any) -> str:
    """Values as JSON, "" when there are none or too many for a box."""
    array = None if values is None else np.asarray(values)
    if array is None or array.size > _MOST_JSON:
        return ""
    said = json.dumps(array.tolist())
    return said if len(said) < _MOST_JSON else ""
