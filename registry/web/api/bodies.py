"""Bodies of the API: read under a limit, parsed without trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anyio
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from registry.errors import InvalidInput, TooLarge
from registry.grids import Grid
from registry.inputs import MAX_ROWS

JSON = "application/json"
SMALL = 1 << 20
"""Most bytes of a body that only describes."""
_READ_WITHIN_S = 30.0
Rows = Sequence[Any] | dict[str, Any]


def need_json(request: Request) -> None:
    """Refuse another media type.

    Raises:
        HTTPException: 415.
    """
    need_one_of(request, JSON)


def need_one_of(request: Request, *kinds: str) -> str:
    """The media type of the body, which has to be one of some, and not compressed.

    Raises:
        HTTPException: 415.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "send the body as it is, not compressed")
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said not in kinds:
        raise HTTPException(415, f"send the body as {' or '.join(kinds)}")
    return said


async def read(request: Request, most_bytes: int) -> bytes:
    """The body, counted while it arrives.

    Raises:
        TooLarge, HTTPException: As for `gathered`.
    """
    return bytes(await gathered(request, most_bytes))


async def gathered(request: Request, most_bytes: int) -> bytearray:
    """The body as it came together, for one that is large.

    Raises:
        TooLarge: It is, or says that it is, larger than `most_bytes`.
        HTTPException: 408, it took too long; 400, it ended early.
    """
    too_large = TooLarge(
        f"the body is larger than {most_bytes >> 20} MiB; send fewer rows in one call"
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most_bytes:
        raise too_large
    body = bytearray()
    try:
        with anyio.fail_after(_READ_WITHIN_S):
            async for block in request.stream():
                body += block
                if len(body) > most_bytes:
                    raise too_large
    except TimeoutError:
        raise HTTPException(408, "the body did not arrive in time; send it again") from None
    except ClientDisconnect:
        raise HTTPException(400, "the body ended early") from None
    return body


def need_valid(body: bytes) -> None:
    """Refuse what is no JSON; depth and length of numbers are bounded, NaN and Infinity are none.

    Raises:
        InvalidInput: It is not.
    """
    _parsed(body)


def again(body: bytes) -> Receive:
    """Gives a body that was read once more."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def rows_in(body: bytes) -> Rows:
    """Rows (a list of objects, or one) or named tensors, whichever form the body has.

    Raises:
        InvalidInput: It is no JSON, or of none of these forms.
    """
    said = _parsed(body)
    if not isinstance(said, dict) or len(said) != 1 or (form := next(iter(said))) not in _FORMS:
        raise InvalidInput({"body": f"must be an object with one of {', '.join(_FORMS)}"})
    return _FORMS[form](said[form])


def _parsed(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as wrong:
        raise InvalidInput({"body": f"cannot be read as JSON: {wrong}"}) from None


def _rows(given: Any) -> Rows:
    if not isinstance(given, (list, dict)):
        raise InvalidInput({"rows": 'must be a list of objects, as in {"rows": [{"age": 41}]}'})
    _refuse_many("rows", given)
    return given


def _inputs(given: Any) -> Rows:
    if not isinstance(given, dict):
        raise InvalidInput({"inputs": 'must map names to values, as in {"inputs": {"x": [[1]]}}'})
    return given


def _split(given: Any) -> Rows:
    """Columns and data apart: short for many rows.

    Source: MLflow 3, "Model scoring server", dataframe_split (pandas' orient="split").
    """
    wrong = 'must be {"columns": ["age", …], "data": [[41, …], …]}, each row as long as columns'
    if not isinstance(given, Mapping) or not {"columns", "data"} <= given.keys():
        raise InvalidInput({"dataframe_split": wrong})
    columns, data = given["columns"], given["data"]
    fits = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    if not fits or len(set(columns)) != len(columns) or not isinstance(data, list):
        raise InvalidInput({"dataframe_split": wrong})
    if not columns:
        raise InvalidInput({"dataframe_split": f"has no columns; it {wrong}"})
    _refuse_many("dataframe_split", data)
    if set(map(type, data)) - {list} or set(map(len, data)) - {len(columns)}:
        raise InvalidInput({"dataframe_split": wrong})
    return Grid(columns, data)


def _refuse_many(form: str, rows: Rows) -> None:
    """Count rows before anything is made of them."""
    if isinstance(rows, list) and len(rows) > MAX_ROWS:
        raise InvalidInput({form: f"at most {MAX_ROWS:,} at once, got {len(rows):,}"})


_FORMS: dict[str, Callable[[Any], Rows]] = {
    "rows": _rows,
    "inputs": _inputs,
    "dataframe_split": _split,
    "dataframe_records": _rows,
}
