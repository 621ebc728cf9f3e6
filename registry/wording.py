"""What people write about a version, checked: its label and its links."""

from __future__ import annotations

from semver import Version as SemVer
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Conflict, InvalidInput
from registry.tables import VersionRow


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
