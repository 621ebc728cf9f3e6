"""The prediction walk: rows → checked inputs → a sandboxed worker → named outputs, logged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from registry import inputs, outputs, predictions, versions
from registry.core import Registry
from registry.errors import Conflict, RegistryError, UnsafeArtifact
from registry.memory import recalled
from registry.records import (
    Actor,
    Finding,
    Lifecycle,
    Prediction,
    Schema,
    Status,
    Version,
    WarmState,
)
from registry.sandbox.contract import ModelSpec
from registry.tables import new_id

Rows = Sequence[Mapping[str, Any]] | Mapping[str, Any]


def predict(reg: Registry, actor: Actor, ref: str, rows: Rows) -> Prediction:
    """Let a version answer rows (a table) or named tensors; every attempt is logged.

    Args:
        ref: `owner/slug` (champion, else latest ready), `owner/slug@3` or `owner/slug@alias`.
        rows: List of rows (column to value) or one row; or tensor name to nested list or array.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may see it but not predict.
        Conflict: The version does not predict now; the message says why.
        InvalidInput: With every problem at once, per field.
        PredictionFailed: The model raised, took too long or crashed (its subclasses say which).
        Busy: All workers are in use.
    """
    version, spec = recalled(_find, reg, actor, ref)
    schema = _runnable(version, spec)
    started = time.perf_counter()
    prepared: inputs.Prepared | None = None
    outcome = "ok"
    prediction_id = new_id()
    try:
        prepared = inputs.prepare(schema, rows)
        with _held_back(version):
            answer = reg.pool.predict(spec, prepared.inputs)
        values, findings = outputs.read(schema, answer.outputs, task=spec.inspection.task)
    except RegistryError as failed:
        outcome = type(failed).__name__
        raise
    finally:
        latency_ms = (time.perf_counter() - started) * 1e3
        _log(reg, actor, version, prediction_id, prepared, rows, latency_ms, outcome)
    return Prediction(
        id=prediction_id,
        ref=version.ref,
        n_rows=prepared.n_rows,
        outputs=values,
        queue_ms=answer.queue_ms,
        load_ms=answer.load_ms,
        predict_ms=answer.predict_ms,
        latency_ms=latency_ms,
        warm=answer.warm,
        findings=(*_remarks(version), *prepared.findings, *findings),
    )


def warm(reg: Registry, actor: Actor, ref: str) -> float:
    """Load a version into a worker ahead of the first question; milliseconds it took.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may see it but not predict.
        Conflict: The version does not predict now; the message says why.
        PredictionFailed: It did not load.
        Busy: All workers are in use.
    """
    version, spec = recalled(_find, reg, actor, ref)
    _runnable(version, spec)
    with _held_back(version):
        return reg.pool.warm(spec)


def state(reg: Registry, actor: Actor, ref: str) -> WarmState:
    """Whether a worker has the version loaded.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    return reg.pool.state(versions.get(reg, actor, ref).id)


def _find(reg: Registry, actor: Actor, ref: str) -> tuple[Version, ModelSpec]:
    """The version, with no more than a prediction needs: this is the hot path, three queries."""
    owner, _, slug = ref.partition("@")[0].strip().partition("/")
    with reg.reading() as s:
        model, row = versions.for_action(s, actor, "model.predict", ref)
        spec = versions.spec_in(s, reg, row)
        version = Version(
            id=row.id,
            model_id=model.id,
            owner=owner,
            slug=slug,
            number=row.number,
            label=row.label or "",
            status=cast("Status", row.status),
            lifecycle=cast("Lifecycle", row.lifecycle),
            created_by="",
            created_at=row.created_at,
            inspection=spec.inspection,
            schema=spec.schema,
            failure=row.failure,
        )
    return version, spec


def _runnable(version: Version, spec: ModelSpec) -> Schema:
    if not version.can_predict:
        raise Conflict(f"{version.ref} does not predict: {version.why_no_predictions}")
    if spec.schema is None:
        raise Conflict(f"{version.ref} has no schema yet: say on its page what it takes")
    return spec.schema


@contextmanager
def _held_back(version: Version) -> Iterator[None]:
    """A list that changed since the version was checked may stop its load."""
    try:
        yield
    except UnsafeArtifact as unsafe:
        why = f"{unsafe.message}. Whoever manages the model can scan it again"
        raise Conflict(f"{version.ref} does not load any more: {why}") from unsafe


def _remarks(version: Version) -> tuple[Finding, ...]:
    if version.lifecycle != "deprecated":
        return ()
    what = f"{version.ref} is deprecated"
    return (Finding("warn", "deprecated", what, "its owner advises against it", "use a newer one"),)


def _log(
    reg: Registry,
    actor: Actor,
    version: Version,
    prediction_id: str,
    prepared: inputs.Prepared | None,
    rows: Rows,
    latency_ms: float,
    outcome: str,
) -> None:
    given = prepared.n_rows if prepared else (1 if isinstance(rows, Mapping) else len(rows))
    predictions.log(
        reg,
        predictions.Entry(
            id=prediction_id,
            model_id=version.model_id,
            version_id=version.id,
            user_id=actor.id,
            n_rows=given,
            latency_ms=latency_ms,
            outcome=outcome,
            digest=(lambda: inputs.digest(prepared)) if prepared else None,
        ),
    )
