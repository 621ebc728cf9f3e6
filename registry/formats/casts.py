"""Columns of rows as the types of a schema, by the rules of `registry.inputs`, a column at a time.

The quick way converts a whole column at once; what it cannot take is looked at cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from registry import inputs
from registry.formats.rows import GAPS, plain
from registry.formats.text import clean
from registry.records import Field

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT = 1 << 53
_FLOAT32_MOST = 3.4028234663852886e38
_BITS = {"integer": 32, "long": 64}
_FLOATS = ("float", "double")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_GAPS = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a", "-nan"})


@dataclass
class Out:
    """The rows of a batch that cannot be taken, and why: the first reason of each counts.

    Attributes:
        most: Reasons of a kind that are kept.
    """

    wrong: np.ndarray
    reasons: dict[int, str] = field(default_factory=dict)
    most: int = 20

    def add(self, where: np.ndarray, why: str) -> None:
        """Leave out rows `where` (truth values) for one reason."""
        for place in np.flatnonzero(where & ~self.wrong)[: self.most].tolist():
            self.reasons[place] = why
        self.wrong |= where


def matrix_or_table(
    fields: Sequence[Field], columns: Sequence[pa.Array]
) -> pa.Table | dict[str, np.ndarray]:
    """Converted columns as `Format.predict` takes them: one matrix where that loses nothing."""
    import pyarrow as pa

    if all(_fits_matrix(f, c) for f, c in zip(fields, columns, strict=True)):
        matrix = np.empty((len(columns[0]), len(columns)))
        for place, column in enumerate(columns):
            matrix[:, place] = column.to_numpy(zero_copy_only=False)
        return {"": matrix}
    return pa.table(list(columns), names=[f.name for f in fields])


def _fits_matrix(wanted: Field, column: pa.Array) -> bool:
    import pyarrow.compute as pc

    if column.null_count or wanted.type not in (*_FLOATS, *_BITS):
        return False
    if wanted.type in _FLOATS or not len(column):
        return True
    ends = pc.min_max(column).as_py()
    return bool(ends["min"] >= -_EXACT and ends["max"] <= _EXACT)


def column(wanted: Field, given: pa.Array, out: Out) -> pa.Array:
    """A column in the field's type; rows whose value does not fit are added to `out`.

    Returns:
        As long as `given`; what stands in rows that are out means nothing.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    given = gaps_as_nulls(plain(given))
    if given.null_count and not wanted.nullable:
        out.add(
            pc.is_null(given).to_numpy(zero_copy_only=False), f"{wanted.name}: must have a value"
        )
    made = quick(wanted, given)
    if made is None:
        made = pa.nulls(len(given), arrow_type(wanted))
    left = pc.and_not(pc.is_valid(given), pc.is_valid(made)).to_numpy(zero_copy_only=False)
    left &= ~out.wrong
    if left.any():
        made = _by_hand(wanted, given, made, np.flatnonzero(left), out)
    if wanted.categories:
        _known_only(wanted, made, out)
    return made


def arrow_type(wanted: Field) -> pa.DataType:
    """The type of a column of that field."""
    import pyarrow as pa

    return {
        "boolean": pa.bool_(),
        "integer": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "string": pa.string(),
        "binary": pa.binary(),
        "datetime": pa.timestamp("us"),
    }[wanted.type]


def gaps_as_nulls(given: pa.Array) -> pa.Array:
    """NaN is a gap, as in a form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(given.type):
        return pc.if_else(pc.is_nan(given), pa.scalar(None, given.type), given)
    return given


def quick(wanted: Field, given: pa.Array) -> pa.Array | None:
    """What can be converted at once, null where it cannot; None when nothing can."""
    import pyarrow as pa

    kind = given.type
    text = pa.types.is_string(kind)
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if wanted.type in _FLOATS and (text or number):
        return _floats(wanted, given)
    if wanted.type in _BITS and (text or number):
        return _integers(wanted, given)
    if wanted.type == "string" and text:
        return given
    if wanted.type == "binary" and pa.types.is_binary(kind):
        return given
    if wanted.type == "boolean" and pa.types.is_boolean(kind):
        return given
    if wanted.type == "boolean" and text:
        return _cast(given, pa.bool_())
    if wanted.type == "datetime" and (text or pa.types.is_temporal(kind)):
        return _times(given)
    return None


def cells(wanted: Field, given: pa.Array) -> pa.Array:
    """Cells that were read as they are: those that mean a gap become null.

    A column of nothing but numbers is made into them at once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    given = plain(given)
    if not pa.types.is_string(given.type):
        return given
    if wanted.type in _FLOATS or wanted.type in _BITS:
        kind = pa.float64() if wanted.type in _FLOATS else pa.int64()
        found = _cast(given, kind)
        if found is not None:
            return found
    gap = pc.is_in(given, value_set=pa.array(GAPS))
    return pc.if_else(gap, pa.scalar(None, given.type), given)


def _cast(given: pa.Array, kind: pa.DataType, *, safe: bool = True) -> pa.Array | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(given, kind, safe=safe)
    except (pa.ArrowException, OverflowError):
        return None


def _floats(wanted: Field, given: pa.Array) -> pa.Array | None:
    """Finite numbers that fit; text that is no number becomes null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = _cast(given, pa.float64(), safe=False)
    if found is None:
        likely = pc.match_substring_regex(given, _NUMBER)
        found = _cast(pc.if_else(likely, given, None), pa.float64())
    if found is None:
        return None
    values = found.to_numpy(zero_copy_only=False)
    most = _FLOAT32_MOST if wanted.type == "float" else np.inf
    with np.errstate(invalid="ignore"):
        fits = np.isfinite(values) & (np.abs(values) <= most)
    if not fits.all():
        found = pc.if_else(pa.array(fits), found, None)
    return found if wanted.type == "double" else pc.cast(found, pa.float32(), safe=False)


def _integers(wanted: Field, given: pa.Array) -> pa.Array | None:
    """Whole numbers, exactly: floats only as far as they stand for themselves."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = arrow_type(wanted)
    if pa.types.is_floating(given.type):
        most = min(float(_EXACT), 2.0 ** (_BITS[wanted.type] - 1) - 1)
        values = given.to_numpy(zero_copy_only=False)
        with np.errstate(invalid="ignore"):
            fits = (values == np.round(values)) & (np.abs(values) <= most)
        return pc.cast(pc.if_else(pa.array(fits), given, None), kind)
    return _cast(given, kind)


def _times(given: pa.Array) -> pa.Array | None:
    """Times without a zone, in UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = given.type
    if pa.types.is_timestamp(kind) and kind.tz:
        given = pc.cast(given, pa.timestamp("us", "UTC"), safe=False)
    return _cast(given, pa.timestamp("us"), safe=False)


def _by_hand(
    wanted: Field, given: pa.Array, quick: pa.Array, places: np.ndarray, out: Out
) -> pa.Array:
    """Convert single cells; those that do not fit are out."""
    import pyarrow as pa

    kind, relaxed = quick.type, replace(wanted, categories=())
    values = quick.to_pylist()
    cells = given.take(pa.array(places)).to_pylist()
    wrong = np.zeros(len(values), dtype=bool)
    for place, cell in zip(places.tolist(), cells, strict=True):
        try:
            values[place] = inputs.converted(relaxed, _tidied(wanted, cell))
        except ValueError as why:
            wrong[place] = True
            if len(out.reasons) < out.most:
                out.reasons[place] = clean(f"{wanted.name}: {why}", 200)
    out.wrong |= wrong
    return pa.array(values, type=kind)


def _tidied(wanted: Field, cell: Any) -> Any:
    """A cell without what writers of files add: spaces, and the point of a whole number."""
    if not isinstance(cell, str) or wanted.type == "string":
        return cell
    cell = cell.strip()
    if cell.lower() in _GAPS:
        return None
    head, point, tail = cell.partition(".")
    return head if wanted.type in _BITS and point and not tail.strip("0") else cell


def _known_only(wanted: Field, found: pa.Array, out: Out) -> None:
    """Leave out what is none of the field's categories."""
    import pyarrow as pa
    import pyarrow.compute as pc

    distinct = pc.unique(found).to_pylist()
    unknown = [v for v in distinct if v is not None and str(v) not in wanted.categories]
    if not unknown:
        return
    shown = ", ".join(wanted.categories[:10]) + (", …" if len(wanted.categories) > 10 else "")
    where = pc.is_in(found, value_set=pa.array(unknown, type=found.type))
    hit = where.to_numpy(zero_copy_only=False) & ~out.wrong
    for place in np.flatnonzero(hit)[: out.most].tolist():
        value = found[place].as_py()
        out.reasons[place] = clean(f"{wanted.name}: {value!r} is not one of {shown}", 200)
    out.wrong |= hit
