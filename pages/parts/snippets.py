"""Python for a notebook on this machine: the same call as the page makes."""

from __future__ import annotations

import json
from typing import Any

from registry.records import Version

_OPEN = """from getpass import getpass

from registry import accounts{topics}
from registry.core import open_registry

reg = open_registry()
me = accounts.sign_in(reg, {username!r}, getpass())
"""


def load(version: Version, username: str) -> str:
    """Look at a version, predict with its example, get its file."""
    row = version.schema.example if version.schema else {}
    return (
        _OPEN.format(topics=", metrics, predict, versions", username=username)
        + f"\nversion = versions.get(reg, me, {version.ref!r})\n"
        + f"answer = predict.predict(reg, me, version.ref, {_rows(version, row)})\n"
        + "print(answer.outputs, answer.latency_ms)\n"
        + "# metrics.log(reg, me, version.ref, {'f1': 0.93}, dataset='held out')"
    )


def call(version: Version, username: str, rows: Any) -> str:
    """This very call."""
    return (
        _OPEN.format(topics=", predict", username=username)
        + f"\nrows = {_shown(rows)}\n"
        + f"answer = predict.predict(reg, me, {version.ref!r}, rows)\n"
        + "print(answer.outputs)"
    )


def _rows(version: Version, row: dict[str, Any]) -> str:
    table = version.schema is not None and version.schema.kind == "table"
    return _shown([row] if table else row)


def _shown(rows: Any) -> str:
    """Data as Python source; long data only by its beginning."""
    said = repr(json.loads(json.dumps(rows, default=str)))
    return said if len(said) <= 1_500 else f"...  # {len(said):,} characters: {said[:80]} ..."
