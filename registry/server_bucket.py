"""Objects of an S3 bucket that the operator offers for import; nothing is written there.

Off unless `VITRINE_IMPORT_S3_URL` names one. The bucket is the operator's choice, never a person's:
they choose a key beneath the operator's prefix. Neither address nor secret is ever said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from registry import policy
from registry.core import Registry
from registry.errors import Forbidden, NotFound, NotInstalled, StoreError
from registry.records import Actor, FolderFile, Page
from registry.settings import Settings

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Credential, S3Store

MOST_LISTED = 10_000
"""So many objects are listed, in the order of their keys; any is found by its key's beginning."""
_MOST_LOOKED_AT = 50_000
_BLOCK, _LISTED_AT_ONCE = 1 << 20, 1000
_CONNECT_S, _SILENT_S, _WHOLE_S = 5.0, 20.0, 4 * 3600.0
_TRIES_AGAIN, _TRIES_FOR_S = 2, 60.0
_MISSING = "there is no such object in the bucket"
_STATUS = re.compile(r"status code: (\d{3})\b")
_LAST = "\U0010ffff"


def is_on(reg: Registry) -> bool:
    """Whether the operator offers a bucket."""
    return bool(reg.settings.import_s3_url)


def find(
    reg: Registry, actor: Actor, text: str = "", page: int = 1, size: int = 20
) -> Page[FolderFile]:
    """Objects beneath the operator's prefix, by key, without empty ones.

    Args:
        text: Only keys that begin with this, in this case of letters.

    Raises:
        Forbidden: The actor may not upload.
        StoreError: The bucket does not answer, or has a key in that folder that no path can have.
        NotInstalled: The library is missing.
    """
    if why := policy.why_not(actor, None, "model.create"):
        raise Forbidden(why)
    page, prefix = max(1, page), reg.settings.import_s3_prefix
    wanted = prefix + text.strip()
    if not is_on(reg) or _is_odd(f"{wanted}x"):  # then so is every key that begins with it
        return Page((), 0, page, size)
    files = (
        FolderFile(told["path"].removeprefix(prefix), told["size"], told["last_modified"])
        for told in islice(_from(_store(reg.settings), wanted), _MOST_LOOKED_AT)
        if told["path"].startswith(wanted) and told["size"]
    )
    found = list(islice((file for file in files if not _is_odd(file.path)), MOST_LISTED))
    return Page(tuple(found[(page - 1) * size : page * size]), len(found), page, size)


def look(reg: Registry, path: str) -> int:
    """Size in bytes of an object, by its key beneath the prefix.

    Raises:
        NotFound: There is no such object, or no bucket.
        StoreError: The bucket does not answer.
        NotInstalled: The library is missing.
    """
    key = _key(reg, path)
    store = _store(reg.settings)
    with _answers():
        size_bytes: int = store.head(key)["size"]
    return size_bytes


@contextmanager
def reading(reg: Registry, path: str) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Size of an object, and its bytes as they were when it was asked for, to be read once.

    What breaks off is asked for again from there, as long as it is still the same object.

    Raises:
        NotFound: There is no such object, or no bucket.
        StoreError: The bucket does not answer, or breaks off, or the object was replaced meanwhile.
        NotInstalled: The library is missing.
    """
    key = _key(reg, path)
    store = _store(reg.settings)
    with _answers():
        etag = store.head(key)["e_tag"]
        answer = store.get(key, options={"if_match": etag} if etag else {})
        size_bytes = answer.meta["size"]

    def blocks() -> Iterator[bytes]:
        left = size_bytes
        with _answers():
            for block in answer.stream(min_chunk_size=_BLOCK):
                left -= len(block)
                yield bytes(block)
        if left:
            raise StoreError("the bucket broke off half-way: import it again")

    yield size_bytes, blocks()


def _is_odd(path: str) -> bool:
    """Whether a key could mean another one to a proxy on the way, or names no file."""
    parts = path.split("/")
    return not path.isprintable() or any(part in ("", ".", "..") for part in parts)


def _key(reg: Registry, path: str) -> str:
    key = reg.settings.import_s3_prefix + path
    if not is_on(reg) or _is_odd(path) or _is_odd(key):
        raise NotFound(_MISSING)
    return key


def _from(store: S3Store, wanted: str) -> Iterator[ObjectMeta]:
    """Objects in the folder of `wanted` by key, from those that begin with it to the last of them.

    Source: Amazon S3 API reference, ListObjectsV2 (API version 2006-03-01): keys come in the order
    of their UTF-8 bytes, which is that of their characters.
    """
    folder, _, name = wanted.rpartition("/")
    before = f"{wanted[:-1]}{chr(ord(wanted[-1]) - 1)}{_LAST}" if name[-1:] > " " else None
    with _answers():
        chunks = store.list(folder or None, offset=before, chunk_size=_LISTED_AT_ONCE)
        objects = (told for chunk in chunks for told in chunk)
        yield from takewhile(lambda told: told["path"][: len(wanted)] <= wanted, objects)


@lru_cache(maxsize=1)
def _store(settings: Settings) -> S3Store:
    """The bucket; kept, with its connections and what a role of the machine has lent.

    Raises:
        NotInstalled: The library is missing.
    """
    try:
        from obstore.store import S3Store
    except ImportError:
        raise NotInstalled("obstore") from None

    def given() -> S3Credential:
        key, secret = settings.import_s3_key, settings.import_s3_secret
        return {"access_key_id": key, "secret_access_key": secret, "expires_at": None}

    return S3Store(
        "bucket",  # must be given, is not used: the endpoint says which
        endpoint=settings.import_s3_url.rstrip("/"),
        virtual_hosted_style_request=True,
        region=settings.import_s3_region,
        credential_provider=given if settings.import_s3_key else None,
        client_options={
            "allow_http": True,
            "connect_timeout": timedelta(seconds=_CONNECT_S),
            "read_timeout": timedelta(seconds=_SILENT_S),
            "timeout": timedelta(seconds=_WHOLE_S),
        },
        retry_config={
            "max_retries": _TRIES_AGAIN,
            "retry_timeout": timedelta(seconds=_TRIES_FOR_S),
        },
    )


@contextmanager
def _answers() -> Iterator[None]:
    """What the library raises, in words without its own: those tell the address."""
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError:
        raise NotFound(_MISSING) from None
    except exceptions.InvalidPathError:
        raise StoreError(
            "a key there has an empty part, a dot or a control character where no path can: "
            "search beside it, or ask the operator to rename it"
        ) from None
    except (exceptions.BaseError, OSError, ValueError) as failed:
        status = _STATUS.search(str(failed))  # not every refusal has a class of its own
        raise StoreError(_sentence(status[1] if status else "")) from None


def _sentence(status: str) -> str:
    if status == "412":
        return "the object was replaced while it was read: import it again"
    if status:
        return f"the bucket refuses with status {status}: ask the operator"
    return "the bucket does not answer, or broke off: try again later, or ask the operator"
