"""/evaluations: one's labelled rows and what versions were found to be worth on them."""

from __future__ import annotations

from pages.parts import cards, evaluated, evaluating, notices, session
from registry import datasets, results
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor

reg, actor = session.require("search")


def judged(reg: Registry, actor: Actor) -> None:
    """What was evaluated, and what is under way."""
    found = recalled(results.find, reg, actor)
    cards.section("Evaluations", "Several versions on the same rows; nobody else sees them.")
    if not found:
        with cards.empty(
            "No evaluations yet", "Choose versions to compare, then evaluate them.", icon="rule"
        ):
            cards.go("Choose a model", "models.py", key="evaluations.models", type="primary")
    evaluating.follow(reg, actor, [e for e in found if e.state in ("queued", "running")])
    for evaluation in found:
        evaluated.line(reg, actor, evaluation)


def kept(reg: Registry, actor: Actor) -> None:
    """The rows that are stored."""
    found = recalled(datasets.find, reg, actor)
    cards.section("Data sets", "Your labelled rows. They stay until you delete them.")
    if not found:
        cards.empty("No data sets yet", "Rows you evaluate on are kept here.", icon="table_rows")
    for dataset in found:
        evaluated.dataset_line(reg, actor, dataset)


cards.header("Evaluations", "How good versions are on rows of your own")
with notices.shown():
    judged(reg, actor)
    kept(reg, actor)
