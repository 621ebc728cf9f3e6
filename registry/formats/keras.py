"""Keras files, .keras and .h5: architecture and weights described from their JSON and headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives, arrays
from registry.formats.stored import complete, load_model, predict
from registry.formats.stubs import product
from registry.formats.text import clean, refusal
from registry.records import Inspection, Schema, Tensor

__all__ = ["complete", "load_model", "predict"]

NAME = "keras"
FRAMEWORK = "Keras"
GROUP = ""
EXTENSIONS = (".keras", ".h5", ".hdf5")

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MAX_CONFIG = 32 << 20
_MAX_LAYERS = 5000
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError)
WHY = "Keras files are stored and described, but cannot run here yet: export the model to ONNX"


def detect(head: bytes, file: BinaryIO) -> bool:
    """HDF5, or a zip with Keras's config and weights."""
    if head.startswith(_HDF5):
        return True
    listed = archives.names(head, file)
    return "config.json" in listed and ("metadata.json" in listed or "model.weights.h5" in listed)


def inspect(file: BinaryIO) -> Inspection:
    """Read the configuration; no layer is made."""
    file.seek(0)
    if file.read(8) == _HDF5:
        return _hdf5(file)
    with archives.opened(file) as archive:
        listed = archive.namelist()
        config = archives.read_json(archive, "config.json", _MAX_CONFIG)
        about = {}
        if "metadata.json" in listed:
            about = archives.read_json(archive, "metadata.json", 1 << 20)
    about = about if isinstance(about, dict) else {}
    details = {"layout": ".keras", "saved": clean(about.get("date_saved", ""))}
    return _described(config, clean(about.get("keras_version", ""), 50), details, None)


def _hdf5(file: BinaryIO) -> Inspection:
    with hdf5(file) as opened:
        text = opened.attrs.get("model_config")
        version = _text(opened.attrs.get("keras_version", ""))
        details = {"layout": "HDF5", "backend": _text(opened.attrs.get("backend", ""))}
        n = _count(opened)
    config = archives.parsed(_text(text, _MAX_CONFIG), "model_config") if text is not None else {}
    return _described(config, version, details, n)


@contextmanager
def hdf5(file: BinaryIO) -> Iterator[Any]:
    """The opened `h5py.File`; libhdf5 itself crashes on some damaged files: only in a worker.

    Raises:
        BrokenArtifact: It is damaged.
    """
    import h5py

    file.seek(0)
    try:
        with h5py.File(file, "r") as opened:
            yield opened
    except _DAMAGE as damage:
        raise BrokenArtifact(
            refusal(
                "the HDF5 file is damaged or ends early",
                clean(damage, 100),
                "Save the model again and upload the whole file",
            )
        ) from None


def _text(value: object, limit: int = 200) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[:limit] if limit > 1000 else clean(text, limit)


def _count(opened: Any) -> int | None:
    """Values in all data sets, by shape; links out of the file are not followed."""
    import h5py

    total, stack, left = 0, [opened], 100_000
    while stack and left:
        group = stack.pop()
        for name in group:
            left -= 1
            if left <= 0 or not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            item = group[name]
            if isinstance(item, h5py.Group) and len(stack) < 1000:
                if name != "optimizer_weights":
                    stack.append(item)
            elif isinstance(item, h5py.Dataset):
                total += product(tuple(item.shape or ()))
    return total or None


def configurations(file: BinaryIO) -> list[Any]:
    """Everything in the file that Keras makes objects from: the model, and how it was compiled.

    Raises:
        BrokenArtifact: The file is damaged.
    """
    file.seek(0)
    if file.read(8) != _HDF5:
        with archives.opened(file) as archive:
            return [archives.read_json(archive, "config.json", _MAX_CONFIG)]
    with hdf5(file) as opened:
        texts = [opened.attrs.get(name) for name in ("model_config", "training_config")]
    return [archives.parsed(_text(t, _MAX_CONFIG), "a config") for t in texts if t is not None]


def too_large() -> BrokenArtifact:
    """The refusal of a configuration with more parts than any model."""
    return BrokenArtifact("the Keras configuration has too many parts: save the model again")


def _described(
    config: Any, version: str, details: dict[str, Any], n_parameters: int | None
) -> Inspection:
    if not isinstance(config, dict):
        raise BrokenArtifact("the Keras configuration is no table: save the model again")
    layers = list(_layers(config))
    kinds = [kind for kind, _ in layers]
    schema = _schema(layers)
    name = clean(config.get("class_name", "") or "weights only")
    return Inspection(
        NAME,
        FRAMEWORK,
        framework_version=version,
        summary=f"{name}, {len(layers)} layers",
        class_name=name,
        details={**details, "layers": kinds[:200], "n_layers": len(layers)},
        libraries={"keras": version} if version else {},
        n_parameters=n_parameters,
        schema=schema,
        runnable=False,
        why_not_runnable=WHY,
    )


def _layers(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(class, config) of every layer, nested models included."""
    stack: list[Any] = [config]
    left = _MAX_LAYERS
    while stack and left:
        left -= 1
        node = stack.pop()
        inner = node.get("config") if isinstance(node, dict) else None
        if not isinstance(inner, dict):
            continue
        if isinstance(inner.get("layers"), list):
            stack.extend(reversed(inner["layers"]))
        elif node.get("class_name"):
            yield clean(node["class_name"]), inner


def _schema(layers: list[tuple[str, dict[str, Any]]]) -> Schema | None:
    tensors: list[Tensor] = []
    for kind, config in layers[:100]:
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        if (kind == "InputLayer" or not tensors) and isinstance(shape, list):
            sizes = tuple(s if type(s) is int and 0 <= s < 2**40 else -1 for s in shape[:20])
            dtype = config.get("dtype")
            dtype = dtype if isinstance(dtype, str) else "float32"
            tensors.append(Tensor(clean(config.get("name", "input")), clean(dtype, 20), sizes))
    return Schema("tensors", tensors=arrays.hinted(tensors)) if tensors else None
