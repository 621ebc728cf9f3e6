"""Stores: content-addressed places for artifacts, chosen by the scheme of a URL."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from registry.errors import NotInstalled, StoreError
from registry.stores.contract import Store

__all__ = ["STORES", "Store", "open_store"]

STORES = ("file", "s3")


def open_store(url: str) -> Store:
    """The store at `url`.

    Raises:
        StoreError: The scheme is unknown.
        NotInstalled: The scheme is known, its library is not here.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        from registry.stores.local import LocalStore

        return LocalStore(unquote(parts.path))
    if parts.scheme == "s3":
        raise NotInstalled("boto3")
    raise StoreError(f"no store for {parts.scheme or url!r}: use one of {', '.join(STORES)}")
