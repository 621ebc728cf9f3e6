"""Reads a table for training: columns as the types of a schema, a target, and what was left out.

Columns go the way of every prediction (`formats.casts`, `formats.answers`), so that a pipeline is
fitted on just what it will be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from registry.errors import InvalidInput, TooLarge
from registry.formats import answers, rows, samples
from registry.formats.casts import Out, column
from registry.formats.columns import example_row
from registry.formats.text import clean, rounded
from registry.records import EvaluationTask, FeatureKind, Field, FieldType, Finding, Schema

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MOST_CELLS = 10_000_000
LEAST_ROWS = 20
MOST_CLASSES = 100
_EXACT = 1 << 53
_TYPES: dict[FeatureKind, FieldType] = {
    "number": "double",
    "boolean": "boolean",
    "category": "string",
    "date": "datetime",
    "text": "string",
}


@dataclass
class Table:
    """Rows with an answer.

    Attributes:
        x: One column per field of the schema.
        y: Labels, or numbers; `(n_rows,)`.
        kinds: What each used column is.
    """

    x: pd.DataFrame
    y: np.ndarray
    kinds: dict[str, FeatureKind]
    schema: Schema
    findings: list[Finding] = field(default_factory=list)


def read(
    file: BinaryIO,
    kinds: Mapping[str, FeatureKind],
    target: str,
    task: EvaluationTask,
    most_rows: int,
) -> Table:
    """Everything that training needs of a file.

    Args:
        kinds: What each column is; those that are not named are left out.

    Raises:
        BrokenArtifact: It is no table.
        TooLarge: It has too many rows or cells.
        InvalidInput: It has too few rows, no such target, or nothing to learn from.
    """
    import pyarrow as pa

    opened = rows.opened(file)
    if target not in opened.names:
        raise InvalidInput({"target": f"there is no column {clean(target, 80)}"})
    found, given = list[Finding](), _columns(opened, {target, *kinds}, most_rows)
    renamed = len(set(opened.raw_names)) < len(opened.raw_names)
    if renamed:
        what = "two columns have the same name, so one was given another"
        found.append(Finding("warn", "same-name", what, "", "look at the names in the list"))
    if opened.uneven:
        what = f"{len(opened.uneven):,} rows were left out"
        found.append(Finding("warn", "uneven-rows", what, "they have more or fewer cells"))
    y, has = _target(given.pop(target), task)
    has = _enough(y, has, target, found)
    kept = pa.array(has)
    fields, used, arrays = list[Field](), dict[str, FeatureKind](), list[pa.Array]()
    for name, cells in given.items():
        if kinds.get(name, "drop") != "drop":
            made = _feature(name, kinds[name], cells.filter(kept), found)
            if made is not None:
                fields.append(made[0])
                arrays.append(made[1])
                used[name] = kinds[name]
    if not fields:
        raise InvalidInput({"columns": "no column is left to learn from: choose at least one"})
    schema = Schema("table", tuple(fields), target=target, example=example_row(tuple(fields)))
    x = answers.as_frame(pa.table(arrays, names=[f.name for f in fields]), schema)
    return Table(x, y[has], used, schema, found)


def _columns(opened: rows.Rows, wanted: set[str], most_rows: int) -> dict[str, pa.Array]:
    """The wanted columns, whole."""
    import pyarrow as pa

    parts: dict[str, list[pa.Array]] = {name: [] for name in opened.names if name in wanted}
    n_rows = 0
    for batch in opened.batches():
        n_rows += batch.n_rows
        if n_rows > most_rows:
            raise TooLarge(f"it has more than {most_rows:,} rows; train on a sample of them")
        if n_rows * len(parts) > MOST_CELLS:
            raise TooLarge(
                f"it has more than {MOST_CELLS:,} values in {len(parts):,} columns; leave columns "
                "out, or train on a sample of the rows"
            )
        for name, cells in zip(opened.names, batch.columns, strict=True):
            if name in parts:
                parts[name].append(rows.plain(cells))
    if not n_rows:
        raise rows.no_table("it has no rows")
    return {name: pa.concat_arrays(each) for name, each in parts.items()}


def _target(cells: pa.Array, task: EvaluationTask) -> tuple[np.ndarray, np.ndarray]:
    """The answers, and which rows have one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if task == "regression":
        out = Out(np.zeros(len(cells), dtype=bool))
        numbers = column(Field("target", "double", nullable=True), cells, out)
        values = numbers.to_numpy(zero_copy_only=False)
        return values, np.isfinite(values) & ~out.wrong
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
        whole = pc.all(pc.equal(cells, pc.round(cells))).as_py()
        cells = pc.cast(cells, pa.int64() if whole else pa.string())
    has = pc.is_valid(cells).to_numpy(zero_copy_only=False)
    if pa.types.is_integer(cells.type):
        return pc.fill_null(cells, 0).to_numpy(zero_copy_only=False), has
    texts = pc.utf8_trim_whitespace(pc.fill_null(_text(cells), ""))
    has = has & pc.not_equal(texts, "").to_numpy(zero_copy_only=False)
    digits = pc.match_substring_regex(texts, r"^(0|-?[1-9][0-9]{0,17})$")
    if has.any() and digits.filter(pa.array(has)).false_count == 0:
        numbers = pc.cast(pc.if_else(digits, texts, "0"), pa.int64())
        return numbers.to_numpy(zero_copy_only=False), has
    return texts.to_numpy(zero_copy_only=False), has


def _enough(y: np.ndarray, has: np.ndarray, target: str, found: list[Finding]) -> np.ndarray:
    n_rows, n_out = int(has.sum()), int((~has).sum())
    if n_out:
        what = f"{n_out:,} of {len(has):,} rows were left out"
        why = f"they have no answer in {target} that can be used"
        found.append(Finding("warn", "no-answer", what, why))
    if n_rows < LEAST_ROWS:
        said = f"{n_rows} rows have an answer, and it takes {LEAST_ROWS} to judge anything"
        raise InvalidInput({"rows": f"{said}: add rows, or choose another target"})
    if len(np.unique(y[has])) < 2:
        raise InvalidInput({"target": f"{target} has one value only, so there is nothing to learn"})
    return has


def _feature(
    name: str, kind: FeatureKind, cells: pa.Array, found: list[Finding]
) -> tuple[Field, pa.Array] | None:
    """A column in its type with what is known of it; None when it is the same in every row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind in ("category", "text"):
        cells = _text(cells)
    out = Out(np.zeros(len(cells), dtype=bool))
    taken = column(Field(name, _TYPES[kind], nullable=True), cells, out)
    if out.wrong.any():
        taken = pc.if_else(pa.array(out.wrong), pa.scalar(None, taken.type), taken)
        what = f"{int(out.wrong.sum()):,} values of {name} count as missing"
        found.append(Finding("warn", "no-value", what, next(iter(out.reasons.values()), "")))
    if pc.count_distinct(taken, mode="all").as_py() < 2:
        what = f"{name} is left out"
        found.append(Finding("info", "constant", what, "it is the same in every row"))
        return None
    if kind == "text":
        return Field(name, "string", default=""), pc.fill_null(taken, "")
    return _described(Field(name, _TYPES[kind], nullable=taken.null_count > 0), cells, taken)


def _described(field: Field, cells: pa.Array, taken: pa.Array) -> tuple[Field, pa.Array]:
    """Range, categories and default of a column that varies."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if field.type == "double":
        values = taken.drop_null().to_numpy(zero_copy_only=False)
        field = replace(field, minimum=float(values.min()), maximum=float(values.max()))
        if _whole(cells, values):
            kept = pc.cast(taken, pa.int64())
            return replace(field, type="long", default=round(float(np.median(values)))), kept
        return replace(field, default=rounded(float(np.median(values)))), taken
    common = pc.mode(taken)[0]["mode"].as_py() if field.type == "boolean" else None
    if field.type == "string":
        counts = pc.value_counts(taken.drop_null())
        listed = counts.field("values").to_pylist()
        common = listed[int(np.argmax(counts.field("counts").to_numpy()))]
        if len(listed) <= samples.MAX_CATEGORIES and all(clean(v) == v for v in listed):
            field = replace(field, categories=tuple(sorted(listed)))
        common = clean(common, 200)
    if field.type == "datetime":
        middle = pc.sort_indices(taken.drop_null())
        common = taken.drop_null()[middle[len(middle) // 2].as_py()].as_py().isoformat()
    return replace(field, default=common), taken


def _whole(cells: pa.Array, values: np.ndarray) -> bool:
    """Whether a column holds whole numbers only, also as they are written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if np.abs(values).max() > _EXACT or (values != np.round(values)).any():
        return False
    if pa.types.is_string(cells.type):
        return not pc.any(pc.match_substring_regex(cells, "[.eE]")).as_py()
    return bool(pa.types.is_integer(cells.type))


def _text(cells: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(cells.type):
        return cells
    try:
        return pc.cast(cells, pa.string())
    except (pa.ArrowException, NotImplementedError):
        return pa.array([None if v is None else str(v) for v in cells.to_pylist()], pa.string())
