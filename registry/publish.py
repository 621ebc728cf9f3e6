"""The upload walk: a staged file becomes a draft, a draft becomes a version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from blake3 import blake3
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import (
    codec,
    decisions,
    formats,
    jobs,
    models,
    policy,
    quotas,
    scanners,
    staging,
    versions,
    wording,
)
from registry.artifacts import Stored
from registry.core import Registry
from registry.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Rejected,
    StoreError,
    UnsafeArtifact,
)
from registry.records import (
    Actor,
    ArtifactKind,
    Details,
    Draft,
    Field,
    Finding,
    Inspection,
    Report,
    Schema,
    Version,
)
from registry.sandbox.progress import Watch
from registry.tables import ArtifactRow, ModelRow, StagedRow, UserRow, VersionRow

Progress = Callable[[float, str], None]
SUFFIXES: dict[str, tuple[str, ...]] = {
    "config": (".yaml", ".yml", ".json", ".txt"),
    "requirements": (".txt", ".yaml", ".yml"),
    "sample": (".csv",),
    "data": (".csv", ".tsv", ".parquet"),
    "code": (".py", ".pyi", ".ipynb", ".r", ".jl", ".sql", ".toml", ".cfg", ".ini"),
    "card": ("readme", ".md", ".txt"),
    "license": ("license", "licence", "copying", "notice", ".txt", ".md"),
}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _File:
    """A staged file on its way into the store."""

    kind: ArtifactKind
    id: str
    filename: str
    digest: str
    blake3: str
    size_bytes: int
    path: Path

    @property
    def stored(self) -> Stored:
        return (self.kind, self.filename, self.digest, self.blake3, self.size_bytes)


def examine(reg: Registry, actor: Actor, staged_id: str, watch: Watch | None = None) -> Draft:
    """Read and scan a staged file in a locked worker, executing nothing; asks it only once.

    Args:
        watch: Told how far it is and what was found so far.

    Raises:
        Forbidden: The actor may not upload models.
        NotFound: The staged file is gone, or it is somebody else's.
        Rejected: No model format, or damaged, or refused; the file is thrown away.
    """
    if why := policy.why_not(actor, None, "model.create"):
        raise Forbidden(why)
    with reg.reading() as s:
        row = staging.row_in(s, actor, staged_id)
    inspection, report = _known(row) or _inspect(reg, actor, row, watch)
    with reg.reading() as s:
        duplicates = _duplicates(s, actor, row.digest)
    return Draft(staging.get(reg, actor, staged_id), inspection, report, duplicates)


def publish(
    reg: Registry,
    actor: Actor,
    draft_id: str,
    details: Details,
    progress: Progress | None = None,
) -> Version:
    """Make a draft the next version of a model, new or existing; again is harmless.

    Killed at any instant there is a whole version or none: the bytes are hashed again and stored
    first, then one transaction records version, files and check job and forgets the draft. What
    the scan holds back is quarantined in place of being checked.

    Args:
        draft_id: Id of the examined draft, which is that of its staged file.
        progress: Called with a share from 0 to 1 and what is being done.

    Raises:
        NotFound: A staged file or the model is gone, or not for this actor.
        Forbidden: The actor may not add versions to the model.
        InvalidInput: A detail does not fit.
        Conflict: The name or the label is taken, or the draft was published elsewhere.
        Rejected: The file is refused; nothing of it is kept.
        StoreError: The staged bytes have changed or cannot be kept.
        StorageFull: No room.
    """
    say = progress or (lambda _share, _what: None)
    if ref := _published(reg, actor, draft_id, details):
        return versions.changed(reg, actor, ref)
    try:
        files = _gather(reg, actor, draft_id, details)
        draft = examine(reg, actor, draft_id)
        draft = replace(draft, inspection=_remarks(reg, actor, draft, details))
        for n, file in enumerate(files):
            say(0.1 + 0.4 * n / len(files), f"checking {file.filename}")
            _rehash(file)
            say(0.5 + 0.3 * n / len(files), f"storing {file.filename}")
            reg.store.put(file.path, file.digest)
    except (NotFound, StoreError):
        if ref := _published(reg, actor, draft_id, details):  # a double click was quicker
            return versions.changed(reg, actor, ref)
        raise
    say(0.9, "recording the version")
    ref, job_id = _record(reg, actor, draft, details, files)
    for file in files:
        file.path.unlink(missing_ok=True)
    if job_id:
        jobs.start(reg, job_id)
    say(1.0, "done")
    return versions.changed(reg, actor, ref)


def schema_from_sample(reg: Registry, actor: Actor, staged_id: str, target: str = "") -> Schema:
    """The columns of a staged sample table (CSV or Parquet), read in a locked worker.

    Args:
        target: The column that holds the answer: no input, but where the classes are found.

    Raises:
        NotFound: The staged file is gone, or it is somebody else's.
        InvalidInput: There is no column `target`.
        BrokenArtifact: The file is no table, or empty.
    """
    staged = staging.get(reg, actor, staged_id)
    with staging.opened(reg, staged_id) as fd:
        found = reg.pool.read_table(fd, staged.filename)
    columns = {column["name"]: codec.load(Field, column) for column in found["columns"]}
    if target and target not in columns:
        raise InvalidInput({"target": f"the sample has no column {target!r}"})
    example = {name: value for name, value in found["example"].items() if name != target}
    return Schema(
        "table",
        fields=tuple(column for name, column in columns.items() if name != target),
        classes=columns[target].categories if target else (),
        target=target,
        target_range=_range(columns[target]) if target else (),
        example=example,
    )


def _range(column: Field) -> tuple[float, ...]:
    if column.minimum is None or column.maximum is None:
        return ()
    return column.minimum, column.maximum


def _record(
    reg: Registry,
    actor: Actor,
    draft: Draft,
    details: Details,
    files: Sequence[_File],
) -> tuple[str, str]:
    """The one transaction: address of the version and id of its check job, "" in quarantine."""
    held = decisions.waits_for(draft.report)
    alike = () if details.model else models.similar(reg, actor, details.name)
    with reg.writing() as s:
        if ref := _published_in(s, actor, draft.id, details):
            return ref, ""
        if details.model:
            model = models.for_action(s, actor, "version.add", details.model)
            _need_room_in(s, reg, actor, model, files)
        else:
            quotas.need_place_in(s, reg, actor.id)
            model = models.create_in(
                s,
                actor,
                name=details.name,
                description=details.description,
                card=details.card,
                task=details.task or draft.inspection.task,
                license=details.license,
                tags=details.tags,
                visibility=details.visibility,
                similar=[one.ref for one in alike],
            )
        row = versions.add_in(
            s,
            actor,
            model,
            draft_id=draft.id,
            details=details,
            inspection=draft.inspection,
            stored=[file.stored for file in files],
            report=draft.report,
            failure=held,
        )
        ref = f"{models.address(s, model)}@{row.number}"
        job_id = "" if held else jobs.submit_in(s, actor, "check", row.id, ref)
        staging.forget_in(s, [file.id for file in files])
        for file in files:  # a purge or sweep may have freed the same bytes since; not any more
            if not reg.store.has(file.digest):
                reg.store.put(file.path, file.digest)
    return ref, job_id


def _need_room_in(
    s: Session, reg: Registry, actor: Actor, model: ModelRow, files: Sequence[_File]
) -> None:
    """A version counts for the model's owner; what the actor uploaded is counted already.

    Raises:
        QuotaExceeded: The owner's quota has no room for it.
    """
    if model.owner_id != actor.id:
        size_bytes = sum(file.size_bytes for file in files)
        quotas.need_room_in(s, reg, model.owner_id, size_bytes, of_actor=False)


def _known(row: StagedRow) -> tuple[Inspection, Report] | None:
    """What was read before, unless the scanners are newer."""
    if not row.inspection or not row.report:
        return None
    report = codec.load(Report, row.report)
    current = report.scanners == scanners.VERSION
    return (codec.load(Inspection, row.inspection), report) if current else None


def _inspect(
    reg: Registry, actor: Actor, row: StagedRow, watch: Watch | None
) -> tuple[Inspection, Report]:
    try:
        with staging.opened(reg, row.id) as fd:
            inspection, report = reg.pool.inspect(fd, row.filename, watch)
        if report.verdict == "refuse":
            raise UnsafeArtifact(report)
    except Rejected:
        with suppress(NotFound):
            staging.discard(reg, actor, row.id)
        raise
    staging.remember(reg, actor, row.id, inspection, report)
    return inspection, report


def _gather(reg: Registry, actor: Actor, draft_id: str, details: Details) -> list[_File]:
    """The model file and what comes with it."""
    wanted: dict[str, str] = {"model": draft_id, **details.files}
    problems = {
        key: "is no kind of file" for key in details.files if key.partition(":")[0] not in SUFFIXES
    }
    files = []
    with reg.reading() as s:
        for key, staged_id in wanted.items():
            row = staging.row_in(s, actor, staged_id)
            kind = key.partition(":")[0]
            allowed = SUFFIXES.get(kind, ())
            if allowed and not row.filename.lower().endswith(allowed):
                problems[key] = f"{row.filename} must end in {', '.join(allowed)}"
            path = staging.path(reg, staged_id)
            file = (row.filename, row.digest, row.blake3, row.size_bytes, path)
            files.append(_File(_KINDS.get(kind, "config"), staged_id, *file))
    if problems:
        raise InvalidInput(problems)
    return files


_KINDS: dict[str, ArtifactKind] = {
    "model": "model",
    "config": "config",
    "requirements": "requirements",
    "sample": "sample",
    "data": "data",
    "code": "code",
    "card": "card",
    "license": "license",
}


def _rehash(file: _File) -> None:
    seen = blake3()
    try:
        with file.path.open("rb") as opened:
            while block := opened.read(_BLOCK):
                seen.update(block)
    except FileNotFoundError:
        raise NotFound("this upload is gone; drop the file again") from None
    if seen.hexdigest() != file.blake3:
        raise StoreError(f"{file.filename} has changed since it was uploaded: drop it again")


def _remarks(reg: Registry, actor: Actor, draft: Draft, details: Details) -> Inspection:
    """The inspection with what is worth saying about this upload, none of it fatal."""
    found = list(draft.inspection.findings)
    if draft.duplicates:
        what = f"the very same bytes are {', '.join(draft.duplicates[:3])}"
        found.append(Finding("info", "duplicate", what, "", "stored once, recorded as asked"))
    if not details.model:
        if not details.license:
            why = "others cannot know whether they may use it"
            found.append(Finding("info", "no-license", "no license is given", why, "choose one"))
        if alike := models.similar(reg, actor, details.name):
            what = f"the name is close to {', '.join(one.ref for one in alike)} ({alike[0].why})"
            why = "people may take one for the other"
            found.append(Finding("warn", "similar-name", what, why, "choose a clearer name"))
    pickled = formats.group(draft.inspection.format) == "sklearn"
    if pickled and "requirements" not in details.files and not draft.inspection.libraries:
        what = "neither the file nor a requirements file says which library versions made it"
        why = "it may load differently elsewhere"
        found.append(Finding("info", "no-requirements", what, why, "add a requirements file"))
    return replace(draft.inspection, findings=tuple(found))


def _duplicates(s: Session, actor: Actor, digest: str) -> tuple[str, ...]:
    """Versions with the same model file, as far as the actor may see them."""
    rows = s.execute(
        select(UserRow.username, ModelRow.slug, VersionRow.number)
        .join(ModelRow, ModelRow.owner_id == UserRow.id)
        .join(VersionRow, VersionRow.model_id == ModelRow.id)
        .join(ArtifactRow, ArtifactRow.version_id == VersionRow.id)
        .where(ArtifactRow.digest == digest, ArtifactRow.kind == "model")
        .where(VersionRow.deleted_at.is_(None), models.visible_to(actor))
        .order_by(VersionRow.created_at)
        .limit(10)
    )
    return tuple(f"{owner}/{slug}@{number}" for owner, slug, number in rows)


def _published(reg: Registry, actor: Actor, draft_id: str, details: Details) -> str:
    with reg.reading() as s:
        return _published_in(s, actor, draft_id, details)


def _published_in(s: Session, actor: Actor, draft_id: str, details: Details) -> str:
    """Address of the version that the actor made of this draft in the place asked for, or "".

    Raises:
        Conflict: It became a version of another model.
    """
    found = s.execute(
        select(ModelRow, VersionRow.number)
        .join(VersionRow, VersionRow.model_id == ModelRow.id)
        .where(VersionRow.draft_id == draft_id, VersionRow.created_by_id == actor.id)
    ).one_or_none()
    if found is None:
        return ""
    model, number = found
    address = models.address(s, model)
    if details.model:
        again = details.model.partition("@")[0].strip() == address
    else:
        mine = number == 1 and model.owner_id == actor.id
        name = details.name and wording.slug_of(wording.clean_name(details.name))
        again = mine and name in ("", model.slug)  # without a name: wherever it was published
    if again:
        return f"{address}@{number}"
    level = models.level_of(s, actor, model)
    seen = level == "manage" or (level and model.deleted_at is None)
    where = f"{address}@{number}" if seen else "a version"
    raise Conflict(
        f"this upload became {where} already; upload the file again to publish it elsewhere"
    )
