"""The rerun walk: the same input again, on the same or another version, against the old answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    now = {output.name: output.values[:n_before] for output in answer.outputs}
    told = [_difference(old, now.get(old.name)) for old in before if old.values]
    return Rerun(answer, tuple(said for said in told if said))


def _difference(old: OutputValue, now: list[Any] | None) -> str:
    """How an output changed, in words; "" when it did not."""
    if now is None:
        return f"there is no output {old.name!r} any more"
    pairs = list(enumerate(zip(old.values, now, strict=False), 1))
    labels = (old.name,) if old.role == "label" else ()
    changed = [
        (n, was, got)
        for n, (was, got) in pairs
        if golden_runs.differences({old.name: was}, {old.name: got}, _TOLERANCE, labels)
    ]
    if not changed and len(old.values) == len(now):
        return ""
    rows = f" in {len(changed)} of {len(pairs)} rows" if len(pairs) > 1 else ""
    far = [_apart(was, got) for _, was, got in changed]
    if far and None not in far:
        return f"{old.name} moved by up to {max(x for x in far if x is not None):.3g}{rows}"
    if changed and not isinstance(changed[0][1], list):
        n, was, got = changed[0]
        first = f" (row {n})" if rows else ""
        return f"{old.name} was {was}, is {got}{first}{',' if rows else ''}{rows}"
    return f"{old.name} has another shape or other entries{rows}"


def _apart(was: Any, got: Any) -> float | None:
    """The largest difference of two values; None when they are no numbers, or of two shapes."""
    if isinstance(was, list) and isinstance(got, list) and len(was) == len(got):
        inner = [_apart(one, other) for one, other in zip(was, got, strict=True)]
        return None if None in inner else max((x for x in inner if x is not None), default=0.0)
    if type(was) in (int, float) and type(got) in (int, float):
        return abs(float(was) - float(got))
    return None
