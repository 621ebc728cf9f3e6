"""Signing in by the API: as on the page, and over when it is over there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry import accounts, logins, signins, tokens
from registry.core import Registry
from registry.errors import RateLimited
from registry.records import Actor, Login
from registry.tables import AuditRow, LoginRow, now
from registry.web import handle
from tests.conftest import PASSWORD
from tests.registry.web.conftest import Api, Client, problem

NEW = {"username": "carol", "name": "Carol", "email": "carol@example.org", "password": PASSWORD}


@pytest.fixture
def nobody(client: Client) -> Api:
    return Api(client, "")


def sign_in(api: Api, username: str = "alice", password: str = PASSWORD) -> Any:
    return api.ok("POST", "/auth/login", json={"username": username, "password": password})


def test_an_access_token_does_all_that_its_person_may(
    nobody: Api, reg: Registry, alice: Actor
) -> None:
    said = sign_in(nobody)
    nobody.secret = said["access"]
    assert nobody.ok("GET", "/me")["permissions"] == [
        "delete",
        "download",
        "predict",
        "search",
        "upload",
    ]
    wish = {"name": "nightly", "permissions": ["predict"], "calls": 5}
    made = nobody.ok("POST", "/tokens", 201, json=wish)
    assert (made["token"]["calls_left"], made["token"]["permissions"]) == (5, ["predict"])
    assert [t["name"] for t in nobody.ok("GET", "/tokens")["items"]] == ["nightly"]
    script = Api(nobody.client, made["secret"])
    assert script.ok("GET", "/me")["permissions"] == ["predict"]
    problem(script("POST", "/tokens", json=wish), 403)
    nobody.ok("DELETE", f"/tokens/{made['token']['id']}", 204)
    problem(script("GET", "/me"), 401)
    problem(nobody("POST", "/tokens", json=wish | {"days": 0}), 422)


def test_refreshing_counts_like_any_call(reg_with: Callable[..., Registry], alice: Actor) -> None:
    reg = reg_with(calls_per_minute=1)
    first = logins.open_login(reg, alice)
    second = logins.refresh(reg, first.refresh)
    with pytest.raises(RateLimited):
        logins.refresh(reg, second.refresh)
    assert logins.by_access(reg, second.access) == alice


def test_a_refresh_token_works_once_and_its_theft_ends_the_login(
    nobody: Api, reg: Registry, alice: Actor
) -> None:
    first = sign_in(nobody)
    second = nobody.ok("POST", "/auth/refresh", json={"refresh": first["refresh"]})
    assert second["refresh"] != first["refresh"]
    assert second["refresh_expires_at"] == first["refresh_expires_at"]
    nobody.secret = second["access"]
    nobody.ok("GET", "/me")
    stolen = nobody("POST", "/auth/refresh", json={"refresh": first["refresh"]})
    assert "used before" in problem(stolen, 401)["detail"]
    problem(nobody("POST", "/auth/refresh", json={"refresh": second["refresh"]}), 401)
    problem(nobody("GET", "/me"), 401)
    with reg.reading() as s:
        assert s.query(AuditRow).filter_by(action="login.reuse", subject="alice").count() == 1


def test_signing_out_ends_the_login_and_no_other(nobody: Api, alice: Actor) -> None:
    one, other = sign_in(nobody), sign_in(nobody)
    for _ in range(2):
        nobody.ok("POST", "/auth/logout", 204, json={"refresh": one["refresh"]})
    nobody.ok("POST", "/auth/logout", 204, json={"refresh": "nonsense"})
    problem(Api(nobody.client, one["access"])("GET", "/me"), 401)
    assert Api(nobody.client, other["access"]).ok("GET", "/me")


ENDS: dict[str, Callable[[Registry, Actor, Actor], object]] = {
    "a new password": lambda reg, alice, _: accounts.change_password(
        reg, alice, PASSWORD, "quite another pass phrase"
    ),
    "a reset": lambda reg, alice, admin: accounts.reset_with(
        reg, accounts.reset_code(reg, "alice", admin), "quite another pass phrase"
    ),
    "being disabled": lambda reg, _, admin: accounts.set_disabled(reg, admin, "alice", True),
    "signing out everywhere": lambda reg, alice, _: accounts.sign_out_everywhere(reg, alice),
    "deleting the account": lambda reg, alice, _: accounts.delete_account(reg, alice, PASSWORD),
}


@pytest.mark.parametrize("what", ENDS)
def test_all_logins_end_with(
    what: str, nobody: Api, reg: Registry, alice: Actor, admin: Actor
) -> None:
    said = sign_in(nobody)
    nobody.secret = said["access"]
    nobody.ok("GET", "/me")
    ENDS[what](reg, alice, admin)
    problem(nobody("GET", "/me"), 401)
    problem(nobody("POST", "/auth/refresh", json={"refresh": said["refresh"]}), 401)
    if what == "being disabled":
        accounts.set_disabled(reg, admin, "alice", False)
        problem(nobody("GET", "/me"), 401)


def test_it_ends_by_itself(
    nobody: Api, reg: Registry, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = logins.open_login(reg, alice)
    monkeypatch.setattr(logins, "ACCESS_S", -1)
    problem(Api(nobody.client, login.access)("GET", "/me"), 401)
    monkeypatch.undo()
    assert Api(nobody.client, login.access).ok("GET", "/me")
    with reg.writing() as s:
        s.query(LoginRow).one().expires_at = now() - timedelta(seconds=1)
    problem(Api(nobody.client, login.access)("GET", "/me"), 401)
    problem(nobody("POST", "/auth/refresh", json={"refresh": login.refresh}), 401)


def test_no_secret_is_kept_nor_taken_for_another(nobody: Api, reg: Registry, alice: Actor) -> None:
    login: Login = logins.open_login(reg, alice)
    database = reg.settings.home / "vitrine.db"
    kept = b"".join(f.read_bytes() for f in database.parent.glob("vitrine.db*"))
    for secret in (login.access, login.refresh):
        assert secret.encode() not in kept
    wrong = (
        login.refresh,
        login.access[:-6] + "AAAAAA",
        "vta_",
        login.refresh.replace("vtf_", "vta_"),
    )
    for secret in wrong:
        problem(Api(nobody.client, secret)("GET", "/me"), 401)
    problem(nobody("POST", "/auth/refresh", json={"refresh": login.access}), 401)


def test_guessing_is_counted_as_on_the_page(nobody: Api, reg: Registry, alice: Actor) -> None:
    wrong = {"username": "alice", "password": "not the right one"}
    for _ in range(signins.FREE_FAILURES):
        problem(nobody("POST", "/auth/login", json=wrong), 401)
    answer = nobody("POST", "/auth/login", json=wrong | {"password": PASSWORD})
    problem(answer, 429)
    assert int(answer.headers["retry-after"]) >= 1
    with pytest.raises(Exception, match="Too many wrong tries"):
        accounts.sign_in(reg, "alice", PASSWORD)


def test_registering_where_it_is_open(
    nobody: Api, reg: Registry, alice: Actor, reg_with: Callable[..., Registry]
) -> None:
    said = nobody.ok("POST", "/auth/register", 201, json=NEW)
    assert (said["username"], said["role"]) == ("carol", "author")
    assert sign_in(nobody, "carol")["access"]
    taken = problem(nobody("POST", "/auth/register", json=NEW), 422)
    assert set(taken["problems"]) == {"username"}
    wrong = NEW | {"email": "x", "password": "short", "username": "d"}
    assert set(problem(nobody("POST", "/auth/register", json=wrong), 422)["problems"]) == {
        "e-mail", "password", "username"
    }  # fmt: skip
    handle.use(reg_with(registration="closed"))
    problem(nobody("POST", "/auth/register", json=NEW | {"username": "dora"}), 403)


def test_the_first_account_is_made_in_the_browser(nobody: Api, reg: Registry) -> None:
    assert "browser" in problem(nobody("POST", "/auth/register", json=NEW), 409)["detail"]
    assert accounts.needs_first_admin(reg)


def test_an_administrator_locks_somebody_out(
    nobody: Api, reg: Registry, alice: Actor, admin: Actor
) -> None:
    token = tokens.create(reg, alice, "hers", ["search"])[1]
    nobody.secret = sign_in(nobody, "root-admin")["access"]
    nobody.ok("POST", "/users/alice/disable", 204)
    problem(Api(nobody.client, token)("GET", "/me"), 401)
    problem(nobody("POST", "/users/root-admin/disable"), 409)
    problem(nobody("POST", "/users/nobody/disable"), 404)
    nobody.ok("POST", "/users/alice/enable", 204)
    assert Api(nobody.client, token).ok("GET", "/me")
