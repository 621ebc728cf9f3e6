"""A version as MLflow keeps models: the files beside the model file, as MLflow's own loader reads.

Source: MLflow 3.17 documentation, "MLflow Models", "Storage Format" and "Model Signatures And
Input Examples"; the conventions of its sklearn, onnx and pytorch flavors.
"""

from __future__ import annotations

import json
import platform
from importlib import metadata
from typing import Any, NamedTuple

from registry.records import Field, Metric, Model, Schema, Version

EXAMPLE = "input_example.json"
_TORCH_PICKLES = "mlflow.pytorch.pickle_module"


class Flavor(NamedTuple):
    """How MLflow keeps a format: where the model file lies, and who loads it."""

    name: str
    path: str
    distribution: str
    convert_to: str = ""


_FLAVORS = {
    "skops": Flavor("sklearn", "model.skops", "scikit-learn"),
    "onnx": Flavor("onnx", "model.onnx", "onnx"),
    "torchscript": Flavor("pytorch", "data/model.pth", "torch"),
    "torch_export": Flavor("pytorch", "data/model.pt2", "torch"),
}
_PICKLED = Flavor("sklearn", "model.pkl", "scikit-learn")
_BY_JOBLIB = Flavor("sklearn", "model.skops", "scikit-learn", "skops")
_PICKLES_OWN = ("builtins.", "copyreg.", "_codecs.", "joblib.numpy_pickle", "numpy._core.")
"""Names that pickles ask for and skops does not."""
_NEEDS = {"sklearn": ("numpy", "scikit-learn", "scipy", "pandas", "skops"),
          "onnx": ("numpy", "onnx", "onnxruntime", "pandas"),
          "pytorch": ("numpy", "pandas", "torch")}  # fmt: skip


def flavor_of(version: Version) -> Flavor | None:
    """How MLflow would keep this version; None when none of its flavors loads such a file.

    MLflow reads plain pickles and skops, not what joblib writes: that is converted to skops.
    """
    found = version.inspection
    if found.format == "sklearn":
        return _PICKLED if found.details.get("saved by") == "pickle" else _BY_JOBLIB
    return _FLAVORS.get(found.format)


def files(model: Model, version: Version, flavor: Flavor, size_bytes: int) -> dict[str, str]:
    """Path to text of everything beside the model file."""
    import yaml

    needs = requirements(version, flavor)
    python = platform.python_version()
    # an unnamed tensor is no column: MLflow cannot read the example of its PyTorch flavor back
    example = None if flavor.name == "pytorch" else _example(version.schema)
    made = {
        "MLmodel": _yaml(_description(model, version, flavor, size_bytes, example)),
        "requirements.txt": "\n".join(needs) + "\n",
        "python_env.yaml": yaml.safe_dump(
            {"python": python, "build_dependencies": ["pip", "setuptools", "wheel"],
             "dependencies": ["-r requirements.txt"]}, sort_keys=False,
        ),
        "conda.yaml": yaml.safe_dump(
            {"channels": ["conda-forge"],
             "dependencies": [f"python={python}", "pip", {"pip": needs}], "name": "mlflow-env"},
            sort_keys=False,
        ),
    }  # fmt: skip
    if example is not None:
        made[EXAMPLE] = json.dumps(example)
    if flavor.path == "data/model.pth":
        made["data/pickle_module_info.txt"] = _TORCH_PICKLES
    return made


def requirements(version: Version, flavor: Flavor) -> list[str]:
    """One line per library: with the version that made the file, else the one that ran it here."""
    made_with = version.inspection.libraries
    lines = ["mlflow"]
    for name in _NEEDS[flavor.name]:
        known = made_with.get(name) or _installed(name)
        if name == flavor.distribution:
            known = made_with.get(name) or version.inspection.framework_version or known
        if name != "skops" or flavor.path.endswith(".skops"):
            lines.append(f"{name}=={known}" if known else name)
    listed = {name for name, *_ in (line.split("==") for line in lines)}
    lines += [f"{n}=={v}" for n, v in sorted(made_with.items()) if v and n not in listed]
    return lines


def _description(
    model: Model, version: Version, flavor: Flavor, size_bytes: int, example: Any
) -> dict[str, Any]:
    python: dict[str, Any] = {
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "loader_module": f"mlflow.{flavor.name}",
        "python_version": platform.python_version(),
    }
    told: dict[str, Any] = {
        "flavors": {"python_function": python, flavor.name: _native(version, flavor, python)},
        "model_size_bytes": size_bytes,
        "model_uuid": version.id,
        "utc_time_created": version.created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "metadata": _metadata(model, version),
    }
    if run := version.training.get("mlflow run"):
        told["run_id"] = run
    if version.schema and (signature := _signature(version.schema, flavor)):
        told["signature"] = signature
    if example is not None:
        table = version.schema is not None and version.schema.kind == "table"
        kind = {"type": "dataframe", "pandas_orient": "split"}
        told["saved_input_example_info"] = {
            "artifact_path": EXAMPLE,
            **(kind if table else {"type": "ndarray", "format": "tf-serving"}),
        }
    return told


def _native(version: Version, flavor: Flavor, python: dict[str, Any]) -> dict[str, Any]:
    """The flavor's own table; what `python_function` needs besides is added to it."""
    made_with = version.inspection.libraries.get(flavor.distribution)
    known = version.inspection.framework_version or made_with or _installed(flavor.distribution)
    if flavor.name == "sklearn":
        python |= {"model_path": flavor.path, "predict_fn": "predict"}
        by_skops = flavor.path.endswith(".skops")
        return {
            "code": None,
            "pickled_model": flavor.path,
            "serialization_format": "skops" if by_skops else "cloudpickle",
            "sklearn_version": known,
            "skops_trusted_types": _trusted(version) if by_skops else None,
        }
    if flavor.name == "onnx":
        python["data"] = flavor.path
        return {"code": None, "data": flavor.path, "onnx_version": _installed("onnx"),
                "providers": ["CPUExecutionProvider"]}  # fmt: skip
    python["data"] = "data"
    return {"code": None, "model_data": "data", "pytorch_version": known}


def _trusted(version: Version) -> list[str]:
    """Names that MLflow may load; the unusual ones only of what somebody here trusts."""
    return sorted(
        n.name
        for n in (version.report.names if version.report else ())
        if not n.name.startswith(_PICKLES_OWN)
        and (n.judgement != "unusual" or version.status == "ready")
    )


def _metadata(model: Model, version: Version) -> dict[str, Any]:
    """What MLflow keeps for people under `metadata`: here, what it has no other place for."""
    told = {
        "ref": version.ref,
        "name": model.name,
        "description": model.description,
        "task": model.task,
        "license": model.license,
        "tags": list(model.tags),
        "metrics": [_measured(metric) for metric in version.metrics],
    }
    return {"vitrine": {key: value for key, value in told.items() if value}}


def _measured(metric: Metric) -> dict[str, Any]:
    told = {"name": metric.name, "value": metric.value, "unit": metric.unit,
            "dataset": metric.dataset, "higher_is_better": metric.higher_is_better}  # fmt: skip
    return {key: value for key, value in told.items() if value not in ("", None)}


def _signature(schema: Schema, flavor: Flavor) -> dict[str, Any]:
    """Inputs and outputs as JSON texts inside the YAML, which is how MLflow keeps them."""
    if schema.kind == "table":
        told: list[Any] = [_column(field) for field in schema.fields]
    else:
        unnamed = flavor.name == "pytorch" and len(schema.tensors) == 1
        told = [
            {**({} if unnamed else {"name": t.name}), **_tensor(t.dtype, t.shape)}
            for t in schema.tensors
        ]
    if not told:
        return {}
    outputs = [_tensor(o.dtype, o.shape) for o in schema.outputs[:1] if o.dtype]
    if not outputs and schema.classes and flavor.name == "sklearn":
        outputs = [{"type": "string", "required": True}]
    return {
        "inputs": json.dumps(told),
        "outputs": json.dumps(outputs) if outputs else None,
        "params": None,
    }


def _column(field: Field) -> dict[str, Any]:
    return {"type": field.type, "name": field.name, "required": not field.nullable}


def _tensor(dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    kind = dtype if dtype not in ("string", "str") else "object"
    return {"type": "tensor", "tensor-spec": {"dtype": kind, "shape": list(shape) or [-1]}}


def _example(schema: Schema | None) -> dict[str, Any] | None:
    """A ready input as MLflow keeps it; None when the schema has none that is whole."""
    if schema is None or not schema.example:
        return None
    if schema.kind == "tensors":
        named = {t.name: schema.example.get(t.name) for t in schema.tensors}
        if any(value is None for value in named.values()):
            return None
        return {"inputs": next(iter(named.values())) if len(named) == 1 else named}
    names = [field.name for field in schema.fields]
    return {"columns": names, "data": [[schema.example.get(name) for name in names]]}


def _installed(name: str) -> str:
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return ""


def _yaml(told: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(told, sort_keys=True, allow_unicode=True))
