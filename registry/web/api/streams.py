"""Bodies too large for memory: block by block, patient with slow links, not with dead ones."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from registry.errors import InvalidInput

BLOCK = 1 << 20
_IDLE_S = 60.0
_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")


async def blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks of about a megabyte; what came before the end of a broken one too.

    Raises:
        HTTPException: 408, nothing came for a minute; 400, the body ended early.
    """
    buffer, incoming = bytearray(), aiter(request.stream())
    wrong: HTTPException | None = None
    while wrong is None:
        try:
            with anyio.fail_after(_IDLE_S):
                buffer += await anext(incoming)
        except StopAsyncIteration:
            break
        except TimeoutError:
            wrong = HTTPException(408, "nothing came for a minute; go on where it stopped")
        except ClientDisconnect:
            wrong = HTTPException(400, "the body ended early")
        if len(buffer) >= BLOCK:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
    if wrong:
        raise wrong


def announced_digest(request: Request) -> bytes | None:
    """The SHA-256 in the header Content-Digest; None without one.

    Raises:
        InvalidInput: It cannot be read.

    It is that of the content of the message: of a form all of it, boundaries and headers of parts
    too. Parts have none of their own.

    Source: RFC 9530, "Digest Fields", section 2; algorithms other than sha-256 are ignored.
        RFC 7578, "Returning Values from Forms: multipart/form-data", section 4.8.
    """
    found = _SHA256.search(request.headers.get("content-digest", ""))
    if found is None:
        return None
    try:
        digest = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise InvalidInput({"Content-Digest": "is no SHA-256: write it as sha-256=:<base64>:"})
    return digest


def need_digest(announced: bytes | None, found: bytes) -> None:
    """Refuse bytes that are not those that were sent.

    Raises:
        InvalidInput: They differ.
    """
    if announced is not None and announced != found:
        why = f"what arrived has SHA-256 {found.hex()}, announced was {announced.hex()}; send again"
        raise InvalidInput({"Content-Digest": why})
