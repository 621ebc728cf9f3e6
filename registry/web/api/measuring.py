"""What versions are held to: golden cases and their runs, benchmarks."""

from __future__ import annotations

from starlette.responses import Response

from registry import benchmarks, golden_cases, golden_runs, timings
from registry.web.api import admission
from registry.web.api.admission import By
from registry.web.api.cursors import At, Listed
from registry.web.api.documented import may
from registry.web.api.said import JobShape
from registry.web.api.shapes import BenchmarkShape, GoldenCaseShape, GoldenRunShape
from registry.web.api.wanted import CaseEdit, CaseTold

router = admission.router("measuring")
_CASES = "/models/{owner}/{slug}/golden-cases"
_RUNS = "/models/{owner}/{slug}/versions/{version}/golden-runs"
_BENCHMARKS = "/models/{owner}/{slug}/versions/{version}/benchmarks"


@router.get(
    _CASES,
    summary="Golden cases of a model",
    response_model=Listed[GoldenCaseShape],
    **may("model.read", 404),
)
async def cases(by: By, at: At, owner: str, slug: str) -> Response:
    """Inputs with the answers that every new version must give, by name."""
    model = f"{owner}/{slug}"
    return await by.answer(
        Listed[GoldenCaseShape],
        lambda: at.slice(by.reg, golden_cases.find(by.reg, by.actor, model)),
    )


@router.post(
    _CASES,
    summary="Add a golden case",
    response_model=GoldenCaseShape,
    status_code=201,
    **may("golden.edit", 404, 409, body=True),
)
async def add_case(by: By, owner: str, slug: str, case: CaseTold) -> Response:
    """Champion, production and the newest version are asked it at once, in the background."""
    model, told = f"{owner}/{slug}", case.model_dump()
    return await by.answer(
        GoldenCaseShape, lambda: golden_cases.add(by.reg, by.actor, model, **told), 201
    )


@router.patch(
    _CASES + "/{case_id}",
    summary="Edit a golden case",
    response_model=GoldenCaseShape,
    **may("golden.edit", 404, 409, body=True),
)
async def edit_case(by: By, owner: str, slug: str, case_id: str, change: CaseEdit) -> Response:
    """What versions answered before is forgotten."""
    told = change.model_dump(exclude_unset=True)
    return await by.tell(GoldenCaseShape, golden_cases.edit, f"{owner}/{slug}", case_id, **told)


@router.delete(
    _CASES + "/{case_id}",
    summary="Remove a golden case",
    status_code=204,
    **may("golden.edit", 404),
)
async def remove_case(by: By, owner: str, slug: str, case_id: str) -> Response:
    """With what versions answered to it."""
    return await by.do(golden_cases.remove, f"{owner}/{slug}", case_id)


@router.get(
    _RUNS,
    summary="What a version answered to golden cases",
    response_model=Listed[GoldenRunShape],
    **may("model.read", 404),
)
async def runs(by: By, at: At, owner: str, slug: str, version: str) -> Response:
    """Its last answer to each case that it was asked."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(
        Listed[GoldenRunShape], lambda: at.slice(by.reg, golden_cases.runs(by.reg, by.actor, ref))
    )


@router.post(
    _RUNS,
    summary="Put the golden cases to a version",
    response_model=JobShape,
    status_code=202,
    **may("golden.edit", 404, 409),
)
async def run_cases(by: By, owner: str, slug: str, version: str) -> Response:
    """In the background; 409 when there are none, or the version does not predict."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(JobShape, lambda: golden_runs.start(by.reg, by.actor, ref), 202)


@router.get(
    _BENCHMARKS,
    summary="Benchmarks of a version",
    response_model=Listed[BenchmarkShape],
    **may("model.read", 404),
)
async def of_version(by: By, at: At, owner: str, slug: str, version: str) -> Response:
    """Newest first, at most 200."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(
        Listed[BenchmarkShape], lambda: at.slice(by.reg, timings.find(by.reg, by.actor, ref))
    )


@router.post(
    _BENCHMARKS,
    summary="Measure a version",
    response_model=JobShape,
    status_code=202,
    **may("version.benchmark", 404, 409),
)
async def measure(by: By, owner: str, slug: str, version: str) -> Response:
    """In the background; while that is under way, the same job."""
    ref = f"{owner}/{slug}@{version}"
    return await by.answer(JobShape, lambda: benchmarks.start(by.reg, by.actor, ref), 202)
