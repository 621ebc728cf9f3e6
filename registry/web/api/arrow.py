"""Answers as an Arrow stream: written here from checked arrays, read nowhere in this process.

Each output is a column. Its metadata has the `role` and, if any, the `classes`; more axes
than one are fixed-size lists. The stream's metadata has the rest of the answer, under `vitrine`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from registry.outputs import Arranged

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


def wanted(request: Request) -> bool:
    """Whether the answer may be an Arrow stream, by the header Accept."""
    for entry in request.headers.get("accept", "").split(","):
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        if kind == MEDIA_TYPE:
            return not any(p.startswith("q=") and not p.strip("q=0.") for p in parameters)
    return False


def written(said: Mapping[str, Any], found: Sequence[Arranged], n_rows: int) -> bytes | None:
    """The outputs as columns; None when they are no columns of so many rows."""
    import pyarrow as pa

    if any(not one.array.ndim or len(one.array) != n_rows or not one.array.size for one in found):
        return None
    columns = [_column(one.array) for one in found]
    fields = [
        pa.field(name, column.type, metadata=_about(one))
        for name, one, column in zip(names(found), found, columns, strict=True)
    ]
    schema = pa.schema(fields, metadata={"vitrine": json.dumps(said)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    written: bytes = sink.getvalue().to_pybytes()
    return written


def names(found: Sequence[Any]) -> list[str]:
    """Names of outputs, each once: a second one of a name has its role added."""
    seen: list[str] = []
    for one in found:
        seen.append(one.name if one.name not in seen else f"{one.name} ({one.role})")
    return seen


def _about(one: Arranged) -> dict[str, str]:
    return {"role": one.role} | ({"classes": json.dumps(one.classes)} if one.classes else {})


def _column(array: np.ndarray) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    flat = array.reshape(-1)
    column = pa.array(flat.astype(str) if flat.dtype.kind == "S" else flat)
    for size in reversed(array.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column
