"""What a version must meet before an alias moves to it. Owns `gates`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, get_args

from sqlalchemy.orm import Session

from registry import (
    audit,
    codec,
    decisions,
    golden_cases,
    metrics,
    models,
    timings,
    versions,
    wording,
)
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import CHAMPION, Actor, Metric, Report, Rule, RuleKind, RuleResult
from registry.tables import AliasRow, GateRow, ModelRow, VersionRow, now

MOST_RULES = 20
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda value, bound: value >= bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    "<": lambda value, bound: value < bound,
}
"""All false for NaN, so that no rule is met by it."""
_ROUNDING = 1e-12  # of differences such as 0.95 - 0.94, in parts of the larger number


class _Subject(NamedTuple):
    """What rules look at."""

    s: Session
    model: ModelRow
    version: VersionRow


def get(reg: Registry, actor: Actor, model: str) -> tuple[Rule, ...]:
    """The rules of a model's gate; () when there are none.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        row = models.for_action(s, actor, "model.read", model)
        return _rules(s, row.id)


def edit(reg: Registry, actor: Actor, model: str, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Replace the rules of a model's gate. Aliases stay where they are.

    Raises:
        InvalidInput: A rule does not make sense; problems are named "rule 2: metric".
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage the model.
    """
    with reg.writing() as s:
        row = models.for_action(s, actor, "gate.edit", model)
        _refuse_unfit(rules)
        gate = s.get(GateRow, row.id) or GateRow(model_id=row.id)
        gate.rules, gate.updated_at = codec.dump(list(rules)), now()
        s.add(gate)
        said = [describe(rule) for rule in rules]
        audit.record(s, actor, "gate.edit", models.address(s, row), model_id=row.id, rules=said)
        return tuple(rules)


def check(reg: Registry, actor: Actor, ref: str, alias: str) -> tuple[RuleResult, ...]:
    """What a version makes of the rules that guard an alias; () when none do.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        model, version = versions.for_action(s, actor, "model.read", ref)
        return check_in(s, model, version, alias)


def preview(reg: Registry, actor: Actor, ref: str, rules: Sequence[Rule]) -> tuple[RuleResult, ...]:
    """What a version would make of rules that are not saved; those that do not fit fail.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    with reg.reading() as s:
        model, version = versions.for_action(s, actor, "model.read", ref)
        return _held(s, model, version, rules)


def check_in(
    s: Session, model: ModelRow, version: VersionRow, alias: str
) -> tuple[RuleResult, ...]:
    """What a version makes of the rules that guard an alias, inside the caller's transaction."""
    guarding = [rule for rule in _rules(s, model.id) if alias in rule.aliases]
    return _held(s, model, version, guarding)


def guarding(rules: Sequence[Rule], alias: str) -> list[Rule]:
    """The rules that are looser without the alias: its own, and those that compare with it."""
    compares = alias == CHAMPION
    return [r for r in rules if alias in r.aliases or (compares and r.kind == "not_worse")]


def guarding_in(s: Session, model: ModelRow, alias: str) -> list[Rule]:
    """`guarding` of a model's rules, inside the caller's transaction."""
    return guarding(_rules(s, model.id), alias)


def describe(rule: Rule) -> str:
    """A rule in a few words."""
    on = f" on {rule.dataset}" if rule.dataset else ""
    if rule.kind == "metric":
        return f"{rule.metric}{on} {rule.op} {rule.value:g}"
    if rule.kind == "not_worse":
        return f"{rule.metric}{on} not worse than the champion's by more than {rule.value:g}"
    if rule.kind == "latency":
        return f"p95 of the newest benchmark below {rule.value:g} ms"
    return "every golden case passes" if rule.kind == "golden" else "the scan is clean"


def _rules(s: Session, model_id: str) -> tuple[Rule, ...]:
    gate = s.get(GateRow, model_id)
    return tuple(codec.load(Rule, rule) for rule in gate.rules) if gate else ()


def _refuse_unfit(rules: Sequence[Rule]) -> None:
    if len(rules) > MOST_RULES:
        raise InvalidInput({"rules": f"at most {MOST_RULES}, got {len(rules)}"})
    problems: dict[str, str] = {}
    for n, rule in enumerate(rules, 1):
        problems |= {f"rule {n}: {field}": why for field, why in _problems(rule).items()}
        if rule in rules[: n - 1]:
            problems[f"rule {n}"] = "is there twice"
    if problems:
        raise InvalidInput(problems)


def _problems(rule: Rule) -> dict[str, str]:
    """Field to what is wrong with it; what a kind does not use is not looked at."""
    if rule.kind not in get_args(RuleKind):
        return {"kind": f"must be one of {', '.join(get_args(RuleKind))}"}
    found: dict[str, str] = {}
    if rule.kind in ("metric", "not_worse") and not 1 <= len(rule.metric.strip()) <= 100:
        found["metric"] = "name the metric, in 1 to 100 characters"
    if rule.kind == "metric" and rule.op not in OPERATORS:
        found["op"] = f"must be one of {', '.join(OPERATORS)}"
    if not math.isfinite(rule.value):
        found["value"] = "must be a finite number"
    elif rule.kind == "not_worse" and rule.value < 0:
        found["value"] = "must be 0 or more: by how much it may be worse"
    elif rule.kind == "latency" and rule.value <= 0:
        found["value"] = "must be more than 0 ms"
    if not rule.aliases:
        found["aliases"] = "choose at least one alias to guard"
    for alias in rule.aliases:
        try:
            wording.clean_alias(alias)
        except InvalidInput as bad:
            found["aliases"] = bad.problems["alias"]
    return found


def _held(
    s: Session, model: ModelRow, version: VersionRow, rules: Sequence[Rule]
) -> tuple[RuleResult, ...]:
    subject = _Subject(s, model, version)
    results = []
    for rule in rules:
        wrong = _problems(rule)
        passed, said = (
            (False, "; ".join(f"{field}: {why}" for field, why in wrong.items()))
            if wrong
            else _KINDS[rule.kind](subject, rule)
        )
        results.append(RuleResult(rule, passed, said))
    return tuple(results)


def _metric(subject: _Subject, rule: Rule) -> tuple[bool, str]:
    """Every value recorded under that name has to hold, unless the rule names a data set."""
    measured = _measured(subject.s, subject.version.id, rule)
    if not measured:
        return False, f"{_titled(rule)} is not recorded, must be {rule.op} {rule.value:g}"
    holds = OPERATORS[rule.op]
    failing = [metric for metric in measured if not holds(metric.value, rule.value)]
    shown = (failing or measured)[0]
    verb = "must be" if failing else "as it must be:"
    return not failing, f"{_name(shown)} is {shown.value:.6g}, {verb} {rule.op} {rule.value:g}"


def _not_worse(subject: _Subject, rule: Rule) -> tuple[bool, str]:
    s, version = subject.s, subject.version
    alias = s.get(AliasRow, (subject.model.id, CHAMPION))
    if alias is None:
        return True, f"{_titled(rule)}: there is no champion to be worse than"
    champion = s.get_one(VersionRow, alias.version_id)
    if champion.id == version.id:
        return True, f"{_titled(rule)}: it is the champion itself"
    mine, theirs = (_measured(s, v.id, rule) for v in (version, champion))
    if not mine:
        return False, f"{_titled(rule)} is not recorded"
    pairs = [(m, t) for m in mine for t in theirs if m.dataset == t.dataset]
    if not pairs:
        return False, f"{_titled(rule)} is not recorded for the champion, v{champion.number}"
    gaps = [(gap, m, t) for m, t in pairs if (gap := _gap(m, t)) is not None]
    if len(gaps) < len(pairs):
        return False, f"nothing says whether a higher {_titled(rule)} is better"
    worst, m, t = max(gaps, key=lambda found: math.inf if math.isnan(found[0]) else found[0])
    slack = _ROUNDING * max(abs(m.value), abs(t.value))
    passed = worst <= rule.value + slack
    than = f"the champion's (v{champion.number}) {t.value:.6g}"
    if passed:
        return True, f"{_name(m)} is {m.value:.6g} against {than}"
    return False, (
        f"{_name(m)} is {m.value:.6g}, worse than {than} by {worst:.6g}, may be {rule.value:g}"
    )


def _golden(subject: _Subject, rule: Rule) -> tuple[bool, str]:
    cases = golden_cases.of_model(subject.s, subject.model.id)
    if not cases:
        return False, "there is no golden case to pass: save one in the playground"
    ran = {run.case_id: run for run in golden_cases.runs_in(subject.s, subject.version.id)}
    red = [case.name for case in cases if case.id in ran and not ran[case.id].passed]
    waiting = [case.name for case in cases if case.id not in ran]
    if not red and not waiting:
        return True, f"{len(cases)} of {len(cases)} golden cases passed"
    said = [f"{len(red)} of {len(cases)} golden cases failed ({_listed(red)})"] if red else []
    said += [f"{len(waiting)} of {len(cases)} not run yet ({_listed(waiting)})"] if waiting else []
    return False, " and ".join(said)


def _scan(subject: _Subject, rule: Rule) -> tuple[bool, str]:
    version = subject.version
    if version.report is None:
        return False, "it was never scanned"
    report = codec.load(Report, version.report)
    if report.verdict == "clean":
        return True, "the scan is clean"
    worst = report.worst.what if report.worst else "the scan could not be completed"
    decision = decisions.standing_in(subject.s, version.id)
    trusted = f"; {decision.by} trusts it" if decision and decision.decision == "trusted" else ""
    return False, f"the scan is not clean: {worst}{trusted}"


def _latency(subject: _Subject, rule: Rule) -> tuple[bool, str]:
    found = timings.of_versions(subject.s, [subject.version.id]).get(subject.version.id)
    if found is None:
        return False, f"it has no benchmark yet, p95 must be below {rule.value:g} ms"
    passed = found.p95_ms < rule.value
    verb = "must be" if not passed else "as it must be:"
    return passed, f"p95 is {found.p95_ms:.3g} ms, {verb} below {rule.value:g} ms"


_KINDS: dict[str, Callable[[_Subject, Rule], tuple[bool, str]]] = {
    "metric": _metric,
    "not_worse": _not_worse,
    "golden": _golden,
    "scan": _scan,
    "latency": _latency,
}


def _measured(s: Session, version_id: str, rule: Rule) -> list[Metric]:
    """A version's metrics of that name, of the rule's data set if it names one."""
    found = metrics.of_versions(s, [version_id]).get(version_id, ())
    named = [metric for metric in found if metric.name == rule.metric.strip()]
    return [m for m in named if not rule.dataset or m.dataset == rule.dataset]


def _gap(mine: Metric, theirs: Metric) -> float | None:
    """By how much mine is worse, negative when better; None when nobody knows which way is up."""
    better = mine.higher_is_better
    if better is None:
        better = theirs.higher_is_better
    if better is None:
        better = metrics.direction(mine.name)
    if better is None:
        return None
    return theirs.value - mine.value if better else mine.value - theirs.value


def _titled(rule: Rule) -> str:
    return f"{rule.metric} on {rule.dataset}" if rule.dataset else rule.metric


def _name(metric: Metric) -> str:
    return f"{metric.name} on {metric.dataset}" if metric.dataset else metric.name


def _listed(names: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
