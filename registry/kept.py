"""What is kept of a prediction as plain JSON data: its checked inputs, its trimmed answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from registry import codec, inputs, outputs
from registry.errors import InvalidInput
from registry.inputs import Prepared
from registry.outputs import Arranged
from registry.prediction import OutputValue
from registry.schema import Field, Schema

MOST_INPUT_BYTES, MOST_ANSWER_BYTES = 64_000, 64_000
_MOST_ROWS = 1_000


def inputs_of(schema: Schema, prepared: Prepared) -> dict[str, Any] | None:
    """Checked inputs as data that `predict` takes again; None when they cannot be kept.

    That is when they take more than 64 kB in memory, or hold numbers that JSON has no word for.
    """
    given = prepared.inputs
    size = sum(a.nbytes for a in given.values()) if isinstance(given, dict) else given.nbytes
    if size > MOST_INPUT_BYTES:
        return None
    if schema.kind == "tensors" and isinstance(given, dict):
        return _plain({"tensors": {name: array.tolist() for name, array in given.items()}})
    return _plain({"rows": _rows(schema.fields, given)})


def given(kept: Mapping[str, Any] | None) -> Any:
    """Kept inputs as `predict` takes them: rows, or tensors by name; None when there are none."""
    return None if kept is None else kept.get("rows", kept.get("tensors"))


def answer_of(outputs: Sequence[OutputValue], n_rows: int) -> dict[str, Any] | None:
    """An answer of at most 64 kB as JSON: fewer rows of it, then without its largest outputs."""
    n = min(n_rows, _MOST_ROWS)
    while True:
        cut = [replace(o, values=o.values[:n]) if n < n_rows else o for o in outputs]
        kept = _plain({"rows": n, "outputs": codec.dump(cut)})
        if kept is None or _length(kept) <= MOST_ANSWER_BYTES:
            return kept
        if n == 1:
            break
        n //= 2
    fair = MOST_ANSWER_BYTES // (len(cut) + 1)
    kept["outputs"] = [o if _length(o) <= fair else o | {"values": []} for o in kept["outputs"]]
    return kept


def answer_of_arrays(arranged: Sequence[Arranged], n_rows: int) -> dict[str, Any] | None:
    """As `answer_of`, of an answer that nobody has made lists of."""
    cut = [
        one._replace(array=one.array[:_MOST_ROWS]) if one.array.ndim else one for one in arranged
    ]
    return answer_of([outputs.listed(one) for one in cut], n_rows)


def again(schema: Schema, told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Inputs that a worker read and gave back: believed as far as they can be given again."""
    try:
        prepared = inputs.prepare(schema, given(told)) if told else None
        return inputs_of(schema, prepared) if prepared else None
    except (InvalidInput, TypeError):
        return None


def answered(kept: Mapping[str, Any] | None) -> tuple[tuple[OutputValue, ...], int]:
    """The outputs that were kept, and of how many rows."""
    if kept is None:
        return (), 0
    return tuple(codec.load(OutputValue, one) for one in kept["outputs"]), int(kept["rows"])


def _rows(fields: Sequence[Field], given: dict[str, np.ndarray] | Any) -> list[dict[str, Any]]:
    """Rows by column, numbers as they were entered."""
    if isinstance(given, dict):
        lists, single = given[""].tolist(), given[""].itemsize == 4
        rows = [dict(zip((f.name for f in fields), row, strict=True)) for row in lists]
        singles = {field.name for field in fields if single}
    else:
        rows = given.to_pylist()
        singles = {column.name for column in given.schema if str(column.type) == "float"}
    for field in fields:
        for row in rows:
            row[field.name] = _cell(field, row[field.name], field.name in singles)
    return rows


def _cell(field: Field, value: Any, single: bool) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and field.type in ("integer", "long"):
        return int(value)
    if isinstance(value, float) and single:
        return float(str(np.float32(value)))  # 5.1, not 5.099999904632568
    return value


def _plain(data: dict[str, Any]) -> dict[str, Any] | None:
    """The same when JSON can say it, else None."""
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return data


def _length(data: Any) -> int:
    return len(json.dumps(data))
