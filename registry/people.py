"""Rows of users as those who ask."""

from __future__ import annotations

from typing import cast

from registry.records import Actor, Role
from registry.tables import UserRow


def actor_of(row: UserRow) -> Actor:
    """The record of a user's row."""
    return Actor(row.id, row.username, row.name, row.email, cast("Role", row.role))
