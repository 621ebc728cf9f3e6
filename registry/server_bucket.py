"""Objects of an S3 bucket that the operator offers for import; signed requests, nothing is written.

Off unless `VITRINE_IMPORT_S3_URL` names one. The bucket is the operator's choice, never a person's:
they choose a key beneath the operator's prefix. Neither address nor secret is ever said.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from registry import policy
from registry.core import Registry
from registry.errors import Forbidden, NotFound, StoreError
from registry.records import Actor, FolderFile, Page
from registry.settings import Settings
from registry.tables import now

MOST_LISTED = 1000
"""One answer of ListObjectsV2."""
_TIMEOUT_S = 20.0
_BLOCK, _MOST_LISTING = 1 << 20, 4 << 20
_EMPTY = hashlib.sha256().hexdigest()
_KEPT = "-_.~"
_MISSING = "there is no such object in the bucket"


class Request(NamedTuple):
    """A request without a body: `path` and `query` are not yet quoted."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]


def is_on(reg: Registry) -> bool:
    """Whether the operator offers a bucket."""
    return bool(reg.settings.import_s3_url)


def find(
    reg: Registry, actor: Actor, text: str = "", page: int = 1, size: int = 20
) -> Page[FolderFile]:
    """Objects beneath the operator's prefix, by key, at most a thousand.

    Args:
        text: Only keys that begin with this, in this case of letters.

    Raises:
        Forbidden: The actor may not upload.
        StoreError: The bucket does not answer.
    """
    if why := policy.why_not(actor, None, "file.stage"):
        raise Forbidden(why)
    page = max(1, page)
    if not is_on(reg):
        return Page((), 0, page, size)
    prefix = reg.settings.import_s3_prefix
    query = {"list-type": "2", "max-keys": str(MOST_LISTED), "prefix": prefix + text.strip()}
    with _answer(reg.settings, "GET", "", query) as answer:
        listing = answer.read(_MOST_LISTING)
    found = [file for file in _listed(listing, prefix) if not _is_odd(file.path)]
    return Page(tuple(found[(page - 1) * size : page * size]), len(found), page, size)


def look(reg: Registry, path: str) -> int:
    """Size in bytes of an object, by its key beneath the prefix.

    Raises:
        NotFound: There is no such object, or no bucket.
        StoreError: The bucket does not answer.
    """
    with _answer(reg.settings, "HEAD", _key(reg, path)) as answer:
        return _length(answer)


@contextmanager
def reading(reg: Registry, path: str) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Size of an object, and its bytes as they were when it was asked for, to be read once.

    Raises:
        NotFound: There is no such object, or no bucket.
        StoreError: The bucket does not answer, or breaks off.
    """
    with _answer(reg.settings, "GET", _key(reg, path)) as answer:
        size_bytes = _length(answer)

        def blocks() -> Iterator[bytes]:
            left = size_bytes
            while block := answer.read(_BLOCK):
                left -= len(block)
                yield block
            if left:
                raise StoreError("the bucket broke off half-way: import it again")

        yield size_bytes, blocks()


def _is_odd(path: str) -> bool:
    """Whether a key could mean another one to a proxy on the way, or names no file."""
    parts = path.split("/")
    return not path.isprintable() or any(part in ("", ".", "..") for part in parts)


def _key(reg: Registry, path: str) -> str:
    if not is_on(reg) or _is_odd(path):
        raise NotFound(_MISSING)
    return reg.settings.import_s3_prefix + path


@contextmanager
def _answer(
    settings: Settings, method: str, key: str, query: Mapping[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """What the bucket says; refusals as errors."""
    at = urlsplit(settings.import_s3_url)
    kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    path = at.path.rstrip("/") + f"/{key}"
    request = Request(method, at.netloc, path, query or {})
    connection = kind(at.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request(method, _target(request), headers=headers(request, settings, now()))
        answer = connection.getresponse()
        if answer.status == 404:
            raise NotFound(_MISSING)
        if answer.status != 200:
            raise StoreError(f"the bucket refuses with status {answer.status}: ask the operator")
        yield answer
    except (OSError, http.client.HTTPException) as failed:
        raise StoreError(
            f"the bucket does not answer ({type(failed).__name__}): try again later"
        ) from failed
    finally:
        connection.close()


def headers(request: Request, settings: Settings, at: datetime) -> dict[str, str]:
    """What a request is signed with; nothing without an access key, for buckets that are public.

    Source: AWS Signature Version 4, "Signature Calculations for the Authorization Header:
    Transferring Payload in a Single Chunk", Amazon S3 API reference, API version 2006-03-01.
    """
    if not settings.import_s3_key:
        return {}
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{settings.import_s3_region}/s3/aws4_request"
    told = {"host": request.host, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
    named = ";".join(told)
    lines = "".join(f"{name}:{value}\n" for name, value in told.items())
    path, _, query = _target(request).partition("?")
    canonical = f"{request.method}\n{path}\n{query}\n{lines}\n{named}\n{_EMPTY}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{settings.import_s3_secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(
        key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode(), "sha256"
    ).hex()
    by = f"AWS4-HMAC-SHA256 Credential={settings.import_s3_key}/{scope}"
    return {**told, "authorization": f"{by},SignedHeaders={named},Signature={signature}"}


def _target(request: Request) -> str:
    """Path and query as they are sent and signed."""
    query = sorted(
        (quote(name, safe=_KEPT), quote(value, safe=_KEPT)) for name, value in request.query.items()
    )
    listed = "&".join(f"{name}={value}" for name, value in query)
    return quote(request.path, safe=f"/{_KEPT}") + (f"?{listed}" if listed else "")


def _length(answer: http.client.HTTPResponse) -> int:
    told = answer.getheader("content-length", "")
    if not told.isdigit():
        raise StoreError("the bucket does not say how long the object is")
    return int(told)


def _listed(listing: bytes, prefix: str) -> Iterator[FolderFile]:
    """The objects of an answer to ListObjectsV2, by key, without the prefix."""
    try:
        for entry in ElementTree.fromstring(listing).findall("{*}Contents"):
            told = {each.tag.rpartition("}")[2]: each.text or "" for each in entry}
            at = datetime.fromisoformat(told["LastModified"])
            yield FolderFile(told["Key"].removeprefix(prefix), int(told["Size"]), at)
    except (ElementTree.ParseError, KeyError, ValueError) as odd:
        raise StoreError("the bucket's list cannot be read: is it S3 that answers?") from odd
