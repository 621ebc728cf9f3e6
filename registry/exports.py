"""The export walk: a version leaves as one zip, streamed and counted.

As a package (the components asked for, a card and a manifest), as a folder that MLflow loads, or
as a repository of a model hub. Nothing of a file is held in memory; each is hashed on its way out.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, cast, get_args

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import (
    describing,
    downloads,
    hub_card,
    lineage,
    mlflow_folder,
    models,
    rates,
    sessions,
    versions,
    zipping,
)
from registry.core import Registry
from registry.editions import as_versions
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound, StoreError
from registry.records import Actor, Artifact, Model, Version
from registry.sandbox.contract import ModelSpec
from registry.shelf import as_models
from registry.tables import ArtifactRow, UserRow, VersionRow, new_id
from registry.zipping import Entry, entry_of

What = Literal["package", "mlflow", "hub"]
WHAT: tuple[What, ...] = get_args(What)
PARTS: dict[str, tuple[str, ...]] = {
    "weights": ("model",),
    "code": ("code",),
    "config": ("config",),
    "requirements": ("requirements",),
    "data": ("sample", "data"),
    "card": ("card", "license"),
}
"""Components of a version, each with the kinds of files it consists of."""
_DATA = {"sample": "data/", "data": "data/"}
FOLDERS = {"model": "weights/", "code": "code/", "config": "config/", **_DATA}
"""Where the files of a kind lie in a package."""
_BLOCK = 1 << 20
_NO_LINK = "this link is not one of ours"


class Bundle(NamedTuple):
    """A zip on its way out: its name, its size in bytes, and its bytes, to be read once."""

    filename: str
    size_bytes: int
    blocks: Iterator[bytes]


@dataclass(frozen=True)
class _Leaving:
    """What is exported, as its asker may see it, and how its bytes are found."""

    model: Model
    version: Version
    keys: dict[str, str]
    spec: ModelSpec
    parents: dict[str, str]

    def files(self, *kinds: str) -> list[Artifact]:
        """Those of these kinds, always in the same order."""
        found = (a for a in self.version.artifacts if not kinds or a.kind in kinds)
        return sorted(found, key=lambda a: (a.kind != "model", a.kind, a.filename, a.digest))


def open_export(
    reg: Registry, actor: Actor, ref: str, what: What = "package", parts: Sequence[str] = ()
) -> Bundle:
    """A version as one zip; counts as a download of each file in it.

    Args:
        parts: Components of a package, as in `PARTS`; () means all.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may see the model but not download it.
        InvalidInput: `what` or a part is unknown, or MLflow has no flavor for such a file.
        Conflict: MLflow would not ask it, or it must be converted first and does not load.
        PredictionFailed: Converting it failed; why.
        RateLimited: There were too many downloads within the last minute.
        StoreError: Bytes are missing or have changed; also while they are read.
    """
    _refuse_unknown(what, parts)
    with reg.reading() as s:
        leaving = _leaving_in(s, reg, actor, ref)
    rates.spend_download(reg, actor)
    made, taken = _MAKERS[what](reg, leaving, parts)
    if not made:
        raise InvalidInput({"parts": "this version has no such files"})
    with reg.writing() as s:
        downloads.count_in(s, actor, [artifact.id for artifact in taken], what)
    version = leaving.version
    name = f"{version.slug}-v{version.number}{'' if what == 'package' else f'-{what}'}.zip"
    return Bundle(name, zipping.length(made), zipping.stream(made))


def why_not(version: Version, what: What) -> str:
    """Why a version cannot leave in this form; "" when it can."""
    if what != "mlflow":
        return ""
    flavor = mlflow_folder.flavor_of(version)
    if flavor is None:
        return f"MLflow has no flavor that loads {version.inspection.format} files as they are"
    if flavor.convert_to and version.why_no_predictions:
        needs = "MLflow does not read joblib's files, so it is converted to skops first"
        return f"{needs}, and {version.why_no_predictions}"
    return ""


def link(
    reg: Registry, actor: Actor, ref: str, what: What = "package", parts: Sequence[str] = ()
) -> str:
    """A signed token that downloads the zip without signing in, for `link_expiry_s` seconds.

    It carries no more rights than its maker has at the time it is used.

    Raises:
        NotFound: No such version, or the actor may not see it.
        Forbidden: The actor may see the model but not download it.
        InvalidInput: `what` or a part is unknown.
    """
    _refuse_unknown(what, parts)
    with reg.reading() as s:
        model, row = versions.for_action(s, actor, "model.download", ref)
        ref = f"{models.address(s, model)}@{row.number}"
    return _signer(reg).dumps([ref, what, list(parts), actor.id])


def open_link(reg: Registry, token: str) -> Bundle:
    """The zip that a signed token names; counts as a download of its maker.

    Raises:
        NotFound: Not a token of ours, or its maker may not see the version any more.
        Forbidden: The link has expired, or its maker may not download any more.
        RegistryError: As `open_export`.
    """
    try:
        ref, what, parts, user_id = _signer(reg).loads(token, max_age=reg.settings.link_expiry_s)
    except SignatureExpired:
        raise Forbidden("this link has expired; ask for a new one") from None
    except (BadData, ValueError, TypeError):
        raise NotFound(_NO_LINK) from None
    with reg.reading() as s:
        user = s.get(UserRow, user_id)
        if user is None or user.disabled:
            raise NotFound(_NO_LINK)
        maker = sessions.actor_of(user)
    return open_export(reg, maker, ref, what, parts)


def _refuse_unknown(what: str, parts: Iterable[str]) -> None:
    if what not in WHAT:
        raise InvalidInput({"what": f"must be one of {', '.join(WHAT)}"})
    if any(part not in PARTS for part in parts):
        raise InvalidInput({"parts": f"are {', '.join(PARTS)}"})


def _leaving_in(s: Session, reg: Registry, actor: Actor, ref: str) -> _Leaving:
    model, row = versions.for_action(s, actor, "model.download", ref)
    level = models.level_of(s, actor, model) or "view"
    version = as_versions(s, actor, model, [row])[0]
    keys = select(ArtifactRow.digest, ArtifactRow.blake3).where(ArtifactRow.version_id == row.id)
    return _Leaving(
        model=as_models(s, [(model, level)], card=True)[0],
        version=version,
        keys=dict(s.execute(keys).all()),
        spec=versions.spec_in(s, reg, s.get_one(VersionRow, row.id)),
        parents=lineage.digests_in(s, actor, version.parents),
    )


def _package(
    reg: Registry, it: _Leaving, parts: Sequence[str]
) -> tuple[list[Entry], list[Artifact]]:
    """The components that were asked for; a card and a manifest are always there."""
    kinds = {kind for part in parts or PARTS for kind in PARTS[part]}
    taken = it.files(*kinds)
    paths = _paths(taken, {"readme.md", describing.MANIFEST})
    entries = [_stored(reg, it, path, a) for path, a in zip(paths, taken, strict=True)]
    if not entries:
        return [], []
    return [*_about(it, paths, taken), *entries], taken


def _about(it: _Leaving, paths: Sequence[str], files: Sequence[Artifact]) -> list[Entry]:
    """A card and a manifest."""
    packed = [
        describing.Packed(path, a.kind, a.size_bytes, a.digest)
        for path, a in zip(paths, files, strict=True)
    ]
    manifest = describing.manifest(it.model, it.version, packed, it.parents)
    card = hub_card.written(it.model, it.version)
    return [entry_of("README.md", card), entry_of(describing.MANIFEST, manifest)]


def _hub(reg: Registry, it: _Leaving, _: Sequence[str]) -> tuple[list[Entry], list[Artifact]]:
    """A repository: the card and the manifest on top, the files beside them."""
    taken = [a for a in it.files() if a.kind != "card"]
    paths = _paths(taken, {"readme.md", describing.MANIFEST}, folders=_DATA)
    entries = (_stored(reg, it, path, a) for path, a in zip(paths, taken, strict=True))
    return [*_about(it, paths, taken), *entries], taken


def _mlflow(reg: Registry, it: _Leaving, _: Sequence[str]) -> tuple[list[Entry], list[Artifact]]:
    """A model folder; a file that MLflow cannot read is converted in a worker."""
    if why := why_not(it.version, "mlflow"):
        raise (
            Conflict(why) if mlflow_folder.flavor_of(it.version) else InvalidInput({"what": why})
        )
    flavor = cast("mlflow_folder.Flavor", mlflow_folder.flavor_of(it.version))
    file = it.version.artifact
    weights = (
        _converted(reg, it, flavor) if flavor.convert_to else _stored(reg, it, flavor.path, file)
    )
    inputs = _graph_inputs(reg, it) if flavor.name == "onnx" else ()
    beside = mlflow_folder.files(it.model, it.version, flavor, weights.size_bytes, inputs)
    kept = [] if flavor.convert_to else [file]
    manifest = _about(it, [flavor.path for _ in kept], kept)[1]
    return [*(entry_of(path, told) for path, told in beside.items()), manifest, weights], [file]


def _graph_inputs(reg: Registry, it: _Leaving) -> list[mlflow_folder.Input]:
    """What an ONNX graph takes; looked up in a worker for what was inspected before it was kept."""
    told = it.version.inspection.details.get("inputs")
    if told is None:
        file = it.version.artifact
        fd = reg.store.open(file.digest, it.keys[file.digest])
        try:
            told = reg.pool.inspect(fd, file.filename)[0].details.get("inputs", ())
        finally:
            os.close(fd)
    return [(str(name), str(dtype)) for name, dtype in told]


_Maker = Callable[[Registry, _Leaving, Sequence[str]], tuple[list[Entry], list[Artifact]]]
_MAKERS: dict[What, _Maker] = {"package": _package, "mlflow": _mlflow, "hub": _hub}


def _paths(
    files: Sequence[Artifact], taken: Iterable[str], folders: dict[str, str] = FOLDERS
) -> list[str]:
    """Where each file lies: by its kind, no two alike also where letters' case does not count."""
    used, found = set(taken), []
    for file in files:
        stem, dot, ending = file.filename.rpartition(".")
        folder, n = folders.get(file.kind, ""), 1
        path = f"{folder}{file.filename}"
        while path.casefold() in used:
            n += 1
            path = f"{folder}{stem or ending} ({n}){dot if stem else ''}{ending if stem else ''}"
        used.add(path.casefold())
        found.append(path)
    return found


def _stored(reg: Registry, it: _Leaving, path: str, artifact: Artifact) -> Entry:
    """A file of the store, opened when its turn comes and checked against its digest."""
    fd = reg.store.open(artifact.digest, it.keys[artifact.digest])  # or refuse before it begins
    os.close(fd)

    def read() -> Iterator[bytes]:
        seen = hashlib.sha256()
        with os.fdopen(reg.store.open(artifact.digest, it.keys[artifact.digest]), "rb") as file:
            while block := file.read(_BLOCK):
                seen.update(block)
                yield block
        if seen.hexdigest() != artifact.digest:
            raise StoreError(f"the stored bytes of {artifact.filename} have changed: refused")

    return Entry(path, artifact.size_bytes, read)


def _converted(reg: Registry, it: _Leaving, flavor: mlflow_folder.Flavor) -> Entry:
    """The model in the format that MLflow reads, made by a worker into a file without a name."""
    spec = replace(it.spec, version_id=new_id())
    with tempfile.TemporaryFile(dir=reg.settings.staging_folder) as kept:
        most = reg.settings.max_upload_bytes
        with reg.pool.convert(spec, flavor.convert_to, most) as made:
            for start in range(0, len(made.data), _BLOCK):
                kept.write(made.data[start : start + _BLOCK])
        kept.flush()
        nameless = _Nameless(os.dup(kept.fileno()))

    def read() -> Iterator[bytes]:
        offset = 0
        while block := os.pread(nameless.fd, _BLOCK, offset):
            offset += len(block)
            yield block

    return Entry(flavor.path, os.fstat(nameless.fd).st_size, read)


class _Nameless:
    """A file that nobody can open by name; gone when the last who would read it is."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


def _signer(reg: Registry) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(reg.secret, salt="vitrine.export")
