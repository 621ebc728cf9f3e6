"""Guessing passwords is slow, and tells nothing about who has an account."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import ClassVar, Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from sqlalchemy import update

from registry import accounts, passwords, signins
from registry.core import Registry
from registry.errors import NotSignedIn, RateLimited
from registry.records import Actor
from registry.signins import FREE_FAILURES
from registry.tables import AuditRow, SignInRow, now
from tests.conftest import PASSWORD

WRONG = "quite the wrong one"


def fail(reg: Registry, username: str, times: int = FREE_FAILURES, address: str = "") -> str:
    said = ""
    for _ in range(times):
        with pytest.raises(NotSignedIn) as refused:
            accounts.sign_in(reg, username, WRONG, address)
        said = str(refused.value)
    return said


def try_often(kind: str, address: str) -> None:
    for _ in range(100):
        signins.allow(kind, address)


def wait(reg: Registry) -> None:
    """Let the delay pass."""
    with reg.writing() as s:
        s.execute(update(SignInRow).values(locked_until=now() - timedelta(seconds=1)))


@pytest.mark.parametrize("username", ["alice", "nobody"])
def test_after_five_failures_a_name_must_wait_longer_each_time(
    reg: Registry, alice: Actor, username: str
) -> None:
    fail(reg, username)
    delays = []
    for _ in range(3):
        with pytest.raises(RateLimited) as refused:
            accounts.sign_in(reg, username, PASSWORD)
        delays.append(round(refused.value.retry_after_s))
        wait(reg)
        fail(reg, username, times=1)
    assert delays == [10, 20, 40]


def test_a_known_and_an_unknown_name_look_alike(reg: Registry, alice: Actor) -> None:
    assert fail(reg, "alice", times=1) == fail(reg, "nobody", times=1)
    with reg.reading() as s:
        rows = {row.username: row.failures for row in s.query(SignInRow)}
    assert rows == {"alice": 1, "nobody": 1}


class Counting(PasswordHasher):
    """Counts what it is asked to verify, by the cost each takes."""

    costs: ClassVar[list[Parameters]] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.costs.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


def test_an_unknown_name_costs_a_hash_too(
    reg: Registry, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", Counting(time_cost=1, memory_cost=8, parallelism=1))
    fail(reg, "alice", times=1)
    fail(reg, "nobody", times=1)
    assert len(Counting.costs) == 2
    assert Counting.costs[0] == Counting.costs[1]


def test_the_right_password_clears_the_count(reg: Registry, alice: Actor) -> None:
    fail(reg, "alice", times=FREE_FAILURES - 1)
    accounts.sign_in(reg, "alice", PASSWORD)
    fail(reg, "alice", times=FREE_FAILURES - 1)
    assert accounts.sign_in(reg, "alice", PASSWORD) == alice


def test_the_right_password_does_not_shorten_a_delay(reg: Registry, alice: Actor) -> None:
    fail(reg, "alice")
    with pytest.raises(RateLimited):
        accounts.sign_in(reg, "alice", PASSWORD)


def test_one_locked_name_does_not_lock_another(reg: Registry, alice: Actor, bob: Actor) -> None:
    fail(reg, "alice")
    assert accounts.sign_in(reg, "bob", PASSWORD) == bob


def test_old_failures_are_forgotten(reg: Registry, alice: Actor) -> None:
    fail(reg, "alice")
    with reg.writing() as s:
        s.execute(update(SignInRow).values(locked_until=now() - timedelta(hours=2)))
    fail(reg, "alice", times=FREE_FAILURES - 1)
    assert accounts.sign_in(reg, "alice", PASSWORD) == alice


def test_a_lock_is_audited_without_repeating_what_was_typed(reg: Registry, alice: Actor) -> None:
    fail(reg, "alice")
    fail(reg, "my secret typed into the wrong field")
    with reg.reading() as s:
        lines = [r.subject for r in s.query(AuditRow).where(AuditRow.action == "account.lock")]
    assert lines == ["alice", "(unknown name)"]


@pytest.mark.parametrize("kind", ["guess", "register"])
def test_one_address_may_not_try_without_end(kind: str) -> None:
    address = f"203.0.113.{secrets.randbelow(255)}-{secrets.token_hex(4)}"
    with pytest.raises(RateLimited, match="address") as refused:
        try_often(kind, address)
    assert refused.value.retry_after_s > 0
    signins.allow(kind, f"{address}0")
    try_often(kind, "")


def test_the_limit_of_an_address_holds_at_the_doors(reg: Registry, alice: Actor) -> None:
    address = secrets.token_hex(4)
    accounts.sign_in(reg, "alice", PASSWORD, address)
    with pytest.raises(RateLimited):
        try_often("guess", address)
    with pytest.raises(RateLimited, match="address"):
        accounts.sign_in(reg, "alice", PASSWORD, address)


def test_a_changed_hash_setting_does_not_lock_anybody_out(reg: Registry) -> None:
    assert not passwords.matches("not a hash", PASSWORD)
    assert passwords.matches(passwords.hashed(PASSWORD), PASSWORD)
    assert not passwords.matches(passwords.hashed(PASSWORD), "x" * 100_000)
