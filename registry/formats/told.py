"""What a package says about its model: a manifest of ours, an MLmodel, the front matter of a card.

All of it is somebody's word: bounded, of known types, shown to a person before it is published.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, BinaryIO
from zipfile import ZipFile

from pydantic import ValidationError

from registry import codec, describing, hub_card
from registry.errors import BrokenArtifact
from registry.formats import archives, mlflow
from registry.formats.text import clean, plain
from registry.records import Metric, Schema, Told

_MOST_CARD, _MOST_MANIFEST = 1 << 20, 4 << 20
_MOST_METRICS, _MOST_TAGS, _MOST_FACTS, _MOST_PARENTS = 200, 30, 100, 20


def read(file: BinaryIO, card: str) -> Told:
    """What the descriptions in an archive say; of each thing, the most exact one counts.

    Args:
        card: Path of the readme, "" without one.
    """
    try:
        with archives.opened(file) as archive:
            listed = archive.namelist()
            manifest = archives.folder(listed, describing.MANIFEST)
            mlmodel = archives.folder(listed, "MLmodel")
            return _first(
                (
                    _sense(_manifest, archive, manifest),
                    _sense(_mlmodel, archive, mlmodel),
                    _sense(_card, archive, card or None),
                )
            )
    except BrokenArtifact:
        return Told()


def _sense(read: Callable[[ZipFile, str], Told], archive: ZipFile, at: str | None) -> Told:
    """What one description says; nothing when it is not there or makes no sense.

    The files themselves are looked at elsewhere.
    """
    try:
        return Told() if at is None else read(archive, at)
    except (BrokenArtifact, ValidationError):
        return Told()


def _first(sources: Iterable[Told]) -> Told:
    found: dict[str, Any] = {}
    for source in sources:
        for field in fields(Told):
            found[field.name] = found.get(field.name) or getattr(source, field.name)
    return Told(**found)


def _manifest(archive: ZipFile, folder: str) -> Told:
    """The manifest of a package that was exported here."""
    told = archives.read_json(archive, folder + describing.MANIFEST, _MOST_MANIFEST)
    if not isinstance(told, dict) or not isinstance(told.get("vitrine"), int):
        return Told()
    metrics = codec.load(tuple[Metric, ...], told.get("metrics") or [])
    schema = codec.load(Schema, told["schema"]) if told.get("schema") else None
    return Told(
        **_about(told.get("model")),
        metrics=_sound(metrics),
        parameters=_facts(told.get("parameters")),
        training=_facts(told.get("training")),
        schema=schema,
        parents=_parents(told.get("lineage")),
    )


def _mlmodel(archive: ZipFile, folder: str) -> Told:
    """What MLflow wrote: the signature, run and flavors, and metrics where it keeps any."""
    told = mlflow.described(archive, folder)
    kept = told.get("metadata")
    ours = kept.get("vitrine") if isinstance(kept, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    flavors = told.get("flavors")
    names = sorted(map(str, flavors)) if isinstance(flavors, dict) else []
    training = {
        "mlflow run": clean(told.get("run_id") or "", 100),
        "mlflow model": clean(told.get("model_id") or "", 100),
        "mlflow version": clean(told.get("mlflow_version") or "", 50),
        "mlflow flavors": [clean(name, 50) for name in names[:20]],
    }
    listed = [*_listed(ours.get("metrics")), *_listed(told.get("metrics"))]
    return Told(
        **_about(ours),
        metrics=_sound(found for each in listed if (found := _metric(each))),
        parameters=_facts(_named(told.get("params"))),
        training={key: value for key, value in training.items() if value},
        schema=mlflow.schema_of(told.get("signature")),
    )


def _card(archive: ZipFile, path: str) -> Told:
    """The front matter of a readme."""
    text = archives.read(archive, path, _MOST_CARD).decode("utf-8", "replace")
    front, _ = hub_card.split(text)
    if not front:
        return Told()
    told = mlflow.parsed(front.encode(), "the front matter of the readme")
    model_index = told.get("model-index")
    entry = model_index[0] if isinstance(model_index, list) and model_index else {}
    about = {
        "name": entry.get("name") if isinstance(entry, dict) else "",
        "license": hub_card.license_of(told),
        "task": hub_card.task_of(told),
        "tags": told.get("tags"),
    }
    return Told(**_about(about), metrics=_sound(hub_card.metrics_of(told)))


def _about(told: Any) -> dict[str, Any]:
    """Name, sentence, task, license and tags, as far as they are words."""
    told = told if isinstance(told, dict) else {}
    most = {"name": 100, "description": 300, "task": 64, "license": 64}
    words = {
        key: clean(told[key], cap) if isinstance(told.get(key), str) else ""
        for key, cap in most.items()
    }
    tags = told.get("tags")
    listed = tags if isinstance(tags, list) else []
    return {**words, "tags": tuple(clean(t, 64) for t in listed if isinstance(t, str))[:_MOST_TAGS]}


def _sound(found: Iterable[Metric]) -> tuple[Metric, ...]:
    """Those that are finite and named, each once; whoever sent them, they came from a file."""
    sound: dict[tuple[str, str], Metric] = {}
    for m in found:
        name, dataset = clean(m.name, 100), clean(m.dataset, 100)
        if name and math.isfinite(m.value) and len(sound) < _MOST_METRICS:
            kept = Metric(name, m.value, clean(m.unit, 32), dataset, m.higher_is_better, "file")
            sound[name, dataset] = kept
    return tuple(sound.values())


def _metric(told: dict[str, Any]) -> Metric | None:
    """One metric as we or MLflow keep it: `name` or `key`, `value`, perhaps a data set."""
    name, value = told.get("name", told.get("key")), told.get("value")
    if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    unit, better = told.get("unit"), told.get("higher_is_better")
    dataset = told.get("dataset", told.get("dataset_name"))
    return Metric(
        name,
        float(value),
        unit if isinstance(unit, str) else "",
        dataset if isinstance(dataset, str) else "",
        better if isinstance(better, bool) else None,
        "file",
    )


def _listed(told: Any) -> Sequence[dict[str, Any]]:
    """Tables in a list; a plain table of numbers as one for each."""
    if isinstance(told, dict):
        return [{"name": name, "value": value} for name, value in told.items()]
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _named(told: Any) -> Any:
    """MLflow keeps parameters as a table, or as a list of keys with values."""
    if not isinstance(told, list):
        return told
    return {e["key"]: e.get("value") for e in told if isinstance(e, dict) and "key" in e}


def _parents(told: Any) -> dict[str, str]:
    """Refs of what the version was made from, and digests where they are told."""
    told = told if isinstance(told, dict) else {}
    listed, digests = told.get("parents"), told.get("digests")
    refs = [r for r in listed if isinstance(r, str)] if isinstance(listed, list) else []
    known = digests if isinstance(digests, dict) else {}
    return {clean(ref, 200): clean(known.get(ref) or "", 64) for ref in refs[:_MOST_PARENTS]}


def _facts(told: Any) -> dict[str, Any]:
    found = told if isinstance(told, dict) else {}
    return {clean(key, 100): plain(value) for key, value in list(found.items())[:_MOST_FACTS]}
