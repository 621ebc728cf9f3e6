"""The walk: whose rows they are, what models see, what happens when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.dummy import DummyClassifier

from registry import (
    access,
    accounts,
    datasets,
    evaluating,
    evaluations,
    holdings,
    results,
    staging,
    versions,
)
from registry.core import Registry
from registry.errors import (
    BrokenArtifact,
    Conflict,
    InvalidInput,
    NotFound,
    TooLarge,
)
from registry.records import Actor, Version
from registry.tables import JobRow
from tests.conftest import PASSWORD
from tests.registry.evaluation.conftest import Evaluate, Judged, Keep

Publish = Callable[..., dict[str, Version]]


@pytest.fixture
def two(flowers: Judged, publish_each: Publish) -> list[str]:
    return [version.ref for version in publish_each(flowers, "logistic", "bayes").values()]


def test_labels_written_otherwise_than_the_model_does_are_told_of(
    flowers: Judged, two: list[str], keep: Keep, evaluate: Evaluate
) -> None:
    coded = flowers.rows.assign(**{flowers.target: range(len(flowers.rows))})
    told = evaluate(keep(coded), two, task="classification")
    assert [finding.what for finding in told.findings] == [f"{ref} is never right" for ref in two]


@pytest.mark.parametrize("who", ["bob", "admin"])
def test_rows_and_evaluations_are_nobody_elses(
    who: str, request: Any, reg: Registry, flowers: Judged, two: list[str], keep: Keep,
    evaluate: Evaluate,
) -> None:  # fmt: skip
    other = request.getfixturevalue(who)
    dataset = keep(flowers.rows)
    told = evaluate(dataset, two)
    for door, given in (
        (datasets.get, (dataset.id,)),
        (datasets.remove, (dataset.id,)),
        (results.get, (told.id,)),
        (results.remove, (told.id,)),
        (evaluations.cancel, (told.id,)),
        (evaluations.changed_rows, (told.id, *two)),
        (evaluations.save_metrics, (told.id,)),
    ):
        with pytest.raises(NotFound):
            door(reg, other, *given)  # type: ignore[operator]
    assert datasets.find(reg, other) == results.find(reg, other) == []


def test_a_model_that_wants_the_target_is_not_given_it(
    reg: Registry, alice: Actor, flowers: Judged, two: list[str], keep: Keep
) -> None:
    dataset = keep(flowers.rows.drop(columns="species"))
    target = "petal width (cm)"
    with pytest.raises(InvalidInput) as refused:
        evaluations.start(reg, alice, dataset.id, two, target, "regression")
    assert "the column it is to be judged by" in refused.value.problems["versions"]


def test_every_problem_is_told_at_once(
    reg: Registry, alice: Actor, flowers: Judged, two: list[str], keep: Keep
) -> None:
    dataset = keep(flowers.rows)
    with pytest.raises(InvalidInput) as refused:
        evaluations.start(reg, alice, dataset.id, [], "nothing", "guessing", "no")  # type: ignore[arg-type]
    assert set(refused.value.problems) == {"target", "task", "slices", "versions"}


def test_asked_twice_at_once_it_is_one(
    reg: Registry, alice: Actor, flowers: Judged, two: list[str], keep: Keep
) -> None:
    dataset = keep(flowers.rows)
    once = evaluations.start(reg, alice, dataset.id, two, "species", "classification")
    again = evaluations.start(reg, alice, dataset.id, two, "species", "classification")
    other = evaluations.start(reg, alice, dataset.id, two[:1], "species", "classification")
    assert once == again != other


def test_metrics_are_saved_under_the_name_of_the_file(
    reg: Registry, alice: Actor, bob: Actor, flowers: Judged, two: list[str], keep: Keep,
    evaluate: Evaluate,
) -> None:  # fmt: skip
    told = evaluate(keep(flowers.rows, "held out.csv"), two)
    assert evaluations.save_metrics(reg, alice, told.id) == []
    metric = next(m for m in versions.get(reg, alice, two[0]).metrics if m.name == "accuracy_score")
    assert (metric.dataset, metric.source) == ("held out.csv", "evaluation")


def test_who_may_only_look_saves_nothing(
    reg: Registry, alice: Actor, bob: Actor, flowers: Judged, two: list[str], keep: Keep
) -> None:
    for ref in two:
        access.share(reg, alice, ref.partition("@")[0], "bob", "view")
    dataset = keep(flowers.rows, actor=bob)
    evaluation_id = evaluations.start(reg, bob, dataset.id, two, "species", "classification")
    evaluating.run(reg, evaluation_id)
    assert evaluations.save_metrics(reg, bob, evaluation_id) == two
    access.unshare(reg, alice, two[0].partition("@")[0], "bob")
    left = results.get(reg, bob, evaluation_id)
    assert [version.ref for version in left.versions] == two[1:]
    assert left.pairs == ()


def test_deleting_frees_the_bytes_and_keeps_the_figures(
    reg: Registry, alice: Actor, flowers: Judged, two: list[str], keep: Keep, evaluate: Evaluate
) -> None:
    dataset = keep(flowers.rows)
    told = evaluate(dataset, two)
    assert staging.sweep(reg, young_s=0) == 0
    assert datasets.remove(reg, alice, dataset.id) == dataset.size_bytes
    left = results.get(reg, alice, told.id)
    assert (left.dataset_id, left.versions[0].quality is not None) == (None, True)
    with pytest.raises(Conflict):
        evaluations.changed_rows(reg, alice, told.id, *two)
    assert results.remove(reg, alice, told.id) > 0
    assert staging.sweep(reg, young_s=0) == 0


def test_an_account_takes_its_rows_along(
    reg: Registry, alice: Actor, bob: Actor, flowers: Judged, keep: Keep
) -> None:
    keep(flowers.rows, actor=alice)
    dataset = keep(flowers.rows, actor=bob)
    accounts.delete_account(reg, bob, PASSWORD)
    assert reg.store.has(dataset.digest)  # alice has the same rows
    accounts.delete_account(reg, alice, PASSWORD)
    with reg.reading() as s:
        assert holdings.listed_in(s) == {}
    assert not reg.store.has(dataset.digest)


def test_bad_rows_are_left_out_for_all_and_told_of(
    flowers: Judged, two: list[str], keep: Keep, evaluate: Evaluate
) -> None:
    lines = flowers.rows.to_csv(index=False).splitlines()
    lines[3] = "many,2,3,4,setosa"
    lines[5] = "1,2,3"
    lines[7] = "1,2,3,4,"
    lines[9] = "1,2,,4,setosa"
    told = evaluate(keep("\n".join(lines).encode()), two)
    assert told.n_rows == len(lines) - 1 - 4
    (finding,) = told.findings
    assert finding.what.startswith("4 of")
    for part in (
        "row 3: sepal length (cm): must be a number",
        "row 5: more or fewer cells",
        "row 7: species: is missing",
        "row 9: petal length (cm): must have a value",
    ):
        assert part in finding.why


def test_a_version_whose_columns_are_missing_says_so(
    flowers: Judged, two: list[str], keep: Keep, reg: Registry, alice: Actor, tmp_path: Path,
    publish_file: Any, evaluate: Evaluate,
) -> None:  # fmt: skip
    path = tmp_path / "narrow.joblib"
    joblib.dump(DummyClassifier().fit(flowers.features.iloc[:, :2], flowers.truth), path)
    narrow = publish_file(alice, path, name="narrow")
    rows = flowers.rows.drop(columns="petal width (cm)")
    told = evaluate(keep(rows), [narrow.ref, two[0]])
    assert told.versions[0].quality is not None
    assert told.versions[1].failure == "the rows lack petal width (cm)"


HOSTILE = {
    "an empty header": b"\n\n",
    "only a header": b"a,b,label\n",
    "bytes that are no text": b"\x00\x01\x02\x03" * 100,
    "a cell without end": b'a,label\n"' + b"x" * (5 << 20),
    "a huge cell": b"a,label\n" + b"x" * (9 << 20) + b",1\n",
    "too many columns": b",".join(b"c%d" % n for n in range(10_000)) + b"\n1\n",
    "Parquet cut off": b"PAR1" + b"\x00" * 200,
    "Parquet of nothing but marks": b"PAR1PAR1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words(name: str, keep: Keep) -> None:
    with pytest.raises(BrokenArtifact, match=r"cannot be read|could not be read"):
        keep(HOSTILE[name])


def test_more_rows_than_allowed_are_refused(reg_with: Any, alice: Actor) -> None:
    reg = reg_with(dataset_rows=3)
    with staging.receive(reg, alice, "rows.csv") as incoming:
        incoming.write(b"a,label\n" + b"1,x\n" * 4)
        staged = incoming.finish()
    with pytest.raises(TooLarge, match="more than 3 rows"):
        datasets.add(reg, alice, staged.id)


def test_the_same_file_again_is_the_same_data_set(keep: Keep, flowers: Judged) -> None:
    assert keep(flowers.rows).id == keep(flowers.rows).id


def test_jobs_of_evaluations_can_be_cancelled_and_belong_to_the_person(
    reg: Registry, alice: Actor, flowers: Judged, two: list[str], keep: Keep
) -> None:
    dataset = keep(flowers.rows)
    evaluation_id = evaluations.start(reg, alice, dataset.id, two, "species", "classification")
    results.remove(reg, alice, evaluation_id)
    with reg.reading() as s:
        job = s.query(JobRow).filter(JobRow.subject_id == evaluation_id).one()
    assert job.state == "failed"
    evaluating.run(reg, evaluation_id)  # gone: nothing to do
