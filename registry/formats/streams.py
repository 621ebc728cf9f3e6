"""Rows that came as an Arrow stream, as a version takes them. Runs in its worker.

Rules are those of `registry.inputs`, by whole columns. What would be made larger by reading it is
refused before it is: compressed buffers, long texts that are repeated.

Source: Arrow columnar format 1.5, "Serialization and Interprocess Communication"; Message.fbs.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from registry import grids, inputs, tensors
from registry.errors import InvalidInput
from registry.formats import casts
from registry.formats.flatbuffer import Buffer
from registry.formats.rows import plain
from registry.formats.text import MAX_FEATURES, clean
from registry.inputs import Prepared
from registry.records import Field, Finding, Schema, Tensor

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_CELLS = 50_000_000
_MOST_TEXT_BYTES = 128 << 20
_MOST_BATCHES = 10_000
_MOST_AXES = 16
_TEXT = ("str", "string", "object")
_HEADER, _DATA = 2, 1  # fields of Message and DictionaryBatch
_LENGTH, _COMPRESSION = 0, 3  # of RecordBatch


def prepare(schema: Schema, body: Any, most_rows: int) -> Prepared:
    """Check a stream against a schema, all columns at once.

    Raises:
        InvalidInput: With a problem per column, or of the body; rows are counted from 1.
    """
    import pyarrow as pa

    try:
        table = _table(body, most_rows)
        if schema.kind == "tensors":
            return Prepared(*tensors.prepare(schema, _tensors(schema.tensors, table)))
        return _rows(schema, table)
    except MemoryError:
        why = "takes more memory than a worker has; send fewer rows at once"
        raise InvalidInput({"body": why}) from None
    except (pa.ArrowException, OSError, OverflowError, ValueError, struct.error) as wrong:
        why = f"cannot be read as an Arrow stream: {clean(str(wrong), 300)}"
        raise InvalidInput({"body": why}) from None


def _table(body: Any, most_rows: int) -> pa.Table:
    import pyarrow as pa

    buffer = pa.py_buffer(body)
    _look_through(buffer, most_rows)
    with pa.ipc.open_stream(buffer) as reader:
        names = reader.schema.names
        if len(names) > MAX_FEATURES:
            raise ValueError(f"it has {len(names):,} columns, at most {MAX_FEATURES:,} are taken")
        if len(set(names)) != len(names):
            raise ValueError("two columns have one name")
        batches = []
        for batch in reader:
            batch.validate(full=True)
            batches.append(batch)
        table = pa.Table.from_batches(batches, reader.schema)
    if not table.num_rows:
        raise ValueError("at least one row is needed")
    return table


def _look_through(buffer: pa.Buffer, most_rows: int) -> None:
    """Count rows and refuse compressed buffers before anything is made of them."""
    import pyarrow as pa

    n_rows = n_batches = 0
    for message in pa.ipc.MessageReader.open_stream(buffer):
        if message.type not in ("record batch", "dictionary"):
            continue
        head = Buffer(message.metadata.to_pybytes())
        batch = head.table(head.follow(0), _HEADER)
        if message.type == "dictionary":
            batch = head.table(batch, _DATA)
        else:
            n_rows += head.number(batch, _LENGTH, "<q")
        n_batches += 1
        if head.table(batch, _COMPRESSION):
            raise ValueError("its buffers are compressed; write it without compression")
        if not 0 <= n_rows <= most_rows or n_batches > _MOST_BATCHES:
            raise ValueError(f"at most {most_rows:,} rows are taken at once, in few batches")


def _rows(schema: Schema, table: pa.Table) -> Prepared:
    n_rows, fields = table.num_rows, schema.fields
    known = {field.name for field in fields}
    extra = [str(name) for name in table.column_names if name not in known]
    problems = dict.fromkeys(map(clean, extra[:50]), "is no column of this model; leave it out")
    if n_rows * len(fields) > _MOST_CELLS:
        raise ValueError(f"at most {_MOST_CELLS:,} values are taken at once")
    if not problems and (matrix := _matrix(fields, table)) is not None:
        return Prepared({"": matrix}, n_rows, inputs.remarks(schema, matrix))
    columns, findings = [], list[Finding]()
    for field in fields:
        try:
            there = field.name in table.column_names
            column = _column(field, table.column(field.name)) if there else _missing(field, n_rows)
        except ValueError as why:
            problems[field.name] = clean(str(why), 300)
            continue
        columns.append(column)
        findings += _beyond(field, column)
    if problems:
        raise InvalidInput(problems)
    return Prepared(casts.matrix_or_table(fields, columns), n_rows, tuple(findings[:20]))


def _matrix(fields: Sequence[Field], table: pa.Table) -> np.ndarray | None:
    """The quick way: nothing but floats without gaps, a column beside the other."""
    import pyarrow as pa

    plain_numbers = all(f.type in ("float", "double") and not f.categories for f in fields)
    if not plain_numbers or set(table.column_names) != {f.name for f in fields}:
        return None
    found = np.empty((table.num_rows, len(fields)), order="F")
    for n, field in enumerate(fields):
        column = table.column(field.name)
        if not pa.types.is_floating(column.type) or column.null_count:
            return None
        start = 0
        for chunk in column.chunks:
            found[start : start + len(chunk), n] = chunk.to_numpy(zero_copy_only=False)
            start += len(chunk)
    return found if np.isfinite(found).all() and grids.fits(fields, found) else None


def _column(field: Field, given: pa.ChunkedArray) -> pa.Array:
    """A column in the field's type; ValueError says what does not fit, and where."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _decoded(given)
    column = casts.gaps_as_nulls(column)
    if column.null_count and not field.nullable:
        raise ValueError(_said(pc.is_null(column), "must have a value"))
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), casts.arrow_type(field))
    made = casts.quick(field, column)
    if made is None:
        raise ValueError(f"is of the Arrow type {column.type}; it takes {field.type}")
    left = pc.and_(pc.is_valid(column), pc.is_null(made))
    if pc.any(left).as_py():
        cell = column[pc.index(left, True).as_py()].as_py()
        try:
            inputs.converted(field, cell)
            why = f"{cell!r} does not fit"
        except ValueError as wrong:
            why = str(wrong)
        raise ValueError(_said(left, why))
    _refuse_unknown(field, made)
    return made


def _decoded(given: pa.ChunkedArray) -> pa.Array:
    """One array without a dictionary; texts are counted before they are repeated."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = given.type
    if not pa.types.is_dictionary(kind):
        return plain(given)
    if not (_is_text(kind.value_type) or pa.types.is_primitive(kind.value_type)):
        raise ValueError(f"is a dictionary of {kind.value_type}; send the values themselves")
    if _is_text(kind.value_type):
        longest = max(
            (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in given.chunks),
            default=0,
        )
        if longest * len(given) > _MOST_TEXT_BYTES:
            raise ValueError("repeats long texts of its dictionary too often; send fewer rows")
    chunks = [chunk.dictionary_decode() for chunk in given.chunks]
    return plain(pa.chunked_array(chunks, kind.value_type))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _missing(field: Field, n_rows: int) -> pa.Array:
    """A column that was left out: its default, or gaps."""
    import pyarrow as pa

    value = inputs.converted(field, inputs.MISSING)
    return pa.array([value] * n_rows, casts.arrow_type(field))


def _refuse_unknown(field: Field, made: pa.Array) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not field.categories:
        return
    distinct = pc.unique(made).to_pylist()
    unknown = [v for v in distinct if v is not None and str(v) not in field.categories]
    if unknown:
        where = pc.is_in(made, value_set=pa.array(unknown, type=made.type))
        try:
            inputs.converted(field, unknown[0])
        except ValueError as why:
            raise ValueError(_said(where, str(why))) from None


def _said(where: pa.Array, why: str) -> str:
    """What is wrong with the first row of some, and how many more there are."""
    import pyarrow.compute as pc

    more = pc.sum(where).as_py() - 1
    rest = f" (and {more:,} more rows)" if more else ""
    return f"row {pc.index(where, True).as_py() + 1:,}: {why}{rest}"


def _beyond(field: Field, column: pa.Array) -> list[Finding]:
    if field.type not in ("integer", "long", "float", "double"):
        return []
    if field.minimum is None and field.maximum is None:
        return []
    known = column.drop_null().to_numpy(zero_copy_only=False)
    if not len(known) or not grids.beyond(field, known):
        return []
    return inputs.out_of_range(field, known.tolist())


def _tensors(wanted: Sequence[Tensor], table: pa.Table) -> dict[str, Any]:
    """Columns as named tensors: one each, or all columns as the two axes of the only one."""
    names = set(table.column_names)
    only = wanted[0] if len(wanted) == 1 else None
    if only is None or len(only.shape) != 2 or only.name in names:
        return {clean(n): _tensor(clean(n), table.column(n)) for n in table.column_names}
    if table.num_rows * table.num_columns > _MOST_CELLS:
        raise ValueError(f"at most {_MOST_CELLS:,} values are taken at once")
    if only.dtype in _TEXT:
        columns = [_tensor(n, table.column(n)) for n in table.column_names]
        return {only.name: [list(row) for row in zip(*columns, strict=True)]}
    return {only.name: np.column_stack([_tensor(n, table.column(n)) for n in table.column_names])}


def _tensor(name: str, given: pa.ChunkedArray) -> Any:
    """Numbers, or lists of equally many, as an array; text as a list."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column, sizes = given.combine_chunks(), [len(given)]
    if isinstance(column.type, pa.FixedShapeTensorType):
        if column.null_count or column.type.permutation is not None:
            raise InvalidInput({name: "has gaps or axes in another order; send it plainly"})
        sizes += column.type.shape
        column = column.storage.flatten()
    for _ in range(_MOST_AXES):
        kind = column.type
        if not (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)):
            break
        if column.null_count:
            raise InvalidInput({name: "has gaps; every row needs a value"})
        lengths = pc.min_max(pc.list_value_length(column)).as_py() if len(column) else {"max": 0}
        if len(column) and lengths["min"] != lengths["max"]:
            raise InvalidInput({name: "is ragged: the inner lists must have equal lengths"})
        sizes.append(lengths["max"])
        if math.prod(sizes) > _MOST_CELLS:
            raise InvalidInput({name: f"has more than {_MOST_CELLS:,} values"})
        column = column.flatten()
    column = _decoded(pa.chunked_array([column]))
    if column.null_count or not (_is_text(column.type) or pa.types.is_primitive(column.type)):
        raise InvalidInput({name: f"has gaps, or is of the Arrow type {clean(str(column.type))}"})
    if _is_text(column.type):
        if len(sizes) > 1:
            raise InvalidInput({name: "is lists of texts; send one text a row"})
        return column.to_pylist()
    return column.to_numpy(zero_copy_only=False).reshape(sizes)
