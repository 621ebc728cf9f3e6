"""Reads SPDX expressions and says whether a work under one may go on under another.

The rules are the table of `license_rules.py`. A reading of license texts, never legal advice.

Source: SPDX 3.0.1, Annex B (license expressions).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from rapidfuzz import fuzz, process

from registry.assurance import Answer, LicenseCheck
from registry.errors import InvalidInput
from registry.license_rules import BECAUSE, OR_LATER, PROPRIETARY, RULES, Rule

Use = Literal["derived", "part"]
"""A work made from the other, or a project that holds it unchanged."""
NO_ADVICE = (
    "A reading of the licenses’ texts, not legal advice. Whether a model is a work derived from "
    "another is for a lawyer to say."
)
_MOST = 300
_LEAKS = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What the parser raises besides its own errors, at "()" for example."""
_RANK: dict[Answer, int] = {"no": 0, "unknown": 1, "yes": 2}
_DOING: dict[Use, str] = {"derived": "a work made from it", "part": "a project that holds it"}


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()  # 0.15 s, once


def parse(expression: str) -> Any:
    """The tree of an SPDX expression.

    Raises:
        InvalidInput: It is none, or names licenses that SPDX does not know; says which are meant.
    """
    from boolean.boolean import ParseError
    from license_expression import ExpressionError

    said = " ".join(expression.split())
    if said.casefold() == "proprietary":
        said = PROPRIETARY
    if len(said) > _MOST or said.count("(") > 20:
        raise InvalidInput({"license": f"must be an SPDX expression of at most {_MOST} characters"})
    try:
        tree = _licensing().parse(said, simple=False)
        if tree is None:
            raise InvalidInput({"license": "name one by its SPDX id, such as MIT or Apache-2.0"})
        unknown = [key for key in _licensing().unknown_license_keys(tree) if not _is_ref(key)]
    except (ExpressionError, ParseError, *_LEAKS):
        guess = suggestions(said)
        hint = f"did you mean {_either(guess)}?" if guess else "such as MIT OR Apache-2.0"
        raise InvalidInput({"license": f"this is no SPDX expression; {hint}"}) from None
    if unknown:
        raise InvalidInput({"license": "; ".join(_unknown(key) for key in unknown)})
    return tree


def suggestions(typed: str) -> tuple[str, ...]:
    """SPDX ids that somebody who typed `typed` could mean, likeliest first; at most four."""
    wanted = _plain(typed)
    if not wanted:
        return ()
    near = {name: _plain(name) for name in (*RULES, *OR_LATER)}
    family = [known for known, plain in near.items() if plain.startswith(wanted)]
    found = [*family, *_closest(wanted, near, 72)]
    if not found:
        found = _closest(wanted, _all_ids(), 80)
    return tuple(dict.fromkeys(found))[:4]


def check(source: str, target: str, use: Use = "derived") -> LicenseCheck:
    """Whether a work under `source` may be made into, or be part of, one under `target`.

    An `OR` on either side needs one branch that will do. An `AND` of the source needs all its
    parts to go; one of the target needs a part that takes the work and all other parts with it.

    Args:
        source: SPDX expression of what there is; "" when none is given.
        target: SPDX expression of what is to be; "" when none is given.
    """
    for name, text in (("work", source), ("result", target)):
        if not text.strip():
            why = f"the {name} has no license: without one, all rights are reserved"
            return LicenseCheck(source, target, "unknown", why)
    try:
        left, right = parse(source), parse(target)
    except InvalidInput as odd:
        return LicenseCheck(source, target, "unknown", odd.problems["license"])
    return _into(left, right, use)


def _into(source: Any, target: Any, use: Use) -> LicenseCheck:
    """The same of two trees: the target is taken apart first."""
    if _said(source) == _said(target) and "LicenseRef" not in _said(source):
        return LicenseCheck(_said(source), _said(target), "yes", f"both are {_said(source)}")
    kind, parts = _parts(target)
    if kind == "OR":
        each = [_into(source, part, use) for part in parts]
        best = _best(each)
        fallen = [one.target for one in each if one.compatible != "yes"]
        if best.compatible == "yes" and fallen:
            lost = f"only as {best.target}: the choice of {_either(fallen)} falls away"
            return _again(best, target=_said(target), warning=lost)
        return _again(best, target=_said(target))
    if kind == "AND":
        return _again(_into_all(source, parts, use), target=_said(target))
    kind, parts = _parts(source)
    if kind == "OR":
        return _again(_best([_into(part, target, use) for part in parts]), source=_said(source))
    if kind == "AND":
        each = [_into(part, target, use) for part in parts]
        worst = min(each, key=lambda one: _RANK[one.compatible])
        return _again(worst, source=_said(source), warnings=_all_warnings(each))
    return _leaf(source, target, use)


def _into_all(source: Any, parts: list[Any], use: Use) -> LicenseCheck:
    """Into a work whose parts stand under several licenses at once."""
    each = [_into(source, part, use) for part in parts]
    worst = min(each, key=lambda one: _RANK[one.compatible])
    if worst.compatible == "yes":
        return worst
    for taker, one in zip(parts, each, strict=True):
        others = [_into(part, taker, use).compatible for part in parts if part is not taker]
        if one.compatible == "yes" and set(others) <= {"yes"}:
            return _again(one, warning=f"the whole then stands under {_said(taker)}")
    return worst


def _leaf(source: Any, target: Any, use: Use) -> LicenseCheck:
    left, right = _said(source), _said(target)
    base, goal = _base(source), _base(target)
    if base == goal == PROPRIETARY:
        why = "the terms of the owner decide: ask whoever owns it"
        return LicenseCheck(left, right, "unknown", why)
    for name in (base, goal):
        if name not in RULES:
            why = f"there is no rule for {name} here: read its text, or ask whoever knows it"
            return LicenseCheck(left, right, "unknown", why)
    rule = RULES[base]
    allowed = goal in (rule.derived if use == "derived" else rule.part)
    if not allowed and base != left:
        why = f"{left} allows more than {base}, how much more the exception says: read it"
        return LicenseCheck(left, right, "unknown", why, rule=rule.source)
    extra = (f"{right} adds an exception that {base} does not know",) if goal != right else ()
    return _told(rule, left, right, use, allowed, goal, extra)


def _told(
    rule: Rule, left: str, right: str, use: Use, allowed: bool, goal: str, extra: tuple[str, ...]
) -> LicenseCheck:
    """The verdict of one row of the table in words."""
    if not allowed:
        special = BECAUSE.get((rule.license, goal))
        why = special or f"{rule.license} asks that {rule.asks}"
        if rule.license == PROPRIETARY:
            why = rule.asks
        return LicenseCheck(left, right, "no", why, rule=rule.source)
    if rule.license == goal:
        return LicenseCheck(left, right, "yes", f"both are {goal}", extra, rule.source)
    why = f"{left} lets {_DOING[use]} be {right}"
    return LicenseCheck(left, right, "yes", why, (_sentence(rule.asks), *extra), rule.source)


def _parts(tree: Any) -> tuple[str, list[Any]]:
    """ "AND", "OR" or "" with the parts; `or later` is an OR of the versions there are."""
    operator = getattr(tree, "operator", "")
    if operator:
        return str(operator).strip(), list(tree.args)
    later = OR_LATER.get(_said(tree))
    return ("OR", [_licensing().parse(name) for name in later]) if later else ("", [])


def _base(symbol: Any) -> str:
    """The license without its exception; any reference to proprietary terms is the same one."""
    plain = getattr(symbol, "license_symbol", symbol)
    name = str(plain.key)
    later = OR_LATER.get(name)
    if _is_ref(name) and "proprietary" in name.casefold():
        return PROPRIETARY
    return later[-1] if later else name


def _said(tree: Any) -> str:
    return str(tree.render())


def _best(each: Iterable[LicenseCheck]) -> LicenseCheck:
    return max(each, key=lambda one: _RANK[one.compatible])


def _all_warnings(each: Iterable[LicenseCheck]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(warning for one in each for warning in one.warnings))


def _again(
    one: LicenseCheck,
    *,
    source: str = "",
    target: str = "",
    warning: str = "",
    warnings: tuple[str, ...] | None = None,
) -> LicenseCheck:
    """The same verdict, of the whole expressions."""
    said = one.warnings if warnings is None else warnings
    return LicenseCheck(
        source or one.source,
        target or one.target,
        one.compatible,
        one.why,
        (*said, _sentence(warning)) if warning else said,
        one.rule,
    )


def _is_ref(key: str) -> bool:
    return bool(re.fullmatch(r"(DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+", key))


def _unknown(key: str) -> str:
    guess = suggestions(key)
    own = f"if it is one of your own, say LicenseRef-{_ref(key)}"
    hint = f"did you mean {_either(guess)}?" if guess else own
    return f"SPDX knows no license {key!r}; {hint}"


def _ref(key: str) -> str:
    return re.sub(r"[^\w.-]+", "-", key).strip("-")[:40] or "ours"


def _either(names: Iterable[str]) -> str:
    *most, last = dict.fromkeys(names)
    return f"{', '.join(most)} or {last}" if most else last


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _plain(name: str) -> str:
    """For comparing what people type: GPLv3, gpl 3 and GPL-3.0 come close."""
    letters = re.sub(r"licen[cs]e|version|the ", "", name.casefold())
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\bv(?=\d)|(?<=[a-z])v(?=\d)", "", letters))


def _closest(wanted: str, known: dict[str, str], least: float) -> list[str]:
    found = process.extract(wanted, known, scorer=fuzz.ratio, limit=3, score_cutoff=least)
    return [name for _plain_name, _score, name in found]


@cache
def _all_ids() -> dict[str, str]:
    symbols = _licensing().known_symbols.values()
    return {s.key: _plain(s.key) for s in symbols if not s.is_exception}
