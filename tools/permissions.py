"""Writes docs/permissions.md from the policy table: `python -m tools.permissions`."""

from __future__ import annotations

from pathlib import Path

from registry import policy

PAGE = Path(__file__).resolve().parent.parent / "docs/permissions.md"
_ORDER = ("search", "predict", "download", "upload", "delete", "admin")
_HEAD = """# Permissions

Written by `python -m tools.permissions` from the table in `registry/policy.py`, which the registry
enforces and from which pages say why a control cannot be pressed. Pages, signed links and the API
go through the same doors.

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
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write it."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
