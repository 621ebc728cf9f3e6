"""Publishing: a file in one request, or an upload that came in parts, becomes a version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from anyio import CancelScope
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry import packages, publish, staging, uploads
from registry.core import Registry
from registry.errors import InvalidInput, NotFound, TooLarge
from registry.records import Actor, Details, Staged, Version
from registry.web.api import admission, bodies, streams
from registry.web.api.admission import By, Caller
from registry.web.api.asked import ModelDetails, Uploaded, UploadedModel, VersionDetails
from registry.web.api.documented import form_of, may
from registry.web.api.said import VersionWhole
from registry.web.multipart import Form, boundary_of

router = admission.router("publishing")
T = TypeVar("T", bound=VersionDetails)
U = TypeVar("U", Uploaded, UploadedModel)
_FRAMING = 1 << 20
_FILE = "file"


@router.post(
    "/models",
    summary="Publish a new model",
    response_model=VersionWhole,
    status_code=201,
    **may(
        "model.create", 404, 409, 502, 504, 507, body=True,
        requestBody=form_of(UploadedModel, ModelDetails),
    ),
)  # fmt: skip
async def new_model(request: Request, by: By) -> Response:
    """A file becomes the first version of a new model of yours: read, scanned, then checked."""
    return await _publish(request, by, "", ModelDetails, UploadedModel)


@router.post(
    "/models/{owner}/{slug}/versions",
    summary="Publish a version",
    response_model=VersionWhole,
    status_code=201,
    **may(
        "version.add", 404, 409, 502, 504, 507, body=True,
        requestBody=form_of(Uploaded, VersionDetails),
    ),
)  # fmt: skip
async def new_version(request: Request, by: By, owner: str, slug: str) -> Response:
    """A file becomes the next version of a model: read, scanned, then checked.

    Its status is `checking` at first, `ready` within moments; or `quarantined`, or `failed`.
    """
    return await _publish(request, by, f"{owner}/{slug}", VersionDetails, Uploaded)


async def _publish(
    request: Request, by: Caller, model: str, details: type[VersionDetails], uploaded: type[U]
) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (bodies.JSON, "multipart/form-data"):
        raise HTTPException(415, f"send multipart/form-data with a file, or {bodies.JSON}")
    with admission.place(by):
        if kind == bodies.JSON:
            body = await bodies.read(request, bodies.SMALL)
            version = await _from_upload(by, model, uploaded.read(body))
        else:
            version = await _from_form(request, by, model, details)
    where = f"/api/v1/models/{quote(version.model)}/versions/{version.number}"
    return admission.written(VersionWhole, version, 201, {"location": where})


class _Taken:
    """Files that came in one request, on their way and staged; `undo` leaves none of them."""

    def __init__(self, by: Caller) -> None:
        self._reg, self._actor = by.reg, by.actor
        self._incoming: dict[str, staging.Incoming] = {}
        self.files: dict[str, Staged] = {}

    def open_file(self, name: str, filename: str) -> staging.Incoming:
        """Begin to receive a part."""
        if name != _FILE and name not in publish.SUFFIXES:
            known = ", ".join((_FILE, *publish.SUFFIXES))
            raise InvalidInput({name: f"is no kind of file; there are {known}"})
        self._incoming[name] = staging.receive(self._reg, self._actor, filename)
        return self._incoming[name]

    def finish(self) -> None:
        """Stage what was received."""
        for name, file in self._incoming.items():
            self.files[name] = file.finish()

    def undo(self) -> None:
        """Keep nothing of it."""
        for file in self._incoming.values():
            file.abort()
        for staged in self.files.values():
            with suppress(NotFound):  # published, or thrown away by a scan
                staging.discard(self._reg, self._actor, staged.id)


async def _from_form(request: Request, by: Caller, model: str, details: type[T]) -> Version:
    """What came in one request; nothing of it is kept unless a version comes of it."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > by.reg.settings.max_upload_bytes + _FRAMING:
        raise TooLarge(f"the upload is above the limit of {by.reg.settings.max_upload_mb} MB")
    announced, taken = streams.announced_digest(request), _Taken(by)
    whole = hashlib.sha256() if announced else None
    form = Form(boundary_of(request.headers["content-type"]), taken.open_file, bodies.SMALL)
    try:
        async for block in streams.blocks(request):
            await by.run(partial(_feed, form, whole, block))
        if not form.finished:
            raise InvalidInput({_FILE: "the upload ended too early; send it again"})
        told = details.read(bytes(form.fields.pop("details", b"{}")))
        if form.fields:
            raise InvalidInput(dict.fromkeys(form.fields, "is no part of this form"))
        if whole:
            streams.need_digest(announced, whole.digest())
        await by.run(taken.finish)
        others = {name: staged.id for name, staged in taken.files.items()}
        main = others.pop(_FILE, "")
        if not main:
            raise InvalidInput({_FILE: "the form has no file: add a part of this name"})
        _need_digests(told, {name: staged.digest for name, staged in taken.files.items()})
        return await by.ask(_published, main, told, others, model)
    except BaseException:
        with CancelScope(shield=True):
            await by.run(taken.undo)
        raise


def _feed(form: Form, whole: hashlib._Hash | None, block: bytes) -> None:
    if whole:
        whole.update(block)
    form.feed(block)


def _need_digests(told: VersionDetails, found: Mapping[str, str]) -> None:
    """Refuse files that are not those that were announced, by kind.

    Raises:
        InvalidInput: They differ, or there is no such file.
    """
    problems = {
        f"sha256.{kind}": f"what arrived has {found.get(kind, 'no such file')}; send it again"
        for kind, digest in told.sha256.items()
        if found.get(kind) != digest.strip().lower()
    }
    if problems:
        raise InvalidInput(problems)


async def _from_upload(by: Caller, model: str, told: Uploaded | UploadedModel) -> Version:
    """What came in parts before, and stays where it is when no version comes of it."""
    found = {}
    for kind, upload_id in {_FILE: told.upload, **told.files}.items():
        with suppress(NotFound):  # published already: `publish` says which version it is
            found[kind] = (await by.ask(uploads.finish, upload_id)).digest
    if found:
        _need_digests(told, found)
    return await by.ask(_published, told.upload, told, told.files, model)


def _published(
    reg: Registry,
    actor: Actor,
    staged_id: str,
    told: VersionDetails,
    files: dict[str, str],
    model: str,
) -> Version:
    try:
        draft = packages.unpack(reg, actor, staged_id, chosen=told.chosen)
    except NotFound:
        draft = None  # published already: `publish` says which version it is
    if draft is not None:
        staged_id = draft.id
        files = {**draft.inspection.details[packages.KEPT]["files"], **files}
    return publish.publish(reg, actor, staged_id, _details(told, files, model))


def _details(told: VersionDetails, files: dict[str, str], model: str) -> Details:
    same = told.model_fields_set & set(Details.__dataclass_fields__) - {"files", "metrics"}
    given: dict[str, Any] = {name: getattr(told, name) for name in same}
    given |= {"tags": tuple(given["tags"])} if "tags" in given else {}
    given |= {"parents": tuple(given["parents"])} if "parents" in given else {}
    metrics = tuple(metric.record() for metric in told.metrics)
    return Details(model=model, schema=told.takes, metrics=metrics, files=files, **given)
