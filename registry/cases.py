"""Versions that a scan held back, as those see them who decide: readings only, see `trust`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, aliased, undefer

from registry import codec, decisions, models, policy, versions
from registry.core import Registry
from registry.errors import NotFound
from registry.records import Actor, Case, CaseState, Decision, Page, Report
from registry.tables import ArtifactRow, GrantRow, ModelRow, TrustRow, UserRow, VersionRow

ACTION = "version.trust"


def find(
    reg: Registry, actor: Actor, state: CaseState = "waiting", *, page: int = 1, size: int = 50
) -> Page[Case]:
    """The cases the actor may decide, newest first: an administrator's are all there are."""
    page, size = max(1, page), min(max(1, size), 200)
    where = _mine(actor, state)
    with reg.reading() as s:
        found = _joined(actor).where(*where).order_by(VersionRow.created_at.desc())
        rows = s.execute(found.limit(size).offset((page - 1) * size)).all()
        return Page(tuple(_cases(s, rows)), _count(s, where), page, size)


def count(reg: Registry, actor: Actor) -> int:
    """How many cases wait for the actor."""
    with reg.reading() as s:
        return _count(s, _mine(actor, "waiting"))


def get(reg: Registry, actor: Actor, ref: str) -> Case:
    """One case, whether it waits or was decided.

    Raises:
        NotFound: No such version, or it is not for this actor to decide.
        Forbidden: The actor may see the model but not decide.
    """
    with reg.reading() as s:
        model, row = rows_in(s, actor, ref)
        return case_in(s, actor, model, row)


def rows_in(s: Session, actor: Actor, ref: str) -> tuple[ModelRow, VersionRow]:
    """The rows of a version about which the actor may decide.

    An administrator to whom the model is not shared finds what was held back, and nothing else.

    Raises:
        NotFound: No such version, or it is not for this actor to decide.
        Forbidden: The actor may see the model but not decide.
    """
    try:
        model, row = versions.for_action(s, actor, ACTION, ref)
        if models.level_of(s, actor, model) or _is_case(s, row):
            return model, row
    except NotFound:
        if not policy.without_level(actor, ACTION):
            raise
    raise NotFound(models.no_such(ref))


def case_in(s: Session, actor: Actor, model: ModelRow, row: VersionRow) -> Case:
    """The record of one version, inside the caller's transaction."""
    found = s.execute(_joined(actor).where(VersionRow.id == row.id, ModelRow.id == model.id))
    return _cases(s, found.all())[0]


def digest_in(s: Session, row: VersionRow) -> str:
    """SHA-256 of the version's model file."""
    return s.execute(
        select(ArtifactRow.digest).where(
            ArtifactRow.version_id == row.id, ArtifactRow.kind == "model"
        )
    ).scalar_one()


def _mine(actor: Actor, state: CaseState) -> tuple[ColumnElement[bool], ...]:
    alive = (VersionRow.deleted_at.is_(None), ModelRow.deleted_at.is_(None))
    return (*alive, _decides(actor), _in_state(state))


def _decides(actor: Actor) -> ColumnElement[bool]:
    """What `policy` says of `version.trust`, in SQL."""
    if policy.without_level(actor, ACTION):
        return ModelRow.id.is_not(None)
    if policy.why_not(actor, "manage", ACTION):
        return ModelRow.id.is_(None)
    managed = select(GrantRow.model_id).where(
        GrantRow.user_id == actor.id, GrantRow.level == "manage"
    )
    return or_(ModelRow.owner_id == actor.id, ModelRow.id.in_(managed))


def _in_state(state: CaseState) -> ColumnElement[bool]:
    held = VersionRow.status == "quarantined"
    if state == "waiting":
        return held
    newest = select(func.max(TrustRow.id)).group_by(TrustRow.version_id)
    stands = select(TrustRow.version_id).where(TrustRow.id.in_(newest), TrustRow.decision == state)
    return ~held & VersionRow.id.in_(stands)


def _is_case(s: Session, row: VersionRow) -> bool:
    return row.status == "quarantined" or decisions.of_versions(s, [row.id]) != {}


def _joined(actor: Actor) -> Select[*tuple[Any, ...]]:
    owner, uploader = aliased(UserRow), aliased(UserRow)
    opens = models.visible_to(actor).label("opens")
    return (
        select(VersionRow, ModelRow.slug, owner.username, uploader.username, ArtifactRow, opens)
        .join(ModelRow, ModelRow.id == VersionRow.model_id)
        .join(owner, owner.id == ModelRow.owner_id)
        .outerjoin(uploader, uploader.id == VersionRow.created_by_id)
        .join(
            ArtifactRow, (ArtifactRow.version_id == VersionRow.id) & (ArtifactRow.kind == "model")
        )
        .options(undefer(VersionRow.report))
    )


def _count(s: Session, where: tuple[ColumnElement[bool], ...]) -> int:
    found = select(func.count(VersionRow.id)).join(ModelRow, ModelRow.id == VersionRow.model_id)
    return s.execute(found.where(*where)).scalar_one()


def _cases(s: Session, rows: Any) -> list[Case]:
    decided = decisions.of_versions(s, [row[0].id for row in rows])
    return [_case(row, decided.get(row[0].id, ())) for row in rows]


def _case(found: Any, decided: tuple[Decision, ...]) -> Case:
    row, slug, owner, uploader, file, opens = found
    state: CaseState = "waiting"
    if row.status != "quarantined" and decided and decided[0].decision != "withdrawn":
        state = decided[0].decision
    return Case(
        version_id=row.id,
        ref=f"{owner}/{slug}@{row.number}",
        owner=owner,
        status=row.status,
        state=state,
        failure=row.failure,
        format=row.inspection.get("format", ""),
        framework=row.inspection.get("framework", ""),
        filename=file.filename,
        size_bytes=file.size_bytes,
        digest=file.digest,
        uploaded_by=uploader or "former user",
        uploaded_at=row.created_at,
        report=codec.load(Report, row.report) if row.report else Report(),
        opens=bool(opens),
        decisions=decided,
    )
