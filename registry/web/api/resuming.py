"""Uploads in parts, over links that break: announced, sent, asked about, gone on with.

Source: tus resumable upload protocol 1.0.0, core protocol, creation, termination and expiration.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import Annotated

from anyio import CancelScope
from fastapi import Header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry import uploads
from registry.errors import InvalidInput
from registry.records import Upload
from registry.web.api import admission, streams
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.api.said import UploadShape

router = admission.router("uploads")
KIND = "application/offset+octet-stream"
_TUS = {"tus-resumable": "1.0.0", "cache-control": "no-store"}
_BODY = {"required": True, "content": {KIND: {"schema": {"type": "string", "format": "binary"}}}}
Length = Annotated[int, Header(ge=0, description="Bytes of the whole file.", examples=[52_428_800])]
Offset = Annotated[int, Header(ge=0, description="Bytes that are there already.", examples=[0])]
Metadata = Annotated[
    str,
    Header(
        max_length=4_000,
        description="`filename` and its value in Base64, as tus has it.",
        examples=["filename bW9kZWwuam9ibGli"],
    ),
]


@router.post(
    "/uploads",
    summary="Begin an upload in parts",
    response_model=UploadShape,
    status_code=201,
    **may("file.stage", 409, 413, 507),
)
async def begin(by: By, upload_length: Length, upload_metadata: Metadata = "") -> Response:
    """Announce a file; `Location` is where its parts go."""
    name = _filename(upload_metadata)
    upload = await by.ask(uploads.begin, name, upload_length)
    headers = _told(upload) | {"location": f"/api/v1/uploads/{upload.id}"}
    return admission.written(UploadShape, upload, 201, headers)


@router.get(
    "/uploads/{upload_id}",
    summary="How far an upload is",
    response_model=UploadShape,
    **may("file.stage", 404),
)
async def get(by: By, upload_id: str) -> Response:
    """How much has arrived, and until when it is kept."""
    upload = await by.ask(uploads.get, upload_id)
    return admission.written(UploadShape, upload, 200, _told(upload))


@router.head(
    "/uploads/{upload_id}",
    summary="Where to go on",
    response_class=Response,
    **may("file.stage", 404),
)
async def head(by: By, upload_id: str) -> Response:
    """`Upload-Offset` says how much has arrived, `Upload-Length` how much is to come in all."""
    return Response(headers=_told(await by.ask(uploads.get, upload_id)))


@router.patch(
    "/uploads/{upload_id}",
    summary="Send the next part",
    response_class=Response,
    status_code=204,
    **may("file.stage", 404, 409, 507, body=True, requestBody=_BODY),
)
async def send(
    request: Request,
    by: By,
    upload_id: str,
    upload_offset: Offset,
    content_digest: Annotated[
        str, Header(description="Of this part, as RFC 9530 has it: `sha-256=:…:`.")
    ] = "",
) -> Response:
    """Bytes from `Upload-Offset` on; 409 when others are there. What arrived stays.

    With `Content-Digest`, a part that arrived damaged is forgotten and answered by 422.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise HTTPException(415, f"send a part as {KIND}")
    announced = streams.announced_digest(request)
    with admission.place(by):
        hashed = announced is not None
        part = await by.ask(uploads.resume, upload_id, upload_offset, hashed=hashed)
        try:
            async for block in streams.blocks(request):
                await by.run(partial(part.write, block))
            if announced not in (None, part.digest):
                await by.run(part.undo)
            streams.need_digest(announced, part.digest)
        finally:
            with CancelScope(shield=True):
                await by.run(partial(part.__exit__, None, None, None))
        upload = await by.ask(uploads.get, upload_id)
        if upload.is_whole:
            await by.ask(uploads.finish, upload_id)
    return Response(status_code=204, headers=_told(upload))


@router.delete(
    "/uploads/{upload_id}", summary="Give an upload up", status_code=204, **may("file.stage", 404)
)
async def discard(by: By, upload_id: str) -> Response:
    """What has arrived is deleted."""
    return await by.do(uploads.discard, upload_id)


def _told(upload: Upload) -> dict[str, str]:
    return {
        **_TUS,
        "upload-offset": str(upload.received_bytes),
        "upload-length": str(upload.size_bytes),
        "upload-expires": upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }


def _filename(metadata: str) -> str:
    """The name in tus' metadata: pairs of a key and Base64, joined by commas.

    Raises:
        InvalidInput: It cannot be read.
    """
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise InvalidInput({"Upload-Metadata": "has no filename in Base64"}) from None
    return "upload"
