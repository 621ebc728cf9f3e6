"""Rows of users as those who ask."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.records import Actor, Role
from registry.tables import UserRow


def actor_of(row: UserRow) -> Actor:
    """The record of a user's row."""
    who = (row.id, row.username, row.name, row.email)
    return Actor(*who, cast("Role", row.role), denied=frozenset(row.denied))


def named_in(s: Session, username: str) -> UserRow:
    """The account of that name, however it is written.

    Raises:
        NotFound: There is none.
    """
    found = s.execute(select(UserRow).where(UserRow.username == username.strip().casefold()))
    row = found.scalar_one_or_none()
    if row is None:
        raise NotFound(f"there is no user {username.strip()!r}")
    return row
