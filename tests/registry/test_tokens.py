"""Tokens: made once, counted down, ended, and never more than their person."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from registry import accounts, models, policy, predict, search, tokens, versions
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, RateLimited
from registry.records import Actor, ModelQuery, Version
from registry.tables import AuditRow, TokenRow, UserRow, now


def make(reg: Registry, actor: Actor, *permissions: str, **more: Any) -> str:
    return tokens.create(reg, actor, "a script", permissions or ("predict",), **more)[1]


def change(reg: Registry, **values: Any) -> None:
    """As time or somebody else would have it."""
    with reg.writing() as s:
        s.execute(update(TokenRow).values(**values))


def test_a_secret_is_long_marked_and_kept_as_a_hash_only(reg: Registry, alice: Actor) -> None:
    token, secret = tokens.create(reg, alice, " nightly  job ", ["predict", "search"])
    assert re.fullmatch(r"vtr_[\w-]{32}[0-9a-f]{8}", secret)
    assert (token.name, token.permissions) == ("nightly job", ("search", "predict"))
    assert secret.startswith(token.prefix)
    assert len(token.prefix) == 12
    assert token.calls_left == 1000
    assert timedelta(days=29) < token.expires_at - now() < timedelta(days=31)
    assert secret not in repr(tokens.find(reg, alice))
    home = reg.settings.home
    reg.engine.dispose()
    for file in home.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_the_checksum_tells_a_slip_of_the_pen(reg: Registry, alice: Actor) -> None:
    secret = make(reg, alice)
    slip = secret[:10] + ("a" if secret[10] != "a" else "b") + secret[11:]
    assert tokens.is_whole(secret)
    assert not tokens.is_whole(slip)


def test_each_use_counts_and_is_dated(reg: Registry, alice: Actor) -> None:
    secret = make(reg, alice, calls=2)
    actor = tokens.use(reg, secret, "predict")
    assert (actor.id, actor.username, actor.token) == (alice.id, "alice", secret[:12])
    [token] = tokens.find(reg, alice)
    assert token.calls_left == 1
    assert token.last_used_at is not None
    tokens.use(reg, secret, "predict")
    with pytest.raises(Forbidden, match="no calls left"):
        tokens.use(reg, secret, "predict")
    assert tokens.find(reg, alice)[0].calls_left == 0


def test_two_at_once_cannot_both_take_the_last_call(reg: Registry, alice: Actor) -> None:
    secret = make(reg, alice, calls=3)
    start = threading.Barrier(8)

    def call() -> bool:
        start.wait()
        try:
            tokens.use(reg, secret, "predict")
        except Forbidden:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = [f.result() for f in [pool.submit(call) for _ in range(8)]]
    assert sum(taken) == 3


def test_what_is_refused_before_a_call_is_counted_costs_nothing(
    reg: Registry, alice: Actor
) -> None:
    secret = make(reg, alice, calls=1)

    def refuse(_: Registry, actor: Actor) -> None:
        raise RateLimited(f"too much by {actor.username}", 1.0)

    with pytest.raises(RateLimited, match="alice"):
        tokens.use(reg, secret, "predict", refuse)
    tokens.use(reg, secret, "predict")
    tokens.give_back(reg, secret)
    assert tokens.find(reg, alice)[0].calls_left == 1


def test_counting_a_call_makes_nobody_ask_the_database_again(reg: Registry, alice: Actor) -> None:
    secret = make(reg, alice)
    before = reg.stamp()
    tokens.use(reg, secret, "predict")
    assert reg.stamp() == before
    assert tokens.find(reg, alice)[0].calls_left == 999
    make(reg, alice)
    assert reg.stamp() != before


OVER: dict[str, dict[str, Any]] = {
    "expired": {"expires_at": now() - timedelta(seconds=1)},
    "revoked": {"revoked_at": now()},
}


@pytest.mark.parametrize("how", OVER)
def test_a_token_that_is_over_is_nobody(how: str, reg: Registry, alice: Actor) -> None:
    secret = make(reg, alice)
    change(reg, **OVER[how])
    with pytest.raises(NotSignedIn):
        tokens.use(reg, secret, "predict")
    assert tokens.find(reg, alice)[0].why_over(now()) == how


def test_a_disabled_person_has_no_token_and_an_enabled_one_has_it_back(
    reg: Registry, alice: Actor, admin: Actor
) -> None:
    secret = make(reg, alice)
    accounts.set_disabled(reg, admin, "alice", True)
    with pytest.raises(NotSignedIn):
        tokens.use(reg, secret, "predict")
    accounts.set_disabled(reg, admin, "alice", False)
    assert tokens.use(reg, secret, "predict").id == alice.id


def test_a_token_ends_between_looking_and_counting(
    reg: Registry, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = make(reg, alice)
    looked = policy.permissions

    def revoked_meanwhile(actor: Actor) -> frozenset[str]:
        change(reg, revoked_at=now())
        return looked(actor)

    monkeypatch.setattr(policy, "permissions", revoked_meanwhile)
    with pytest.raises((Forbidden, NotSignedIn)):
        tokens.use(reg, secret, "predict")


@pytest.mark.parametrize("secret", ["", "vtr_", "x" * 44, "vtr_" + "a" * 40, "vtr_é" + "a" * 39])
def test_what_is_no_token_costs_no_look(secret: str, reg: Registry) -> None:
    reg.engine.dispose()
    with pytest.raises(NotSignedIn):
        tokens.use(reg, secret, "predict")
    assert reg.engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_a_token_does_what_it_was_made_for_and_no_more(
    reg: Registry, alice: Actor, iris: Version
) -> None:
    assert iris.schema is not None
    actor = tokens.use(reg, make(reg, alice, "predict"), "predict")
    assert predict.predict(reg, actor, iris.ref, [iris.schema.example]).n_rows == 1
    with pytest.raises(Forbidden, match="does not permit to search"):
        models.get(reg, actor, iris.model)
    with pytest.raises(Forbidden, match="does not permit to upload"):
        versions.edit(reg, actor, iris.ref, notes="by a script")
    assert search.find_models(reg, actor, ModelQuery()).total == 0
    with pytest.raises(Forbidden, match="does not permit to download"):
        tokens.use(reg, make(reg, alice, "predict"), "download")


def test_a_token_neither_makes_nor_lists_nor_ends_tokens(reg: Registry, alice: Actor) -> None:
    actor = tokens.use(reg, make(reg, alice, *tokens.PERMISSIONS), "predict")
    for attempt in (
        lambda: tokens.create(reg, actor, "another", ["predict"]),
        lambda: tokens.find(reg, actor),
        lambda: tokens.revoke(reg, actor, tokens.find(reg, alice)[0].id),
        lambda: tokens.revoke_all(reg, actor),
    ):
        with pytest.raises(Forbidden, match="not by a token"):
            attempt()


def test_a_role_bounds_its_tokens_now_and_later(
    reg: Registry, alice: Actor, new_user: Callable[..., Actor]
) -> None:
    with pytest.raises(Forbidden, match="may not upload"):
        tokens.create(reg, new_user("carol", "viewer"), "mine", ["upload"])
    secret = make(reg, alice, "upload", "predict")
    assert tokens.use(reg, secret, "upload")
    with reg.writing() as s:
        s.execute(update(UserRow).where(UserRow.id == alice.id).values(role="viewer"))
    with pytest.raises(Forbidden):
        tokens.use(reg, secret, "upload")
    actor = tokens.use(reg, secret, "predict")
    assert policy.permissions(actor) == {"predict"}


def test_an_administrators_token_does_not_administer(reg: Registry, admin: Actor) -> None:
    with pytest.raises(InvalidInput):
        tokens.create(reg, admin, "mine", ["admin"])
    actor = tokens.use(reg, make(reg, admin, *tokens.PERMISSIONS), "predict")
    with pytest.raises(Forbidden):
        accounts.invite(reg, actor)


def test_every_wrong_field_is_named(reg: Registry, alice: Actor) -> None:
    with pytest.raises(InvalidInput) as wrong:
        tokens.create(reg, alice, "\u202e", [], days=366, calls=0)
    assert set(wrong.value.problems) == {"name", "permissions", "days", "calls"}


def test_revoking_is_audited_and_ones_own(reg: Registry, alice: Actor, bob: Actor) -> None:
    token, secret = tokens.create(reg, alice, "first", ["predict"])
    make(reg, alice)
    make(reg, bob)
    with pytest.raises(NotFound):
        tokens.revoke(reg, bob, token.id)
    tokens.revoke(reg, alice, token.id)
    tokens.revoke(reg, alice, token.id)
    with pytest.raises(NotSignedIn):
        tokens.use(reg, secret, "predict")
    assert tokens.revoke_all(reg, alice) == 1
    assert tokens.revoke_all(reg, alice) == 0
    assert tokens.find(reg, bob)[0].revoked_at is None
    with reg.reading() as s:
        lines = s.execute(select(AuditRow).where(AuditRow.action.like("token.%"))).scalars().all()
    actions = [line.action.removeprefix("token.") for line in lines]
    assert actions == ["create", "create", "create", "revoke", "revoke_all"]
    assert all(secret not in repr((line.subject, line.detail)) for line in lines)


def test_what_a_token_does_is_told_from_what_its_person_does(
    reg: Registry, alice: Actor, iris: Version
) -> None:
    actor = tokens.use(reg, make(reg, alice, "search", "upload"), "upload")
    versions.edit(reg, actor, iris.ref, notes="by a script")
    with reg.reading() as s:
        line = s.execute(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).scalar_one()
    assert (line.actor, line.detail["token"]) == ("alice", actor.token)


def test_tokens_outlive_a_new_password_and_go_with_the_account(reg: Registry, bob: Actor) -> None:
    secret = make(reg, bob)
    accounts.change_password(reg, bob, "a long enough password", "quite another pass phrase")
    assert tokens.use(reg, secret, "predict").id == bob.id
    accounts.delete_account(reg, bob, "quite another pass phrase")
    with reg.reading() as s:
        assert s.execute(select(TokenRow.id)).first() is None


def test_ended_tokens_are_listed_for_a_month(reg: Registry, alice: Actor) -> None:
    make(reg, alice)
    change(reg, revoked_at=now() - timedelta(days=31))
    assert tokens.find(reg, alice) == ()
    make(reg, alice)
    with reg.reading() as s:
        assert len(s.execute(select(TokenRow.id)).all()) == 1


def test_nobody_collects_tokens_without_end(
    reg: Registry, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_TOKENS", 2)
    make(reg, alice), make(reg, alice)
    with pytest.raises(Conflict, match="revoke one"):
        make(reg, alice)
