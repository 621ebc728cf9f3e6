"""Errors as HTTP answers."""

from __future__ import annotations

import math

from starlette.responses import JSONResponse

from registry.errors import InvalidInput, RateLimited, RegistryError


def refusal(error: RegistryError) -> JSONResponse:
    """The status and the sentence of an error."""
    said: dict[str, object] = {"error": error.message}
    if isinstance(error, InvalidInput):
        said["problems"] = error.problems
    answer = JSONResponse(said, error.status, headers={"cache-control": "no-store"})
    if isinstance(error, RateLimited):
        answer.headers["retry-after"] = str(math.ceil(error.retry_after_s))
    return answer
