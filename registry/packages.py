"""The package walk: a zip of a model and what belongs to it becomes a draft with its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from registry import codec, exports, hub_card, publish, staging
from registry.core import Registry
from registry.errors import (
    BrokenArtifact,
    NotFound,
    Rejected,
    SeveralModels,
    TooLarge,
    UnsafeArtifact,
)
from registry.formats.text import clean
from registry.records import Actor, Draft, Package, Packed, Schema, Staged, Told
from registry.sandbox.progress import Watch

KEPT = "package"
"""Under this name the inspection of the model says what else came out of its package."""
ELSEWHERE = "derived elsewhere from"
"""Under this name the training facts keep parents that are not here for whoever imports."""
_ZIP = b"PK\x03\x04"
_BLOCK = 1 << 20
_MAX_FILES, _MAX_CARD = 40, 200_000
Taken = dict[str, tuple[Packed, Staged]]
"""What was taken out, by its kind, the second of a kind as `kind:2`."""


def unpack(
    reg: Registry, actor: Actor, staged_id: str, watch: Watch | None = None, chosen: str = ""
) -> Draft | None:
    """Take a package apart: all of it, or nothing. None when the file is none.

    The members are listed, checked and inflated in locked workers; each one that is kept becomes
    a staged file of its own, and the package itself is thrown away.

    Args:
        watch: Told how far the look at the model is.
        chosen: Path of the model that is meant, where there are several.

    Raises:
        NotFound: The staged file is gone, or it is somebody else's.
        SeveralModels: It holds several and none of them is chosen; the package stays.
        Rejected: A member is refused, there is no model in it, or it is too large; the package is
            thrown away.
    """
    with reg.reading() as s:
        row = staging.row_in(s, actor, staged_id)
    with staging.opened(reg, staged_id) as fd:
        if row.inspection or os.pread(fd, len(_ZIP), 0) != _ZIP:
            return None
        package = reg.pool.list_package(fd)
        if package is None:
            return None
        try:
            package = _settled(package, chosen)
            _refuse(reg, package)
            taken, draft = _extract(reg, actor, fd, package, watch)
        except Rejected:
            _discard(reg, actor, [staged_id])
            raise
    told, card = package.told, hub_card.without_ours(_card(reg, taken))
    files = {key: staged.id for key, (member, staged) in taken.items() if member.kind != "model"}
    left = [clean(m.name) for m in package.of_kind("left out")]
    kept = {"name": row.filename, "files": files, "card": card, "left out": left[:50],
            "members": {key: clean(member.name) for key, (member, _) in taken.items()},
            "told": codec.dump(replace(told, schema=None))}  # fmt: skip
    inspection = replace(
        draft.inspection,
        details={**draft.inspection.details, KEPT: kept},
        schema=_schema(told.schema, draft.inspection.schema),
    )
    staging.remember(reg, actor, draft.id, inspection, draft.report)
    _discard(reg, actor, [staged_id])
    return replace(draft, inspection=inspection)


def told(draft: Draft) -> Told:
    """What the package of a draft said about its model; nothing for a plain file."""
    kept = draft.inspection.details.get(KEPT)
    said = kept.get("told") if isinstance(kept, dict) else None
    return codec.load(Told, said) if said else Told()


def _schema(told: Schema | None, read: Schema | None) -> Schema | None:
    """The schema of a package, completed by what the model file itself says."""
    if told is None or read is None or told.kind != read.kind:
        return read or told
    if {f.name for f in told.fields} != {f.name for f in read.fields} and read.fields:
        return read  # it is not about this file
    return replace(
        told,
        outputs=told.outputs or read.outputs,
        classes=told.classes or read.classes,
        tensors=told.tensors if len(told.tensors) == len(read.tensors) else read.tensors,
        example=told.example or read.example,
    )


def _settled(package: Package, chosen: str) -> Package:
    """The package with one model, the others left out."""
    if package.report.verdict != "clean":
        raise UnsafeArtifact(package.report)
    models = [member.name for member in package.of_kind("model")]
    if not models:
        raise BrokenArtifact("the package holds no model file: nothing in it has a known ending")
    if len(models) == 1:
        return package
    if chosen not in models:
        raise SeveralModels(models)
    others = {*models} - {chosen}
    members = [replace(m, kind="left out") if m.name in others else m for m in package.members]
    return replace(package, members=tuple(members))


def _refuse(reg: Registry, package: Package) -> None:
    """Say what is too much in a package."""
    wanted = [member for member in package.members if member.kind != "left out"]
    if len(wanted) > _MAX_FILES:
        raise TooLarge(f"the package holds {len(wanted)} files, at most {_MAX_FILES} are kept")
    if sum(member.size_bytes for member in wanted) > reg.settings.max_upload_bytes:
        most = reg.settings.max_upload_mb
        raise TooLarge(f"unpacked, the package is above the limit of {most} MB")


def _extract(
    reg: Registry, actor: Actor, fd: int, package: Package, watch: Watch | None
) -> tuple[Taken, Draft]:
    """Stage every member that is kept, and examine the model; when anything fails, none stays."""
    taken: Taken = {}
    common = _common_folder(package)
    with ExitStack() as undo:
        undo.callback(lambda: _discard(reg, actor, [staged.id for _, staged in taken.values()]))
        for member in package.members:
            if member.kind == "left out":
                continue
            n = sum(other.kind == member.kind for other, _ in taken.values())
            key = f"{member.kind}:{n + 1}" if n else member.kind
            taken[key] = (member, _staged(reg, actor, fd, member, common))
        draft = publish.examine(reg, actor, taken["model"][1].id, watch)
        undo.pop_all()
    return taken, draft


def _code_name(name: str, common: str) -> str:
    """Where a file of code lies among the others: as in the package, without what all are in."""
    return name.removeprefix(common).removeprefix(exports.FOLDERS["code"])


def _common_folder(package: Package) -> str:
    """The one folder that all members are in, with its slash; "" without one."""
    tops = {m.name.partition("/")[:2] for m in package.members if m.kind != "left out"}
    return "".join(tops.pop()) if len(tops) == 1 and all(slash for _, slash in tops) else ""


def _staged(reg: Registry, actor: Actor, fd: int, member: Packed, common: str) -> Staged:
    code = member.kind == "code"
    filename = _code_name(member.name, common) if code else member.name.rpartition("/")[2]
    with (
        reg.pool.unpack(fd, member.name, member.size_bytes) as made,
        staging.receive(reg, actor, filename, folders=code) as incoming,
    ):
        for start in range(0, len(made.data), _BLOCK):
            incoming.write(made.data[start : start + _BLOCK])
        return incoming.finish()


def _card(reg: Registry, taken: Taken) -> str:
    """The text of the readme, "" without one."""
    if "card" not in taken:
        return ""
    with staging.opened(reg, taken["card"][1].id) as fd:
        return os.pread(fd, _MAX_CARD, 0).decode("utf-8", "replace")


def _discard(reg: Registry, actor: Actor, staged_ids: Sequence[str]) -> None:
    for staged_id in staged_ids:
        with suppress(NotFound):
            staging.discard(reg, actor, staged_id)
