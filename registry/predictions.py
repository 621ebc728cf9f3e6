"""Logged predictions: found, shown, flagged, shared, exported. Owns `predictions`.

People see what they asked themselves; those who manage a model see what everybody asked it; a
shared prediction is seen by whoever has its link and may see the model.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any, cast, get_args

from sqlalchemy import ColumnElement, and_, func, null, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased, defer

from registry import audit, kept, models, versions
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.formats.text import guarded
from registry.prediction_log import flush as flush
from registry.records import (
    Actor,
    Flag,
    Keeping,
    Kept,
    Page,
    PastPrediction,
    PredictionFilter,
    PredictionLine,
)
from registry.tables import ModelRow, PredictionRow, UserRow, VersionRow, now

FLAGS: tuple[Flag, ...] = get_args(Flag)
ALL = PredictionFilter()
MOST_REASON = 500
_BATCH = 500
_MISSING = "there is no such prediction, or it is not shared with you"
_COLUMNS = (
    "id", "at", "version", "by", "rows", "latency_ms", "outcome", "input_digest", "flag",
    "flag_reason", "inputs", "answer",
)  # fmt: skip
_Owner = aliased(UserRow)
_HOLDS = or_(PredictionRow.inputs.is_not(None), PredictionRow.answer.is_not(None))
_WHOLE = (
    select(PredictionRow, _Owner.username, ModelRow, VersionRow.number, UserRow.username, _HOLDS)
    .join(ModelRow, ModelRow.id == PredictionRow.model_id)
    .join(_Owner, _Owner.id == ModelRow.owner_id)
    .join(VersionRow, VersionRow.id == PredictionRow.version_id)
    .outerjoin(UserRow, UserRow.id == PredictionRow.user_id)
)
_LINES = _WHOLE.options(defer(PredictionRow.inputs), defer(PredictionRow.answer))
_NEWEST_FIRST = (PredictionRow.at.desc(), PredictionRow.id.desc())


def find(
    reg: Registry,
    actor: Actor,
    model: str = "",
    page: int = 1,
    size: int = 50,
    only: PredictionFilter = ALL,
) -> Page[PredictionLine]:
    """The actor's own predictions, newest first; of one model, everybody's if the actor manages it.

    Raises:
        NotFound: `model` is given and the actor may not see it.
    """
    with reg.reading() as s:
        where = _where(s, actor, model, only)
        counted = select(func.count()).select_from(PredictionRow).where(where)
        ids = select(PredictionRow.id).where(where).order_by(*_NEWEST_FIRST)
        these = ids.limit(size).offset((page - 1) * size)  # skips in the index, not in the join
        found = s.execute(_LINES.where(PredictionRow.id.in_(these)).order_by(*_NEWEST_FIRST))
        items = tuple(_line(*line) for line in found)
        return Page(items, s.execute(counted).scalar_one(), page, size)


def get(reg: Registry, actor: Actor, prediction_id: str) -> PastPrediction:
    """One prediction with what is kept of it.

    Raises:
        NotFound: No such prediction; or it is another's, of a model that the actor does not
            manage, and not shared with those who see the model.
    """
    with reg.reading() as s:
        return _past(actor, *_seen_in(s, actor, prediction_id))


def models_of(reg: Registry, actor: Actor) -> tuple[str, ...]:
    """Addresses of the models that the actor asked something, in order."""
    with reg.reading() as s:
        asked = select(PredictionRow.model_id).where(PredictionRow.user_id == actor.id).distinct()
        found = s.execute(
            select(UserRow.username, ModelRow.slug)
            .join(ModelRow, ModelRow.owner_id == UserRow.id)
            .where(ModelRow.id.in_(asked), models.visible_to(actor))
        )
        return tuple(sorted(f"{owner}/{slug}" for owner, slug in found))


def answers(reg: Registry, actor: Actor, ref: str, limit: int = 200) -> tuple[PastPrediction, ...]:
    """The newest kept answers that a version gave to this actor.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        _, version = versions.for_action(s, actor, "model.read", ref)
        mine = _WHOLE.where(
            PredictionRow.user_id == actor.id,
            PredictionRow.version_id == version.id,
            PredictionRow.answer.is_not(None),
        )
        found = s.execute(mine.order_by(*_NEWEST_FIRST).limit(limit))
        return tuple(_past(actor, *line) for line in found)


def flag(
    reg: Registry, actor: Actor, prediction_id: str, flag: Flag | None, reason: str = ""
) -> None:
    """Say that an answer is not right, for those who manage the model; None takes it back.

    Raises:
        InvalidInput: No such flag; the reason is too long, or missing for "other".
        NotFound: No such prediction, or the actor may not see it.
        Forbidden: Somebody else asked it.
    """
    reason = " ".join(reason.split()) if flag else ""
    problems = {}
    if flag is not None and flag not in FLAGS:
        problems["flag"] = f"must be one of {', '.join(FLAGS)}"
    if len(reason) > MOST_REASON:
        problems["reason"] = f"at most {MOST_REASON} characters, got {len(reason):,}"
    if flag == "other" and not reason:
        problems["reason"] = "say what is the matter"
    if problems:
        raise InvalidInput(problems)
    with reg.writing() as s:
        row, ref = _own_in(s, actor, prediction_id)
        row.flag, row.flag_reason = flag or "", reason
        audit.record(s, actor, "prediction.flag", ref, prediction=row.id, flag=row.flag)


def share(reg: Registry, actor: Actor, prediction_id: str) -> None:
    """Let everyone who may see the model see this prediction by its link.

    Raises:
        Conflict: Nothing is kept that could be shown.
        NotFound: No such prediction, or the actor may not see it.
        Forbidden: Somebody else asked it.
    """
    with reg.writing() as s:
        row, ref = _own_in(s, actor, prediction_id)
        if row.inputs is None and row.answer is None:
            raise Conflict("nothing is kept of this prediction that others could see")
        row.shared_at = row.shared_at or now()
        audit.record(s, actor, "prediction.share", ref, prediction=row.id)


def unshare(reg: Registry, actor: Actor, prediction_id: str) -> None:
    """Close the link of a prediction.

    Raises:
        NotFound: No such prediction, or the actor may not see it.
        Forbidden: Somebody else asked it.
    """
    with reg.writing() as s:
        row, ref = _own_in(s, actor, prediction_id)
        row.shared_at = None
        audit.record(s, actor, "prediction.unshare", ref, prediction=row.id)


def export(
    reg: Registry, actor: Actor, model: str = "", only: PredictionFilter = ALL
) -> Iterator[str]:
    """The same predictions as `find`, as lines of CSV with what is kept; no cell is a formula.

    Raises:
        NotFound: `model` is given and the actor may not see it.
    """
    with reg.reading() as s:
        where = _where(s, actor, model, only)
    return _exported(reg, where)


def counts(s: Session, actor: Actor, days: int) -> tuple[int, ...]:
    """The actor's predictions per UTC day, oldest first, today last."""
    first = now().date() - timedelta(days=days - 1)
    per_day: dict[date, int] = defaultdict(int)
    start = datetime.combine(first, clock(), UTC)
    mine = (PredictionRow.user_id == actor.id, PredictionRow.at >= start)
    for at in s.execute(select(PredictionRow.at).where(*mine)).scalars():
        per_day[at.date()] += 1
    return tuple(per_day[first + timedelta(days=n)] for n in range(days))


def forget_in(s: Session, user_id: str) -> None:
    """Drop what a person entered and was told; that there was a prediction stays."""
    theirs = update(PredictionRow).where(PredictionRow.user_id == user_id)
    theirs = theirs.values(inputs=null(), answer=null(), input_digest="")
    s.execute(theirs.values(flag_reason="", shared_at=None))


def _where(s: Session, actor: Actor, model: str, only: PredictionFilter) -> ColumnElement[bool]:
    """The condition for what the actor may see, narrowed down."""
    seen = PredictionRow.model_id.in_(select(ModelRow.id).where(_seen_models(actor)))
    parts = [PredictionRow.user_id == actor.id, seen]
    if model:
        row = models.for_action(s, actor, "model.read", model)
        everybody = not only.mine and models.level_of(s, actor, row) == "manage"
        parts = [PredictionRow.model_id == row.id, *(() if everybody else parts)]
    if only.version:
        numbered = select(VersionRow.id).where(VersionRow.number == only.version)
        parts.append(PredictionRow.version_id.in_(numbered))
    if only.outcome:
        failed = only.outcome == "failed"
        outcome = PredictionRow.outcome
        parts.append(outcome != "ok" if failed else outcome == only.outcome)
    if only.flag:
        flag = PredictionRow.flag
        parts.append(flag != "" if only.flag == "any" else flag == only.flag)
    if only.since:
        parts.append(PredictionRow.at >= _midnight(only.since))
    if only.until:
        parts.append(PredictionRow.at < _midnight(only.until + timedelta(days=1)))
    if only.least_rows:
        parts.append(PredictionRow.n_rows >= only.least_rows)
    if only.most_rows:
        parts.append(PredictionRow.n_rows <= only.most_rows)
    return and_(*parts)


def _seen_models(actor: Actor) -> ColumnElement[bool]:
    """Models whose predictions a person finds again: those they may see, and own ones in the trash.

    Of a model that they may not see any more, nothing is told: not even who owns it now.
    """
    return or_(models.visible_to(actor), models.visible_to(actor, trash=True))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, clock(), UTC)


_Found = tuple[PredictionRow, str, ModelRow, int, str | None, bool]


def _seen_in(s: Session, actor: Actor, prediction_id: str) -> _Found:
    """The row of a prediction that the actor may see.

    Raises:
        NotFound: There is none.
    """
    found = s.execute(_WHOLE.where(PredictionRow.id == prediction_id)).one_or_none()
    if found is None:
        raise NotFound(_MISSING)
    row, _, model, *_ = found
    mine = row.user_id == actor.id
    open_to = mine or row.shared_at is not None or models.level_of(s, actor, model) == "manage"
    seen = select(ModelRow.id).where(
        ModelRow.id == model.id, _seen_models(actor) if mine else models.visible_to(actor)
    )
    if not open_to or s.execute(seen).first() is None:
        raise NotFound(_MISSING)
    return cast("_Found", tuple(found))


def _own_in(s: Session, actor: Actor, prediction_id: str) -> tuple[PredictionRow, str]:
    """The row of a prediction that the actor asked, and the version's address."""
    row, owner, model, number, *_ = _seen_in(s, actor, prediction_id)
    if row.user_id != actor.id:
        raise Forbidden("only the person who asked can flag or share a prediction")
    return row, f"{owner}/{model.slug}@{number}"


def _line(
    row: PredictionRow, owner: str, model: ModelRow, number: int, username: str | None, holds: bool
) -> PredictionLine:
    return PredictionLine(
        id=row.id,
        at=row.at,
        ref=f"{owner}/{model.slug}@{number}",
        actor=username or "former user",
        n_rows=row.n_rows,
        latency_ms=row.latency_ms,
        outcome=row.outcome,
        flag=row.flag,
        flag_reason=row.flag_reason,
        shared=row.shared_at is not None,
        kept=bool(holds),
    )


def _past(
    actor: Actor, row: PredictionRow, owner: str, model: ModelRow, *rest: Any
) -> PastPrediction:
    outputs, n_answered = kept.answered(row.answer)
    return PastPrediction(
        line=_line(row, owner, model, *rest),
        mine=row.user_id == actor.id,
        kept=Kept(cast("Keeping", model.keep_inputs), model.keep_days),
        digest=row.input_digest,
        inputs=kept.given(row.inputs),
        outputs=outputs,
        n_answered=n_answered,
    )


def _exported(reg: Registry, where: ColumnElement[bool]) -> Iterator[str]:
    """Some hundred lines at a time, each lot in a transaction of its own."""
    yield _csv([_COLUMNS])
    after: ColumnElement[bool] | None = None
    while True:
        lot = _WHOLE.where(where) if after is None else _WHOLE.where(where, after)
        with reg.reading() as s:
            found = s.execute(lot.order_by(*_NEWEST_FIRST).limit(_BATCH)).all()
            cells = [_cells(line[0], _line(*line)) for line in found]
        if not found:
            return
        yield _csv(cells)
        last = found[-1][0]
        after = tuple_(PredictionRow.at, PredictionRow.id) < tuple_(last.at, last.id)


def _cells(row: PredictionRow, line: PredictionLine) -> tuple[Any, ...]:
    told = [None if data is None else json.dumps(data) for data in (row.inputs, row.answer)]
    said = (line.outcome, row.input_digest, line.flag, line.flag_reason, *told)
    when = line.at.isoformat(timespec="milliseconds")
    return (line.id, when, line.ref, line.actor, line.n_rows, round(line.latency_ms, 3), *said)


def _csv(rows: list[tuple[Any, ...]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([map(guarded, row) for row in rows])
    return out.getvalue()
