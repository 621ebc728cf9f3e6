"""Guesses what each column of a table is to a model: number, category, date, text, or nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from registry import codec
from registry.formats import rows
from registry.formats.text import clean
from registry.records import Feature, FeatureKind, Field

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_LOOKED_AT = 5_000
_FEW = 50
_ID = re.compile(r"(^|[_\W])(id|uuid|guid|key|index|row|nr|no)$|^unnamed|^column_1$", re.IGNORECASE)
_OTHERWISE = "almost every row has another value, like a name or a number of its own"


def look(file: BinaryIO, most_rows: int) -> dict[str, Any]:
    """What the table holds, as far as training is concerned.

    Returns:
        `features` (as plain data, one per column), `n_rows`, `target` and `task` (guesses).

    Raises:
        BrokenArtifact: It is no table, or has no rows.
        TooLarge: It has more than `most_rows` rows.
    """
    told = rows.describe(file, most_rows)
    fields = [codec.load(Field, column) for column in told["columns"]]
    batch = next(rows.opened(file).batches(_LOOKED_AT))
    found = [feature(f, column) for f, column in zip(fields, batch.columns, strict=True)]
    return {
        "features": [codec.dump(each) for each in _one_text(found)],
        "n_rows": told["n_rows"],
        "target": told["target"],
        "task": told["task"],
    }


def feature(field: Field, column: pa.Array) -> Feature:
    """What one column most likely is, by its type and how many different values it has."""
    import pandas as pd

    values = pd.Series(rows.plain(column).drop_null().to_pylist(), dtype=object)
    shown = ", ".join(clean(value, 40) for value in values.drop_duplicates().iloc[:4])
    gaps = 1 - len(values) / max(1, len(column))
    found = Feature(field.name, "category", "", shown[:160], values.nunique(), gaps)
    if found.n_distinct < 2:
        why = "has one value only" if found.n_distinct else "has no value"
        return replace(found, kind="drop", why=why)
    kind, why = _kind(field, values, found.n_distinct)
    return replace(found, kind=kind, why=why)


def _kind(field: Field, values: pd.Series[Any], n_distinct: int) -> tuple[FeatureKind, str]:
    if field.type == "boolean":
        return "boolean", ""
    if field.type == "datetime":
        return "date", ""
    if field.type in ("long", "integer"):
        return _whole(field, values, n_distinct)
    if field.type in ("double", "float"):
        return "number", ""
    many = n_distinct > len(values) / 2 and (n_distinct > _FEW or n_distinct == len(values))
    if not many:
        return "category", ""
    texts = values.map(str)
    if texts.str.count(r"\s+").mean() >= 2 and texts.str.len().mean() >= 15:
        return "text", ""
    return "drop", _OTHERWISE


def _whole(field: Field, values: pd.Series[Any], n_distinct: int) -> tuple[FeatureKind, str]:
    """Whole numbers: an id when each row has its own and they are called so or follow in turn."""
    if n_distinct == len(values) and len(values) > 2:
        numbers = values.map(int)
        if _ID.search(field.name) or (numbers.diff().iloc[1:] == 1).all():
            return "drop", "looks like an id: every row has another one"
    return "number", ""


def _one_text(found: list[Feature]) -> list[Feature]:
    """Only the longest column of free text is proposed; others can be chosen."""
    texts = [each for each in found if each.kind == "text"]
    longest = max(texts, key=lambda each: len(each.shown), default=None)
    why = "another column of free text"
    return [
        replace(each, kind="drop", why=why) if each.kind == "text" and each is not longest else each
        for each in found
    ]
