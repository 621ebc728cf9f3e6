"""Downloads: the files of a version, whole or from where they stopped."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from registry import downloads
from registry.downloads import Opened
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.sending import Sent

router = admission.router("files")
_BYTES = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_FILE: dict[str, Any] = {"content": {"application/octet-stream": _BYTES}}
FILE: dict[int, Any] = {
    200: {"description": "The file.", **_FILE},
    206: {"description": "The range of it.", **_FILE},
    304: {"description": "It is what you have."},
}
"""The answers of a download."""
Range = Annotated[str, Header(examples=["bytes=1048576-"])]
IfRange = Annotated[str, Header(description="Else the whole file is sent.")]
IfNoneMatch = Annotated[str, Header(description="The ETag of what you have.")]
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@router.get(
    "/models/{owner}/{slug}/versions/{version}/files/{file}",
    summary="Download a file",
    response_class=Response,
    **may("model.download", 404, 416, answers=FILE),
)
async def fetch(
    request: Request,
    by: By,
    owner: str,
    slug: str,
    version: str,
    file: str,
    range: Range = "",
    if_range: IfRange = "",
    if_none_match: IfNoneMatch = "",
) -> Response:
    """A file by its id or its kind (`model`, `config` …). The ETag is its SHA-256 in quotes.

    One range at a time; of several, or one that cannot be read, the whole file is sent.
    """
    wanted = _RANGE.fullmatch(range.strip())
    counted = not (wanted and wanted[1].strip("0"))
    ref = f"{owner}/{slug}@{version}"
    opened = await by.ask(downloads.open_file, ref, file, counted=counted)
    return sent(request, opened, range, if_range, if_none_match)


def sent(
    request: Request, opened: Opened, range: str, if_range: str, if_none_match: str
) -> Response:
    """An opened file, or what of it is asked for.

    Raises:
        HTTPException: 416, it has no such range.
    """
    wanted = _RANGE.fullmatch(range.strip())
    file = Sent(opened)
    etag = f'"{opened.digest}"'
    if etag in if_none_match:
        file.close()
        return Response(status_code=304, headers={"etag": etag})
    if wanted is None or not any(wanted.groups()) or if_range not in ("", etag):
        request.scope["headers"] = [(k, v) for k, v in request.headers.raw if k != b"range"]
        return file
    if not _is_there(wanted[1], wanted[2], opened.size_bytes):
        file.close()
        size = {"content-range": f"bytes */{opened.size_bytes}"}
        raise HTTPException(416, f"the file has {opened.size_bytes} bytes", headers=size)
    return file


def _is_there(first: str, last: str, size_bytes: int) -> bool:
    """Whether a file of this size has some of the range; without a first byte it is the end."""
    if not first:
        return int(last) > 0
    return int(first) < size_bytes and (not last or int(first) <= int(last))
