"""MLflow model folders as a zip: what their MLmodel says; the model file inside runs by itself."""

from __future__ import annotations

from typing import Any, BinaryIO
from zipfile import ZipFile

from registry.errors import BrokenArtifact
from registry.formats import archives
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import MAX_FEATURES, clean, plain, refusal
from registry.records import FIELD_TYPES, Field, Inspection, Schema, Tensor

__all__ = ["complete", "load_model", "predict"]

NAME = "mlflow"
FRAMEWORK = "MLflow"
GROUP = ""
EXTENSIONS = (".zip",)

_MAX_TEXT = 64 << 10
_MOST_TENSORS = 200
_FILE_KEYS = ("pickled_model", "model_path", "model_data", "data")
_TORCH = ("model.pth", "model.pt2")
"""Where MLflow names the model file, and what its PyTorch flavor calls it in a folder."""
_FLAVORS = {"sklearn": "scikit-learn", "pytorch": "PyTorch", "onnx": "ONNX", "keras": "Keras",
            "tensorflow": "TensorFlow", "xgboost": "XGBoost", "lightgbm": "LightGBM"}  # fmt: skip
WHY = (
    "an MLflow folder of this kind is stored and described, but cannot run here: upload the model "
    "file inside it"
)


def detect(head: bytes, file: BinaryIO) -> bool:
    """A zip with an MLmodel at its top or one folder down."""
    return archives.folder(archives.names(head, file), "MLmodel") is not None


def inspect(file: BinaryIO) -> Inspection:
    """Read the MLmodel file."""
    with archives.opened(file) as archive:
        listed = archive.namelist()
        folder = archives.folder(listed, "MLmodel") or ""
        model = described(archive, folder)
    flavors = model.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    native = next((f for f in flavors if f in _FLAVORS), "")
    version = clean(model.get("mlflow_version", ""), 50)
    libraries = {"mlflow": version} if version else {}
    own = flavors.get(native)
    made_with = clean(own.get(f"{native}_version", ""), 50) if isinstance(own, dict) else ""
    if native == "sklearn" and made_with:
        libraries["scikit-learn"] = made_with
    return Inspection(
        NAME,
        _FLAVORS.get(native, FRAMEWORK),
        framework_version=made_with,
        summary=clean(f"MLflow model: {', '.join(map(str, flavors)) or 'no flavor'}"),
        details={
            "flavors": plain(flavors),
            "created": clean(model.get("utc_time_created", "")),
            "run": clean(model.get("run_id", "")),
            "files": [clean(n) for n in listed[:100]],
        },
        libraries=libraries,
        schema=schema_of(model.get("signature")),
        runnable=False,
        why_not_runnable=WHY,
    )


def descriptions(file: BinaryIO) -> list[dict[str, Any]]:
    """Every MLmodel in the file.

    Raises:
        BrokenArtifact: One cannot be read.
    """
    with archives.opened(file) as archive:
        listed = [n for n in archive.namelist() if n.rpartition("/")[2] == "MLmodel"]
        return [parsed(archives.read(archive, name, _MAX_TEXT)) for name in listed]


def described(archive: ZipFile, folder: str) -> dict[str, Any]:
    """The MLmodel of that folder, which ends in a slash or is "".

    Raises:
        BrokenArtifact: It is missing, damaged or too large.
    """
    return parsed(archives.read(archive, folder + "MLmodel", _MAX_TEXT))


def model_file(file: BinaryIO) -> str:
    """Path of the one file that holds the model, "" when it is a folder or is not named.

    Raises:
        BrokenArtifact: The MLmodel cannot be read.
    """
    with archives.opened(file) as archive:
        listed = archive.namelist()
        folder = archives.folder(listed, "MLmodel") or ""
        flavors = described(archive, folder).get("flavors")
    tables = flavors.values() if isinstance(flavors, dict) else ()
    for own in (table for table in tables if isinstance(table, dict)):
        for key in _FILE_KEYS:
            named = own.get(key)
            for path in (f"{folder}{named}", *(f"{folder}{named}/{name}" for name in _TORCH)):
                if isinstance(named, str) and path in listed:
                    return path
    return ""


def parsed(data: bytes, what: str = "the MLmodel") -> dict[str, Any]:
    """A YAML table as plain data; aliases, which can grow without end, are refused.

    Raises:
        BrokenArtifact: It is none.
    """
    import yaml

    try:
        text = data.decode("utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("it repeats parts by reference")
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise BrokenArtifact(
            refusal(f"{what} cannot be read", clean(wrong, 100), "Save the model again")
        ) from None
    if not isinstance(loaded, dict):
        raise BrokenArtifact(f"{what} is no table: save the model again")
    return loaded


def schema_of(signature: Any) -> Schema | None:
    """Columns or tensors of the signature, where it has any."""
    text = signature.get("inputs") if isinstance(signature, dict) else None
    if not isinstance(text, str):
        return None
    listed = archives.parsed(text, "the signature")
    listed = [c for c in listed if isinstance(c, dict)] if isinstance(listed, list) else []
    fields = [
        Field(clean(c["name"]), c["type"], nullable=c.get("required") is False)
        for c in listed[:MAX_FEATURES]
        if c.get("type") in FIELD_TYPES and c.get("name")
    ]
    if fields:
        return Schema("table", fields=tuple(fields))
    tensors = [tensor for c in listed[:_MOST_TENSORS] if (tensor := _tensor(c))]
    return Schema("tensors", tensors=tuple(tensors)) if tensors else None


def _tensor(told: dict[str, Any]) -> Tensor | None:
    spec = told.get("tensor-spec")
    spec = spec if isinstance(spec, dict) else {}
    shape = spec.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n >= -1 for n in shape):
        return None
    name = told.get("name")
    return Tensor(
        clean(name) if isinstance(name, str) else "input", clean(spec.get("dtype", ""), 32),
        tuple(shape[:16]),
    )  # fmt: skip
