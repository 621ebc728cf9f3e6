"""Reads metrics from a JSON or YAML file in the shapes that training scripts write."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from registry.errors import BrokenArtifact
from registry.formats.text import clean

MAX_METRICS = 200
_MAX_BYTES = 1 << 20
_NAMES = ("name", "metric", "key")
_AVERAGES = {
    "macro avg": "macro",
    "weighted avg": "weighted",
    "micro avg": "micro",
    "samples avg": "samples",
}
_SHORT = {"precision": "precision", "recall": "recall", "f1-score": "f1"}
_EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9]*)?[eE][-+]?[0-9]+")
_NUMBER = re.compile(r"\s*[-+]?(\d[\d_,']*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*%?\s*")
Row = dict[str, Any]


def read(file: BinaryIO) -> dict[str, Any]:
    """The metrics of a file, as plain data.

    Known are name to number, data set to such a mapping, a list of objects with `name` and
    `value`, either below `metrics` as MLflow writes it, and scikit-learn's classification report.

    Returns:
        `metrics` (what `records.Metric` takes) and `left out` (names of plain words in the file).

    Raises:
        BrokenArtifact: It is neither JSON nor YAML, or holds something else than finite numbers.
    """
    found = _Found()
    content = _loaded(file)
    dataset = ""
    if isinstance(content, dict) and isinstance(content.get("data"), dict):
        content = content["data"] if "metrics" in content["data"] else content
    if isinstance(content, dict) and isinstance(content.get("metrics"), (dict, list)):
        said = content.get("dataset")
        dataset, content = (said if isinstance(said, str) else ""), content["metrics"]
    if isinstance(content, list):
        for item in content:
            found.add(_listed(item, dataset))
    elif isinstance(content, dict):
        _mapping(content, dataset, found)
    else:
        raise _wrong("the file is neither a mapping nor a list")
    if not found.rows:
        raise _wrong("the file holds no metric")
    return {"metrics": list(found.rows.values()), "left out": found.words[:50]}


class _Found:
    """What was found so far, each name and data set once."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.words: list[str] = []

    def add(self, row: Row) -> None:
        key = (row["name"], row["dataset"])
        if key in self.rows:
            raise _wrong(f"{key[0]!r} is there twice for the same data set")
        self.rows[key] = row
        if len(self.rows) > MAX_METRICS:
            raise _wrong(f"the file holds more than {MAX_METRICS} metrics")


def _loaded(file: BinaryIO) -> Any:
    """Plain data; a YAML file may not repeat parts by reference, which can grow without end."""
    import yaml

    data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise _wrong("the file is larger than 1 MiB")
    try:
        text = data.decode("utf-8-sig")
        if text.lstrip()[:1] in ("{", "["):
            return json.loads(text)
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("it repeats parts by reference")
        return yaml.load(text, _with_exponents(yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise _wrong(f"the file is neither JSON nor YAML ({clean(wrong, 100)})") from None


def _with_exponents(safe: type[Any]) -> type[Any]:
    """A loader for which 1e-3 is a number, as in YAML 1.2 and everywhere else."""
    loader: type[Any] = type("Loader", (safe,), {})
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    return loader


def _mapping(content: Mapping[Any, Any], dataset: str, found: _Found, depth: int = 0) -> None:
    """Name to number; or one level of data sets, each with such a mapping."""
    if _is_report(content):
        for row in _report(content, dataset):
            found.add(row)
        return
    for key, value in content.items():
        name = clean(key, 100)
        if isinstance(value, dict) and "value" in value:
            found.add(_listed({**value, "name": name}, dataset))
        elif isinstance(value, dict) and not depth:
            _mapping(value, name, found, depth + 1)
        elif isinstance(value, str) and not _NUMBER.fullmatch(value):
            found.words.append(name)
        else:
            found.add(_row(name, value, dataset))


def _listed(item: Any, dataset: str) -> Row:
    """One metric that says about itself what it is."""
    if not isinstance(item, dict):
        raise _wrong("the list holds something else than objects with name and value")
    name = next((item[key] for key in _NAMES if isinstance(item.get(key), str)), "")
    if not name or "value" not in item:
        raise _wrong("an object in the list has no name or no value")
    better = item.get("higher_is_better")
    if better is not None and not isinstance(better, bool):
        raise _wrong(f"higher_is_better of {clean(name, 60)!r} is neither true nor false")
    on = item.get("dataset")
    row = _row(clean(name, 100), item["value"], on if isinstance(on, str) else dataset)
    return row | {"unit": clean(item.get("unit") or "", 32), "higher_is_better": better}


def _is_report(content: Mapping[Any, Any]) -> bool:
    averages = [content.get(name) for name in _AVERAGES]
    return any(isinstance(part, dict) and set(_SHORT) <= set(part) for part in averages)


def _report(content: Mapping[Any, Any], dataset: str) -> Iterator[Row]:
    """What `classification_report(..., output_dict=True)` gives, without the counts of rows."""
    for label, part in content.items():
        if not isinstance(part, dict):
            yield _row(clean(label, 100), part, dataset) | {"higher_is_better": True}
            continue
        average = _AVERAGES.get(label)
        for long, short in _SHORT.items():
            if long in part:
                name = f"{short}_{average}" if average else f"{short}[{clean(label, 80)}]"
                yield _row(name, part[long], dataset) | {"higher_is_better": True}


def _row(name: str, value: Any, dataset: str) -> Row:
    if isinstance(value, str):
        said = clean(value, 40)
        raise _wrong(f"{name!r} is the text {said!r}, not a number: write it without quotes")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = {list: "a list", dict: "nested too deeply", bool: "true or false"}
        raise _wrong(f"{name!r} is {kind.get(type(value), 'empty')}, not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(f"{name!r} is not a finite number")
    if not name.strip():
        raise _wrong("a metric has no name")
    return {"name": name.strip(), "value": number, "dataset": clean(dataset, 100).strip()}


def _wrong(what: str) -> BrokenArtifact:
    todo = "Write it as name: number, or as a list of objects with name, value, unit and dataset"
    return BrokenArtifact(f"no metrics could be read: {what}. {todo}.")
