"""The rerun walk: the same input again, on the same or another version, against the old answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from registry import golden_runs, predict
from registry.core import Registry
from registry.predict import Rows
from registry.records import Actor, OutputValue, Rerun

_TOLERANCE = 1e-6


def rerun(
    reg: Registry,
    actor: Actor,
    ref: str,
    rows: Rows,
    before: Sequence[OutputValue] = (),
    n_before: int = 0,
) -> Rerun:
    """Ask again and say what changed; numbers may differ by a millionth. Logged as any prediction.

    Args:
        rows: The input, as `predict` takes it.
        before: The old outputs, of the first `n_before` rows; outputs without values say nothing.

    Raises:
        NotFound, Forbidden, Conflict, InvalidInput, PredictionFailed, Busy: As for `predict`.
    """
    answer = predict.predict(reg, actor, ref, rows)
    whole = n_before >= answer.n_rows
    now = (
        answer.outputs
        if whole
        else [replace(o, values=o.values[:n_before]) for o in answer.outputs]
    )
    old = tuple(output for output in before if output.values)
    labels = {output.name for output in old if output.role == "label"}
    differing = golden_runs.differences(
        golden_runs.answer_of(old), golden_runs.answer_of(tuple(now)), _TOLERANCE, labels
    )
    return Rerun(answer, tuple(differing))
