"""A version as MLflow keeps models: the files beside the model file, as MLflow's own loader reads.

Source: MLflow 3.17 documentation, "MLflow Models", "Storage Format" and "Model Signatures And
Input Examples"; the conventions of its sklearn, onnx and pytorch flavors.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any, NamedTuple

from registry.records import Field, Metric, Model, Output, Schema, Tensor, Version

EXAMPLE = "input_example.json"
_TORCH_PICKLES = "mlflow.pytorch.pickle_module"


Input = tuple[str, str]
"""Name and NumPy type of a tensor that a graph takes."""


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


def files(
    model: Model, version: Version, flavor: Flavor, size_bytes: int, inputs: Sequence[Input] = ()
) -> dict[str, str]:
    """Path to text of everything beside the model file.

    Args:
        inputs: What an ONNX graph takes: name and type of each tensor, in order.
    """
    import yaml

    needs = requirements(version, flavor)
    python = platform.python_version()
    asked = _as_asked(version.schema, flavor, inputs)
    example = _example(asked)
    made = {
        "MLmodel": _yaml(_description(model, version, flavor, size_bytes, asked, example)),
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


def _as_asked(schema: Schema | None, flavor: Flavor, inputs: Sequence[Input]) -> Schema | None:
    """The schema as the flavor must be asked for the answers that are given here.

    MLflow's ONNX flavor answers a frame with one value per row and output, which probabilities are
    not, and hands a graph of several inputs columns without a second axis. Asked for tensors, it
    gives every output whole, and takes a frame all the same; single floats are doubles here, as
    pandas has them, because it casts them.

    Source: MLflow 3.17, `mlflow.onnx._OnnxModelWrapper`, `mlflow.models.utils._enforce_schema`.
    """
    if schema is None or flavor.name != "onnx" or schema.kind != "table" or not inputs:
        return schema
    if len(inputs) == 1 and all(_is_one_value(output) for output in schema.outputs):
        floats = (replace(f, type="double" if f.type == "float" else f.type) for f in schema.fields)
        return replace(schema, fields=tuple(floats))
    row = [schema.example.get(field.name) for field in schema.fields]
    if len(inputs) == 1:
        name, dtype = inputs[0]
        wide = "float64" if dtype == "float32" else dtype
        tensors: tuple[Tensor, ...] = (Tensor(name, wide, (-1, len(row))),)
        example: dict[str, Any] = {name: [row]}
    else:
        tensors = tuple(Tensor(name, dtype, (-1, 1)) for name, dtype in inputs)
        example = {name: [[value]] for (name, _), value in zip(inputs, row, strict=False)}
    whole = bool(row) and None not in row
    return replace(
        schema, kind="tensors", fields=(), tensors=tensors, example=example if whole else {}
    )


def _is_one_value(output: Output) -> bool:
    """Whether it has one number or word for each row."""
    return output.role != "probabilities" and output.shape[1:] in ((), (1,)) and bool(output.shape)


def _description(
    model: Model, version: Version, flavor: Flavor, size_bytes: int, asked: Schema | None,
    example: Any,
) -> dict[str, Any]:  # fmt: skip
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
    if asked and (signature := _signature(asked, flavor)):
        told["signature"] = signature
    if asked and example is not None:
        kind = {"type": "dataframe", "pandas_orient": "split"}
        told["saved_input_example_info"] = {
            "artifact_path": EXAMPLE,
            **(kind if asked.kind == "table" else {"type": "ndarray", "format": "tf-serving"}),
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
        told = _tensors(schema.tensors)
    if not told:
        return {}
    every = flavor.name == "onnx" and schema.kind == "tensors"
    outputs = _tensors([o for o in schema.outputs[: None if every else 1] if o.dtype])
    if not outputs and schema.classes and flavor.name == "sklearn":
        outputs = [{"type": "string", "required": True}]
    return {
        "inputs": json.dumps(told),
        "outputs": json.dumps(outputs) if outputs else None,
        "params": None,
    }


def _tensors(listed: Sequence[Tensor | Output]) -> list[dict[str, Any]]:
    """One without a name takes an array or a frame; several are told apart by theirs."""
    unnamed = len(listed) == 1
    return [{**({} if unnamed else {"name": t.name}), **_tensor(t.dtype, t.shape)} for t in listed]


def _column(field: Field) -> dict[str, Any]:
    return {"type": field.type, "name": field.name, "required": not field.nullable}


def _tensor(dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    kind = dtype if dtype not in ("string", "str") else "object"
    return {"type": "tensor", "tensor-spec": {"dtype": kind, "shape": list(shape) or [-1]}}


def _example(schema: Schema | None) -> Any:
    """A ready input as MLflow keeps it; None when the schema has none that is whole."""
    if schema is None or not schema.example:
        return None
    if schema.kind == "tensors":
        named = {t.name: schema.example.get(t.name) for t in schema.tensors}
        if any(value is None for value in named.values()):
            return None
        return next(iter(named.values())) if len(named) == 1 else named
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
