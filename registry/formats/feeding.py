"""Which columns of a table a version is given, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.records import Field, FieldType, Schema, Tensor

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_NUMERIC = ("integer", "long", "float", "double", "boolean")


@dataclass(frozen=True, slots=True)
class Layout:
    """What one version is given of every row.

    Attributes:
        columns: Names in the table, in the order of `fields`.
        fields: The types they are made into.
        tensors: Empty for a table; one that takes all columns, or one per column.
        remark: What a person should know about it, "" when the names say it all.
    """

    columns: tuple[str, ...]
    fields: tuple[Field, ...]
    tensors: tuple[Tensor, ...] = ()
    remark: str = ""


def plan(schema: Schema, table: Sequence[Field], target: str, slice_by: str = "") -> Layout:
    """How rows of a table are given to a version, which never gets the target.

    Raises:
        ValueError: They cannot be; the message says why, for a person.
    """
    left = [column for column in table if column.name != target]
    if schema.kind == "tensors":
        return _tensors(schema.tensors, left, slice_by)
    names = {column.name for column in left}
    wanted = [field.name for field in schema.fields]
    if target in wanted:
        raise ValueError(f"it takes {target} itself, the column it is to be judged by")
    missing = [name for name in wanted if name not in names]
    if not missing:
        return Layout(tuple(wanted), schema.fields)
    if wanted == [f"x{n}" for n in range(len(wanted))]:
        chosen = _by_place(left, len(wanted), slice_by)
        return Layout(tuple(c.name for c in chosen), schema.fields, (), _remark(chosen))
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if missing[5:] else "")
    raise ValueError(f"the rows lack {shown}")


def _tensors(tensors: tuple[Tensor, ...], left: list[Field], slice_by: str) -> Layout:
    names = {column.name for column in left}
    if tensors and all(t.shape in ((-1,), (-1, 1)) and t.name in names for t in tensors):
        fields = tuple(Field(t.name, _type(t)) for t in tensors)
        return Layout(tuple(t.name for t in tensors), fields, tensors)
    only = tensors[0] if len(tensors) == 1 else None
    if only is None or len(only.shape) != 2 or only.shape[0] != -1 or _type(only) == "string":
        raise ValueError(f"it takes {_shapes(tensors)}, which rows of a table cannot be made into")
    width = only.shape[1]
    chosen = (
        [c for c in left if c.type in _NUMERIC and c.name != slice_by]
        if width < 0
        else _by_place(left, width, slice_by)
    )
    fields = tuple(Field(c.name, _type(only)) for c in chosen)
    return Layout(tuple(c.name for c in chosen), fields, (only,), _remark(chosen))


def _by_place(left: list[Field], n: int, slice_by: str) -> list[Field]:
    """`n` columns in the order of the file: all, or all but that of slices, or the numeric ones."""
    sliced = [column for column in left if column.name != slice_by]
    numeric = [column for column in left if column.type in _NUMERIC]
    for chosen in (left, sliced, numeric, [c for c in numeric if c.name != slice_by]):
        if len(chosen) == n:
            return chosen
    raise ValueError(f"it takes {n} numbers a row; the rows have {len(numeric)} besides the target")


def _remark(chosen: list[Field]) -> str:
    shown = ", ".join(column.name for column in chosen[:6]) + (", …" if chosen[6:] else "")
    return f"it does not name its columns: it is given {shown}, in the order of the file"


def _type(tensor: Tensor) -> FieldType:
    if tensor.dtype in ("str", "string", "object"):
        return "string"
    return "double" if "float" in tensor.dtype else "long"


def _shapes(tensors: tuple[Tensor, ...]) -> str:
    shown = [
        f"{t.name} of the shape " + "×".join("any" if size < 0 else str(size) for size in t.shape)
        for t in tensors[:3]
    ]
    return " and ".join(shown) or "nothing that is known"


def as_tensors(layout: Layout, columns: Sequence[pa.Array]) -> dict[str, np.ndarray]:
    """Converted columns as the tensors of a layout."""
    import numpy as np

    each = [column.to_numpy(zero_copy_only=False) for column in columns]
    if len(layout.tensors) == 1 and len(layout.tensors[0].shape) == 2:
        only = layout.tensors[0]
        return {only.name: np.stack(each, axis=1).astype(only.dtype)}
    return {
        t.name: values.astype("U" if _type(t) == "string" else t.dtype).reshape(
            (-1,) if len(t.shape) == 1 else (-1, 1)
        )
        for t, values in zip(layout.tensors, each, strict=True)
    }
