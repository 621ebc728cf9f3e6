"""Gates: what a version must meet before an alias moves to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from registry import gates
from registry.core import Registry
from registry.records import Actor, RuleResult
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.documented import may
from registry.web.api.shapes import Gate, Verdicts
from registry.web.api.wanted import Rules

router = admission.router("gates")


@router.get(
    "/models/{owner}/{slug}/gate",
    summary="Rules of a gate",
    response_model=Gate,
    **may("model.read", 404),
)
async def get(by: By, owner: str, slug: str) -> Response:
    """None when nothing is asked of versions."""
    model = f"{owner}/{slug}"
    return await by.answer(Gate, lambda: {"rules": gates.get(by.reg, by.actor, model)})


@router.put(
    "/models/{owner}/{slug}/gate",
    summary="Replace the rules of a gate",
    response_model=Gate,
    **may("gate.edit", 404, body=True),
)
async def edit(by: By, owner: str, slug: str, rules: Rules) -> Response:
    """Aliases stay where they are."""
    model, told = f"{owner}/{slug}", rules.records()
    return await by.answer(Gate, lambda: {"rules": gates.edit(by.reg, by.actor, model, told)})


@router.get(
    "/models/{owner}/{slug}/versions/{version}/gate/{alias}",
    summary="What a version makes of a gate",
    response_model=Verdicts,
    **may("model.read", 404),
)
async def check(by: By, owner: str, slug: str, version: str, alias: str) -> Response:
    """Each rule that guards the alias, with figures. To move it past them: `override_reason`."""
    return await by.tell(Verdicts, _checked, f"{owner}/{slug}@{version}", alias)


def _checked(reg: Registry, actor: Actor, ref: str, alias: str) -> dict[str, Any]:
    return _verdicts(gates.check(reg, actor, ref, alias))


@router.post(
    "/models/{owner}/{slug}/versions/{version}/gate",
    summary="What a version would make of rules",
    response_model=Verdicts,
    **may("model.read", 404, body=True),
)
async def preview(by: By, owner: str, slug: str, version: str, rules: Rules) -> Response:
    """Rules that are not saved; those that make no sense fail."""
    return await by.tell(Verdicts, _previewed, f"{owner}/{slug}@{version}", rules)


def _previewed(reg: Registry, actor: Actor, ref: str, rules: Rules) -> dict[str, Any]:
    return _verdicts(gates.preview(reg, actor, ref, rules.records()))


def _verdicts(results: Sequence[RuleResult]) -> dict[str, Any]:
    return {"passed": all(one.passed for one in results), "rules": results}
