"""What a worker answered, as plain lists that any page and any JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.errors import PredictionFailed
from registry.records import Finding, Output, OutputRole, OutputValue, Schema

if TYPE_CHECKING:
    import numpy as np

_MAX_TEXT = 1000
_MOST_LISTED = 1 << 24  # values and lists around them, some 64 bytes each
_ROLES: dict[str, OutputRole] = {
    "label": "label",
    "probabilities": "probabilities",
    "scores": "scores",
    "value": "value",
}


def read(
    schema: Schema, arrays: Mapping[str, np.ndarray], *, task: str = ""
) -> tuple[tuple[OutputValue, ...], tuple[Finding, ...]]:
    """Outputs in the schema's order, and remarks about them.

    Scores of a classification are made into probabilities and a label, probabilities into a label
    where there is none; they come first.

    Raises:
        PredictionFailed: An answer has more values than lists can hold here.
    """
    found, findings = arrange(schema, arrays, task=task)
    return lists(found), findings


class Arranged(NamedTuple):
    """One output as it came, or was made of one: an entry per row, and how to read it."""

    name: str
    role: OutputRole
    array: np.ndarray
    classes: tuple[str, ...] = ()


def arrange(
    schema: Schema, arrays: Mapping[str, np.ndarray], *, task: str = ""
) -> tuple[tuple[Arranged, ...], tuple[Finding, ...]]:
    """As `read`, without making lists of it."""
    named = {output.name: output for output in schema.outputs}
    order = [*(n for n in named if n in arrays), *(n for n in arrays if n not in named)]
    found: list[Arranged] = []
    findings: list[Finding] = []
    for name in order:
        array = arrays[name]
        output = named.get(name) or Output(name, _ROLES.get(name, "tensor"))
        found.append(_arranged(output, array, schema))
        if array.dtype.kind in "fc" and not _all_finite(array):
            what = f"{name or 'the answer'} holds values that are no numbers (NaN or infinite)"
            findings.append(Finding("warn", "not-finite", what, "", "they are left empty"))
        if output.role == "scores" and _is_classification(schema, array, task):
            found[:0] = _from_scores(array, schema, found)
        if output.role == "probabilities" and array.ndim == 2 and array.shape[1] > 1:
            found[:0] = _likeliest(array, schema, found)
    return tuple(found), tuple(findings)


def lists(found: Sequence[Arranged]) -> tuple[OutputValue, ...]:
    """Outputs as plain lists.

    Raises:
        PredictionFailed: They have more values than lists can hold here.
    """
    _refuse_endless([one.array for one in found])
    return tuple(map(listed, found))


def listed(one: Arranged) -> OutputValue:
    """An output as plain lists."""
    values = to_lists(one.array)
    return OutputValue(
        name=one.name,
        role=one.role,
        values=values if isinstance(values, list) else [values],
        dtype=one.array.dtype.name if one.array.dtype.kind not in "US" else "string",
        shape=tuple(one.array.shape),
        classes=one.classes,
    )


def to_lists(array: np.ndarray) -> Any:
    """Nested lists; NaN and infinities become None, long texts are cut."""
    import numpy as np

    if array.dtype.kind in "US":
        return _cut(array.astype(str).tolist())
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    if array.dtype.kind == "f" and not _all_finite(array):
        return np.where(np.isfinite(array), array, None).tolist()  # type: ignore[call-overload]
    return array.tolist()


def _refuse_endless(arrays: Sequence[np.ndarray]) -> None:
    """Count what lists of the arrays would hold; an axis of none as one, for lists stand around it.

    Raises:
        PredictionFailed: It is too much.
    """
    listed = 0
    for array in arrays:
        around = 1
        for size in (*array.shape, 2) if array.dtype.kind == "c" else array.shape:
            around *= max(size, 1)
            listed += around
    if listed > _MOST_LISTED:
        shapes = "; ".join(" × ".join(f"{n:,}" for n in a.shape) for a in arrays)
        raise PredictionFailed(
            f"the model answered with {listed:,} values and lists ({shapes[:200]}), at most "
            f"{_MOST_LISTED:,} are taken; send fewer rows at once"
        )


def _arranged(output: Output, array: np.ndarray, schema: Schema) -> Arranged:
    told = _classes(schema, array) if output.role in ("probabilities", "scores") else ()
    return Arranged(output.name, output.role, array, told)


def _classes(schema: Schema, array: np.ndarray) -> tuple[str, ...]:
    n = array.shape[-1] if array.ndim else 0
    if len(schema.classes) == n or not array.size:
        return schema.classes if len(schema.classes) == n else ()
    return tuple(str(i) for i in range(n))


def _is_classification(schema: Schema, array: np.ndarray, task: str) -> bool:
    numbers = array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind == "f"
    return numbers and ("classification" in task or len(schema.classes) == array.shape[1])


def _from_scores(scores: np.ndarray, schema: Schema, found: list[Arranged]) -> list[Arranged]:
    import numpy as np

    present = {value.role for value in found} | {other.role for other in schema.outputs}
    made = _likeliest(scores, schema, found)
    if "probabilities" not in present:
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = shifted / shifted.sum(axis=1, keepdims=True)
        as_output = Output("probabilities", "probabilities")
        made.append(_arranged(as_output, _shares(scores, shares), schema))
    return made


def _likeliest(shares: np.ndarray, schema: Schema, found: list[Arranged]) -> list[Arranged]:
    """The class with the largest number of each row, unless the model names a label itself."""
    import numpy as np

    if "label" in {value.role for value in found} | {other.role for other in schema.outputs}:
        return []
    best = np.array(_classes(schema, shares), dtype=np.str_)[shares.argmax(axis=1)]
    return [Arranged("label", "label", best)]


def _shares(scores: np.ndarray, softmaxed: np.ndarray) -> np.ndarray:
    """The scores themselves when they are shares already."""
    import numpy as np

    already = bool(((scores >= 0) & (scores <= 1)).all()) and np.allclose(
        scores.sum(axis=1), 1, atol=1e-4
    )
    return scores if already else softmaxed


def _all_finite(array: np.ndarray) -> bool:
    import numpy as np

    return bool(np.isfinite(array).all())


def _cut(value: Any) -> Any:
    if isinstance(value, list):
        return [_cut(item) for item in value]
    return value if len(value) <= _MAX_TEXT else f"{value[: _MAX_TEXT - 1]}…"
