"""What a version says when one or two features move, and which features moved an answer.

Every door makes many rows of one, asks the version's worker in blocks, as `predict` does, and
leaves one line in the log of predictions. Blocks are sized by how long the last one took, so that
`watch` is called about twice a second; what it raises cancels the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from registry import codec, features, parity, shapley, versions
from registry.core import Registry
from registry.errors import Conflict, InvalidInput
from registry.features import Row, Span
from registry.predict import Call
from registry.records import (
    Actor,
    Attribution,
    Field,
    Movement,
    OutputValue,
    Scale,
    Schema,
    Surface,
    Version,
)
from registry.tables import ArtifactRow

if TYPE_CHECKING:
    import numpy as np

Watch = Callable[[float], None]
"""Told the share that is done, from 0 to 1."""
N_STEPS, N_GRID = 41, 21
MOST_STEPS, MOST_GRID = 500, 60
MOST_ROWS, N_BACKGROUND = 8192, 32
"""Of an attribution: 8 features can be asked in all coalitions against a whole background."""
_FIRST_BLOCK, _BLOCK_S = 256, 0.5
_MOST_OUTPUTS = 200


def curve(
    reg: Registry,
    actor: Actor,
    ref: str,
    row: Row,
    feature: str,
    span: Span | None = None,
    n: int = N_STEPS,
    watch: Watch | None = None,
) -> Movement:
    """What a version says while one feature of a row moves and the others stay.

    Args:
        row: One input: column to value, or tensor name to nested list.
        feature: A column, or an element of a tensor such as `input[3]`.
        span: From and to; None for `features.span`. Categories and booleans move over all.
        n: Values of a number or a date, about; the row's own is one of them.

    Raises:
        InvalidInput: The row, the feature or the span does not fit.
        NotFound, Forbidden, Conflict, PredictionFailed, Busy: As for `predict`.
    """
    with Call(reg, actor, ref, row) as call:
        axis = _axis(call, row, feature, span, _within("n", n, MOST_STEPS))
        answers = _answers(call, row, [{feature: value} for value in axis.values], watch)
    said = {name: tuple(column) for name, column in answers.by_name().items()}
    return Movement(call.version.ref, feature, axis.values, said, answers.scale, axis.at)


def surface(
    reg: Registry,
    actor: Actor,
    ref: str,
    row: Row,
    x: str,
    y: str,
    spans: tuple[Span | None, Span | None] = (None, None),
    n: int = N_GRID,
    watch: Watch | None = None,
) -> Surface:
    """What a version says while two features of a row move together.

    Args:
        spans: Of `x` and of `y`, as for `curve`.
        n: Values per feature, about.

    Raises:
        InvalidInput, NotFound, Forbidden, Conflict, PredictionFailed, Busy: As for `curve`.
    """
    with Call(reg, actor, ref, row) as call:
        if x == y:
            raise InvalidInput({y: "is moved already: choose another feature"})
        n = _within("n", n, MOST_GRID)
        across, up = (_axis(call, row, f, s, n) for f, s in zip((x, y), spans, strict=True))
        changes = [{x: one, y: other} for other in up.values for one in across.values]
        answers = _answers(call, row, changes, watch)
    wide = len(across.values)
    said = {
        name: tuple(tuple(column[k : k + wide]) for k in range(0, len(column), wide))
        for name, column in answers.by_name().items()
    }
    at = (across.at, up.at)
    return Surface(call.version.ref, x, y, across.values, up.values, said, answers.scale, at)


def attribute(
    reg: Registry, actor: Actor, ref: str, row: Row, watch: Watch | None = None
) -> Attribution:
    """How far each feature of a row moved the answer away from that to a background.

    The background is 32 rows of the sample file that the version keeps, else one row of usual
    values. See `registry.shapley`: exact up to 8 features that differ, sampled beyond.

    Raises:
        Conflict: Nothing differs from the background, or the input has no features.
        InvalidInput, NotFound, Forbidden, PredictionFailed, Busy: As for `curve`.
    """
    with Call(reg, actor, ref, row) as call:
        call.check(row)
        schema = call.schema
        fields = features.every(schema, row)
        if not fields:
            raise Conflict("only tables and small tensors of one row have features to compare")
        rows, background = _background(reg, call.version, schema, row)
        own = [features.value(schema, row, field) for field in fields]
        others = [[features.value(schema, other, f) for f in fields] for other in rows]
        players = [i for i, v in enumerate(own) if any(other[i] != v for other in others)]
        if not players:
            raise Conflict(f"the input is the background itself ({background}): change a value")
        plan = _planned(len(players), len(rows))
        changes = [
            {fields[i].name: own[i] if kept else others[b][i]
             for i, kept in zip(players, mask, strict=True)}
            for b, mask in zip(plan.rows.tolist(), plan.masks.tolist(), strict=True)
        ]  # fmt: skip
        answers = _answers(call, row, changes, watch)
    found = shapley.values(plan, answers.table)
    return _attribution(call, fields, own, players, answers, found, background, plan)


def seen(reg: Registry, actor: Actor, ref: str) -> Schema:
    """A version's schema; where it knows no range of a number, that of the sample file.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Conflict: It has no schema yet.
        BrokenArtifact, StoreError, Busy: The sample file cannot be read, or not now.
    """
    version = versions.get(reg, actor, ref)
    if version.schema is None:
        raise Conflict(f"{version.ref} has no schema yet: say on its page what it takes")
    open_ended = [f for f in version.schema.fields if f.minimum is None or f.maximum is None]
    if not any(features.is_number(field) for field in open_ended):
        return version.schema
    columns = {c["name"]: codec.load(Field, c) for c in _sample(reg, version).get("columns", ())}
    fields = (features.ranged(field, columns.get(field.name)) for field in version.schema.fields)
    return replace(version.schema, fields=tuple(fields))


def _attribution(
    call: Call, fields: Sequence[Field], own: Sequence[Any], players: Sequence[int],
    answers: _Answers, found: shapley.Values, background: str, plan: shapley.Plan,
) -> Attribution:  # fmt: skip
    import numpy as np

    parts = np.zeros((len(fields), len(answers.names)))
    errors = np.zeros_like(parts)
    parts[players], errors[players] = found.parts, found.errors
    said = found.base + found.parts.sum(axis=0)
    by_name = list(enumerate(answers.names))
    return Attribution(
        ref=call.version.ref,
        features=tuple((field.name, value) for field, value in zip(fields, own, strict=True)),
        base={name: float(found.base[k]) for k, name in by_name},
        answer={name: float(said[k]) for k, name in by_name},
        parts={name: tuple(parts[:, k].tolist()) for k, name in by_name},
        errors={name: tuple(errors[:, k].tolist()) for k, name in by_name},
        scale=answers.scale,
        exact=plan.orders is None,
        background=background,
        n_rows=call.n_rows,
    )


class _Axis(NamedTuple):
    """Values that a feature takes, and the place of the row's own."""

    values: tuple[Any, ...]
    at: int


class _Answers(NamedTuple):
    """Numbers `(n_rows, n_outputs)` with the names of the outputs."""

    table: np.ndarray
    names: tuple[str, ...]
    scale: Scale

    def by_name(self) -> dict[str, list[float]]:
        return {name: self.table[:, k].tolist() for k, name in enumerate(self.names)}


def _within(name: str, n: int, most: int) -> int:
    if not 2 <= n <= most:
        raise InvalidInput({name: f"must be 2 to {most}, got {n}"})
    return n


def _axis(call: Call, row: Row, feature: str, span: Span | None, n: int) -> _Axis:
    call.check(row)
    field = features.named(features.movable(call.schema, row), feature)
    now = features.value(call.schema, row, field)
    values = features.steps(field, now, span or features.span(field, now), n)
    return _Axis(values, values.index(now))


def _planned(n_players: int, n_background: int) -> shapley.Plan:
    try:
        return shapley.plan(n_players, n_background, MOST_ROWS)
    except ValueError as why:
        raise Conflict(str(why)) from None


def _background(
    reg: Registry, version: Version, schema: Schema, row: Row
) -> tuple[Sequence[Row], str]:
    """Rows to compare with, and in words what they are."""
    if schema.kind == "table":
        rows = parity.of_sample(schema, _sample(reg, version).get("rows", ()))
        if len(rows) > 1:
            return rows, f"{len(rows)} rows of the sample file"
        return [features.typical(schema, row)], "one row of usual values: no sample file is kept"
    return [features.typical(schema, row)], "zeros: nothing is known of usual values"


def _sample(reg: Registry, version: Version) -> dict[str, Any]:
    """What a locked worker read of the sample file, 32 rows taken evenly among it; {} without."""
    with reg.reading() as s:
        file = s.execute(
            select(ArtifactRow.filename, ArtifactRow.digest, ArtifactRow.blake3)
            .where(ArtifactRow.version_id == version.id, ArtifactRow.kind == "sample")
        ).first()  # fmt: skip
    if file is None:
        return {}
    fd = reg.store.open(file.digest, file.blake3)
    try:
        return reg.pool.read_table(fd, file.filename, n_rows=N_BACKGROUND)
    finally:
        os.close(fd)


def _answers(call: Call, row: Row, changes: Sequence[Row], watch: Watch | None) -> _Answers:
    """What the version says of the row with each change, asked in blocks."""
    import numpy as np

    most = features.most_at_once(call.schema, row)
    size, done = min(_FIRST_BLOCK, most), 0
    blocks: list[tuple[Scale, dict[str, Sequence[float]], int]] = []
    while done < len(changes):
        if watch:
            watch(done / len(changes))
        block = changes[done : done + size]
        started = time.perf_counter()
        said = call.ask(features.packed(call.schema, row, block))
        took_s = time.perf_counter() - started
        blocks.append((*_numbers(said.outputs, call.schema, len(block)), len(block)))
        done += len(block)
        if not said.answer.warm:
            took_s -= said.answer.load_ms / 1e3
        size = max(1, min(most, round(size * _BLOCK_S / max(took_s, 1e-3)), 4 * size))
    names = tuple(dict.fromkeys(name for _, columns, _ in blocks for name in columns))
    table = np.concatenate([
        np.column_stack([columns.get(name, [0.0] * n) for name in names])
        for _, columns, n in blocks
    ]).astype(float)  # fmt: skip
    return _Answers(table, names, blocks[0][0])


def _numbers(
    outputs: Sequence[OutputValue], schema: Schema, n: int
) -> tuple[Scale, dict[str, Sequence[float]]]:
    """The output that can be drawn, by name: probabilities, else values, scores, labels."""
    by_role: Mapping[str, OutputValue] = {o.role: o for o in reversed(outputs)}
    if found := by_role.get("probabilities"):
        return "probability", _columns(found, n, found.classes)
    for role, scale in _ROLES:
        if (found := by_role.get(role)) and found.dtype != "string":
            return scale, _columns(found, n, found.classes)
    if found := by_role.get("label"):
        labels = [str(label[0] if isinstance(label, list) else label) for label in found.values]
        classes = dict.fromkeys((*schema.classes, *labels))
        return "label", {c: [float(label == c) for label in labels] for c in classes}
    raise Conflict("its answer is no number, probability or label, so there is nothing to draw")


_ROLES: tuple[tuple[str, Scale], ...] = (("value", "value"), ("scores", "score"),
                                           ("tensor", "value"))  # fmt: skip


def _columns(output: OutputValue, n: int, names: Sequence[str]) -> dict[str, Sequence[float]]:
    import numpy as np

    table = np.array(output.values, dtype=float).reshape(n, -1)
    width = table.shape[1]
    if width > _MOST_OUTPUTS or not np.isfinite(table).all():
        why = "holds values that are no numbers" if width <= _MOST_OUTPUTS else f"is {width:,} wide"
        raise Conflict(f"there is nothing to draw: {output.name or 'the answer'} {why}")
    if len(names) != width:
        names = [output.name] if width == 1 else [f"{output.name}[{k}]" for k in range(width)]
    return {name: table[:, k].tolist() for k, name in enumerate(names)}
