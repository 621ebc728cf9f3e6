"""Sessions: tickets, tokens, expiry and revocation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from registry import accounts
from registry.core import Registry
from registry.errors import NotSignedIn
from registry.records import Actor
from registry.tables import SessionRow, now
from tests.conftest import PASSWORD


def age(reg: Registry, session_id: str, **columns: object) -> None:
    with reg.writing() as s:
        s.execute(update(SessionRow).where(SessionRow.id == session_id).values(**columns))


def test_a_ticket_is_swapped_once_for_a_token(reg: Registry, alice: Actor) -> None:
    session_id, ticket = accounts.open_session(reg, alice)
    assert accounts.by_session(reg, session_id) == alice
    assert not accounts.redeemed(reg, session_id)
    token = accounts.redeem(reg, ticket)
    assert accounts.redeemed(reg, session_id)
    assert accounts.by_token(reg, token) == (alice, session_id)
    with pytest.raises(NotSignedIn):
        accounts.redeem(reg, ticket)


def test_a_ticket_is_stale_after_a_minute(reg: Registry, alice: Actor) -> None:
    session_id, ticket = accounts.open_session(reg, alice)
    age(reg, session_id, ticket_expires_at=now() - timedelta(seconds=1))
    with pytest.raises(NotSignedIn):
        accounts.redeem(reg, ticket)


@pytest.mark.parametrize("token", ["", "x", "a" * 10_000, "\x00", "é"])
def test_a_made_up_token_is_nobody(reg: Registry, alice: Actor, token: str) -> None:
    accounts.open_session(reg, alice)
    assert accounts.by_token(reg, token) is None
    with pytest.raises(NotSignedIn):
        accounts.redeem(reg, token)


def test_each_sign_in_gets_a_token_of_its_own(reg: Registry, alice: Actor) -> None:
    tokens = {accounts.redeem(reg, accounts.open_session(reg, alice)[1]) for _ in range(3)}
    assert len(tokens) == 3


def test_a_session_ends_when_idle(reg_with: Callable[..., Registry]) -> None:
    reg, actor, session_id, token = _signed_in(reg_with(session_idle_h=1))
    age(reg, session_id, seen_at=now() - timedelta(minutes=50))
    assert accounts.by_token(reg, token) == (actor, session_id)
    age(reg, session_id, seen_at=now() - timedelta(minutes=61))
    assert accounts.by_token(reg, token) is None


def test_a_visit_keeps_a_session_alive(reg_with: Callable[..., Registry]) -> None:
    reg, _, session_id, token = _signed_in(reg_with(session_idle_h=1))
    long_ago = now() - timedelta(minutes=50)
    age(reg, session_id, seen_at=long_ago)
    accounts.by_token(reg, token)
    with reg.reading() as s:
        assert s.get_one(SessionRow, session_id).seen_at > long_ago + timedelta(minutes=45)


def test_a_session_ends_at_last_however_busy(reg: Registry) -> None:
    reg, _, session_id, token = _signed_in(reg)
    age(reg, session_id, expires_at=now() - timedelta(seconds=1))
    assert accounts.by_token(reg, token) is None
    assert accounts.by_session(reg, session_id) is None


def test_signing_out_ends_the_session_in_all_tabs(reg: Registry) -> None:
    reg, actor, session_id, token = _signed_in(reg)
    other, _ = accounts.open_session(reg, actor)
    accounts.sign_out(reg, session_id)
    assert accounts.by_token(reg, token) is None
    assert accounts.by_session(reg, session_id) is None
    assert accounts.by_session(reg, other) == actor
    accounts.sign_out(reg, session_id)
    accounts.sign_out(reg, "unknown")


def test_a_password_change_ends_every_other_session(reg: Registry, alice: Actor) -> None:
    here, elsewhere = accounts.open_session(reg, alice)[0], accounts.open_session(reg, alice)[0]
    accounts.change_password(reg, alice, PASSWORD, "another long pass phrase", keep_session=here)
    assert accounts.by_session(reg, here) == alice
    assert accounts.by_session(reg, elsewhere) is None


def test_signing_out_everywhere_spares_this_browser(reg: Registry, alice: Actor) -> None:
    here, *others = (accounts.open_session(reg, alice)[0] for _ in range(3))
    assert accounts.sign_out_everywhere(reg, alice, keep_session=here) == 2
    assert accounts.by_session(reg, here) == alice
    assert not any(accounts.by_session(reg, other) for other in others)


def test_a_revoked_session_cannot_be_redeemed(reg: Registry, alice: Actor) -> None:
    session_id, ticket = accounts.open_session(reg, alice)
    accounts.sign_out(reg, session_id)
    with pytest.raises(NotSignedIn):
        accounts.redeem(reg, ticket)


def test_dead_sessions_are_swept(reg: Registry, alice: Actor) -> None:
    old, _ = accounts.open_session(reg, alice)
    age(reg, old, revoked_at=now() - timedelta(days=2))
    accounts.open_session(reg, alice)
    with reg.reading() as s:
        assert s.get(SessionRow, old) is None


def _signed_in(reg: Registry) -> tuple[Registry, Actor, str, str]:
    actor = accounts.register(
        reg, username="ada", name="Ada", email="ada@example.org", password=PASSWORD
    )
    session_id, ticket = accounts.open_session(reg, actor)
    return reg, actor, session_id, accounts.redeem(reg, ticket)
