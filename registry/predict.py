"""The prediction walk: rows → checked inputs → a sandboxed worker → named outputs, logged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, Self, cast

from registry import inputs, kept, outputs, prediction_log, rates, versions
from registry.core import Registry
from registry.errors import Conflict, RegistryError, UnsafeArtifact
from registry.memory import recalled
from registry.outputs import Arranged
from registry.records import (
    Actor,
    Finding,
    Lifecycle,
    OutputValue,
    Prediction,
    Schema,
    Status,
    Version,
    WarmState,
)
from registry.sandbox.contract import Answer, ModelSpec
from registry.sandbox.wire import Body
from registry.tables import new_id

Rows = Sequence[Mapping[str, Any]] | Mapping[str, Any]
MOST_STREAMED = 1_000_000
"""Rows of one Arrow stream, if its bytes are few enough."""
Arrays = tuple[Prediction, tuple[Arranged, ...]]
"""A prediction without its outputs, and those as arrays."""


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
        RateLimited: The actor asked very often within a minute.
    """
    with Call(reg, actor, ref, rows) as call:
        said = call.ask(rows)
        values = said.outputs
    return replace(_told(call, said), outputs=values)


def predict_arrays(reg: Registry, actor: Actor, ref: str, rows: Rows) -> Arrays:
    """As `predict`, with the outputs left as arrays.

    Raises:
        RegistryError: As for `predict`.
    """
    with Call(reg, actor, ref, rows) as call:
        said = call.ask(rows)
    return _told(call, said), said.found


def listed(said: Prediction, found: tuple[Arranged, ...]) -> Prediction:
    """A prediction with its outputs as plain lists.

    Raises:
        PredictionFailed: They have more values than lists can hold here.
    """
    return replace(said, outputs=outputs.lists(found))


def _told(call: Call, said: Said) -> Prediction:
    """All of a prediction but its outputs."""
    answer = said.answer
    return Prediction(
        id=call.id,
        ref=call.version.ref,
        n_rows=said.n_rows,
        outputs=(),
        queue_ms=answer.queue_ms,
        load_ms=answer.load_ms,
        predict_ms=answer.predict_ms,
        latency_ms=call.latency_ms,
        warm=answer.warm,
        findings=(*_remarks(call.version), *said.findings),
    )


class _First(NamedTuple):
    """What the log tells of: what was asked first, and what came of that; made if it is kept."""

    digest: Callable[[], str]
    inputs: Callable[[], dict[str, Any] | None]
    answer: Callable[[], dict[str, Any] | None] | None = None


class Said(NamedTuple):
    """What a version answered to one question of so many rows."""

    n_rows: int
    found: tuple[Arranged, ...]
    findings: tuple[Finding, ...]
    answer: Answer

    @property
    def outputs(self) -> tuple[OutputValue, ...]:
        """The outputs as plain lists, made anew each time.

        Raises:
            PredictionFailed: They have more values than lists can hold here.
        """
        return outputs.lists(self.found)


class Call:
    """A version that answers any number of questions, all of them one line of the log.

    Raises:
        NotFound, Forbidden, Conflict, RateLimited: As for `predict`, when it is made.
    """

    def __init__(self, reg: Registry, actor: Actor, ref: str, rows: Rows) -> None:
        rates.spend(reg, actor)
        self._reg, self._actor, self._rows = reg, actor, rows
        self.version, self._spec, self._keep = recalled(_find, reg, actor, ref)
        self.schema = _runnable(self.version, self._spec)
        self.id = new_id()
        self.latency_ms = 0.0
        self.n_rows = 0
        self._first: _First | None = None
        self._checked: inputs.Prepared | None = None

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.latency_ms = (time.perf_counter() - self._started) * 1e3
        told = kind is not None and issubclass(kind, RegistryError)
        outcome = kind.__name__ if kind and told else "Cancelled" if kind else "ok"
        rows, first = self._rows, self._checked
        given = first.n_rows if first else 1 if isinstance(rows, Mapping) else len(rows)
        _log(self._reg, self._actor, self, outcome, self.n_rows or given, self._first)

    def check(self, rows: Rows) -> inputs.Prepared:
        """Rows as the version takes them; the first ones checked are those that the log tells of.

        Raises:
            InvalidInput: With every problem at once, per field.
        """
        prepared = inputs.prepare(self.schema, rows)
        if self._checked is None:
            self._checked, schema = prepared, self.schema
            self._first = _First(
                lambda: inputs.digest(prepared), lambda: kept.inputs_of(schema, prepared)
            )
        return prepared

    def ask(self, rows: Rows) -> Said:
        """One question.

        Raises:
            Conflict, InvalidInput, PredictionFailed, Busy: As for `predict`.
        """
        prepared = self.check(rows)
        with _held_back(self.version):
            answer = self._reg.pool.predict(self._spec, prepared.inputs)
        self.n_rows += prepared.n_rows
        task = self._spec.inspection.task
        found, findings = outputs.arrange(self.schema, answer.outputs, task=task)
        if prepared is self._checked and self._first and found:
            n_rows = prepared.n_rows
            self._first = self._first._replace(answer=lambda: kept.answer_of_arrays(found, n_rows))
        return Said(prepared.n_rows, found, (*prepared.findings, *findings), answer)

    def ask_stream(self, body: Body, most_rows: int) -> Said:
        """One question that is an Arrow stream; its answer is left as arrays.

        Raises:
            Conflict, InvalidInput, PredictionFailed, Busy: As for `predict`.
        """
        with _held_back(self.version):
            said = self._reg.pool.stream(self._spec, body, most_rows, self._keep)
        self.n_rows += said.n_rows
        task = self._spec.inspection.task
        found, findings = outputs.arrange(self.schema, said.answer.outputs, task=task)
        self._first = _First(
            lambda: said.digest,
            lambda: kept.again(self.schema, said.inputs),
            lambda: kept.answer_of_arrays(found, said.n_rows),
        )
        return Said(said.n_rows, found, (*said.findings, *findings), said.answer)


def stream(
    reg: Registry, actor: Actor, ref: str, body: Body, most_rows: int = MOST_STREAMED
) -> Arrays:
    """Let a version answer the rows of an Arrow stream, which only its worker reads.
    Raises:
        RegistryError: As for `predict`.
    """
    with Call(reg, actor, ref, ()) as call:
        said = call.ask_stream(body, most_rows)
    return _told(call, said), said.found


def warm(reg: Registry, actor: Actor, ref: str) -> float:
    """Load a version into a worker ahead of the first question; milliseconds it took.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may see it but not predict.
        Conflict: The version does not predict now; the message says why.
        PredictionFailed: It did not load.
        Busy: All workers are in use.
    """
    version, spec, _ = recalled(_find, reg, actor, ref)
    _runnable(version, spec)
    with _held_back(version):
        return reg.pool.warm(spec)


def state(reg: Registry, actor: Actor, ref: str) -> WarmState:
    """Whether a worker has the version loaded.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    return reg.pool.state(versions.get(reg, actor, ref).id)


def _find(reg: Registry, actor: Actor, ref: str) -> tuple[Version, ModelSpec, str]:
    """The version, with no more than a prediction needs: this is the hot path, three queries.

    And what its model's owner lets be kept.
    """
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
        return version, spec, model.keep_inputs


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
    reg: Registry, actor: Actor, call: Call, outcome: str, n_rows: int, said: _First | None
) -> None:
    """The log line, with what may be kept: made by the log's writer, if the owner lets it."""
    facts = (call.id, call.version.model_id, call.version.id, actor.id)
    entry = prediction_log.Entry(*facts, n_rows, call.latency_ms, outcome)
    if said is not None:
        entry = replace(entry, **said._asdict())
    prediction_log.log(reg, entry)
