"""What a server tells: models, versions, answers, and refusals as the errors they were."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from registry import errors


@dataclass(frozen=True, slots=True)
class Model:
    """A model; `said` has all that the server tells of it."""

    ref: str
    name: str
    level: str
    n_versions: int
    tags: tuple[str, ...]
    aliases: dict[str, int]
    said: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a version."""

    id: str
    kind: str
    filename: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version; `said` has all that the server tells of it."""

    ref: str
    model: str
    number: int
    status: str
    label: str
    metrics: dict[str, float]
    files: tuple[File, ...]
    said: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version said; `outputs` maps a name to one value per row."""

    ref: str
    n_rows: int
    outputs: dict[str, Any]
    latency_ms: dict[str, float]
    said: dict[str, Any] = field(repr=False)


def model_of(said: dict[str, Any]) -> Model:
    """A model as the server tells it."""
    tags, aliases = tuple(said["tags"]), said["aliases"]
    return Model(said["ref"], said["name"], said["level"], said["n_versions"], tags, aliases, said)


def version_of(said: dict[str, Any]) -> Version:
    """A version as the server tells it."""
    metrics = {metric["name"]: metric["value"] for metric in said["metrics"]}
    names = ("id", "kind", "filename", "digest", "size_bytes")
    files = tuple(File(*(one[name] for name in names)) for one in said["artifacts"])
    facts = (said["ref"], said["model"], said["number"], said["status"], said["label"])
    return Version(*facts, metrics, files, said)


def _kinds() -> dict[str, type[errors.RegistryError]]:
    """Type of a problem to the error it was; those that carry records become what they are."""
    found = {}
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.RegistryError):
            found[re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()] = kind
    return found | {"gate-closed": errors.Conflict, "unsafe-artifact": errors.Rejected}


_KINDS = _kinds()


def raise_for(answer: httpx.Response) -> None:
    """Raise what the server refused with.

    Raises:
        RegistryError: It did.
    """
    if not answer.is_error:
        return
    try:
        said = answer.json()
    except ValueError:
        said = {}
    kind = _KINDS.get(str(said.get("type", "")).rpartition(":")[2], errors.RegistryError)
    error = kind.__new__(kind)
    Exception.__init__(error, said.get("detail") or f"the server answered {answer.status_code}")
    known = {
        "problems": said.get("problems") or {},
        "log": said.get("log") or "",
        "names": tuple(said.get("names") or ()),
        "retry_after_s": float(answer.headers.get("retry-after", "1")),
    }
    for name, value in known.items():
        setattr(error, name, value)
    raise error
