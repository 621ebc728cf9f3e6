"""Downloads: the files of a version, whole or from where they stopped."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry import downloads
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.sending import Sent

router = admission.router("files")
_BYTES = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_FILE: dict[str, Any] = {"content": {"application/octet-stream": _BYTES}}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@router.get(
    "/models/{owner}/{slug}/versions/{version}/files/{file}",
    summary="Download a file",
    response_class=Response,
    **may(
        "download", 404, 416,
        answers={200: {"description": "The file.", **_FILE},
                 206: {"description": "The range of it.", **_FILE},
                 304: {"description": "It is what you have."}},
    ),
)  # fmt: skip
async def fetch(
    request: Request,
    by: By,
    owner: str,
    slug: str,
    version: str,
    file: str,
    range: Annotated[str, Header(examples=["bytes=1048576-"])] = "",
    if_range: Annotated[str, Header(description="Else the whole file is sent.")] = "",
    if_none_match: Annotated[str, Header(description="The ETag of what you have.")] = "",
) -> Response:
    """A file by its id or its kind (`model`, `config` …). The ETag is its SHA-256 in quotes.

    One range at a time; of several, or one that cannot be read, the whole file is sent.
    """
    wanted = _RANGE.fullmatch(range.strip())
    counted = not (wanted and wanted[1].strip("0"))
    ref = f"{owner}/{slug}@{version}"
    opened = await by.ask(downloads.open_file, ref, file, counted=counted)
    sent = Sent(opened)
    etag = f'"{opened.digest}"'
    if etag in if_none_match:
        sent.close()
        return Response(status_code=304, headers={"etag": etag})
    if wanted is None or not any(wanted.groups()) or if_range not in ("", etag):
        request.scope["headers"] = [(k, v) for k, v in request.headers.raw if k != b"range"]
        return sent
    if not _is_there(wanted[1], wanted[2], opened.size_bytes):
        sent.close()
        size = {"content-range": f"bytes */{opened.size_bytes}"}
        raise HTTPException(416, f"the file has {opened.size_bytes} bytes", headers=size)
    return sent


def _is_there(first: str, last: str, size_bytes: int) -> bool:
    """Whether a file of this size has some of the range; without a first byte it is the end."""
    if not first:
        return int(last) > 0
    return int(first) < size_bytes and (not last or int(first) <= int(last))
