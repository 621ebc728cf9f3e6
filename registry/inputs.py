"""What a person sends, checked against the schema and made into what a worker takes.

All problems are found at once and named by field. Nothing is guessed: text that is no number is
refused, "001" stays text, integers stay exact.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from registry import grids, tensors
from registry.errors import InvalidInput
from registry.records import Field, FieldType, Finding, Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MAX_ROWS = 10_000
_MAX_FINDINGS = 20
_MOST_GUESSED, _MOST_MEANT, _LONGEST_GUESSED = 10, 200, 100  # guessing takes time with each
_EXACT = 1 << 53
_INT_BITS = {"integer": 32, "long": 64}
_FLOAT_MOST = {"float": 3.4028234663852886e38, "double": math.inf}
_NUMERIC = ("integer", "long", "float", "double")
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
MISSING = object()

Row = Mapping[str, Any]
Problems = dict[str, str]


class Prepared(NamedTuple):
    """What goes to the pool, how many rows it has, and what is worth saying about it."""

    inputs: pa.Table | dict[str, np.ndarray]
    n_rows: int
    findings: tuple[Finding, ...] = ()


def prepare(schema: Schema, rows: Sequence[Row] | Row) -> Prepared:
    """Check rows (or named tensors) against a schema.

    Args:
        rows: For a table a list of rows (column to value) or one row; for tensors a mapping of
            tensor name to nested list or array.

    Raises:
        InvalidInput: With a problem per field; rows are counted from 1.
    """
    if schema.kind == "tensors":
        prepared = Prepared(*tensors.prepare(schema, rows))
        _refuse_batch(schema, prepared)
        return prepared
    table = [rows] if isinstance(rows, Mapping) else rows
    _refuse_number(table)
    if (matrix := grids.matrix(schema, table)) is not None:
        return Prepared({"": matrix}, len(table), remarks(schema, matrix))
    table = list(table)
    _refuse_shape(table)
    problems = _extra_columns(schema, table)
    findings: list[Finding] = []
    columns: dict[str, list[Any]] = {}
    for field in schema.fields:
        given = [row.get(field.name, MISSING) for row in table]
        values, why = _column(field, given)
        if why:
            problems[field.name] = why
        else:
            columns[field.name] = values
            findings += _left_out(field, given)
            findings += out_of_range(field, values)
    if problems:
        raise InvalidInput(problems)
    return Prepared(_pack(schema, columns), len(table), tuple(findings[:_MAX_FINDINGS]))


def _refuse_number(table: Sequence[Any]) -> None:
    if not table:
        raise InvalidInput({"rows": "at least one row is needed"})
    if len(table) > MAX_ROWS:
        raise InvalidInput({"rows": f"at most {MAX_ROWS:,} at once, got {len(table):,}"})


def _refuse_batch(schema: Schema, prepared: Prepared) -> None:
    """Rows of tensors are rows too; a tensor of one axis may be a sound that nothing told of."""
    if prepared.n_rows > MAX_ROWS and isinstance(prepared.inputs, dict):
        batches = [t for t in schema.tensors if tensors.holds_rows(t) and len(t.shape) > 1]
        long = {t.name: len(prepared.inputs[t.name]) for t in batches}
        if long:
            why = "has {:,} rows, at most {:,} are taken at once"
            raise InvalidInput({name: why.format(n, MAX_ROWS) for name, n in long.items()})


def _refuse_shape(table: Sequence[Any]) -> None:
    for n, row in enumerate(table, 1):
        if not isinstance(row, Mapping):
            raise InvalidInput({"rows": f"row {n} must map column names to values"})


def _extra_columns(schema: Schema, table: Sequence[Row]) -> Problems:
    known = {field.name for field in schema.fields}
    extra = {str(name): None for row in table for name in row if name not in known}
    if not extra:
        return {}
    missing = [name for name in known if all(name not in row for row in table)][:_MOST_MEANT]
    problems = dict.fromkeys(list(extra)[:50], "is no column of this model; leave it out")
    for name in list(problems)[:_MOST_GUESSED]:
        if len(name) <= _LONGEST_GUESSED and (meant := get_close_matches(name, missing, 1)):
            problems[name] = f"is no column of this model; did you mean {meant[0]}?"
    return problems


def _left_out(field: Field, given: Sequence[Any]) -> list[Finding]:
    """What stands where a column was left out is said, not made up in silence."""
    n = sum(value is MISSING for value in given)
    if not n or field.default is None:
        return []
    what = f"{field.name} was left out" + (f" in {n:,} rows" if n > 1 else "")
    why = f"{_show(field.default)} was used, the default of its schema"
    return [Finding("warn", "filled", what, why, f"send {field.name}")]


def _column(field: Field, values: list[Any]) -> tuple[list[Any], str]:
    """The converted values, or why not, over all rows of one column."""
    if _all_fine(field, values):
        return values, ""
    done: list[Any] = []
    wrong: list[tuple[int, str]] = []
    for n, value in enumerate(values, 1):
        try:
            done.append(converted(field, value))
        except ValueError as why:
            wrong.append((n, str(why)))
    if not wrong:
        return done, ""
    n, first = wrong[0]
    if len(values) == 1:
        return [], first
    more = f" (and {len(wrong) - 1} more rows)" if len(wrong) > 1 else ""
    return [], f"row {n}: {first}{more}"


def _all_fine(field: Field, values: list[Any]) -> bool:
    """The quick look: a whole column of the very type, as most are."""
    if field.categories or field.type not in _FLOAT_MOST:
        return False
    most = _FLOAT_MOST[field.type]
    return set(map(type, values)) == {float} and all(
        math.isfinite(value) and -most <= value <= most for value in values
    )


def converted(field: Field, value: Any) -> Any:
    """One value as the type of its field, None for a gap.

    Raises:
        ValueError: It does not fit; the message says why, for a person.
    """
    if value is MISSING:
        if field.default is None and not field.nullable:
            raise ValueError("is missing")
        value = field.default
    value = _plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if not field.nullable:
            raise ValueError("must have a value")
        return None
    result = _CONVERT[field.type](field.type, value)
    if field.categories and str(result) not in field.categories:
        shown = ", ".join(field.categories[:10]) + (", …" if len(field.categories) > 10 else "")
        raise ValueError(f"{_show(value)} is not one of {shown}")
    return result


def _plain(value: Any) -> Any:
    """A numpy scalar as the Python value it stands for."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def _boolean(_type: FieldType, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in (*_TRUE, *_FALSE):
        return value.strip().lower() in _TRUE
    raise ValueError(f"must be true or false, got {_show(value)}")


def _integer(type_: FieldType, value: Any) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a whole number, got {_show(value)}")
    most = 1 << (_INT_BITS[type_] - 1)
    if not -most <= value < most:
        raise ValueError(f"{_show(value)} does not fit into {_INT_BITS[type_]} bits")
    return value


def _float(type_: FieldType, value: Any) -> float:
    wrong = f"must be a number, got {_show(value)}"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(wrong)
    try:
        number = float(value)
    except ValueError:
        raise ValueError(wrong) from None
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > _FLOAT_MOST[type_]:
        raise ValueError(f"must be a finite number that fits, got {_show(value)}")
    return number


def _string(_type: FieldType, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, got {_show(value)} (a {type(value).__name__})")
    return value


def _binary(_type: FieldType, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ValueError("must be bytes, or text in base64") from None


def _datetime(_type: FieldType, value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"must be a time like 2026-03-01T12:00, got {_show(value)}") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - columns are naive
    if not isinstance(value, datetime):
        raise ValueError(f"must be a time like 2026-03-01T12:00, got {_show(value)}")
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        why = f"must be a time between the years 1 and 9999 in UTC, got {_show(value.isoformat())}"
        raise ValueError(why) from None


_CONVERT: dict[str, Callable[[FieldType, Any], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "string": _string,
    "binary": _binary,
    "datetime": _datetime,
}


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def remarks(schema: Schema, matrix: np.ndarray) -> tuple[Finding, ...]:
    """What leaves the range that was seen in training, of all columns as one matrix."""
    findings: list[Finding] = []
    for n, field in enumerate(schema.fields):
        if grids.beyond(field, matrix[:, n]):
            findings += out_of_range(field, matrix[:, n].tolist())
    return tuple(findings[:_MAX_FINDINGS])


def out_of_range(field: Field, values: Sequence[Any]) -> list[Finding]:
    """A remark, not a refusal: the range is what was seen in training."""
    low, high = field.minimum, field.maximum
    if (low is None and high is None) or field.type not in _NUMERIC:
        return []
    known = [value for value in values if value is not None]
    outside = [v for v in known if (low is not None and v < low) or (high is not None and v > high)]
    if not outside:
        return []
    what = f"{field.name}: {outside[0]:g} is outside {_bound(low)} to {_bound(high)}"
    why = "the model has not seen such values; its answer may mean little"
    return [Finding("warn", "range", what, why)]


def _bound(value: float | None) -> str:
    return "…" if value is None else f"{value:g}"


def _pack(schema: Schema, columns: Mapping[str, list[Any]]) -> pa.Table | dict[str, np.ndarray]:
    """One float64 matrix where that loses nothing, else an Arrow table."""
    import numpy as np

    if all(_fits_matrix(field, columns[field.name]) for field in schema.fields):
        matrix = np.array([columns[field.name] for field in schema.fields], dtype=np.float64)
        return {"": np.ascontiguousarray(matrix.T)}
    return _arrow(schema, columns)


def _fits_matrix(field: Field, values: Sequence[Any]) -> bool:
    if field.type in _INT_BITS:
        return all(value is not None and -_EXACT <= value <= _EXACT for value in values)
    return field.type in _FLOAT_MOST and None not in values


def _arrow(schema: Schema, columns: Mapping[str, list[Any]]) -> pa.Table:
    import pyarrow as pa

    types = {
        "boolean": pa.bool_(),
        "integer": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "string": pa.string(),
        "binary": pa.binary(),
        "datetime": pa.timestamp("us"),
    }
    return cast(
        "pa.Table",
        pa.table(
            {f.name: pa.array(columns[f.name], type=types[f.type]) for f in schema.fields},
        ),
    )


def digest(prepared: Prepared) -> str:
    """BLAKE3 over checked inputs: equal inputs have equal digests."""
    from blake3 import blake3

    seen = blake3()
    given = prepared.inputs
    if isinstance(given, dict):
        for name, array in given.items():
            seen.update(f"{name}\0{array.dtype.str}{array.shape}".encode())
            seen.update(array.tobytes())
    else:
        for name in given.column_names:
            seen.update(f"{name}\0{given.column(name).to_pylist()!r}".encode())
    return seen.hexdigest()
