"""A version in words that other programs read: the manifest of a package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from registry import codec
from registry.records import Model, Version

LAYOUT = 1
"""Of `vitrine.json`; a later one that a reader does not know is read as far as it is known."""
MANIFEST = "vitrine.json"


class Packed(NamedTuple):
    """One file of a package: its path there, and what it is."""

    path: str
    kind: str
    size_bytes: int
    digest: str


def manifest(
    model: Model, version: Version, files: Sequence[Packed], parents: Mapping[str, str]
) -> str:
    """What a version is, takes, gives and measures, and the digest of each of its files.

    Args:
        parents: Ref to the digest of the model file: elsewhere the ref may be another model's.
    """
    told: dict[str, Any] = {
        "vitrine": LAYOUT,
        "model": {
            "ref": model.ref,
            "name": model.name,
            "description": model.description,
            "task": model.task,
            "license": model.license,
            "tags": list(model.tags),
        },
        "version": {
            "ref": version.ref,
            "number": version.number,
            "label": version.label,
            "status": version.status,
            "lifecycle": version.lifecycle,
            "aliases": sorted(version.aliases),
            "created_at": version.created_at.isoformat(),
            "created_by": version.created_by,
            "notes": version.notes,
        },
        "format": version.inspection.format,
        "framework": version.inspection.framework,
        "libraries": version.inspection.libraries,
        "files": [
            {"path": f.path, "kind": f.kind, "size_bytes": f.size_bytes, "sha256": f.digest}
            for f in files
        ],
        "schema": codec.dump(version.schema) if version.schema else None,
        "metrics": codec.dump(version.metrics),
        "parameters": version.parameters,
        "training": version.training,
        "links": version.links,
        "lineage": {"parents": list(parents), "digests": dict(parents)},
    }
    return json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n"
