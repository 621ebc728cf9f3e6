"""Accounts: people, how they come, change and go. Owns `users`."""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from registry import admins, audit, codes, farewell, jobs, passwords, people, sessions, signins
from registry.codes import setup_code
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotSignedIn
from registry.records import GUEST, ROLES, SYSTEM, Actor, Role
from registry.sessions import (
    actor_of,
    by_session,
    by_token,
    open_session,
    redeem,
    redeemed,
    sign_out,
    sign_out_everywhere,
)
from registry.tables import UserRow, now

__all__ = [
    "by_session",
    "by_token",
    "change_password",
    "create_first_admin",
    "create_user",
    "delete_account",
    "invite",
    "needs_first_admin",
    "open_session",
    "redeem",
    "redeemed",
    "register",
    "reset_code",
    "reset_with",
    "set_disabled",
    "setup_code",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "update_profile",
]
RESERVED = frozenset({"admin", "api", "system", "guest", "new", "vitrine", "root"})
_USERNAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,38}")
# Source: HTML Living Standard, "valid e-mail address"; plus at least one dot in the domain.
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+"
)


def sign_in(reg: Registry, username: str, password: str, address: str = "") -> Actor:
    """The actor who has this name and password; for pages, notebooks and scripts.

    Args:
        address: Network address of the person, "" when not known.

    Raises:
        NotSignedIn: They do not belong together, or the account is disabled.
        RateLimited: Too many tries for this name or from this address.
    """
    user = signins.check(reg, username, password, address)
    with reg.writing() as s:
        row = s.get(UserRow, user.id)
        if row is None or row.password_hash != user.password_hash:
            raise NotSignedIn("This account has just changed. Sign in again.")
        row.last_sign_in_at = now()
        audit.record(s, actor_of(row), "account.sign_in", row.username)
        return actor_of(row)


def needs_first_admin(reg: Registry) -> bool:
    """Whether nobody has an account yet."""
    with reg.reading() as s:
        return s.execute(select(UserRow.id).limit(1)).first() is None


def create_first_admin(
    reg: Registry,
    *,
    username: str,
    name: str,
    email: str,
    password: str,
    setup_code: str = "",
    loopback: bool = False,
) -> Actor:
    """Make the first account, an admin; of two browsers at once, one wins.

    Args:
        loopback: The person sits at this machine, and needs no set-up code.

    Raises:
        InvalidInput: A field or the set-up code does not fit.
        Conflict: Somebody has an account already.
    """
    taken = "somebody has created the first account already. Sign in, or register."
    if not needs_first_admin(reg):
        raise Conflict(taken)
    if not loopback and not codes.is_setup_code(reg, setup_code):
        raise InvalidInput({"set-up code": "is not the one printed in the server's log"})
    draft = _draft(username, name, email, password, "admin")
    with reg.writing() as s:
        if s.execute(select(func.count()).select_from(UserRow)).scalar_one():
            raise Conflict(taken)
        return _add_in(s, draft, GUEST, "account.first_admin")


def register(
    reg: Registry,
    *,
    username: str,
    name: str,
    email: str,
    password: str,
    code: str = "",
    address: str = "",
) -> Actor:
    """Make an account of the default role for whoever asks, as the settings allow.

    Raises:
        Forbidden: Registration is closed.
        InvalidInput: A field does not fit, the name is taken or the invitation is not valid.
        RateLimited: Too many new accounts from this address.
    """
    if reg.settings.registration == "closed":
        raise Forbidden("registration is closed here. Ask an administrator for an account.")
    signins.allow("register", address)
    if username.strip().casefold() in RESERVED:
        raise InvalidInput({"username": "is reserved; choose another one"})
    draft = _draft(username, name, email, password, reg.settings.default_role)
    with reg.writing() as s:
        if reg.settings.registration == "invite":
            codes.use_in(s, "invite", code)
        return _add_in(s, draft, GUEST, "account.register")


def create_user(
    reg: Registry, *, username: str, name: str, email: str, password: str, role: Role
) -> Actor:
    """Make an account from the command line.

    Raises:
        InvalidInput: A field does not fit, or the name is taken.
    """
    if role not in ROLES:
        raise InvalidInput({"role": f"must be one of {', '.join(ROLES)}"})
    draft = _draft(username, name, email, password, role)
    with reg.writing() as s:
        return _add_in(s, draft, SYSTEM, "account.create")


def invite(reg: Registry, actor: Actor) -> str:
    """A code with which one person can register within 7 days.

    Raises:
        Forbidden: The actor is no admin.
    """
    admins.need(actor)
    with reg.writing() as s:
        code = codes.issue_in(s, "invite", actor.id)
        audit.record(s, actor, "account.invite", actor.username)
        return code


def reset_code(reg: Registry, username: str, actor: Actor = SYSTEM) -> str:
    """A code with which the user can choose a new password within 24 hours.

    Raises:
        NotFound: There is no such user.
        Forbidden: The actor is no admin.
    """
    admins.need(actor)
    with reg.writing() as s:
        row = people.named_in(s, username)
        code = codes.issue_in(s, "reset", row.id)
        audit.record(s, actor, "account.reset_code", row.username)
        return code


def reset_with(reg: Registry, code: str, new: str, address: str = "") -> Actor:
    """Choose a new password with a reset code; ends every session of the user.

    Raises:
        InvalidInput: The code or the password does not fit.
        RateLimited: Too many tries from this address.
    """
    signins.allow("guess", address)
    if why := passwords.problem(new):
        raise InvalidInput({"new password": why})
    new_hash = passwords.hashed(new)
    with reg.writing() as s:
        row = s.get_one(UserRow, codes.use_in(s, "reset", code))
        if why := passwords.problem(new, username=row.username):
            raise InvalidInput({"new password": why})
        row.password_hash = new_hash
        sessions.revoke_in(s, row.id)
        signins.forget_in(s, row.username)
        audit.record(s, actor_of(row), "account.reset_password", row.username)
        return actor_of(row)


def change_password(
    reg: Registry, actor: Actor, current: str, new: str, keep_session: str = ""
) -> None:
    """Replace the actor's password and end every other session.

    Raises:
        InvalidInput: The current password is wrong, or the new one does not fit.
        RateLimited: Too many wrong tries.
    """
    if why := passwords.problem(new, username=actor.username):
        raise InvalidInput({"new password": why})
    _prove(reg, actor, current, "current password")
    new_hash = passwords.hashed(new)
    with reg.writing() as s:
        row = s.get_one(UserRow, actor.id)
        row.password_hash = new_hash
        codes.drop_in(s, actor.id)
        n = sessions.revoke_in(s, actor.id, keep_session)
        audit.record(s, actor, "account.change_password", actor.username, ended_sessions=n)


def update_profile(reg: Registry, actor: Actor, name: str, email: str) -> Actor:
    """Change how the actor is called and reached.

    Raises:
        InvalidInput: A field does not fit, or another account uses the address.
    """
    problems = _profile_problems(name, email)
    if problems:
        raise InvalidInput(problems)
    with reg.writing() as s:
        row = s.get_one(UserRow, actor.id)
        email = email.strip().casefold()
        other = select(UserRow.id).where(UserRow.email == email, UserRow.id != actor.id)
        if s.execute(other).first():
            raise InvalidInput({"e-mail": "another account uses this address"})
        row.name, row.email = name.strip(), email
        audit.record(s, actor, "account.update", row.username)
        return actor_of(row)


def set_disabled(reg: Registry, actor: Actor, username: str, disabled: bool) -> None:
    """Lock an account out, ending its sessions and jobs, or let it in again.

    Raises:
        Forbidden: The actor is no admin.
        NotFound: There is no such user.
        Conflict: It is the actor's own account, or the only administrator.
    """
    admins.need(actor)
    with reg.writing() as s:
        row = people.named_in(s, username)
        if row.id == actor.id:
            raise Conflict("you cannot disable your own account")
        row.disabled = disabled
        if disabled:
            admins.keep_one_in(s)
            sessions.revoke_in(s, row.id)
            jobs.cancel_of_in(s, row.id)
        audit.record(s, actor, "account.disable" if disabled else "account.enable", row.username)


def delete_account(reg: Registry, actor: Actor, password: str) -> None:
    """Delete the actor's account with its private models, for good.

    Raises:
        InvalidInput: The password is wrong.
        Conflict: Others rely on a model of the actor, or it is the last admin.
        RateLimited: Too many wrong tries.
    """
    _prove(reg, actor, password, "password")
    with reg.reading() as s:
        _need_another_admin_in(s, actor)  # before anything is gone
    farewell.clear_models(reg, actor)
    with reg.writing() as s:
        farewell.need_no_models_in(s, actor)
        _need_another_admin_in(s, actor)
        row = s.get_one(UserRow, actor.id)
        sessions.drop_in(s, actor.id)
        farewell.clear_rows_in(s, reg, actor)
        s.delete(row)
        audit.record(s, actor, "account.delete", actor.username)


def _need_another_admin_in(s: Session, leaving: Actor) -> None:
    """Make sure that those who stay are governed; the last person of all may go."""
    others = select(UserRow.id).where(UserRow.id != leaving.id)
    if s.get_one(UserRow, leaving.id).role == "admin" and s.execute(others).first():
        admins.keep_one_in(s, without=leaving.id)


def _draft(username: str, name: str, email: str, password: str, role: Role) -> UserRow:
    """A row that is not in the database yet.

    Raises:
        InvalidInput: With every field that does not fit.
    """
    username = username.strip().casefold()
    problems = _profile_problems(name, email)
    if not _USERNAME.fullmatch(username):
        problems["username"] = (
            "must have 2 to 39 characters: lower-case letters, digits, - and _, "
            "starting with a letter or digit"
        )
    elif username in RESERVED and role != "admin":
        problems["username"] = "is reserved; choose another one"
    if why := passwords.problem(password, username=username):
        problems["password"] = why
    if problems:
        raise InvalidInput(problems)
    return UserRow(
        username=username,
        name=name.strip(),
        email=email.strip().casefold(),
        password_hash=passwords.hashed(password),
        role=role,
    )


def _profile_problems(name: str, email: str) -> dict[str, str]:
    problems = {}
    shown = name.strip()
    if not 1 <= len(shown) <= 100 or any(unicodedata.category(c)[0] == "C" for c in shown):
        problems["name"] = "must have 1 to 100 characters, none of them invisible"
    if len(email.strip()) > 254 or not _EMAIL.fullmatch(email.strip()):
        problems["e-mail"] = "must look like name@example.org"
    return problems


def _add_in(s: Session, draft: UserRow, by: Actor, action: str) -> Actor:
    same = select(UserRow.username).where(
        or_(UserRow.username == draft.username, UserRow.email == draft.email)
    )
    taken = s.execute(same).scalars().first()
    if taken == draft.username:
        raise InvalidInput({"username": "is taken; choose another one"})
    if taken is not None:
        raise InvalidInput({"e-mail": "another account uses this address; sign in instead"})
    s.add(draft)
    s.flush()
    actor = actor_of(draft)
    who = actor if by.is_guest else by
    audit.record(s, who, action, actor.username, role=actor.role)
    return actor


def _prove(reg: Registry, actor: Actor, password: str, field: str) -> None:
    try:
        signins.check(reg, actor.username, password)
    except NotSignedIn as wrong:
        raise InvalidInput({field: "is not right; nothing was changed"}) from wrong
