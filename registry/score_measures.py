"""The eleven measures of the scorecard: each from what the registry itself holds, or None.

The formulas, with their reasons, are the table of docs/scorecard.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import license_checks, licenses
from registry.records import Actor, Field, Model, Version
from registry.tables import AuditRow, EvaluatedRow, EvaluationRow, GateRow, GoldenCaseRow

MADE = ("version.add", "version.edit", "model.edit", "metrics.log", "lineage.link")
LOOKED = ("alias.move", "version.trust", "version.benchmark", "golden.add", "golden.run",
          "gate.edit", "version.edit", "evaluation.start")  # fmt: skip
DEVICES = {"Raspberry Pi": 1 << 30, "Jetson Nano": 4 << 30, "desktop": 16 << 30, "server": 64 << 30}
"""Memory in bytes of what a model may have to run on. NVIDIA's Jetson Nano has 4 GB; the others
are choices: there are boards, desktops and servers with more and with less."""
_WORDS, _ROWS_PER_COLUMN, _HELD_OUT = 200, 10, 0.2


class Found(NamedTuple):
    """A measure from 0 to 1, or None: not measured; the evidence, and where it is from."""

    value: float | None
    evidence: str
    where: str


@dataclass(frozen=True)
class Subject:
    """What is measured, for whom; `links` holds what a look at its links found, None without."""

    s: Session
    actor: Actor
    model: Model
    version: Version
    parents: tuple[tuple[str, float | None], ...] = ()
    links: tuple[str, ...] | None = None

    def has(self, kind: str) -> bool:
        """Whether the version has a file of this kind."""
        return any(artifact.kind == kind for artifact in self.version.artifacts)


def ramp_up(one: Subject) -> Found:
    """How soon somebody new can use it."""
    words = len(re.findall(r"\w+", one.model.card))
    schema = one.version.schema
    parts = {
        f"a card of {words} words" if words else "a card": 0.4 * min(1.0, words / _WORDS),
        "headings": 0.2 * min(1.0, len(re.findall(r"(?m)^#+ ", one.model.card)) / 3),
        "a schema": 0.2 * (schema is not None),
        "an example": 0.2 * bool((schema and schema.example) or one.has("sample")),
    }
    return _summed(parts, "card, schema and files")


def bus_factor(one: Subject) -> Found:
    """Whether it would outlive the loss of one person: how evenly the work is shared.

    Source: Hill, Ecology 54(2), 1973, p. 427–432: the diversity number of order 1, exp(H).
    """
    counts = _counts(one, MADE)
    total = sum(counts.values())
    if not total:
        return Found(None, "nobody’s work on it is recorded", "audit")
    shares = [count / total for count in counts.values()]
    even = math.exp(-sum(share * math.log(share) for share in shares))
    said = f"{_n(len(counts), 'person', 'people')} made {_n(total, 'change')}"
    if len(counts) > 1:
        said += f", as evenly as {even:.1f} people would"
    return Found(max(0.0, 1 - 1 / even), said, "audit")


def performance(one: Subject) -> Found:
    """Whether it says how good it is, on what, and whether that was measured here."""
    found = one.version.metrics
    if not found:
        return Found(0.0, "it claims nothing: no metric is given", "metrics")
    named = sum(bool(metric.dataset) for metric in found) / len(found)
    known = sum(metric.higher_is_better is not None for metric in found) / len(found)
    here = any(metric.source == "evaluation" for metric in found) or _evaluated(one)
    parts = {
        _n(len(found), "metric"): 0.4,
        f"{named:.0%} name their data set": 0.2 * named,
        f"of {known:.0%} it is known which way is better": 0.1 * known,
        "it was evaluated here" if here else "none was measured here": 0.3 * here,
    }
    return Found(sum(parts.values()), ", ".join(parts), "metrics and evaluations")


def licensed(one: Subject) -> Found:
    """Whether what may be done with it is clear, and fits what it was made from."""
    said = one.model.license
    if not said:
        return Found(0.0, "no license is given", "model")
    check = licenses.check(said, said)
    if check.compatible == "unknown" and "SPDX" in check.why:
        return Found(0.2, check.why, "model")
    found = license_checks.ancestors_in(one.s, one.actor, one.version.id, said)
    for kin in found:
        if kin.check.compatible == "no":
            said = f"{check.source}, but not compatible with its {kin.kin} {kin.parent}: "
            return Found(0.0, said + kin.check.why, "lineage")
    unknown = [kin.parent or "a parent you cannot see" for kin in found
               if kin.check.compatible == "unknown"]  # fmt: skip
    if unknown:
        return Found(0.6, f"{check.source}; of {unknown[0]} it is not known to fit", "lineage")
    return Found(1.0, f"{check.source}, in SPDX’s words" + ("; fits its parents" if found else ""),
                 "model and lineage")  # fmt: skip


def size(one: Subject) -> Found:
    """On how small a machine it fits with half the memory to spare."""
    amount = one.version.artifact.size_bytes
    each = {name: max(0.0, 1 - amount / (memory / 2)) for name, memory in DEVICES.items()}
    fits = ", ".join(f"{name} {value:.2f}" for name, value in each.items())
    return Found(sum(each.values()) / len(each), f"{amount:,} bytes: {fits}", "model file")


def dataset_and_code(one: Subject) -> Found:
    """Whether the data it was trained on and the code that did it can be found."""
    links, told = one.version.links, one.version.training
    data = 0.5 if links.get("dataset") or one.has("data") else 0.3 if told.get("dataset") else 0.0
    code = 0.5 if links.get("code") or links.get("source") else 0.0
    said = (
        {0.5: "the data set is linked or attached", 0.3: "the data set is named, not linked"}.get(
            data, "no data set is named"
        ),
        "the code is linked" if code else "no code is linked",
    )
    return Found(data + code, ", ".join(said), "links and files")


def dataset_quality(one: Subject) -> Found:
    """Whether there were enough rows, some held out, and columns somebody described.

    Source: for the ten rows a column, docs/scorecard.md: a choice, after a rule for other cases.
    """
    n_train = _count(one.version.training.get("n_train"))
    n_test = _count(one.version.training.get("n_test")) or 0
    columns = one.version.schema.fields if one.version.schema else ()
    if not n_train or not columns:
        return Found(None, "how many rows it was trained on is not said", "training")
    enough = min(1.0, n_train / (_ROWS_PER_COLUMN * len(columns)))
    held_out = min(1.0, n_test / (_HELD_OUT * n_train))
    described = sum(_is_described(column) for column in columns) / len(columns)
    said = f"{n_train:,} rows for {_n(len(columns), 'column')}, {n_test:,} held out, "
    said += f"{described:.0%} of the columns have a range, categories or a description"
    return Found(0.4 * enough + 0.3 * held_out + 0.3 * described, said, "training and schema")


def code_quality(one: Subject) -> Found:
    """Whether its code has what kept code has; only its link can say."""
    if not (one.version.links.get("code") or one.version.links.get("source")):
        return Found(None, "no code is linked", "links")
    if one.links is None:
        return Found(None, "the link to its code was not looked at", "links")
    said = f"{len(one.links)} of 5 signs of kept code: {', '.join(one.links) or 'none'}"
    return Found(len(one.links) / 5, said, "link to the code")


def reproducibility(one: Subject) -> Found:
    """Whether it could be made again."""
    inspection, told = one.version.inspection, one.version.training
    parameters = {**inspection.parameters, **one.version.parameters, **told}
    seeded = any("seed" in key or key.endswith("random_state") for key, value in parameters.items()
                 if value is not None)  # fmt: skip
    parts = {
        "version of the framework": 0.2 * bool(inspection.framework_version),
        "requirements": 0.2 * bool(one.has("requirements") or len(inspection.libraries) > 1),
        "parameters": 0.2 * bool(inspection.parameters or one.version.parameters),
        "training data": 0.2 * bool(told.get("dataset") or one.version.links.get("dataset")),
        "a seed": 0.2 * seeded,
    }
    return _summed(parts, "file, requirements and training")


def reviewedness(one: Subject) -> Found:
    """Whether somebody else than its maker has dealt with it, and rules and cases guard it."""
    maker = one.version.created_by
    others = {name for name in _counts(one, LOOKED) if name != maker}
    rules = one.s.execute(select(GateRow.rules).where(GateRow.model_id == one.model.id)).scalar()
    cases = one.s.execute(
        select(func.count()).select_from(GoldenCaseRow)
        .where(GoldenCaseRow.model_id == one.model.id)
    ).scalar_one()  # fmt: skip
    parts = {
        "a look by somebody else than its maker": 0.5 * bool(others),
        "a promotion gate": 0.25 * bool(rules),
        "golden cases": 0.25 * bool(cases),
    }
    return _summed(parts, "audit, gate and golden cases")


def lineage(one: Subject) -> Found:
    """How good what it was made from is."""
    scores = [score for _, score in one.parents if score is not None]
    if not scores:
        return Found(None, "it has no parents that you may see", "lineage")
    said = f"mean net score of {_n(len(scores), 'parent')}"
    return Found(sum(scores) / len(scores), said, "lineage")


class Measure(NamedTuple):
    """One measure: its name, its weight in the net score, and how it is found."""

    title: str
    weight: float
    find: Callable[[Subject], Found]


MEASURES: dict[str, Measure] = {
    "ramp_up": Measure("Ramp-up", 0.10, ramp_up),
    "bus_factor": Measure("Bus factor", 0.08, bus_factor),
    "performance": Measure("Performance claims", 0.15, performance),
    "license": Measure("License", 0.12, licensed),
    "size": Measure("Size", 0.05, size),
    "dataset_and_code": Measure("Data set and code", 0.10, dataset_and_code),
    "dataset_quality": Measure("Data set quality", 0.08, dataset_quality),
    "code_quality": Measure("Code quality", 0.08, code_quality),
    "reproducibility": Measure("Reproducibility", 0.12, reproducibility),
    "reviewedness": Measure("Reviewedness", 0.07, reviewedness),
    "lineage": Measure("Lineage", 0.05, lineage),
}
"""Weights add up to 1."""


def _counts(one: Subject, actions: tuple[str, ...]) -> dict[str, int]:
    """Who did such things to the model, and how often."""
    rows = one.s.execute(
        select(AuditRow.actor, func.count())
        .where(AuditRow.model_id == one.model.id, AuditRow.action.in_(actions))
        .where(AuditRow.actor != "system")
        .group_by(AuditRow.actor_id, AuditRow.actor)
    )
    return {row[0]: row[1] for row in rows}


def _evaluated(one: Subject) -> bool:
    """Whether the actor has seen it evaluated; evaluations of others are not spoken of."""
    found = one.s.execute(
        select(EvaluatedRow.evaluation_id)
        .join(EvaluationRow, EvaluationRow.id == EvaluatedRow.evaluation_id)
        .where(EvaluatedRow.version_id == one.version.id, EvaluationRow.user_id == one.actor.id)
        .limit(1)
    )
    return found.first() is not None


def _summed(parts: dict[str, float], where: str) -> Found:
    """The sum of the parts; what there is, then what is missing."""
    there = ", ".join(name for name, value in parts.items() if value)
    missing = ", ".join(name for name, value in parts.items() if not value)
    said = [f"has {there}"] if there else []
    said += [f"lacks {missing}"] if missing else []
    return Found(sum(parts.values()), "; ".join(said), where)


def _is_described(column: Field) -> bool:
    return bool(column.categories or column.description or column.minimum is not None)


def _count(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and math.isfinite(value) and value > 0 else None


def _n(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
