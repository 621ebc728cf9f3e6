"""Files on their way out: through their descriptor, with ranges, never cached by others."""

from __future__ import annotations

import os

from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from registry.downloads import Opened
from registry.exports import Bundle


class Sent(FileResponse):
    """An opened file, read through its descriptor and closed at the end; ranges work."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(
            f"/dev/fd/{opened.fd}",
            filename=opened.filename.rpartition("/")[2],
            media_type="application/octet-stream",
            headers={
                "cache-control": "private, no-store",
                "etag": f'"{opened.digest}"',
                "x-content-sha256": opened.digest,
            },
            stat_result=os.fstat(opened.fd),
        )
        self._fd = opened.fd

    def close(self) -> None:
        """Let go of a file that is not sent."""
        os.close(self._fd)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._fd)


def streamed(bundle: Bundle) -> StreamingResponse:
    """A zip sent block by block; when bytes turn out wrong the answer ends short of its length."""
    return StreamingResponse(
        bundle.blocks,
        media_type="application/zip",
        headers={
            "cache-control": "private, no-store",
            "content-disposition": f'attachment; filename="{bundle.filename}"',
            "content-length": str(bundle.size_bytes),
        },
    )
