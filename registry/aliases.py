"""Aliases: movable names for versions, with their history. Owns `aliases` and `alias_moves`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit, gates, models, versions, wording
from registry.core import Registry
from registry.errors import Conflict, GateClosed, NotFound
from registry.records import CHAMPION, Actor, AliasMove
from registry.tables import AliasMoveRow, AliasRow, ModelRow, VersionRow, now


def move(
    reg: Registry,
    actor: Actor,
    ref: str,
    alias: str,
    reason: str = "",
    *,
    override_reason: str = "",
) -> AliasMove:
    """Let `alias` point at the version `ref`, which has to meet the gate's rules for it.

    Args:
        override_reason: Why it may, although rules say no.

    Raises:
        InvalidInput: The alias is not letters, digits, `_`, `-`, or it is reserved.
        GateClosed: Rules are not met; `results` has the figures.
        Conflict: The version is not ready, or archived.
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit the model, or not override its gate.
    """
    alias = wording.clean_alias(alias)
    with _told_of(reg, actor, ref), reg.writing() as s:
        model, version = versions.for_action(s, actor, "alias.move", ref)
        if version.status != "ready":
            raise Conflict(f"version {version.number} is {version.status}, not ready")
        if version.lifecycle == "archived":
            raise Conflict(f"version {version.number} is archived")
        held = _gate(s, actor, model, alias, version, override_reason)
        return _point(s, actor, model, alias, version, reason, held)


def remove(reg: Registry, actor: Actor, model: str, alias: str, reason: str = "") -> AliasMove:
    """Take an alias away; one that rules guard only by who may override them.

    Without a champion the newest ready version answers, and no rule looks at that one.

    Raises:
        NotFound: No such alias or model, or the actor may not see it.
        Forbidden: The actor may not edit the model, or not override its gate.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "alias.move", model)
        if s.get(AliasRow, (row.id, alias)) is None:
            raise NotFound(f"there is no alias {alias!r} here")
        held: dict[str, Any] = {}
        if rules := gates.guarding_in(s, row, alias):
            models.for_action(s, actor, "alias.override", model)
            held = {"overridden": True, "rules": [gates.describe(rule) for rule in rules]}
        return _point(s, actor, row, alias, None, reason, held)


def rollback(
    reg: Registry,
    actor: Actor,
    model: str,
    alias: str = CHAMPION,
    reason: str = "",
    *,
    override_reason: str = "",
) -> AliasMove:
    """Point an alias back at the version it pointed at before its last move.

    Args:
        override_reason: As for `move`.

    Raises:
        GateClosed: That version does not meet the gate's rules; `results` has the figures.
        Conflict: There is no earlier version, or it is gone or not ready.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    with _told_of(reg, actor, model), reg.writing() as s:
        row = models.for_action(s, actor, "alias.move", model)
        number = _before(s, row, alias)
        version = s.execute(
            select(VersionRow).where(
                VersionRow.model_id == row.id,
                VersionRow.number == number,
                VersionRow.status == "ready",
                VersionRow.lifecycle != "archived",
                VersionRow.deleted_at.is_(None),
            )
        ).scalar_one_or_none()
        if number is None or version is None:
            raise Conflict(f"there is no earlier ready version to roll {alias!r} back to")
        held = _gate(s, actor, row, alias, version, override_reason)
        return _point(s, actor, row, alias, version, reason or "rolled back", held)


def history(reg: Registry, actor: Actor, model: str) -> list[AliasMove]:
    """Every move of every alias of a model, newest first.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        moves = s.execute(
            select(AliasMoveRow)
            .where(AliasMoveRow.model_id == row.id)
            .order_by(AliasMoveRow.id.desc())
        ).scalars()
        return [_record(move) for move in moves]


def at(reg: Registry, actor: Actor, model: str, alias: str, when: datetime) -> int | None:
    """The number an alias pointed at at a moment; None when it pointed nowhere.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        return s.execute(
            select(AliasMoveRow.to_number)
            .where(
                AliasMoveRow.model_id == row.id,
                AliasMoveRow.name == alias,
                AliasMoveRow.at <= when,
            )
            .order_by(AliasMoveRow.id.desc())
            .limit(1)
        ).scalar()


@contextmanager
def _told_of(reg: Registry, actor: Actor, ref: str) -> Iterator[None]:
    """A refusal of the gate leaves an audit line too, after what it undid."""
    try:
        yield
    except GateClosed as closed:
        with reg.writing() as s:
            model = models.for_action(s, actor, "alias.move", ref)
            failed = [result.said for result in closed.results if not result.passed]
            subject = f"{models.address(s, model)}@{closed.number}"
            audit.record(s, actor, "gate.refuse", subject, model_id=model.id, alias=closed.alias,
                         failed=failed)  # fmt: skip
        raise


def _before(s: Session, model: ModelRow, alias: str) -> int | None:
    """Where the alias pointed before it came to where it is, walking back over roll-backs."""
    moves = s.execute(
        select(AliasMoveRow.to_number)
        .where(AliasMoveRow.model_id == model.id, AliasMoveRow.name == alias)
        .order_by(AliasMoveRow.id)
    ).scalars()
    trail: list[int] = []
    for number in moves:
        if number is None:
            continue
        if len(trail) > 1 and trail[-2] == number:
            trail.pop()
        elif not trail or trail[-1] != number:
            trail.append(number)
    return trail[-2] if len(trail) > 1 else None


def _gate(
    s: Session, actor: Actor, model: ModelRow, alias: str, version: VersionRow, override: str
) -> dict[str, Any]:
    """Hold the version to the rules of the alias; what the audit line says of that.

    Raises:
        GateClosed: Rules are not met, and nobody overrides them.
        Forbidden: The actor may not override them.
    """
    results = gates.check_in(s, model, version, alias)
    failed = [result.said for result in results if not result.passed]
    override = override.strip()
    if failed and not override:
        raise GateClosed(alias, version.number, results)
    if not results:
        return {}
    held: dict[str, Any] = {"passed": [result.said for result in results if result.passed]}
    if failed:
        models.for_action(s, actor, "alias.override", models.address(s, model))
        held |= {"failed": failed, "overridden": True, "override_reason": override[:1000]}
    return held


def _point(
    s: Session,
    actor: Actor,
    model: ModelRow,
    alias: str,
    version: VersionRow | None,
    reason: str,
    held: Mapping[str, Any] = MappingProxyType({}),
) -> AliasMove:
    if override := held.get("override_reason"):
        reason = f"{reason.strip()} Gate overridden: {override}".strip()
    row = s.get(AliasRow, (model.id, alias))
    before = s.get_one(VersionRow, row.version_id).number if row else None
    if version is None:
        s.delete(row)
    elif row:
        row.version_id = version.id
    else:
        s.add(AliasRow(model_id=model.id, name=alias, version_id=version.id))
    move = AliasMoveRow(
        model_id=model.id,
        name=alias,
        from_number=before,
        to_number=version.number if version else None,
        by=actor.username,
        reason=reason.strip()[:1000],
        at=now(),
    )
    s.add(move)
    s.flush()
    versions.refresh_head(s, model)
    audit.record(
        s,
        actor,
        "alias.move" if version else "alias.remove",
        models.address(s, model),
        model_id=model.id,
        alias=alias,
        from_=before,
        to=move.to_number,
        reason=move.reason,
        **held,
    )
    return _record(move)


def _record(row: AliasMoveRow) -> AliasMove:
    return AliasMove(row.name, row.from_number, row.to_number, row.by, row.reason, row.at)
