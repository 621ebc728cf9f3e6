"""What people write about models and versions, checked: names, labels, links, aliases."""

from __future__ import annotations

import re
import unicodedata

from semver import Version as SemVer
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Conflict, InvalidInput
from registry.tables import VersionRow

MAX_NAME = 100


def clean_label(s: Session, model_id: str, label: str, besides: str = "") -> str | None:
    """A semantic version that no other version of the model has; None for none at all.

    Args:
        besides: Id of the version that may have it already.

    Raises:
        InvalidInput: It is no semantic version.
        Conflict: Another version has it.

    Source: Semantic Versioning 2.0.0, https://semver.org.
    """
    label = label.strip()
    if not label:
        return None
    if not SemVer.is_valid(label) or len(label) > 64:
        raise InvalidInput(
            {"label": f"{label!r} is no semantic version: write it like 1.4.0 or 2.0.0-rc.1"}
        )
    taken = s.execute(
        select(VersionRow.number).where(
            VersionRow.model_id == model_id, VersionRow.label == label, VersionRow.id != besides
        )
    ).scalar()
    if taken is not None:
        raise Conflict(f"version {taken} of this model has the label {label} already")
    return label


def clean_links(links: dict[str, str]) -> dict[str, str]:
    """Links that are plain web addresses; empty ones are left out.

    Raises:
        InvalidInput: One is not.
    """
    cleaned = {key[:64]: url.strip() for key, url in links.items() if url.strip()}
    for key, url in cleaned.items():
        plain = url.isprintable() and " " not in url and len(url) <= 2000
        if not (url.startswith(("https://", "http://")) and plain):
            raise InvalidInput({key: "must be a web address that starts with https:// or http://"})
    return cleaned


def slug_of(name: str) -> str:
    """The permanent address part made from a name: lower-case letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def clean_name(name: str) -> str:
    """A model's name in one normal form of Unicode, with single spaces.

    Raises:
        InvalidInput: It is empty, too long, has invisible characters or makes no address.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidInput({"name": f"must have 1 to {MAX_NAME} characters, has {len(name)}"})
    if any(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") for c in name):
        raise InvalidInput({"name": "has control or invisible characters; type it anew"})
    if not slug_of(name):
        raise InvalidInput({"name": "needs at least one letter a to z or a digit"})
    return name


def clean_alias(alias: str) -> str:
    """The alias, checked.

    Raises:
        InvalidInput: It does not fit.

    Source: MLflow's alias rules (letters, digits, _, -; 255 characters).
    """
    alias = alias.strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", alias):
        raise InvalidInput({"alias": "use 1 to 255 letters, digits, _ or -"})
    if re.fullmatch(r"[vV]?[0-9]+", alias) or alias.lower() == "latest":
        raise InvalidInput({"alias": f"{alias!r} is reserved: choose a word"})
    return alias
