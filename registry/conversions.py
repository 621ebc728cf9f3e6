"""The conversion walk: a version becomes a file without code, and that a version of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import (
    audit,
    decisions,
    inputs,
    jobs,
    models,
    parity,
    publish,
    sessions,
    staging,
    versions,
)
from registry.core import Registry
from registry.editions import as_versions
from registry.errors import (
    BrokenArtifact,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    UnsafeArtifact,
)
from registry.formats import convert as converters
from registry.formats import title
from registry.records import (
    Actor,
    Details,
    Draft,
    Finding,
    Job,
    Parity,
    Schema,
    Target,
    Version,
)
from registry.sandbox import descriptors
from registry.sandbox.contract import ModelSpec
from registry.tables import ArtifactRow, ModelRow, UserRow, VersionRow

TOLERANCE = {"onnx": 1e-3, "skops": 1e-9, "safetensors": 0.0}
"""Largest difference allowed, absolute below 1 and relative above: ONNX reckons in 32 bit."""
_NOT_YET = {
    "checking": "it is still being checked; try again in a moment",
    "failed": "it does not load here",
}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Work:
    """One conversion under way. `spec` trusts the file's own unusual names, for this job only."""

    job_id: str
    actor: Actor
    version: Version
    spec: ModelSpec
    target: str
    sample: tuple[str, str, str] | None
    """File name, SHA-256 and BLAKE3 of the sample file."""


def targets(version: Version) -> tuple[Target, ...]:
    """What a version can become, or why not; () when its format carries no code as it is."""
    found = converters.targets(version.inspection)
    return tuple(Target(name, _not_now(version, name) or why) for name, why in found.items())


def convert(reg: Registry, actor: Actor, ref: str, target: str) -> Job:
    """Have a version converted into a new version of the same model; asked again, the same job.

    A quarantined version can be converted too: it is loaded once, inside the fence.

    Args:
        target: One of `targets`: "onnx", "skops" or "safetensors".

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may not add versions to the model.
        InvalidInput: The version cannot become that.
    """
    with reg.writing() as s:
        model, row = versions.for_action(s, actor, "version.add", ref)
        spec = versions.spec_in(s, reg, row)
        version = as_versions(s, actor, model, [row])[0]
        why = _not_now(version, target) or converters.targets(spec.inspection).get(
            target, f"{title(spec.inspection.format)} cannot become {target or 'nothing'}"
        )
        if why:
            raise InvalidInput({"target": why})
        last = jobs.last_in(s, kind(target), row.id)
        if last and (last.finished_at is None or _made_by(s, last.id)):
            job_id = last.id
        else:
            subject = f"{models.address(s, model)}@{row.number}"
            job_id = jobs.submit_in(s, actor, kind(target), row.id, subject)
            audit.record(s, actor, "version.convert", subject, model_id=model.id, to=target)
    jobs.start(reg, job_id)
    return jobs.get(reg, job_id)


def kind(target: str) -> str:
    """The kind of the jobs that convert to a format."""
    return f"convert to {target}"


def run(reg: Registry, version_id: str, *, target: str) -> None:
    """Convert, compare, publish; what the job does. Harmless when repeated.

    Raises:
        Conflict: The converted model answers differently; nothing of it is kept.
        UnsafeArtifact: The file, or what became of it, is refused.
        RegistryError: It cannot be loaded, converted or published; the message says why.
    """
    with reg.reading() as s:
        work = _work(s, reg, version_id, target)
    if work is None:
        return
    work = replace(work, spec=_trusting(reg, work))
    with _nothing_left(reg, work):
        jobs.tell(reg, 0.1, f"converting to {target}")
        told = _stage(reg, work)
        draft = publish.examine(reg, work.actor, work.job_id)
        if draft.inspection.format != target:
            raise BrokenArtifact(f"what came out is {title(draft.inspection.format)}: not kept")
        if draft.report.verdict != "clean":
            raise UnsafeArtifact(draft.report)
        jobs.tell(reg, 0.6, "comparing the answers")
        schema, figures = _compare(reg, work, draft)
        if not figures.passed:
            raise Conflict(f"the {target} version answers differently, so it is not published: "
                           f"{figures.said}")  # fmt: skip
        _remember(reg, work, draft, figures, told)
        made = publish.publish(reg, work.actor, work.job_id, _details(work, schema))
    jobs.tell(reg, 1.0, f"version {made.number}: {figures.said}")


HANDLERS: Mapping[str, Callable[[Registry, str], None]] = MappingProxyType(
    {kind(target): partial(run, target=target) for target in converters.ENDINGS}
)
"""For `jobs.launch`."""


def _not_now(version: Version, target: str) -> str:
    """Why it has to wait; weights are copied out of a file whether it loads or not."""
    if version.decisions and version.decisions[0].decision == "refused":
        return decisions.refusal(version.decisions[0])
    if version.status == "failed" and not converters.needs_loading(target):
        return ""
    return _NOT_YET.get(version.status, "")


def _made_by(s: Session, job_id: str) -> str | None:
    """Id of the version that a job has published, unless that is in the trash."""
    return s.execute(
        select(VersionRow.id)
        .where(VersionRow.draft_id == job_id, VersionRow.deleted_at.is_(None))
    ).scalar_one_or_none()  # fmt: skip


def _work(s: Session, reg: Registry, version_id: str, target: str) -> _Work | None:
    """What the open job is about; None when it is done already or its version is gone.

    Raises:
        NotFound, Forbidden: Who asked for it may not do so any more.
        Conflict: The version cannot be converted by now.
    """
    job = jobs.last_in(s, kind(target), version_id)
    row = s.get(VersionRow, version_id)
    if job is None or row is None or row.deleted_at or _made_by(s, job.id):
        return None
    user = s.get(UserRow, job.user_id)
    if user is None or user.disabled:
        raise Forbidden("the person who asked for it has no account any more")
    actor = sessions.actor_of(user)
    version = as_versions(s, actor, s.get_one(ModelRow, row.model_id), [row])[0]
    versions.for_action(s, actor, "version.add", version.ref)
    if why := _not_now(version, target):
        raise Conflict(why)
    file = s.execute(
        select(ArtifactRow.filename, ArtifactRow.digest, ArtifactRow.blake3)
        .where(ArtifactRow.version_id == version_id, ArtifactRow.kind == "sample")
    ).first()  # fmt: skip
    sample = (file[0], file[1], file[2]) if file else None
    return _Work(job.id, actor, version, versions.spec_in(s, reg, row), target, sample)


def _trusting(reg: Registry, work: _Work) -> ModelSpec:
    """The version under a name of its own in the pool; a quarantined one with its own names.

    Raises:
        UnsafeArtifact: The scanners refuse the file by now.
        BrokenArtifact: The scan was cut off.
    """
    spec = replace(work.spec, version_id=f"{work.version.id}.{work.job_id}")
    if work.version.status != "quarantined":
        return spec
    with descriptors.opened(spec) as fd:
        report = reg.pool.scan(fd, spec.format)
    if report.verdict == "refuse":
        raise UnsafeArtifact(report)
    return replace(spec, trusted=tuple({*spec.trusted, *report.unusual}))


@contextmanager
def _nothing_left(reg: Registry, work: _Work) -> Iterator[None]:
    """End the workers of a conversion, and throw away its file unless it was published."""
    try:
        yield
    except BaseException:
        if not jobs.stopping():
            with suppress(NotFound):
                staging.discard(reg, work.actor, work.job_id)
        raise
    finally:
        for version_id in (work.spec.version_id, work.job_id):
            reg.pool.drop(version_id)


def _stage(reg: Registry, work: _Work) -> tuple[Finding, ...]:
    """Have the file made and take it in like an upload; what the converter said of it."""
    version = work.version
    filename = f"{version.slug}-v{version.number}{converters.ENDINGS[work.target]}"
    with suppress(NotFound):
        staging.discard(reg, work.actor, work.job_id)  # of a try that was cut off
    with (
        reg.pool.convert(work.spec, work.target, reg.settings.max_upload_bytes) as made,
        staging.receive(reg, work.actor, filename, made_by=work.job_id) as incoming,
    ):
        for start in range(0, len(made.data), _BLOCK):
            incoming.write(made.data[start : start + _BLOCK])
        incoming.finish()
        return made.findings


def _compare(reg: Registry, work: _Work, draft: Draft) -> tuple[Schema | None, Parity]:
    """The schema of the converted version, and how like the original it answers."""
    tolerance = TOLERANCE[work.target]
    with staging.opened(reg, draft.id) as fd:
        if not converters.needs_loading(work.target):
            with descriptors.opened(work.spec) as original:
                n_tensors, differing = reg.pool.compare_weights(original, fd)
            apart = 0.0 if not differing else float("inf")
            return None, Parity("tensors, byte by byte", n_tensors, tolerance, apart)
    before = work.spec.schema
    if work.version.status != "ready" or before is None:
        before = reg.pool.check(work.spec).schema
    after = parity.carried(before, draft.inspection.schema)
    if before is None or after is None:
        raise Conflict("nothing says what the model takes: give its schema, then convert it")
    checked, prepared = _rows(reg, work, before)
    path = staging.path(reg, draft.id)
    converted = ModelSpec(
        work.job_id,
        draft.inspection.format,
        draft.staged.digest,
        lambda: os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC),
        after,
        draft.inspection,
    )
    figures = parity.compared(
        (before, after),
        (
            reg.pool.predict(replace(work.spec, schema=before), prepared.inputs).outputs,
            reg.pool.predict(converted, prepared.inputs).outputs,
        ),
        checked=checked,
        n_rows=prepared.n_rows,
        tolerance=tolerance,
    )
    return after, figures


def _rows(reg: Registry, work: _Work, schema: Schema) -> tuple[str, inputs.Prepared]:
    """Rows of the version's sample file as far as they fit, else rows drawn from the schema."""
    if work.sample and schema.kind == "table":
        filename, digest, blake3 = work.sample
        fd = reg.store.open(digest, blake3)
        try:
            table = reg.pool.read_table(fd, filename, n_rows=parity.N_ROWS)
        finally:
            os.close(fd)
        if rows := parity.of_sample(schema, table["rows"]):
            return "rows of the sample file", parity.prepared(schema, rows)
    return "rows drawn from the schema", parity.prepared(schema, parity.drawn(schema))


def _remember(
    reg: Registry, work: _Work, draft: Draft, figures: Parity, told: tuple[Finding, ...]
) -> None:
    """Keep the figures with what was read out of the file: the version shows both."""
    facts = {
        "from": work.version.ref,
        "to": work.target,
        "checked": figures.checked,
        "n_rows": figures.n_rows,
        "tolerance": figures.tolerance,
        "largest difference": figures.largest_difference,
        "label agreement": figures.label_agreement,
    }
    what = f"converted from v{work.version.number}, and it answers alike"
    said = Finding("info", "parity", what, figures.said[:1].upper() + figures.said[1:])
    inspection = replace(
        draft.inspection,
        details={**draft.inspection.details, "conversion": facts},
        findings=(*draft.inspection.findings, said, *told),
    )
    staging.remember(reg, work.actor, draft.id, inspection, draft.report)


def _details(work: _Work, schema: Schema | None) -> Details:
    """What the new version says of itself; metrics are not carried over, since nobody measured."""
    version, made_of = work.version, title(work.version.inspection.format)
    return Details(
        model=version.model,
        notes=f"Converted from v{version.number}, {made_of}, to {title(work.target)}.",
        schema=schema,
        parameters=version.parameters,
        training=version.training,
        links=version.links,
        parents=(version.ref,),
        relation="converted",
    )
