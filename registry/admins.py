"""Administrators: who may govern, and that there is always one. No table."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import policy
from registry.errors import Conflict, Forbidden
from registry.records import Actor
from registry.tables import UserRow


def need(actor: Actor, action: str = "people.govern") -> None:
    """Make sure that the actor governs here.

    Raises:
        Forbidden: They do not.
    """
    if why := policy.why_not(actor, None, action):
        raise Forbidden(f"only an administrator can do this: {why}")


def keep_one_in(s: Session, *, without: str = "") -> None:
    """Make sure that somebody governs after this transaction.

    Args:
        without: Id of the account that is about to go.

    Raises:
        Conflict: Nobody would.
    """
    s.flush()
    left = select(UserRow.denied).where(
        UserRow.role == "admin", UserRow.disabled.is_(False), UserRow.id != without
    )
    if not any("admin" not in denied for denied in s.execute(left).scalars()):
        raise Conflict("this is the only administrator. Make somebody else one first.")
