"""MLflow model folders as a zip: what their MLmodel says; the model file inside runs by itself."""

from __future__ import annotations

from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats import archives
from registry.formats.stored import complete, load_model, predict
from registry.formats.text import MAX_FEATURES, clean, plain, refusal
from registry.records import FIELD_TYPES, Field, Inspection, Schema

__all__ = ["complete", "load_model", "predict"]

NAME = "mlflow"
FRAMEWORK = "MLflow"
GROUP = ""
EXTENSIONS = (".zip",)

_MAX_TEXT = 64 << 10
_FLAVORS = {"sklearn": "scikit-learn", "pytorch": "PyTorch", "onnx": "ONNX", "keras": "Keras",
            "tensorflow": "TensorFlow", "xgboost": "XGBoost", "lightgbm": "LightGBM"}  # fmt: skip
WHY = (
    "an MLflow folder is stored and described, but cannot run here yet: upload the model file "
    "inside it"
)


def detect(head: bytes, file: BinaryIO) -> bool:
    """A zip with an MLmodel at its top or one folder down."""
    return archives.folder(archives.names(head, file), "MLmodel") is not None


def inspect(file: BinaryIO) -> Inspection:
    """Read the MLmodel file."""
    with archives.opened(file) as archive:
        listed = archive.namelist()
        folder = archives.folder(listed, "MLmodel") or ""
        model = _yaml(archives.read(archive, folder + "MLmodel", _MAX_TEXT))
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
        schema=_schema(model.get("signature")),
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
        return [_yaml(archives.read(archive, name, _MAX_TEXT)) for name in listed]


def _yaml(data: bytes) -> dict[str, Any]:
    """The MLmodel as plain data; aliases, which can grow without end, are refused."""
    import yaml

    try:
        text = data.decode("utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("it repeats parts by reference")
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise BrokenArtifact(
            refusal("the MLmodel cannot be read", clean(wrong, 100), "Save the model again")
        ) from None
    if not isinstance(loaded, dict):
        raise BrokenArtifact("the MLmodel is no table: save the model again")
    return loaded


def _schema(signature: Any) -> Schema | None:
    """Columns of the signature, where it has any."""
    text = signature.get("inputs") if isinstance(signature, dict) else None
    if not isinstance(text, str):
        return None
    listed = archives.parsed(text, "the signature")
    fields = [
        Field(clean(c["name"]), c["type"], nullable=c.get("required") is False)
        for c in (listed if isinstance(listed, list) else [])[:MAX_FEATURES]
        if isinstance(c, dict) and c.get("type") in FIELD_TYPES and c.get("name")
    ]
    return Schema("table", fields=tuple(fields)) if fields else None
