"""Metrics in files: the shapes that are known, and what is refused in which words."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from registry.errors import BrokenArtifact
from registry.formats import measures


def read(content: Any) -> dict[tuple[str, str], float]:
    text = content if isinstance(content, str) else json.dumps(content)
    rows = measures.read(io.BytesIO(text.encode()))["metrics"]
    return {(row["name"], row["dataset"]): row["value"] for row in rows}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"f1": 0.9, "n": 3}, {("f1", ""): 0.9, ("n", ""): 3.0}),
        ({"test": {"f1": 0.9}, "train": {"f1": 1}}, {("f1", "test"): 0.9, ("f1", "train"): 1.0}),
        ([{"name": "mae", "value": 2, "dataset": "test"}], {("mae", "test"): 2.0}),
        ({"metrics": {"auc": 0.7}, "params": {"depth": 3}}, {("auc", ""): 0.7}),
        ({"metrics": [{"key": "auc", "value": 0.7}], "dataset": "val"}, {("auc", "val"): 0.7}),
        ({"data": {"metrics": [{"key": "auc", "value": 0.7}]}}, {("auc", ""): 0.7}),
        ({"latency": {"value": 3.5, "unit": "ms"}}, {("latency", ""): 3.5}),
        ("f1: 0.9\nloss: 1e-3\ntest:\n  f1: 0.8\n",
         {("f1", ""): 0.9, ("loss", ""): 0.001, ("f1", "test"): 0.8}),
        ("- {name: f1, value: 0.5}\n", {("f1", ""): 0.5}),
        ("\ufeff{\"f1\": 1}", {("f1", ""): 1.0}),
        ({"model": "forest", "f1": 1}, {("f1", ""): 1.0}),
    ],
)  # fmt: skip
def test_the_usual_shapes_are_read(content: Any, found: dict[tuple[str, str], float]) -> None:
    assert read(content) == found


def test_a_classification_report_is_read_as_scikit_learn_writes_it() -> None:
    part = {"precision": 0.5, "recall": 0.6, "f1-score": 0.55, "support": 10}
    report = {"cat": part, "accuracy": 0.6, "macro avg": part, "weighted avg": part}
    found = read(report)
    assert found["accuracy", ""] == 0.6
    assert found["f1_macro", ""] == 0.55
    assert found["recall_weighted", ""] == 0.6
    assert found["precision[cat]", ""] == 0.5
    assert not any("support" in name for name, _ in found)
    assert ("f1_macro", "test") in read({"test": report})


def test_what_a_metric_says_about_itself_is_kept() -> None:
    said = {"name": "cost", "value": 3, "unit": "EUR", "dataset": "q3", "higher_is_better": False}
    kept = measures.read(io.BytesIO(json.dumps([said]).encode()))["metrics"]
    assert kept == [{**said, "value": 3.0}]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"f1": "0.93"}, "'f1' is the text '0.93', not a number"),
        ("f1: '93 %'", "is the text '93 %', not a number"),
        ([{"name": "f1", "value": "high"}], "is the text 'high', not a number"),
        ({"f1": True}, "'f1' is true or false"),
        ({"loss": [3, 2, 1]}, "'loss' is a list"),
        ({"f1": None}, "'f1' is empty"),
        ('{"f1": NaN}', "not a finite number"),
        ({"f1": 10**400}, "not a finite number"),
        ({"a": {"b": {"c": 1}}}, "'b' is nested too deeply"),
        ([{"value": 1}], "no name or no value"),
        ([1, 2], "something else than objects"),
        ([{"name": "a", "value": 1}, {"name": "a", "value": 2}], "twice"),
        ([{"name": "a", "value": 1, "higher_is_better": "yes"}], "neither true nor false"),
        ("a: &x {b: 1}\nc: *x", "by reference"),
        ("{not json", "neither JSON nor YAML"),
        ("[" * 100_000, "neither JSON nor YAML"),
        ("!!python/object/apply:os.system ['id']", "neither JSON nor YAML"),
        ("\x00\x01", "neither JSON nor YAML"),
        ("just words", "neither a mapping nor a list"),
        ({}, "holds no metric"),
        ({f"m{i}": i for i in range(201)}, "more than 200"),
        ("x" * (1 << 20) + "y", "larger than 1 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_metric_is_refused_in_words(content: Any, why: str) -> None:
    with pytest.raises(BrokenArtifact, match=why) as refused:
        read(content)
    assert "Write it as name: number" in refused.value.message
    assert len(refused.value.message) < 600
