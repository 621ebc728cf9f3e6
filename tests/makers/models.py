"""Builders of tiny real models, one function each: `name(folder) -> path`.

What is fitted is fitted once per process; a call only writes the file.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.makers.fitted import (
    classifier,
    cluster,
    customers,
    diabetes,
    forest,
    histogram_classifier,
    iris,
    onnx_columns_pipeline,
    pipeline,
    regressor,
    several_targets,
    text_classifier,
    unnamed_classifier,
)
from tests.makers.graphs import (
    onnx_classifier,
    onnx_classifier_tensors,
    onnx_columns,
    onnx_dynamic,
    onnx_picture,
    onnx_regressor,
)
from tests.makers.networks import (
    cnn,
    mlp,
    torch_checkpoint,
    torch_export_cnn,
    torch_export_mlp,
    torch_legacy_state_dict,
    torch_own_class,
    torch_state_dict,
    torch_whole_module,
    torchscript_cnn,
    torchscript_mlp,
    torchscript_traced,
)
from tests.makers.old_torch import torch_tar_state_dict
from tests.makers.stored import (
    keras_h5,
    keras_zip,
    mlflow_zip,
    safetensors_file,
    tensorflow_pb,
    tensorflow_saved_model,
    tensorrt_engine,
    tflite_file,
)

__all__ = [
    "JOBLIB_COMPRESSIONS",
    "PICKLE_PROTOCOLS",
    "RUNNABLE",
    "STORED",
    "classifier",
    "cluster",
    "cnn",
    "customers",
    "diabetes",
    "forest",
    "histogram_classifier",
    "iris",
    "joblib_file",
    "keras_h5",
    "keras_zip",
    "mlflow_zip",
    "mlp",
    "onnx_classifier",
    "onnx_classifier_tensors",
    "onnx_columns",
    "onnx_columns_pipeline",
    "onnx_dynamic",
    "onnx_picture",
    "onnx_regressor",
    "pickle_file",
    "pipeline",
    "regressor",
    "safetensors_file",
    "several_targets",
    "sklearn_classifier",
    "sklearn_cluster",
    "sklearn_forest",
    "sklearn_histogram",
    "sklearn_pickle",
    "sklearn_pipeline",
    "sklearn_regressor",
    "sklearn_several_targets",
    "sklearn_text",
    "sklearn_unnamed",
    "skops_classifier",
    "skops_file",
    "skops_pipeline",
    "tensorflow_pb",
    "tensorflow_saved_model",
    "tensorrt_engine",
    "text_classifier",
    "tflite_file",
    "torch_checkpoint",
    "torch_export_cnn",
    "torch_export_mlp",
    "torch_legacy_state_dict",
    "torch_own_class",
    "torch_state_dict",
    "torch_tar_state_dict",
    "torch_whole_module",
    "torchscript_cnn",
    "torchscript_mlp",
    "torchscript_traced",
    "unnamed_classifier",
]

JOBLIB_COMPRESSIONS = ("zlib", "gzip", "bz2", "xz", "lzma", "lz4")
PICKLE_PROTOCOLS = (2, 3, 4, 5)


def sklearn_classifier(folder: Path) -> Path:
    return joblib_file(folder, classifier())


def sklearn_forest(folder: Path, n_trees: int = 5) -> Path:
    return joblib_file(folder, forest(n_trees), "forest.joblib")


def sklearn_unnamed(folder: Path) -> Path:
    return joblib_file(folder, unnamed_classifier(), "unnamed.joblib")


def sklearn_regressor(folder: Path) -> Path:
    return joblib_file(folder, regressor(), "regressor.joblib")


def sklearn_histogram(folder: Path) -> Path:
    return joblib_file(folder, histogram_classifier(), "histogram.joblib")


def sklearn_pipeline(folder: Path) -> Path:
    return joblib_file(folder, pipeline(), "pipeline.joblib")


def sklearn_text(folder: Path) -> Path:
    return joblib_file(folder, text_classifier(), "text.joblib")


def sklearn_cluster(folder: Path) -> Path:
    return joblib_file(folder, cluster(), "cluster.joblib")


def sklearn_several_targets(folder: Path) -> Path:
    return joblib_file(folder, several_targets(), "several.joblib")


def joblib_file(
    folder: Path, model: Any, name: str = "model.joblib", compress: str | None = None
) -> Path:
    import joblib

    path = folder / name
    joblib.dump(model, path, compress=(compress, 3) if compress else 0)
    return path


def pickle_file(folder: Path, model: Any, protocol: int = 4, name: str = "model.pkl") -> Path:
    path = folder / name
    path.write_bytes(pickle.dumps(model, protocol=protocol))
    return path


def sklearn_pickle(folder: Path) -> Path:
    return pickle_file(folder, pipeline())


def skops_classifier(folder: Path) -> Path:
    return skops_file(folder, classifier())


def skops_pipeline(folder: Path) -> Path:
    return skops_file(folder, pipeline(), "pipeline.skops")


def skops_file(folder: Path, model: Any, name: str = "model.skops") -> Path:
    from skops import io

    io.dump(model, folder / name)
    return folder / name


RUNNABLE: dict[str, tuple[Callable[[Path], Path], ...]] = {
    "sklearn": (
        sklearn_classifier,
        sklearn_forest,
        sklearn_unnamed,
        sklearn_regressor,
        sklearn_histogram,
        sklearn_pipeline,
        sklearn_pickle,
        sklearn_text,
        sklearn_cluster,
        sklearn_several_targets,
    ),
    "skops": (skops_classifier, skops_pipeline),
    "onnx": (
        onnx_classifier,
        onnx_classifier_tensors,
        onnx_regressor,
        onnx_columns,
        onnx_picture,
        onnx_dynamic,
    ),
    "torchscript": (torchscript_mlp, torchscript_cnn, torchscript_traced),
    "torch_export": (torch_export_mlp, torch_export_cnn),
    "torch_pickle": (torch_whole_module,),
}
"""Makers by format, of files that can be loaded and asked."""

STORED: dict[str, tuple[Callable[[Path], Path], ...]] = {
    "torch_pickle": (
        *(torch_state_dict, torch_checkpoint, torch_legacy_state_dict, torch_tar_state_dict),
        torch_own_class,
    ),
    "safetensors": (safetensors_file,),
    "keras": (keras_zip, keras_h5),
    "tflite": (tflite_file,),
    "tensorflow": (tensorflow_pb, tensorflow_saved_model),
    "tensorrt": (tensorrt_engine,),
    "mlflow": (mlflow_zip,),
}
"""Makers by format, of files that are described and stored."""
