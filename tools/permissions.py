"""Writes docs/permissions.md from policy table and API: `python -m tools.permissions`."""

from __future__ import annotations

from pathlib import Path

from registry import policy
from registry.web.api.app import api
from registry.web.api.documented import ACTION, PERMISSION

PAGE = Path(__file__).resolve().parent.parent / "docs/permissions.md"
_ORDER = ("search", "predict", "download", "upload", "delete", "admin")
_HEAD = """# Permissions

Written by `python -m tools.permissions` from the table in `registry/policy.py`, which the registry
enforces and from which pages say why a control cannot be pressed, and from the description of the
API. Pages, signed links and the API go through the same doors.

## Roles

A role is a set of permissions. An administrator changes the role on the Admin page, and can take
single permissions of it away from one person: *may see, but not download*. Both count at once,
also for open sessions and for API tokens, which never have more than their person. The only
administrator cannot be demoted, locked out or removed.
"""
_ACTIONS = """
## Actions

Each needs its permission and, where it is about a model, the access. The owner of a model manages
it; others have what was shared with them (`view`, `edit` or `manage`), and everyone signed in has
`view` on a public model. Without any access a model looks as if it were not there.
"""
_OPERATIONS = """
## Operations of the API

What each needs, under `/api/v1`; `tests/registry/web/test_who_may_call.py` asks every one as every
kind of actor. Without an action, it is about what is one's own, and a token needs the permission.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD, _row(["role", *_ORDER]), _row(["---", *(":-:" for _ in _ORDER)])]
    for role, has in policy.PERMISSIONS.items():
        lines.append(_row([role, *("✓" if name in has else "" for name in _ORDER)]))
    lines += [
        _ACTIONS,
        _row(["action", "what", "permission", "access", "remark"]),
        _row(["---"] * 5),
    ]
    for line in policy.lines():
        lines.append(
            _row([f"`{line.action}`", line.does, line.permission, line.level, line.remark])
        )
    lines += [_OPERATIONS, _row(["action or permission", "operations"]), _row(["---"] * 2)]
    for needed, operations in _needed().items():
        lines.append(_row([needed, "<br>".join(f"`{one}`" for one in operations)]))
    return "\n".join(lines) + "\n"


def _needed() -> dict[str, list[str]]:
    """Action, or permission where there is none, to the operations that need it."""
    found: dict[str, list[str]] = {f"`{name}`": [] for name in policy.ACTIONS}
    words = {"any": "any token", "none": "nothing"}
    for path, operations in api.openapi()["paths"].items():
        for method, said in operations.items():
            permission = words.get(said[PERMISSION], said[PERMISSION])
            needed = f"`{said[ACTION]}`" if ACTION in said else permission
            found.setdefault(needed, []).append(f"{method.upper()} {path}")
    return {needed: operations for needed, operations in found.items() if operations}


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write it."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
