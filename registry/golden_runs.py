"""The golden walk: put the saved inputs to a version and compare its answers with the expected."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from registry import audit, codec, golden_cases, jobs, outputs, parity, predict, versions
from registry.core import Registry
from registry.editions import as_versions
from registry.errors import Busy, Conflict, InvalidInput, RegistryError
from registry.records import (
    Actor,
    GoldenCase,
    GoldenRun,
    Inspection,
    Job,
    OutputValue,
    Schema,
)
from registry.sandbox.contract import ModelSpec
from registry.tables import VersionRow, now

KIND = golden_cases.KIND
_MOST_SHOWN, _MOST_DIFFERENCES = 60, 5
_ROUNDING = 1e-9


def answer_of(found: tuple[OutputValue, ...]) -> dict[str, Any]:
    """Output name to the value of the first row, or all values where there is more than one."""
    return {o.name: o.values[0] if len(o.values) == 1 else o.values for o in found}


def start(reg: Registry, actor: Actor, ref: str) -> Job:
    """Put all golden cases to a version again, in the background.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit the model.
        Conflict: There are no cases, or the version does not predict.
    """
    with reg.writing() as s:
        model, row = versions.for_action(s, actor, "golden.edit", ref)
        version = as_versions(s, actor, model, [row])[0]
        if why := version.why_no_predictions:
            raise Conflict(f"{version.ref} does not predict: {why}")
        found = golden_cases.submit_in(s, actor, row, version.ref)
        if not found:
            raise Conflict("this model has no golden cases: save one in the playground")
        audit.record(s, actor, "golden.run", version.ref, model_id=model.id)
    jobs.start(reg, found[0])
    return jobs.get(reg, found[0])


def last(reg: Registry, actor: Actor, ref: str) -> Job | None:
    """The newest job that puts the cases to a version, whoever caused it; None when there is none.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        _, row = versions.for_action(s, actor, "model.read", ref)
        job = jobs.last_in(s, KIND, row.id)
        return jobs.record(job) if job else None


def try_case(
    reg: Registry,
    actor: Actor,
    ref: str,
    inputs: dict[str, Any],
    expected: dict[str, Any],
    tolerance: float,
) -> GoldenRun:
    """Whether a version would pass a case that is not saved; logged like any prediction.

    Raises:
        NotFound, Forbidden, Conflict, InvalidInput, PredictionFailed, Busy: As for `predict`.
    """
    version = versions.get(reg, actor, ref)
    given: Any = inputs if version.schema and version.schema.kind == "tensors" else [inputs]
    values = predict.predict(reg, actor, ref, given).outputs
    answer = answer_of(values)
    differs = differences(expected, answer, tolerance, _labels(values))
    return GoldenRun("", version.id, not differs, answer, "; ".join(differs), now())


def run(reg: Registry, version_id: str) -> None:
    """Put all golden cases to one version and keep what came of it. Harmless when repeated.

    Raises:
        Busy: People used all workers for a minute; nothing is recorded of the cases left.
        RegistryError: It was cut off because this process is ending.
    """
    with reg.reading() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.status != "ready" or row.deleted_at or not row.schema:
            return
        if not codec.load(Inspection, row.inspection).runnable:
            return
        spec = versions.spec_in(s, reg, row)
        cases = golden_cases.of_model(s, row.model_id)
    for n, case in enumerate(cases):
        jobs.tell(reg, n / len(cases), f"case {n + 1} of {len(cases)}")
        found = _asked(reg, spec, case)
        with reg.writing() as s:
            golden_cases.record_run_in(s, found)


def _asked(reg: Registry, spec: ModelSpec, case: GoldenCase) -> GoldenRun:
    """One case; whatever the model does wrong makes it red."""
    answer: dict[str, Any] | None = None
    schema = spec.schema or Schema("table")
    try:
        prepared = parity.prepared(schema, _rows(schema, case.inputs))
        said = jobs.patiently(lambda: reg.pool.predict(spec, prepared.inputs))
        values, _ = outputs.read(schema, said.outputs, task=spec.inspection.task)
        answer = answer_of(values)
        differs = differences(case.expected, answer, case.tolerance, _labels(values))
    except Busy:
        raise
    except InvalidInput as unfit:
        differs = [f"the case no longer fits what this version takes: {unfit.message}"]
    except RegistryError as failed:
        if jobs.stopping():
            raise
        differs = [f"no answer: {failed.message}"]
    shown = "; ".join(differs[:_MOST_DIFFERENCES])
    more = len(differs) - _MOST_DIFFERENCES
    message = f"{shown}; and {more} more" if more > 0 else shown
    return GoldenRun(case.id, spec.version_id, not differs, answer, message, now())


def _labels(values: tuple[OutputValue, ...]) -> set[str]:
    return {output.name for output in values if output.role == "label"}


def _rows(schema: Schema, given: Mapping[str, Any]) -> Any:
    return given if schema.kind == "tensors" else [given]


def differences(
    expected: Mapping[str, Any],
    answer: Mapping[str, Any],
    tolerance: float,
    labels: Collection[str] = (),
) -> list[str]:
    """What is not as expected, in words; [] when the answer passes.

    Numbers may differ by `tolerance`, relative to the expected number; lists are compared element
    by element, all else must be equal. NaN and infinities, which answers give as None, equal
    nothing but an expected None.

    Args:
        labels: Outputs whose values are names, also where these are numbers: 1, 1.0 and "1" are
            one, and nothing else is near enough.
    """
    found: list[str] = []
    for name, wanted in expected.items():
        if name not in answer:
            found.append(f"there is no output {name!r}")
        elif name in labels:
            if _named(wanted) != _named(answer[name]):
                found.append(f"{name} is {_show(answer[name])}, expected {_show(wanted)}")
        else:
            _compare(name, wanted, answer[name], tolerance, found)
    return found


def _named(value: Any) -> Any:
    if isinstance(value, list):
        return [_named(item) for item in value]
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def _compare(where: str, wanted: Any, got: Any, tolerance: float, found: list[str]) -> None:
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            found.append(f"{where} has {len(got)} entries, expected {len(wanted)}")
            return
        for n, (one, other) in enumerate(zip(wanted, got, strict=True)):
            _compare(f"{where}[{n}]", one, other, tolerance, found)
    elif _is_number(wanted) and _is_number(got):
        if not _close(wanted, got, tolerance):
            apart = _apart(wanted, got, tolerance)
            found.append(f"{where} is {got:.6g}, expected {wanted:.6g}{apart}")
    elif type(wanted) is not type(got) or wanted != got:
        found.append(f"{where} is {_show(got)}, expected {_show(wanted)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _close(wanted: float, got: float, tolerance: float) -> bool:
    """Whether two numbers are near enough; a tolerance above zero also forgives rounding at 0."""
    if not (math.isfinite(wanted) and math.isfinite(got)):
        return False
    least = _ROUNDING if tolerance else 0.0
    return abs(wanted - got) <= max(tolerance * abs(wanted), least)


def _apart(wanted: float, got: float, tolerance: float) -> str:
    if not wanted or not math.isfinite(got):
        return ""
    return f" (off by {abs(wanted - got) / abs(wanted):.2g}, may be {tolerance:g})"


def _show(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= _MOST_SHOWN else f"{said[: _MOST_SHOWN - 1]}…"
