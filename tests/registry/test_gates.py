"""A promotion gate holds versions to its rules, with figures, and lets managers override them."""

from __future__ import annotations

import math
import threading

import pytest

from registry import access, activity, aliases, gates, golden_cases, models, timings, versions
from registry.errors import Forbidden, GateClosed, InvalidInput, NotFound
from registry.records import Checked, GoldenRun, Metric, Report, Rule
from registry.tables import MetricRow, VersionRow, now
from tests.registry.test_timings import measured

AT_LEAST = Rule("metric", metric="accuracy_score", op=">=", value=0.95)
NOT_WORSE = Rule("not_worse", metric="accuracy_score", value=0.01)


@pytest.fixture
def add(reg, publish_file, alice, iris, iris_file):
    """Publishes further versions of alice/iris that are ready, without loading them."""

    def run(accuracy, name="accuracy_score", **more):
        metrics = (Metric(name, accuracy, **more),)
        version = publish_file(alice, iris_file, check=False, model=iris.model, metrics=metrics)
        versions.conclude(reg, version.id, status="ready", checked=Checked(version.schema))
        return version

    return run


def said(reg, actor, version, rule, alias="champion"):
    gates.edit(reg, actor, version.model, [rule])
    (result,) = gates.check(reg, actor, version.ref, alias)
    return result.passed, result.said


def test_a_refused_move_names_every_failed_rule_with_its_figures(reg, alice, iris, add):
    low = add(0.91)
    gates.edit(reg, alice, iris.model, [AT_LEAST, Rule("latency", value=5.0), Rule("scan")])
    with pytest.raises(GateClosed) as refused:
        aliases.move(reg, alice, low.ref, "champion")
    assert "accuracy_score is 0.91, must be >= 0.95" in refused.value.message
    assert "it has no benchmark yet, p95 must be below 5 ms" in refused.value.message
    assert "2 of 3 rules failed" in refused.value.message
    assert [r.passed for r in refused.value.results] == [False, False, True]
    assert models.get(reg, alice, iris.model).champion is None


def test_a_version_that_meets_the_rules_moves_and_the_audit_says_so(reg, alice, iris):
    gates.edit(reg, alice, iris.model, [AT_LEAST])
    aliases.move(reg, alice, iris.ref, "champion")
    line = activity.find(reg, alice, model=iris.model).items[0]
    assert line.detail["passed"] == ["accuracy_score is 0.95, as it must be: >= 0.95"]
    assert "failed" not in line.detail


def test_only_the_named_aliases_are_guarded(reg, alice, iris, add):
    low = add(0.5)
    gates.edit(reg, alice, iris.model, [AT_LEAST])
    aliases.move(reg, alice, low.ref, "staging")
    for guarded in ("champion", "production"):
        with pytest.raises(GateClosed):
            aliases.move(reg, alice, low.ref, guarded)


def test_a_manager_overrides_with_a_reason_that_the_audit_keeps(reg, alice, iris, add):
    low = add(0.5)
    gates.edit(reg, alice, iris.model, [AT_LEAST, Rule("scan")])
    move = aliases.move(reg, alice, low.ref, "champion", "now", override_reason="all others leak")
    assert move.reason == "now Gate overridden: all others leak"
    line = activity.find(reg, alice, model=iris.model).items[0]
    assert line.detail["overridden"] is True
    assert line.detail["override_reason"] == "all others leak"
    assert line.detail["failed"] == ["accuracy_score is 0.5, must be >= 0.95"]
    assert line.detail["passed"] == ["the scan is clean"]


def test_an_editor_may_not_override(reg, alice, bob, iris, add):
    low = add(0.5)
    access.share(reg, alice, iris.model, "bob", "edit")
    gates.edit(reg, alice, iris.model, [AT_LEAST])
    with pytest.raises(Forbidden):
        aliases.move(reg, bob, low.ref, "champion", override_reason="because")
    assert models.get(reg, alice, iris.model).champion is None
    aliases.move(reg, bob, iris.ref, "champion", override_reason="not needed")
    assert "overridden" not in activity.find(reg, alice, model=iris.model).items[0].detail


def test_a_reason_of_blanks_is_no_override(reg, alice, iris, add):
    gates.edit(reg, alice, iris.model, [AT_LEAST])
    with pytest.raises(GateClosed):
        aliases.move(reg, alice, add(0.5).ref, "champion", override_reason="  ")


def test_an_editor_may_not_change_the_rules(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "edit")
    with pytest.raises(Forbidden):
        gates.edit(reg, bob, iris.model, [])
    assert gates.get(reg, bob, iris.model) == ()


def test_a_roll_back_obeys_the_gate_too(reg, alice, iris, add):
    better = add(0.99)
    for version in (iris, better):
        aliases.move(reg, alice, version.ref, "champion")
    gates.edit(reg, alice, iris.model, [Rule("metric", metric="accuracy_score", value=0.97)])
    with pytest.raises(GateClosed):
        aliases.rollback(reg, alice, iris.model)
    back = aliases.rollback(reg, alice, iris.model, override_reason="v2 is broken")
    assert (back.to_number, "v2 is broken" in back.reason) == (1, True)


def test_of_two_moves_at_once_the_second_is_held_to_the_first(reg, alice, iris, add):
    """Against v1 (0.95) both would pass; after one of them, the other is worse by too much."""
    aliases.move(reg, alice, iris.ref, "champion")
    high, low = add(1.0), add(0.945)
    gates.edit(reg, alice, iris.model, [NOT_WORSE])
    outcomes, begin = {}, threading.Barrier(2)

    def move(version):
        begin.wait()
        try:
            aliases.move(reg, alice, version.ref, "champion")
            outcomes[version.number] = "moved"
        except GateClosed:
            outcomes[version.number] = "refused"

    threads = [threading.Thread(target=move, args=(v,)) for v in (high, low)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes[high.number] == "moved"
    moved = [m.to_number for m in reversed(aliases.history(reg, alice, iris.model))]
    expected = [1, low.number, high.number] if outcomes[low.number] == "moved" else [1, high.number]
    assert moved == expected


def test_a_missing_metric_does_not_pass(reg, alice, iris):
    rule = Rule("metric", metric="recall_score", value=0.1)
    assert said(reg, alice, iris, rule) == (False, "recall_score is not recorded, must be >= 0.1")


def test_every_data_set_has_to_hold_unless_the_rule_names_one(reg, alice, iris):
    numbers = [Metric("accuracy_score", 0.99, dataset="train"), Metric("accuracy_score", 0.9)]
    versions.edit(reg, alice, iris.ref, metrics=numbers)
    assert said(reg, alice, iris, AT_LEAST)[0] is False
    on_train = Rule("metric", metric="accuracy_score", dataset="train", value=0.95)
    assert said(reg, alice, iris, on_train)[0] is True


@pytest.mark.parametrize("kind", ["metric", "not_worse"])
@pytest.mark.parametrize("op", [">=", "<=", ">", "<"])
def test_a_value_that_is_no_number_meets_no_rule(reg, alice, iris, add, kind, op):
    aliases.move(reg, alice, iris.ref, "champion")
    version = add(0.99)
    with reg.writing() as s:
        row = s.get_one(MetricRow, (version.id, "accuracy_score", ""))
        row.value = math.inf  # SQLite keeps no NaN; inf - inf makes one
        s.get_one(MetricRow, (iris.id, "accuracy_score", "")).value = math.inf
    rule = Rule(kind, metric="accuracy_score", op=op, value=0.5)
    if kind == "not_worse":
        assert said(reg, alice, version, rule)[0] is False
    assert not gates.OPERATORS[op](math.nan, 0.5)


@pytest.mark.parametrize(
    ("kind", "value"), [("metric", math.nan), ("not_worse", math.inf), ("latency", math.nan)]
)
def test_a_rule_needs_a_finite_number(reg, alice, iris, kind, value):
    with pytest.raises(InvalidInput, match="rule 1: value"):
        gates.edit(reg, alice, iris.model, [Rule(kind, metric="accuracy_score", value=value)])


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (Rule("metric"), "metric"),
        (Rule("metric", metric="a", op="="), "op"),
        (Rule("not_worse", metric="a", value=-1), "value"),
        (Rule("latency", value=0), "value"),
        (Rule("scan", aliases=()), "aliases"),
        (Rule("scan", aliases=("latest",)), "aliases"),
        (Rule("luck"), "kind"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_field(reg, alice, iris, rule, field):
    with pytest.raises(InvalidInput) as refused:
        gates.edit(reg, alice, iris.model, [Rule("golden"), rule])
    assert set(refused.value.problems) == {f"rule 2: {field}"}
    assert gates.preview(reg, alice, iris.ref, [rule])[0].passed is False


def test_which_way_is_better_decides_what_is_worse(reg, alice, iris, add):
    aliases.move(reg, alice, add(0.30, name="log_loss").ref, "champion")
    rule = Rule("not_worse", metric="log_loss", value=0.05)
    worse, fine = add(0.36, name="log_loss"), add(0.10, name="log_loss")
    passed, why = said(reg, alice, worse, rule)
    assert not passed
    assert why == "log_loss is 0.36, worse than the champion's (v2) 0.3 by 0.06, may be 0.05"
    assert said(reg, alice, fine, rule)[0]


def test_nobody_guesses_which_way_an_unknown_metric_goes(reg, alice, iris, add):
    aliases.move(reg, alice, add(3.0, name="zing").ref, "champion")
    passed, why = said(reg, alice, add(3.0, name="zing"), Rule("not_worse", metric="zing"))
    assert (passed, why) == (False, "nothing says whether a higher zing is better")


def test_just_as_much_worse_as_allowed_passes(reg, alice, iris, add):
    aliases.move(reg, alice, iris.ref, "champion")
    assert said(reg, alice, add(0.94), NOT_WORSE)[0]  # 0.95 - 0.94 is 0.010000000000000009
    assert not said(reg, alice, add(0.9399), NOT_WORSE)[0]


def test_without_a_champion_nothing_is_worse_than_it(reg, alice, iris):
    assert said(reg, alice, iris, NOT_WORSE)[0]


def test_a_champion_that_was_not_measured_cannot_be_compared_with(reg, alice, iris, add):
    aliases.move(reg, alice, add(1.0, name="recall_score").ref, "champion")
    passed, why = said(reg, alice, iris, NOT_WORSE)
    assert (passed, why) == (False, "accuracy_score is not recorded for the champion, v2")


def test_golden_cases_must_all_have_been_run_and_passed(reg, alice, iris):
    rule = Rule("golden")
    assert "there is no golden case" in said(reg, alice, iris, rule)[1]
    cases = [
        golden_cases.add(reg, alice, iris.model, name, {"a": 1}, {"label": "b"})
        for name in ("first", "second")
    ]
    assert said(reg, alice, iris, rule) == (False, "2 of 2 not run yet (first, second)")
    _ran(reg, cases[0], iris, passed=True)
    _ran(reg, cases[1], iris, passed=False)
    assert said(reg, alice, iris, rule) == (False, "1 of 2 golden cases failed (second)")
    _ran(reg, cases[1], iris, passed=True)
    assert said(reg, alice, iris, rule) == (True, "2 of 2 golden cases passed")


def _ran(reg, case, version, *, passed):
    with reg.writing() as s:
        run = GoldenRun(case.id, version.id, passed, {}, "", now())
        golden_cases.record_run_in(s, run)


def test_the_newest_benchmark_decides_about_latency(reg, alice, iris):
    with reg.writing() as s:
        timings.record_in(s, measured(iris.id, 9.0, hours_ago=1))
        timings.record_in(s, measured(iris.id, 2.0))
    assert said(reg, alice, iris, Rule("latency", value=5)) == (
        True,
        "p95 is 2 ms, as it must be: below 5 ms",
    )
    assert said(reg, alice, iris, Rule("latency", value=2))[0] is False


def test_a_scan_that_is_not_clean_does_not_pass(reg, alice, iris):
    with reg.writing() as s:
        versions.keep_report_in(s.get_one(VersionRow, iris.id), Report(complete=False))
    passed, why = said(reg, alice, iris, Rule("scan"))
    assert not passed
    assert "not clean" in why


def test_a_gate_of_a_private_model_is_not_found(reg, alice, bob, iris):
    gates.edit(reg, alice, iris.model, [AT_LEAST])
    with pytest.raises(NotFound):
        gates.get(reg, bob, iris.model)
    with pytest.raises(NotFound):
        gates.check(reg, bob, iris.ref, "champion")


@pytest.mark.parametrize("rule", [AT_LEAST, NOT_WORSE, Rule("scan", aliases=("production",))])
def test_only_who_may_override_removes_an_alias_that_rules_guard(reg, alice, bob, iris, rule):
    access.share(reg, alice, iris.model, "bob", "edit")
    alias = rule.aliases[0]
    aliases.move(reg, alice, iris.ref, alias)
    gates.edit(reg, alice, iris.model, [rule])
    with pytest.raises(Forbidden):
        aliases.remove(reg, bob, iris.model, alias)
    assert alias in models.get(reg, bob, iris.model).aliases
    aliases.remove(reg, alice, iris.model, alias)
    line = activity.find(reg, alice, model=iris.model).items[0]
    assert (line.action, line.detail["overridden"]) == ("alias.remove", True)
    assert line.detail["rules"] == [gates.describe(rule)]


def test_the_champion_that_rules_compare_with_is_guarded(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "edit")
    aliases.move(reg, alice, iris.ref, "champion")
    rule = Rule("not_worse", metric="accuracy_score", value=0.01, aliases=("production",))
    gates.edit(reg, alice, iris.model, [rule])
    with pytest.raises(Forbidden):
        aliases.remove(reg, bob, iris.model, "champion")


def test_an_editor_removes_an_alias_without_rules(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "edit")
    aliases.move(reg, alice, iris.ref, "staging")
    gates.edit(reg, alice, iris.model, [AT_LEAST])
    aliases.remove(reg, bob, iris.model, "staging")
    assert models.get(reg, bob, iris.model).aliases == {}
