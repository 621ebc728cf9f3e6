"""Records to plain JSON data and back, checked on the way in."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(cls: Any) -> TypeAdapter[Any]:
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def dump(record: Any) -> Any:
    """A record (or a tuple of records) as data that `json` can write."""
    if isinstance(record, (list, tuple)):
        return [dump(item) for item in record]
    return _adapter(type(record)).dump_python(record, mode="json")


def load(cls: type[T], data: Any) -> T:
    """A record of class `cls` from plain data.

    Raises:
        pydantic.ValidationError: The data does not fit; worker replies are checked this way.
    """
    loaded: T = _adapter(cls).validate_python(data)
    return loaded
