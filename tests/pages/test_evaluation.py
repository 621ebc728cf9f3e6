"""The page of an evaluation, from records that the judge made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.evaluation_head import in_words, verdict
from pages.parts.evaluation_view import View, short_names
from registry import results
from registry.codec import dump
from registry.core import Registry
from registry.judging import judge, pair
from registry.judging.contract import Answers, Truth
from registry.records import Actor, Evaluated, Evaluation, EvaluationTask, Version
from registry.tables import EvaluatedRow, EvaluationRow

Visit = Callable[..., AppTest]
HOSTILE = "<b>x</b> [press](https://evil.example)"


def _drawn(task: EvaluationTask, n_versions: int) -> tuple[Truth, list[Answers]]:
    rng = np.random.default_rng(0)
    slices = rng.integers(2, size=300).astype(np.int32)
    if task == "regression":
        target = rng.normal(size=300)
        each = [Answers(target + rng.normal(size=300) / (i + 1)) for i in range(n_versions)]
        return Truth(task, (), target, slices, (HOSTILE, "south")), each
    target = rng.integers(2, size=300).astype(np.int32)
    found = []
    for i in range(n_versions):
        second = 1 / (1 + np.exp(-(target * 2 - 1) * (i + 1) / 2 - rng.normal(size=300)))
        shares = np.stack([1 - second, second], axis=1)
        found.append(Answers((second > 0.5).astype(np.int32), shares, (0, 1)))
    return Truth(task, ("no", "yes"), target, slices, (HOSTILE, "south")), found


def evaluation(task: EvaluationTask, n_versions: int = 2, **changes: object) -> Evaluation:
    """Later versions are better; none of them exists."""
    truth, answers = _drawn(task, n_versions)
    each = tuple(
        Evaluated(f"id{i}", f"alice/iris@{i + 1}", judge(truth, one))
        for i, one in enumerate(answers)
    )
    pairs = tuple(
        pair(truth, answers[i], answers[j], base_id=f"id{i}", other_id=f"id{j}")
        for i in range(n_versions)
        for j in range(i + 1, n_versions)
    )
    found = Evaluation(
        "e1", None, HOSTILE, "y", task, "region", 300, each, pairs, created_at=datetime.now(UTC)
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def said(tab: AppTest) -> str:
    parts = [*tab.markdown, *tab.caption, *tab.title, *tab.subheader, *tab.error]
    tables = [str(table.value) for table in tab.table]
    return "\n".join([str(part.value) for part in parts] + tables)


def kept(reg: Registry, actor: Actor, version: Version, found: Evaluation) -> Evaluation:
    """The first version's figures as if a job had left them, for a version that exists."""
    one = found.versions[0]
    with reg.writing() as s:
        results.add_in(s, replace(found, versions=(replace(one, version_id=version.id),)), actor.id)
        s.get_one(EvaluationRow, found.id).n_rows = found.n_rows
        row = s.query(EvaluatedRow).filter_by(evaluation_id=found.id).one()
        row.result = dump(one.quality)
    return found


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_best_is_named_with_its_interval_and_its_doubt(task: EvaluationTask) -> None:
    sentence = verdict(View("me", evaluation(task, 3), ""))
    assert sentence.startswith("**v3** is best")
    assert "with 95 % confidence" in sentence
    assert "is more than chance" in sentence


def test_a_changed_base_turns_the_pairs_round() -> None:
    found = evaluation("classification", 2)
    plain, turned = View("me", found, ""), View("me", found, "alice/iris@2")
    before, after = plain.pair(plain.judged[1]), turned.pair(turned.judged[1])
    assert before is not None
    assert after is not None
    assert turned.base.name == "v2"
    assert (after.difference, after.low) == (-before.difference, -before.high)
    assert (after.n_mended, after.n_broken) == (before.n_broken, before.n_mended)
    assert "the base, is best" in verdict(turned)


def test_a_paired_test_is_told_in_words() -> None:
    (found,) = evaluation("classification", 2).pairs
    told = in_words(replace(found, n_mended=20, n_broken=8), 300)
    assert told == "right on 12 more rows of 300: mends 20, breaks 8"
    assert in_words(replace(found, n_mended=3, n_broken=4), 300).startswith("right on 1 fewer row")


def test_versions_of_several_models_carry_their_models_name() -> None:
    found = evaluation("classification", 2)
    other = replace(found.versions[1], ref="bob/churn@7")
    names = short_names(replace(found, versions=(found.versions[0], other)))
    assert set(names.values()) == {"iris v1", "churn v7"}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_everything_that_was_found_is_shown_when_opened(
    task: EvaluationTask, reg: Registry, alice: Actor, iris: Version, visit: Visit
) -> None:
    kept(reg, alice, iris, evaluation(task, 1))
    tab = visit(alice, "evaluation.py", id="e1")
    assert "accuracy" in said(tab) or "root mean squared error" in said(tab)
    for key in ("curves", "calibration", "confusion", "residuals", "slices", "more"):
        tab.session_state[f"evaluation.{key}"] = True
    tab.run()
    assert not tab.exception
    assert "south" in said(tab)
    assert "[press](https://evil" not in said(tab)


def test_somebody_elses_evaluation_is_not_found(
    reg: Registry, alice: Actor, bob: Actor, iris: Version, visit: Visit
) -> None:
    kept(reg, alice, iris, evaluation("classification", 1))
    assert "Not found" in said(visit(bob, "evaluation.py", id="e1"))


def test_without_an_id_the_page_says_where_to_go(visit: Visit, alice: Actor) -> None:
    assert "No evaluation named" in said(visit(alice, "evaluation.py"))
