"""Golden cases: saved inputs with expected answers, which every new version has to give."""

from __future__ import annotations

import pytest

from registry import (
    access,
    aliases,
    checks,
    golden_cases,
    golden_runs,
    overview,
    predict,
    versions,
)
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.golden_runs import differences
from registry.records import GoldenRun
from registry.tables import JobRow, now


@pytest.fixture
def row(iris):
    return {**iris.schema.example}


@pytest.fixture
def answer(reg, alice, iris, row):
    return golden_runs.answer_of(predict.predict(reg, alice, iris.ref, [row]).outputs)


@pytest.fixture
def case(reg, alice, iris, row, answer):
    return golden_cases.add(reg, alice, iris.model, "a flower", row, answer)


def open_kinds(reg):
    with reg.reading() as s:
        rows = s.query(JobRow).filter(JobRow.kind == "golden", JobRow.state == "queued")
        return [row.subject for row in rows]


def test_a_case_made_of_the_answer_is_green(reg, alice, iris, case):
    assert open_kinds(reg) == [iris.ref]
    golden_runs.run(reg, iris.id)
    (run,) = golden_cases.runs(reg, alice, iris.ref)
    assert (run.passed, run.message, run.answer) == (True, "", case.expected)
    assert golden_cases.tally(reg, alice, iris.model) == {iris.id: (1, 0, 1)}


def test_another_expected_answer_is_red_and_says_what_differs(reg, alice, iris, case):
    wrong = {**case.expected, "label": "a rose"}
    golden_cases.edit(reg, alice, iris.model, case.id, expected=wrong)
    assert golden_cases.runs(reg, alice, iris.ref) == []
    golden_runs.run(reg, iris.id)
    (run,) = golden_cases.runs(reg, alice, iris.ref)
    assert not run.passed
    assert "expected 'a rose'" in run.message


def test_a_case_that_no_longer_fits_the_schema_is_red_with_the_reason(reg, alice, iris, case):
    golden_cases.edit(reg, alice, iris.model, case.id, inputs={"petals": 5})
    golden_runs.run(reg, iris.id)
    (run,) = golden_cases.runs(reg, alice, iris.ref)
    assert not run.passed
    assert run.message.startswith("the case no longer fits what this version takes: petals")
    assert run.answer is None


def test_a_new_version_runs_the_cases_once_it_is_ready(
    reg, alice, iris, case, publish_file, iris_file
):
    version = publish_file(alice, iris_file, model=iris.model)
    assert open_kinds(reg) == [iris.ref, version.ref]
    golden_runs.run(reg, version.id)
    assert golden_cases.tally(reg, alice, iris.model)[version.id] == (1, 0, 1)


def test_a_check_cut_off_after_its_end_still_has_the_rest_done(reg, alice, iris, case):
    with reg.writing() as s:
        s.query(JobRow).filter(JobRow.subject_id == iris.id).delete()
    checks.run(reg, iris.id)
    with reg.reading() as s:
        kinds = {row.kind for row in s.query(JobRow).filter(JobRow.subject_id == iris.id)}
    assert kinds == {"benchmark", "golden"}


def test_cases_are_asked_again_when_somebody_wants_it(reg, alice, iris, case):
    assert golden_runs.start(reg, alice, iris.ref).kind == "golden"
    assert open_kinds(reg) == [iris.ref]  # the one that waits has not read the cases yet


def test_without_cases_there_is_nothing_to_run(reg, alice, iris):
    with pytest.raises(Conflict, match="no golden cases"):
        golden_runs.start(reg, alice, iris.ref)


def test_a_case_can_be_tried_before_it_is_saved(reg, alice, iris, row, answer):
    assert golden_runs.try_case(reg, alice, iris.ref, row, answer, 1e-6).passed
    tried = golden_runs.try_case(reg, alice, iris.ref, row, {"no such": 1}, 1e-6)
    assert (tried.passed, tried.message) == (False, "there is no output 'no such'")
    assert golden_cases.find(reg, alice, iris.model) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": {"a": float("nan")}}, "inputs"),
        ({"expected": {"a": object()}}, "expected"),
        ({"expected": {"a": "x" * (1 << 20)}}, "expected"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
    ],
)
def test_what_cannot_be_a_case_is_refused_by_field(reg, alice, iris, given, field):
    whole = {"name": "n", "inputs": {"a": 1}, "expected": {"b": 1}, "tolerance": 0.0} | given
    with pytest.raises(InvalidInput) as refused:
        golden_cases.add(reg, alice, iris.model, **whole)
    assert set(refused.value.problems) == {field}


def test_names_are_unique_within_a_model(reg, alice, iris, case):
    with pytest.raises(Conflict, match="already"):
        golden_cases.add(reg, alice, iris.model, case.name, {"a": 1}, {"b": 1})
    golden_cases.edit(reg, alice, iris.model, case.id, name=case.name, tolerance=0.5)
    assert golden_cases.find(reg, alice, iris.model)[0].tolerance == 0.5


def test_a_removed_case_takes_its_runs_along(reg, alice, iris, case):
    golden_runs.run(reg, iris.id)
    golden_cases.remove(reg, alice, iris.model, case.id)
    assert golden_cases.runs(reg, alice, iris.ref) == []
    with pytest.raises(NotFound):
        golden_cases.remove(reg, alice, iris.model, case.id)


def test_a_case_is_reached_through_its_own_model_only(
    reg, alice, iris, case, publish_file, iris_file
):
    other = publish_file(alice, iris_file, check=False, name="Other")
    with pytest.raises(NotFound):
        golden_cases.edit(reg, alice, other.model, case.id, name="mine")


def test_who_may_only_look_may_not_change_cases(reg, alice, new_user, iris, case):
    from registry import access

    carol = new_user("carol")
    access.share(reg, alice, iris.model, "carol", "view")
    assert golden_cases.find(reg, carol, iris.model)[0].created_by == "alice"
    with pytest.raises(Forbidden):
        golden_cases.remove(reg, carol, iris.model, case.id)


def test_the_cases_of_a_version_that_does_not_run_are_left_alone(reg, alice, iris, case):
    versions.edit(reg, alice, iris.ref, lifecycle="archived")
    with pytest.raises(Conflict, match="archived"):
        golden_runs.start(reg, alice, iris.ref)


@pytest.mark.parametrize(
    ("expected", "answer", "tolerance", "why"),
    [
        ({"value": 100.0}, {"value": 100.9}, 0.01, ""),
        ({"value": 100.0}, {"value": 101.1}, 0.01, "value is 101.1, expected 100 (off by 0.011"),
        ({"value": 0.0}, {"value": 1e-10}, 1e-6, ""),
        ({"value": 0.0}, {"value": 1e-10}, 0.0, "value is 1e-10, expected 0"),
        ({"value": 1.0}, {"value": None}, 1.0, "value is None, expected 1.0"),
        ({"value": 1.0}, {"value": True}, 1.0, "value is True, expected 1.0"),
        ({"p": [0.2, 0.8]}, {"p": [0.2, 0.7]}, 1e-3, "p[1] is 0.7, expected 0.8"),
        ({"p": [0.2, 0.8]}, {"p": [1.0]}, 1.0, "p has 1 entries, expected 2"),
        ({"t": [[1, 2], [3, 4]]}, {"t": [[1, 2], [3, 5]]}, 0.0, "t[1][1] is 5, expected 4"),
        ({"label": 100000}, {"label": 100001}, 0.1, "label is 100001, expected 100000"),
        ({"label": 1.0}, {"label": "1"}, 0.0, ""),
        ({"value": float("nan")}, {"value": float("nan")}, 1.0, "value is nan"),
    ],
)
def test_numbers_may_differ_by_the_tolerance_and_labels_not_at_all(
    expected, answer, tolerance, why
):
    found = "; ".join(differences(expected, answer, tolerance, {"label"}))
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_a_version_in_use_with_a_red_case_needs_its_owners_attention(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "edit")
    case = golden_cases.add(reg, alice, iris.model, "a rose", {"a": 1}, {"label": "rose"})
    assert overview.attention(reg, alice) == []
    for alias in ("champion", "production"):
        aliases.move(reg, alice, iris.ref, alias)
    with reg.writing() as s:
        golden_cases.record_run_in(s, GoldenRun(case.id, iris.id, False, None, "no", now()))
    ((version, why),) = overview.attention(reg, alice)
    assert (version.ref, why) == (iris.ref, "1 golden case failed")
    assert overview.attention(reg, bob) == []
