"""What a waiting worker does ahead: loads and asks tiny models of our own, so that all that is
slow the first time has happened. Runs inside the fence, never in a zygote.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator
from typing import Any

from registry import formats, inputs
from registry.records import Field, Inspection, Output, Schema, Tensor

Tiny = tuple[str, bytes, Schema | None]
"""Format, content of a file, and the schema unless the model itself knows it."""


def warm_up(group: str, threads: int) -> None:
    """Load every tiny model of a zygote's group as any other, complete its schema, ask it."""
    for name, content, given in _TINY[group]():
        fmt = formats.get(name)
        model = fmt.load_model(io.BytesIO(content), threads)
        schema = fmt.complete(model, Inspection(name, fmt.FRAMEWORK), given)
        assert schema is not None
        for _ in range(2):
            fmt.predict(model, inputs.prepare(schema, schema.example).inputs, schema)
    gc.collect()
    gc.freeze()


def _sklearn() -> Iterator[Tiny]:
    import joblib
    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pd.DataFrame({"number": np.arange(40.0), "text": ["a", "b"] * 20})
    numbers, labels = frame[["number"]].to_numpy(), np.arange(40) // 20
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["text"]), (StandardScaler(), ["number"])
    )
    boosting = HistGradientBoostingClassifier(max_iter=1, early_stopping=False)
    fields = (Field("number", "double"), Field("text", "string"))
    mixed = Schema(kind="table", fields=fields, example={"number": 1.0, "text": "a"})
    for model, given, schema in (
        (LogisticRegression(), numbers, None),
        (RandomForestClassifier(2, n_jobs=1), numbers, None),
        (make_pipeline(columns, boosting), frame, mixed),
    ):
        file = io.BytesIO()
        joblib.dump(model.fit(given, labels), file)
        yield "sklearn", file.getvalue(), schema


def _onnx() -> Iterator[Tiny]:
    """`y = x`, written down by hand: the library that writes ONNX is not in this group."""

    def field(number: int, content: bytes | int) -> bytes:
        if isinstance(content, int):
            return bytes([number << 3, content])
        return bytes([number << 3 | 2, len(content)]) + content

    def value(name: bytes) -> bytes:
        shape = field(1, field(1, 1)) + field(1, field(1, 2))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"g") + field(11, value(b"x")) + field(12, value(b"y"))
    yield "onnx", field(1, 8) + field(7, graph) + field(8, field(2, 13)), _tensors((1, 2), "y")


def _torch() -> Iterator[Tiny]:
    import torch
    from torch import nn

    with torch.no_grad():
        flat = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        pictures = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))
        for network, shape in ((flat, (1, 4)), (pictures, (1, 1, 8, 8))):
            file = io.BytesIO()
            torch.jit.save(torch.jit.trace(network.eval(), torch.zeros(shape)), file)
            yield "torchscript", file.getvalue(), _tensors(shape, "output")


def _tensors(shape: tuple[int, ...], output: str) -> Schema:
    import numpy as np

    return Schema(
        kind="tensors",
        tensors=(Tensor("x", "float32", (-1, *shape[1:])),),
        outputs=(Output(output, "scores"),),
        example={"x": np.zeros(shape).tolist()},
    )


_TINY: dict[str, Any] = {"sklearn": _sklearn, "onnx": _onnx, "torch": _torch}
