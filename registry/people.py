"""Rows of users as those who ask."""

from __future__ import annotations

from typing import cast

from registry.records import Actor, Role
from registry.tables import UserRow


def actor_of(row: UserRow) -> Actor:
    """The record of a user's row."""
    who = (row.id, row.username, row.name, row.email)
    return Actor(*who, cast("Role", row.role), denied=frozenset(row.denied))
