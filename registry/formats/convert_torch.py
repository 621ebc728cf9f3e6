"""Loaded torch modules as ONNX; only ever inside a locked worker."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

from registry.errors import InvalidInput
from registry.formats import arrays
from registry.records import Schema, Tensor


def to_onnx(module: Any, schema: Schema | None) -> bytes:
    """The module as an ONNX graph with the schema's tensor names; open sizes stay open.

    Exported by the TorchScript exporter, since the newer one needs onnxscript.

    Raises:
        InvalidInput: Nothing says what the module takes.
        PredictionFailed: The exporter knows no ONNX for a part of it; the log says which.
    """
    import torch

    if schema is None or schema.kind != "tensors" or not schema.tensors:
        raise InvalidInput({"schema": "nothing says what the model takes"})
    given = tuple(torch.from_numpy(_sample(tensor, schema)) for tensor in schema.tensors)
    names = [tensor.name for tensor in schema.tensors]
    outputs = [output.name for output in schema.outputs] or ["output"]
    is_open = any(tensor.shape[:1] == (-1,) for tensor in schema.tensors)
    axes = {t.name: {n: f"{t.name}_{n}" for n, s in enumerate(t.shape) if s < 0}
            for t in schema.tensors}  # fmt: skip
    axes |= {name: {0: f"{name}_0"} for name in outputs if is_open}
    made: Any = io.BytesIO()  # typed as a path only
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            given,
            made,
            dynamo=False,
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: sizes for name, sizes in axes.items() if sizes},
        )
    content: bytes = made.getvalue()
    return content


def _sample(tensor: Tensor, schema: Schema) -> np.ndarray:
    """The example of the schema, else a calm input; two rows, so that no axis of one is special."""
    known = schema.example.get(tensor.name)
    array = arrays.sample(tensor)
    if known is not None:
        array = np.asarray(known, dtype=arrays.numpy_dtype(tensor.dtype))
    if tensor.shape[:1] == (-1,) and len(array) == 1:
        array = np.concatenate([array, array])
    return np.array(array)
