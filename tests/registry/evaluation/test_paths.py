"""Tensors by place and by name, odd Parquet, other encodings, limits, what is taken away."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.dummy import DummyClassifier

from registry import datasets, evaluations, metrics, versions
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, InvalidInput
from registry.formats import changes
from registry.records import Actor, Evaluation, Metric, Schema, Tensor, Version
from tests.conftest import Publish as PublishFile
from tests.makers import fitted
from tests.makers import models as makers
from tests.registry.evaluation.conftest import Evaluate, Judged, Keep

Publish = Callable[..., dict[str, Version]]


def _accuracy(told: Evaluation) -> float:
    quality = told.versions[0].quality
    assert quality, told.versions[0].failure
    return next(m.value for m in quality.metrics if m.name == "accuracy_score")


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_a_graph_that_takes_one_matrix_is_given_the_columns_in_their_order(
    alice: Actor, publish_file: PublishFile, keep: Keep, evaluate: Evaluate, tmp_path: Any
) -> None:
    version = publish_file(alice, makers.onnx_classifier_tensors(tmp_path), name="Graph")
    frame, _ = fitted.iris()
    truth = fitted.unnamed_classifier().predict(frame.to_numpy())
    truth[::10] = truth[0]
    told = evaluate(keep(frame.assign(kind=truth)), [version.ref], "kind", "classification")
    said = fitted.unnamed_classifier().predict(frame.to_numpy(np.float32))
    assert _accuracy(told) == (said == truth).mean() < 1
    assert "in the order of the file" in told.findings[0].what


def test_a_graph_with_an_input_per_column_is_given_them_by_name(
    alice: Actor, publish_file: PublishFile, keep: Keep, evaluate: Evaluate, tmp_path: Any
) -> None:
    version = publish_file(alice, makers.onnx_columns(tmp_path), name="Columns")
    frame, left = fitted.customers()
    frame = frame.assign(left=left).dropna()[["plan", "left", "city", "tenure", "age"]]
    told = evaluate(keep(frame), [version.ref], "left", "classification")
    said = fitted.onnx_columns_pipeline().predict(frame[["age", "tenure", "city"]])
    assert _accuracy(told) == (said == frame.left).mean()
    assert (told.n_rows, told.findings) == (len(frame), ())


def test_a_network_is_judged_by_the_classes_its_schema_names(
    reg: Registry, alice: Actor, publish_file: PublishFile, keep: Keep, evaluate: Evaluate,
    tmp_path: Any,
) -> None:  # fmt: skip
    import torch

    version = publish_file(alice, makers.torchscript_mlp(tmp_path), name="Network")
    tensors, kinds = (Tensor("x", "float32", (-1, 4)),), ("setosa", "versicolor", "virginica")
    known = version.schema or Schema(kind="tensors")
    schema = replace(known, kind="tensors", tensors=tensors, classes=kinds)
    versions.edit(reg, alice, version.ref, schema=schema)
    frame, truth = fitted.iris()
    told = evaluate(keep(frame.assign(kind=truth)), [version.ref], "kind", "classification")
    with torch.no_grad():
        scores = makers.mlp()(torch.tensor(frame.to_numpy(np.float32))).numpy()
    assert _accuracy(told) == (np.array(kinds)[scores.argmax(axis=1)] == truth).mean()


def test_utf_16_gives_the_figures_of_the_same_text(
    flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate
) -> None:
    ref = publish_each(flowers, "bayes")["bayes"].ref
    rows = flowers.rows.assign(species=flowers.rows.species.replace("setosa", "Sétosa"))
    text = rows.to_csv(index=False)
    told = [evaluate(keep(text.encode(code)), [ref]) for code in ("utf-8", "utf-16", "latin-1")]
    assert len({_accuracy(each) for each in told}) == 1
    assert told[0].n_rows == told[1].n_rows == len(rows)


@pytest.fixture
def odd(flowers: Judged) -> bytes:
    """The flowers as Parquet, among columns of every odd kind."""
    n, names = len(flowers.rows), list(flowers.features)
    columns = [pa.array(flowers.rows[name]) for name in names]
    columns[0] = pa.array([Decimal(f"{v:.1f}") for v in flowers.rows[names[0]]])
    columns[1] = columns[1].cast(pa.float32())
    days = pa.array(np.arange(n) % 3, pa.int32()).cast(pa.date32())
    lists = pa.array([[1, 2]] * n)
    structs = pa.array([{"a": 1}] * n)
    species = pa.array(flowers.rows.species).dictionary_encode()
    given = [lists, *columns, days, days, structs, species]
    return _parquet(pa.table(given, names=["l", *names, "day", "day", "s", "species"]))


def test_odd_columns_of_parquet_do_not_disturb(
    odd: bytes, flowers: Judged, publish_each: Publish, keep: Keep, evaluate: Evaluate
) -> None:
    ref = publish_each(flowers, "bayes")["bayes"].ref
    dataset = keep(odd, "odd.parquet")
    assert len({column.name for column in dataset.columns}) == 9
    plain = evaluate(keep(flowers.rows), [ref])
    told = evaluate(dataset, [ref], "species", "classification", "day")
    assert _accuracy(told) == _accuracy(plain)
    assert told.versions[0].quality
    assert sum(one.n_rows for one in told.versions[0].quality.slices) == told.n_rows
    assert len(told.versions[0].quality.slices) == 3


@pytest.mark.parametrize(("target", "slice_by"), [("l", ""), ("s", ""), ("species", "l")])
def test_a_nested_column_is_no_answer_and_no_slice(
    target: str, slice_by: str, odd: bytes, flowers: Judged, publish_each: Publish, keep: Keep,
    evaluate: Evaluate,
) -> None:  # fmt: skip
    ref = publish_each(flowers, "bayes")["bayes"].ref
    with pytest.raises((InvalidInput, BrokenArtifact), match=r"list|struct|nested"):
        evaluate(keep(odd, "odd.parquet"), [ref], target, "classification", slice_by)


def test_figures_stand_beside_what_was_typed(
    reg: Registry, alice: Actor, flowers: Judged, publish_each: Publish, keep: Keep,
    evaluate: Evaluate,
) -> None:  # fmt: skip
    ref = publish_each(flowers, "bayes")["bayes"].ref
    metrics.log(reg, alice, ref, [Metric("accuracy_score", 0.5), Metric("mine", 1.0)])
    told = evaluate(keep(flowers.rows), [ref])
    evaluations.save_metrics(reg, alice, told.id)
    evaluations.save_metrics(reg, alice, told.id)
    found = [m for m in versions.get(reg, alice, ref).metrics if m.name == "accuracy_score"]
    assert {(m.dataset, m.value, m.source) for m in found} == {
        ("", 0.5, "logged"),
        ("rows.csv", _accuracy(told), "evaluation"),
    }


def test_what_is_taken_away_holds_no_formula(
    reg: Registry, alice: Actor, flowers: Judged, publish_each: Publish, publish_file: PublishFile,
    keep: Keep, evaluate: Evaluate, tmp_path: Any,
) -> None:  # fmt: skip
    import joblib

    names = {"setosa": "=setosa", "versicolor": "@versicolor", "virginica": "virginica"}
    truth = flowers.rows.species.map(names)
    constant = DummyClassifier(strategy="constant", constant="=setosa")
    joblib.dump(constant.fit(flowers.features, truth), tmp_path / "one.joblib")
    joblib.dump(
        flowers.estimators["bayes"].__class__().fit(flowers.features, truth),
        tmp_path / "two.joblib",
    )
    two, one = (publish_file(alice, tmp_path / f"{n}.joblib", name=n).ref for n in ("two", "one"))
    rows = flowers.rows.assign(note="-1+1", number="-5", species=truth)
    told = evaluate(keep(rows), [two, one], "species", "classification")
    text = evaluations.changed_rows(reg, alice, told.id, two, one).decode("utf-8-sig")
    _, *lines = csv.reader(io.StringIO(text, newline=""))
    assert lines
    assert {line[6] for line in lines} == {"'-1+1"}
    assert {line[7] for line in lines} == {"-5"}
    assert {line[-1] for line in lines} == {"'=setosa"}
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "@", "+"))]


def _changed(n_rows: int, cell: str) -> list[str]:
    text = "a\n" + f"{cell}\n" * n_rows
    ones = pa.array(np.ones(n_rows, np.int64)).cast(pa.string()).dictionary_encode()
    twos = pa.array(np.full(n_rows, 2)).cast(pa.string()).dictionary_encode()
    columns = [pa.array(np.arange(1, n_rows + 1)), ones, ones, twos]
    answers = _parquet(pa.table(columns, names=["row", "actual", "one", "two"]))
    files = io.BytesIO(text.encode()), io.BytesIO(answers)
    found = changes.changed(*files, base="one", other="two", names=["one", "two"])
    assert len(found) < changes.MOST_BYTES + (1 << 20)
    return found.decode("utf-8-sig").splitlines()


def test_more_rows_than_a_file_holds_are_counted_in_its_last_line() -> None:
    lines = _changed(changes.MOST_ROWS + 25, "x")
    assert len(lines) == 1 + changes.MOST_ROWS + 1
    assert lines[-1] == '"… and 25 more rows, which this file has no room for"'
    lines = _changed(5_000, "x" * 10_000)
    left = 5_000 - (len(lines) - 2)
    assert f"… and {left:,} more rows" in lines[-1]
    assert "more rows" not in _changed(10, "x")[-1]


def test_one_person_keeps_so_many_data_sets(
    reg: Registry, alice: Actor, bob: Actor, keep: Keep
) -> None:
    kept = keep(b"a,b\n1,x\n", "first.csv")
    with reg.writing() as s:
        first = datasets.row_in(s, alice, kept.id)
        for n in range(datasets.MOST - 1):
            values = {"user_id": alice.id, "digest": f"{n:064}", "blake3": "", "filename": f"{n}"}
            s.add(type(first)(size_bytes=1, n_rows=1, columns=[], target="a", task="regression",
                              **values))  # fmt: skip
    with pytest.raises(Conflict, match="50 data sets already: delete one"):
        keep(b"a,b\n2,x\n")
    assert keep(b"a,b\n1,x\n").filename == "first.csv"
    assert keep(b"a,b\n2,x\n", actor=bob).n_rows == 1


def test_one_person_has_so_many_evaluations_under_way(
    reg: Registry, alice: Actor, flowers: Judged, publish_each: Publish, keep: Keep
) -> None:
    ref, dataset = publish_each(flowers, "bayes")["bayes"].ref, keep(flowers.rows)

    def start(slice_by: str) -> str:
        given = (dataset.id, [ref], "species", "classification", slice_by)
        return evaluations.start(reg, alice, *given)  # type: ignore[arg-type]

    first, *_ = [start(name) for name in ["", *flowers.features]]
    with pytest.raises(Conflict, match="5 of your evaluations wait or run already"):
        evaluations.start(reg, alice, dataset.id, [ref], "species", "regression")
    assert start("") == first
    evaluations.cancel(reg, alice, first)
    assert start("") != first
