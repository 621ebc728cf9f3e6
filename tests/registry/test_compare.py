"""Versions side by side: what is best, what differs, what breaks, and the sentence about it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from registry import compare, compare_exports, compatibility, models, versions
from registry.core import Registry
from registry.errors import InvalidInput, NotFound
from registry.records import (
    Actor,
    Artifact,
    Benchmark,
    Details,
    Field,
    Inspection,
    Metric,
    Output,
    Schema,
    Tensor,
    Version,
)

AT = datetime(2026, 3, 3, tzinfo=UTC)
TABLE = Schema(
    "table",
    fields=(Field("age", "integer"), Field("plan", "string", categories=("a", "b"))),
    outputs=(Output("label", "label"),),
    classes=("no", "yes"),
)


def version(number: int = 1, /, slug: str = "churn", **more: object) -> Version:
    libraries = more.pop("libraries", {"scikit-learn": "1.9", "numpy": "2.1"})
    inspection = Inspection("sklearn", "scikit-learn", "1.9", libraries=libraries)  # type: ignore[arg-type]
    start = Version(
        id=f"{slug}-{number}",
        model_id=slug,
        owner="alice",
        slug=slug,
        number=number,
        label="",
        status="ready",
        lifecycle="active",
        created_by="alice",
        created_at=AT,
        inspection=inspection,
        schema=TABLE,
        artifacts=(Artifact(f"f{number}", "model", "m.joblib", "ab" * 32, 1000 * number),),
    )
    return replace(start, **more)  # type: ignore[arg-type]


def metrics(**values: float) -> tuple[Metric, ...]:
    lower = {"log_loss", "rmse"}
    return tuple(Metric(n, v, higher_is_better=n not in lower) for n, v in values.items())


def benchmark(of: Version, p95_ms: float, machine: str = "here") -> Benchmark:
    return Benchmark("b", of.id, machine, 9.0, 1.0, p95_ms, p95_ms, {1024: 5e4}, 10**6, 10**3, AT)


def test_the_sentence_of_the_issue() -> None:
    one = version(1, metrics=metrics(accuracy=0.9, f1=0.8, roc_auc=0.9, log_loss=0.3, recall=0.812))
    two = version(
        3,
        metrics=metrics(accuracy=0.91, f1=0.82, roc_auc=0.95, log_loss=0.2, recall=0.8),
        schema=replace(TABLE, fields=(*TABLE.fields, Field("note", "string", nullable=True))),
        libraries={"scikit-learn": "1.9", "numpy": "2.1", "scipy": "1.16", "pandas": "3.0"},
    )
    timed = {one.id: benchmark(one, 1.0), two.id: benchmark(two, 2.1)}
    assert compare.of([one, two], benchmarks=timed).verdict == (
        "v3 is better on 4 of 5 metrics, worse on recall by 0.012, 2.1× slower, "
        "schema compatible, two new requirements"
    )


@pytest.mark.parametrize(
    ("base", "other", "said"),
    [
        ({"accuracy": 0.9}, {"accuracy": 0.9}, "as good on the one metric"),
        ({"accuracy": 0.9}, {"accuracy": 0.8}, "worse on accuracy by 0.1"),
        ({"rmse": 3.0}, {"rmse": 2.0}, "better on rmse by 1"),
        ({"rmse": 3.0, "r2": 0.5}, {"rmse": 2.0, "r2": 0.6}, "better on all 2 metrics"),
        ({"accuracy": 0.9}, {"f1": 0.9}, "not to be judged by metrics"),
        ({}, {}, "not to be judged by metrics"),
        (
            {"accuracy": 0.9, "f1": 0.9, "recall": 0.9},
            {"accuracy": 0.8, "f1": 0.8, "recall": 0.5},
            "better on none of 3 metrics, worse on three, most on recall by 0.4",
        ),
    ],
)
def test_two_versions_are_judged_by_what_both_have(
    base: dict[str, float], other: dict[str, float], said: str
) -> None:
    found = [version(1, metrics=metrics(**base)), version(2, metrics=metrics(**other))]
    assert compare.of(found).verdict.startswith(f"v2 is {said}")


def test_speed_is_not_judged_across_machines() -> None:
    one, two = version(1), version(2)
    timed = {one.id: benchmark(one, 1.0), two.id: benchmark(two, 9.0, "there")}
    assert "slower" not in compare.of([one, two], benchmarks=timed).verdict


def test_of_more_than_two_the_leader_is_named_with_its_cost() -> None:
    one = version(1, metrics=metrics(accuracy=0.8, recall=0.9))
    two = version(2, metrics=metrics(accuracy=0.85, recall=0.8))
    three = version(3, metrics=metrics(accuracy=0.95, f1=0.7, recall=0.85), schema=None)
    assert compare.of([one, two]).verdict.startswith("v2 is better on 1 of 2 metrics, worse on rec")
    assert compare.of([one, two, three]).verdict == (
        "No version leads: v1 and v3 are each best on 1 of 2 metrics"
    )
    best = replace(three, metrics=metrics(accuracy=0.95, recall=0.95))
    assert compare.of([one, two, best], base=1).verdict == (
        "v3 leads: best on 2 of 2 metrics; against v2: schema not known, no new requirements"
    )


def test_ten_versions_are_compared_and_the_first_alone_says_nothing() -> None:
    found = [version(n, metrics=metrics(accuracy=n / 20)) for n in range(1, 11)]
    shown = compare.of(found)
    assert shown.metrics[0].best == {9}
    assert shown.verdict.startswith("v10 leads: best on 1 of 1 metric;")
    assert compare.of(found[:1]).verdict == ""


def test_the_best_follows_the_direction_and_ties_share_it() -> None:
    values = [{"rmse": 2.0, "accuracy": 0.5}, {"rmse": 1.0, "accuracy": 0.5}, {"rmse": 1.0}]
    rows = compare.of([version(n, metrics=metrics(**v)) for n, v in enumerate(values, 1)]).metrics
    assert [(row.name, row.best) for row in rows] == [("rmse", {1, 2}), ("accuracy", set())]
    assert rows[0].gain(1, 0) == 1.0
    assert rows[1].gain(2, 0) is None


def test_the_same_name_on_other_data_or_in_another_unit_is_another_row() -> None:
    one = version(1, metrics=(Metric("mae", 1.0, "m", "spring"), Metric("mae", 2.0, "m", "fall")))
    two = version(2, metrics=(Metric("mae", 900.0, "mm", "spring"),))
    rows = compare.of([one, two]).metrics
    assert [(row.unit, row.dataset) for row in rows] == [
        ("m", "spring"),
        ("m", "fall"),
        ("mm", "spring"),
    ]


def test_contradicting_directions_are_none() -> None:
    found = [version(n, metrics=(Metric("x", n, higher_is_better=n == 1),)) for n in (1, 2)]
    row = compare.of(found).metrics[0]
    assert (row.higher_is_better, row.best) == (None, frozenset())


def test_rows_say_whether_versions_differ() -> None:
    one = version(1, parameters={"depth": 3, "seed": 1, "odd": float("nan")})
    two = version(2, parameters={"depth": 4, "seed": 1, "odd": float("nan"), "new": [1, 2]})
    section = compare.of([one, two]).section("parameters")
    assert {row.name: row.differs for row in section.rows} == {
        "depth": True,
        "seed": False,
        "odd": False,
        "new": True,
    }
    assert section.n_differing == 2


COLUMN = TABLE.fields[0]
TENSOR = Schema("tensors", tensors=(Tensor("x", "float32", (-1, 4)),))


@pytest.mark.parametrize(
    ("base", "other", "reason"),
    [
        (TABLE, replace(TABLE, fields=TABLE.fields[1:]), "column 'age' is gone"),
        (
            TABLE,
            replace(TABLE, fields=(replace(COLUMN, type="string"), TABLE.fields[1])),
            "column 'age' is string, was integer",
        ),
        (
            TABLE,
            replace(TABLE, fields=(*TABLE.fields, Field("new", "double"))),
            "new required column 'new'",
        ),
        (
            TABLE,
            replace(TABLE, fields=(COLUMN, replace(TABLE.fields[1], categories=("a",)))),
            "column 'plan' no longer takes 'b'",
        ),
        (
            replace(TABLE, fields=(replace(COLUMN, nullable=True),)),
            replace(TABLE, fields=(COLUMN,)),
            "column 'age' may no longer be missing",
        ),
        (TABLE, replace(TABLE, classes=("no", "maybe")), "classes changed: 1 gone, 1 new"),
        (TABLE, replace(TABLE, classes=("yes", "no")), "classes changed: another order"),
        (TABLE, replace(TABLE, outputs=()), "output 'label' is gone"),
        (
            TABLE,
            replace(TABLE, outputs=(Output("label", "value"),)),
            "output 'label' is read as value, was label",
        ),
        (TABLE, TENSOR, "takes tensors, not columns"),
        (
            TENSOR,
            Schema("tensors", tensors=(Tensor("x", "float32", (1, 4)),)),
            "tensor 'x' is 1 × 4, was any × 4",
        ),
        (
            TENSOR,
            Schema("tensors", tensors=(Tensor("x", "float64", (-1, 4)),)),
            "tensor 'x' is float64, was float32",
        ),
    ],
)
def test_what_breaks_callers_is_said(base: Schema, other: Schema, reason: str) -> None:
    fit = compatibility.between(base, other)
    assert fit.fit == "breaking"
    assert reason in fit.reasons


def test_what_asks_for_less_is_compatible() -> None:
    wider = replace(COLUMN, type="double", nullable=True)
    assert compatibility.between(TABLE, TABLE).fit == "same"
    more = replace(TABLE, fields=(wider, *TABLE.fields[1:], Field("new", "double", default=1.0)))
    assert compatibility.between(TABLE, more).fit == "compatible"
    assert compatibility.between(TABLE, None).fit == "unknown"


HOSTILE = "=cmd()|x <script>alert(1)</script> [a](http://b)"


def test_exports_hold_everything_and_nothing_in_them_acts() -> None:
    one = version(
        1, parameters={HOSTILE: HOSTILE, "same": 1}, metrics=metrics(accuracy=0.123456789)
    )
    two = version(2, parameters={"same": 1, "at": "@SUM(A1)"}, metrics=metrics(accuracy=-0.5))
    shown = compare.of([one, two])
    lines = list(csv.reader(io.StringIO(compare_exports.to_csv(shown))))
    assert ["Metrics", "accuracy ↑", "", "0.123456789", "-0.5"] in lines
    assert ["Parameters", "'" + HOSTILE, "", "'" + HOSTILE, ""] in lines
    assert ["Parameters", "at", "", "", "'@SUM(A1)"] in lines
    page = compare_exports.to_html(shown)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "0.123457 ★" in page
    notes = compare_exports.to_markdown(shown)
    assert "<script>" not in notes
    assert "](http" not in notes
    assert "| same |" not in compare_exports.to_markdown(shown, differing=True)
    assert "| same |" in notes


@pytest.fixture
def pair(reg: Registry, alice: Actor, iris: Version) -> list[Version]:
    """The iris of Alice and a second version of the same bytes."""
    file = iris.artifact
    with reg.writing() as s:
        model, _ = versions.for_action(s, alice, "version.edit", iris.ref)
        stored = ("model", file.filename, file.digest, "", file.size_bytes)
        versions.add_in(
            s, alice, model, draft_id=None, details=Details(), inspection=iris.inspection,
            stored=[stored],
        )  # fmt: skip
    return [iris, versions.get(reg, alice, f"{iris.model}@2")]


def test_the_door_names_a_base_and_the_tags(
    reg: Registry, alice: Actor, pair: list[Version]
) -> None:
    models.edit(reg, alice, pair[0].model, tags=["flowers"])
    refs = [v.ref for v in pair]
    shown = compare.versions(reg, alice, refs, refs[1])
    assert (shown.refs, shown.base) == (tuple(refs), 1)
    assert [row.name for row in shown.section("tags").rows] == ["flowers"]
    assert compare.versions(reg, alice, [refs[0], refs[0]]).refs == (refs[0],)


def test_the_door_refuses_what_it_cannot_compare(
    reg: Registry, alice: Actor, bob: Actor, pair: list[Version]
) -> None:
    refs = [v.ref for v in pair]
    for wrong in ([], refs * 6):
        with pytest.raises(InvalidInput):
            compare.versions(reg, alice, wrong)
    with pytest.raises(InvalidInput):
        compare.versions(reg, alice, refs, "alice/other@1")
    with pytest.raises(NotFound):
        compare.versions(reg, bob, refs)
