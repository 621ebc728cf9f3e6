"""Versions: immutable, numbered 1, 2, 3 in their model, never reused. Owns `versions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from registry import artifacts, audit, codec, decisions, jobs, lineage, models, references, wording
from registry import metrics as measures
from registry.core import Registry
from registry.editions import as_versions
from registry.errors import Conflict, InvalidInput
from registry.records import (
    LIFECYCLES,
    SYSTEM,
    Actor,
    Checked,
    Details,
    Finding,
    Inspection,
    Lifecycle,
    Metric,
    Report,
    Schema,
    Status,
    Version,
)
from registry.references import for_action as for_action
from registry.sandbox.contract import ModelSpec
from registry.tables import AliasRow, FeatureRow, ModelRow, VersionRow, now

_LONGEST_FEATURE = 255


def get(reg: Registry, actor: Actor, ref: str) -> Version:
    """One version; without `@…` the champion, else the latest ready one.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        model, row = for_action(s, actor, "model.read", ref)
        return as_versions(s, actor, model, [row])[0]


def changed(reg: Registry, actor: Actor, ref: str) -> Version:
    """One version, for who just made or changed it: a token that uploads need not search.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not change it.
    """
    with reg.reading() as s:
        model, row = for_action(s, actor, "version.add", ref)
        return as_versions(s, actor, model, [row])[0]


def find(reg: Registry, actor: Actor, model: str, *, trash: bool = False) -> list[Version]:
    """All versions of a model, newest first; with `trash`, those in the trash.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        deleted = VersionRow.deleted_at
        rows = s.execute(
            select(VersionRow)
            .where(VersionRow.model_id == row.id)
            .where(deleted.is_not(None) if trash else deleted.is_(None))
            .order_by(VersionRow.number.desc())
        ).scalars()
        return as_versions(s, actor, row, list(rows))


def spec(reg: Registry, actor: Actor, ref: str) -> tuple[Version, ModelSpec]:
    """A version and what the pool needs to load it, for the predict walk.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not predict with it.
    """
    with reg.reading() as s:
        model, row = for_action(s, actor, "model.predict", ref)
        return as_versions(s, actor, model, [row])[0], spec_in(s, reg, row)


def spec_in(s: Session, reg: Registry, row: VersionRow) -> ModelSpec:
    """What the pool needs to load a version, with the names trusted for exactly its bytes."""
    file, decided = s.execute(references.MODEL_FILE, {"version_id": row.id}).one()
    digest, blake3 = file.digest, file.blake3
    inspection = codec.load(Inspection, row.inspection)
    return ModelSpec(
        version_id=row.id,
        format=inspection.format,
        digest=digest,
        open=lambda: reg.store.open(digest, blake3),
        schema=codec.load(Schema, row.schema) if row.schema else None,
        inspection=inspection,
        trusted=(decisions.trusted_in(s, row.id, digest) or ()) if decided else (),
    )


def add_in(
    s: Session,
    actor: Actor,
    model: ModelRow,
    *,
    draft_id: str | None,
    details: Details,
    inspection: Inspection,
    stored: Sequence[artifacts.Stored],
    report: Report | None = None,
    failure: str = "",
) -> VersionRow:
    """Add the next version of a model, inside the caller's writing transaction.

    Its number is taken under the write lock: distinct, gapless. With `failure`: in quarantine.

    Raises:
        InvalidInput: The label is no semantic version, a metric does not fit, or a parent
            does not exist for the actor.
        Conflict: Another version has that label.
    """
    parents = [lineage.parent_in(s, actor, ref) for ref in details.parents]
    row = VersionRow(
        model_id=model.id,
        number=model.next_number,
        label=wording.clean_label(s, model.id, details.label),
        draft_id=draft_id,
        created_by_id=actor.id,
        status="quarantined" if failure else "checking",
        failure=failure,
        report=codec.dump(report) if report else None,
        notes=details.notes.strip(),
        inspection=codec.dump(inspection),
        schema=codec.dump(schema) if (schema := details.schema or inspection.schema) else None,
        findings=codec.dump(inspection.findings),
        parameters=details.parameters,
        training=details.training,
        links=wording.clean_links(details.links),
    )
    model.next_number += 1
    s.add(row)
    s.flush()
    artifacts.add_in(s, row.id, stored)
    measures.write_in(s, row.id, details.metrics)
    lineage.link_in(s, row.id, parents, details.relation)
    refresh_head(s, model)
    held = {"held": failure[:300]} if failure else {}
    _record_audit(s, actor, "version.add", model, row, digest=stored[0][2], **held)
    return row


def edit(
    reg: Registry,
    actor: Actor,
    ref: str,
    *,
    label: str | None = None,
    notes: str | None = None,
    schema: Schema | None = None,
    parameters: dict[str, Any] | None = None,
    links: dict[str, str] | None = None,
    lifecycle: Lifecycle | None = None,
    metrics: Sequence[Metric] | None = None,
) -> Version:
    """Change what is said about a version, never its file; None leaves a field alone.

    Raises:
        InvalidInput: A value does not fit.
        Conflict: Another version has that label.
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit it.
    """
    if lifecycle is not None and lifecycle not in LIFECYCLES:
        raise InvalidInput({"lifecycle": f"must be one of {', '.join(LIFECYCLES)}"})
    given: dict[str, Any] = {
        "label": label,
        "notes": notes,
        "schema": schema,
        "parameters": parameters,
    }
    given |= {"links": links, "lifecycle": lifecycle, "metrics": metrics}
    changed = [key for key, value in given.items() if value is not None]
    with reg.writing() as s:
        model, row = for_action(s, actor, "version.edit", ref)
        if label is not None:
            row.label = wording.clean_label(s, model.id, label, besides=row.id)
        row.notes = row.notes if notes is None else notes.strip()
        row.schema = row.schema if schema is None else codec.dump(schema)
        row.parameters = row.parameters if parameters is None else parameters
        row.links = row.links if links is None else wording.clean_links(links)
        row.lifecycle = lifecycle or row.lifecycle
        if metrics is not None:
            measures.write_in(s, row.id, metrics)
        refresh_head(s, model)
        _record_audit(s, actor, "version.edit", model, row, changed=changed)
        s.flush()
        version = as_versions(s, actor, model, [row])[0]
    if schema is not None:
        reg.pool.drop(version.id)
    return version


def trash(reg: Registry, actor: Actor, ref: str) -> None:
    """Put a version into the trash; restorable until purged.

    Raises:
        Conflict: An alias points at it or other versions derive from it.
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    with reg.writing() as s:
        model, row = for_action(s, actor, "version.trash", ref)
        _refuse_when_needed(s, row)
        row.deleted_at = now()
        refresh_head(s, model)
        _record_audit(s, actor, "version.trash", model, row)
        version_id = row.id
    reg.pool.drop(version_id)


def restore(reg: Registry, actor: Actor, ref: str) -> Version:
    """Take a version out of the trash.

    Raises:
        NotFound: No such version, or the actor may not see its model.
        Conflict: It is not in the trash.
        Forbidden: The actor may not edit the model.
    """
    with reg.writing() as s:
        model, row = for_action(s, actor, "version.restore", ref)
        row.deleted_at = None
        refresh_head(s, model)
        _record_audit(s, actor, "version.restore", model, row)
        s.flush()
        return as_versions(s, actor, model, [row])[0]


def purge(reg: Registry, actor: Actor, ref: str) -> int:
    """Delete a trashed version for good; its number is not used again.

    Returns:
        Size of its files in bytes; those that other versions share stay in the store.

    Raises:
        Conflict: Other versions derive from it, or it is not in the trash.
        NotFound: No such version, or the actor may not see its model.
        Forbidden: The actor may not manage the model.
    """
    with reg.writing() as s:
        model, row = for_action(s, actor, "version.purge", ref)
        return purge_in(s, reg, actor, model, row)


def purge_in(s: Session, reg: Registry, actor: Actor, model: ModelRow, row: VersionRow) -> int:
    """Delete a version for good, inside the caller's transaction; gives the size of its files.

    Raises:
        Conflict: Other versions derive from it.
    """
    _refuse_when_needed(s, row)
    _record_audit(s, actor, "version.purge", model, row)
    freed = artifacts.drop_in(s, reg, version_id=row.id)
    s.execute(delete(VersionRow).where(VersionRow.id == row.id))
    return freed


def conclude(
    reg: Registry,
    version_id: str,
    *,
    status: Status,
    checked: Checked | None = None,
    failure: str = "",
    report: Report | None = None,
) -> bool:
    """Write down what the check job found, unless the version is no longer being checked.

    What a person said in the schema is completed, not replaced. Nothing becomes ready that is
    neither clean nor trusted by now, whatever was so when the check began.

    Returns:
        Whether the version has that status now; if not, a worker that has it loaded must go.
    """
    with reg.writing() as s:
        row = s.get(VersionRow, version_id)
        if row is None or row.status != "checking":  # decided otherwise while it was being checked
            return False
        if checked:
            row.schema = codec.dump(checked.schema) if checked.schema else row.schema
            said = [Finding(**finding) for finding in row.findings]
            news = [finding for finding in checked.findings if finding not in said]
            row.findings = codec.dump([*said, *news])
        if report and (row.report is None or status != "ready"):
            keep_report_in(row, report)
        settled, why = _still_ready(s, row) if status == "ready" else (status, failure)
        settle_in(s, row, settled, why)
        action = "version.quarantine" if settled == "quarantined" else f"version.{settled}"
        detail = {"why": why[:300]} if why else {}
        _record_audit(s, SYSTEM, action, s.get_one(ModelRow, row.model_id), row, **detail)
        return settled == status


def _still_ready(s: Session, row: VersionRow) -> tuple[Status, str]:
    """What a version is that loads: ready, unless the report or a person says otherwise by now."""
    s.flush()
    decision = decisions.standing_in(s, row.id)
    if decision and decision.decision == "refused":
        return "failed", decisions.refusal(decision)
    report = codec.load(Report, row.report) if row.report else Report(complete=False)
    file, _ = s.execute(references.MODEL_FILE, {"version_id": row.id}).one()
    if report.verdict == "clean" or decisions.trusted_in(s, row.id, file.digest) is not None:
        return "ready", ""
    return "quarantined", decisions.waits_for(report)


def keep_report_in(row: VersionRow, report: Report) -> None:
    """Make this the report of a version."""
    row.report = codec.dump(report)


def settle_in(s: Session, row: VersionRow, status: Status, failure: str = "") -> None:
    """Set what the machine found of a version."""
    if (row.status, row.failure) != (status, failure):
        row.status, row.failure = status, failure
        refresh_head(s, s.get_one(ModelRow, row.model_id))


def recheck(reg: Registry, actor: Actor, ref: str) -> tuple[str, str]:
    """Set a version back to *checking* and record the job that checks it.

    Returns:
        The ids of the version and of the job, for `jobs.start`.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not edit the model.
    """
    with reg.writing() as s:
        model, row = for_action(s, actor, "version.edit", ref)
        _record_audit(s, actor, "version.recheck", model, row)
        return row.id, check_in(s, actor, model, row)


def check_in(s: Session, actor: Actor, model: ModelRow, row: VersionRow) -> str:
    """Set a version to *checking* and record its check job, whose id is returned."""
    settle_in(s, row, "checking")
    return jobs.submit_in(s, actor, "check", row.id, f"{models.address(s, model)}@{row.number}")


def refresh_head(s: Session, model: ModelRow) -> None:
    """Bring head_* and `features` of a model up to date: the champion, else the newest version."""
    s.flush()
    model.updated_at = now()
    model.n_versions = references.count_in(s, model)
    row = references.head_in(s, model)
    model.head_id = row.id if row else None
    model.head_number = row.number if row else None
    model.head_framework = row.inspection["framework"] if row else ""
    model.head_format = row.inspection["format"] if row else ""
    model.head_status = row.status if row else ""
    _list_features(s, model, (row.schema if row else None) or {})


def _list_features(s: Session, model: ModelRow, schema: dict[str, Any]) -> None:
    names = {field["name"] for field in schema.get("fields", ())}
    wanted = {name for name in names if len(name) <= _LONGEST_FEATURE}
    listed = select(FeatureRow.name).where(FeatureRow.model_id == model.id)
    if (had := set(s.execute(listed).scalars())) == wanted:
        return
    if had:
        s.execute(delete(FeatureRow).where(FeatureRow.model_id == model.id))
    if wanted:
        s.execute(insert(FeatureRow), [{"model_id": model.id, "name": name} for name in wanted])


def _refuse_when_needed(s: Session, row: VersionRow) -> None:
    names = s.execute(select(AliasRow.name).where(AliasRow.version_id == row.id)).scalars().all()
    if names:
        raise Conflict(f"the alias {', '.join(names)} points at this version: move it first")
    if lineage.has_children(s, row.id):
        raise Conflict("other versions derive from this one: they would lose where they come from")


def _record_audit(
    s: Session, actor: Actor, action: str, model: ModelRow, row: VersionRow, **detail: Any
) -> None:
    subject = f"{models.address(s, model)}@{row.number}"
    audit.record(s, actor, action, subject, model_id=model.id, **detail)
