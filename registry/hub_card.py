"""Cards as model hubs keep them: Markdown with a YAML front matter, both written and understood.

Source: the Hub's model card metadata specification (modelcard.md, `license`, `tags`,
`library_name`, `pipeline_tag`, `model-index`) as of 2025.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from registry.records import Metric, Model, Version

TASKS = {
    "classification": "tabular-classification",
    "regression": "tabular-regression",
    "forecasting": "time-series-forecasting",
    "image classification": "image-classification",
    "object detection": "object-detection",
    "image segmentation": "image-segmentation",
    "text classification": "text-classification",
    "token classification": "token-classification",
    "text generation": "text-generation",
    "embedding": "feature-extraction",
    "audio classification": "audio-classification",
}
"""Our word for a task, and the Hub's."""
LICENSES = (
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "GPL-2.0", "GPL-3.0", "LGPL-2.1",
    "LGPL-3.0", "AGPL-3.0", "MPL-2.0", "ISC", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0",
    "CC-BY-NC-4.0", "Unlicense", "OpenRAIL",
)  # fmt: skip
"""Licenses for which the Hub has a word: the same in small letters."""
_ONLY = re.compile(r"-only$")
_LIBRARIES = {"scikit-learn": "sklearn", "PyTorch": "pytorch", "ONNX": "onnx", "Keras": "keras",
              "TensorFlow": "tensorflow", "XGBoost": "xgboost", "LightGBM": "lightgbm"}  # fmt: skip
_METRICS = {
    "accuracy_score": "accuracy",
    "f1_score": "f1",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "precision_score": "precision",
    "r2_score": "r_squared",
    "recall_score": "recall",
    "root_mean_squared_error": "rmse",
}
NO_DATASET = "not named"
FENCE = "---"
OURS = ("license", "license_name", "library_name", "tags", "pipeline_tag", "model-index")
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_KEY = re.compile(r"([A-Za-z_][\w-]*)\s*:")


def written(model: Model, version: Version) -> str:
    """The card of a version: front matter, then the card, then how it is used."""
    import yaml

    told, body = split(without_ours(model.card))
    front = yaml.safe_dump(front_matter(model, version), sort_keys=False, allow_unicode=True)
    front += f"{told.strip()}\n" if told.strip() else ""
    title = " ".join(model.name.split())
    body = body.strip() or f"# {title}\n\n{model.description}".strip()
    return f"{FENCE}\n{front}{FENCE}\n\n{body}\n"


def front_matter(model: Model, version: Version) -> dict[str, Any]:
    """The metadata: license, tags, library, task, and what was measured."""
    told: dict[str, Any] = dict(_license(model.license))
    library = _LIBRARIES.get(version.inspection.framework)
    told |= {"library_name": library} if library else {}
    told |= {"tags": list(model.tags)} if model.tags else {}
    task = TASKS.get(model.task)
    told |= {"pipeline_tag": task} if task else {}
    if version.metrics:
        told["model-index"] = [{"name": model.name, "results": _results(version, task)}]
    return told


def _license(license: str) -> dict[str, str]:
    """The Hub knows ids in small letters, without "-only"; others by name."""
    short = _ONLY.sub("", license)
    if not license:
        return {}
    if short in LICENSES:
        told = {"license": short.lower()}
        return told if short == license else {**told, "license_name": license}
    return {"license": "other", "license_name": license}


def _results(version: Version, task: str | None) -> list[dict[str, Any]]:
    """One result per data set; its metrics in our order."""
    by_dataset: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for metric in version.metrics:
        told: dict[str, Any] = {
            "type": _METRICS.get(metric.name, metric.name),
            "value": metric.value,
            "name": metric.name,
        }
        known = {"unit": metric.unit, "higher_is_better": metric.higher_is_better}
        if args := {key: value for key, value in known.items() if value not in ("", None)}:
            told["args"] = args
        by_dataset[metric.dataset].append(told)
    return [
        {
            "task": {"type": task or "other"},  # a table of its own: nothing is repeated by name
            "dataset": dict.fromkeys(("name", "type"), name or NO_DATASET),
            "metrics": metrics,
        }
        for name, metrics in by_dataset.items()
    ]


def split(card: str) -> tuple[str, str]:
    """Front matter, "" without one, and body of a card; both as text."""
    found = _FRONT.match(card)
    return (found[1], card[found.end() :]) if found else ("", card)


def without_ours(card: str) -> str:
    """A card whose front matter has lost what the registry keeps elsewhere; the rest stays.

    By its lines, which is safe for text from anybody.
    """
    front, body = split(card)
    if not front:
        return card
    kept, keep = [], True
    for line in front.splitlines():
        if key := _KEY.match(line):
            keep = key[1] not in OURS
        if keep:
            kept.append(line)
    rest = "\n".join(kept).strip()
    return f"{FENCE}\n{rest}\n{FENCE}\n\n{body.lstrip()}" if rest else body.lstrip()


def license_of(told: dict[str, Any]) -> str:
    """SPDX of a front matter, "" without one."""
    known, name = told.get("license"), told.get("license_name")
    if isinstance(known, list):
        known = known[0] if known else None
    if isinstance(name, str) and name:
        return name
    if not isinstance(known, str) or known in ("other", "unknown"):
        return ""
    return next((spdx for spdx in LICENSES if spdx.lower() == known.lower()), known)


def task_of(told: dict[str, Any]) -> str:
    """Our word for the task of a front matter; the Hub's own where there is none."""
    task = told.get("pipeline_tag")
    if not isinstance(task, str):
        return ""
    return next((ours for ours, theirs in TASKS.items() if theirs == task), task)


def metrics_of(told: dict[str, Any]) -> list[Metric]:
    """What the model index of a front matter says was measured; what is no number is left out."""
    found: dict[tuple[str, str], Metric] = {}
    for result in _dicts(told.get("model-index"), "results"):
        dataset = result.get("dataset")
        where = dataset.get("name") if isinstance(dataset, dict) else ""
        where = where if isinstance(where, str) and where != NO_DATASET else ""
        metrics = result.get("metrics")
        for metric in metrics if isinstance(metrics, list) else ():
            if made := _metric(metric, where):
                found[made.name, made.dataset] = made
    return list(found.values())


def _dicts(data: Any, inner: str) -> list[dict[str, Any]]:
    """The tables listed under `inner` of each table of a list."""
    outer = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    lists = [each.get(inner) for each in outer]
    return [e for found in lists if isinstance(found, list) for e in found if isinstance(e, dict)]


def _metric(told: Any, dataset: str) -> Metric | None:
    if not isinstance(told, dict):
        return None
    value, kind, name = told.get("value"), told.get("type"), told.get("name")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(kind, str):
        return None
    args = told.get("args")
    args = args if isinstance(args, dict) else {}
    unit, better = args.get("unit"), args.get("higher_is_better")
    ours = next((name for name, theirs in _METRICS.items() if theirs == kind), kind)
    known = name if isinstance(name, str) and _METRICS.get(name, name) == kind else ours
    return Metric(
        known[:100],
        float(value),
        unit if isinstance(unit, str) else "",
        dataset[:100],
        better if isinstance(better, bool) else None,
        "file",
    )
