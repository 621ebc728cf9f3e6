"""People, audit and webhooks by the API: for the person who signed in, not for their tokens."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text

from registry import accounts, audit, logins, models, webhooks
from registry.core import Registry
from registry.records import Actor, Version
from registry.settings import Settings
from registry.tables import WebhookRow
from tests.conftest import PASSWORD
from tests.registry.web.conftest import Api, Client, problem

ApiOf = Callable[[Actor], Api]
HOOK = {"url": "https://example.org/hook", "events": ["version.ready"]}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Webhooks are on; nothing is delivered, as no engine runs."""
    return settings.model_copy(update={"webhooks": True})


@pytest.fixture
def signed_in(client: Client, reg: Registry) -> ApiOf:
    """A person's way into the API after signing in with a password."""
    return lambda actor: Api(client, logins.open_login(reg, actor).access)


def test_an_administrator_governs_accounts(
    signed_in: ApiOf, admin: Actor, bob: Actor, api_of: ApiOf
) -> None:
    by_admin, by_bob = signed_in(admin), api_of(bob)
    page = by_admin.ok("GET", "/users?limit=1&q=EXAMPLE.org")
    assert (page["items"][0]["username"], page["next"] is None) == ("bob", False)
    assert [p["username"] for p in by_admin.ok("GET", "/users?role=admin")["items"]] == [
        admin.username
    ]
    left = by_admin.ok("PUT", "/users/bob/permissions", json={"permissions": ["search"]})
    assert left["denied"] == ["delete", "download", "predict", "upload"]
    assert by_bob.ok("GET", "/me")["permissions"] == ["search"]
    assert by_admin.ok("PUT", "/users/bob/role", json={"role": "viewer"})["role"] == "viewer"
    limited = by_admin.ok("PUT", "/users/bob/quota", json={"quota_mb": 3, "quota_models": 2})
    assert limited["quota"]["limit_bytes"] == 3 << 20
    assert by_bob.ok("GET", "/me/quota") == limited["quota"]
    problem(by_admin("PUT", "/users/bob/quota", json={"quota_mb": -1}), 422)
    problem(by_admin("PUT", f"/users/{admin.username}/role", json={"role": "viewer"}), 409)
    by_admin.ok("DELETE", "/users/bob", 204)
    problem(by_admin("GET", "/users/bob"), 404)
    problem(by_bob("GET", "/me"), 401)


def test_codes_let_people_in(signed_in: ApiOf, admin: Actor, bob: Actor, reg: Registry) -> None:
    by_admin = signed_in(admin)
    assert by_admin.ok("POST", "/invitations", 201)["code"]
    code = by_admin.ok("POST", "/users/bob/reset-code", 201)["code"]
    accounts.reset_with(reg, code, "another pass phrase")
    assert accounts.sign_in(reg, "bob", "another pass phrase").id == bob.id


def test_no_token_of_an_administrator_governs(api_of: ApiOf, admin: Actor, bob: Actor) -> None:
    by_token = api_of(admin)
    for method, path in (("GET", "/users"), ("GET", "/system"), ("GET", "/audit/verify")):
        assert "sign in" in problem(by_token(method, path), 403)["detail"]
    who = {line["actor"] for line in by_token.ok("GET", "/audit")["items"]}
    assert who == {admin.username}


def test_the_audit_is_filtered_exported_and_verified(
    signed_in: ApiOf, api: Api, reg: Registry, admin: Actor, alice: Actor, iris: Version
) -> None:
    by_admin = signed_in(admin)
    models.edit(reg, alice, iris.model, description="=1+1")
    [line] = by_admin.ok("GET", "/audit?action=model.&who=alice&text=iris&limit=1")["items"]
    assert (line["action"], line["subject"]) == ("model.edit", iris.model)
    assert by_admin.ok("GET", "/audit?until=2020-01-01T00:00:00Z")["items"] == []
    problem(by_admin("GET", "/audit?since=2020-01-01T00:00:00"), 422)
    assert "model.edit" in by_admin.ok("GET", "/audit/actions")["items"]
    sheet = by_admin("GET", "/audit/export?action=model.edit")
    assert sheet.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert sheet.text.splitlines()[1].split(",")[2:4] == ["alice", "model.edit"]
    lines = by_admin("GET", "/audit/export?kind=jsonl&who=alice").text.splitlines()
    assert json.loads(lines[-1])["action"] == "model.edit"
    said = by_admin.ok("GET", "/audit/verify")
    assert said == {"broken_at": None, "head": audit.head(reg)}
    with reg.engine.begin() as c:
        c.execute(text("DROP TRIGGER audit_no_update"))
        c.execute(text("UPDATE audit SET subject = 'alice/roses' WHERE action = 'model.edit'"))
    assert by_admin.ok("GET", "/audit/verify")["broken_at"] == line["id"]
    problem(by_admin("GET", "/audit/verify?head=x"), 422)
    assert admin.username not in {one["actor"] for one in api.ok("GET", "/audit")["items"]}


def test_the_installation_is_told(signed_in: ApiOf, admin: Actor) -> None:
    said = signed_in(admin).ok("GET", "/system")
    assert said["counts"]["accounts"] == 1
    assert "Python" in said["libraries"]


def test_a_webhook_is_made_changed_tested_and_removed(
    signed_in: ApiOf, reg: Registry, alice: Actor, iris: Version
) -> None:
    by_alice = signed_in(alice)
    made = by_alice.ok("POST", "/webhooks", 201, json=HOOK | {"model": iris.model})
    hook, one = made["webhook"], f"/webhooks/{made['webhook']['id']}"
    assert made["secret"] == webhooks.shown_secret(reg, hook["id"])
    assert by_alice.ok("GET", "/webhooks")["items"] == []
    assert by_alice.ok("GET", f"/webhooks?model={iris.model}")["items"] == [hook]
    changed = by_alice.ok("PATCH", one, json={"events": ["alias.moved"]})
    assert changed == hook | {"events": ["alias.moved"]}
    for wrong in ({"events": ["no.such"]}, {"events": []}, {"url": "ftp://example.org"}):
        problem(by_alice("PATCH", one, json=wrong), 422)
    tried = by_alice.ok("POST", f"{one}/test", 202)
    assert (tried["state"], tried["answered"]) == ("waiting", None)
    assert by_alice.ok("GET", f"{one}/deliveries")["items"] == [tried]
    with reg.writing() as s:
        s.get_one(WebhookRow, hook["id"]).disabled = "it failed for long"
    problem(by_alice("POST", f"{one}/test"), 409)
    assert by_alice.ok("POST", f"{one}/enable")["disabled"] == ""
    by_alice.ok("DELETE", one, 204)
    problem(by_alice("GET", f"{one}/deliveries"), 404)


def test_anothers_webhook_is_none_and_tokens_have_none(
    signed_in: ApiOf, api: Api, alice: Actor, bob: Actor, iris: Version
) -> None:
    one = signed_in(alice).ok("POST", "/webhooks", 201, json=HOOK)["webhook"]["id"]
    problem(signed_in(bob)("PATCH", f"/webhooks/{one}", json={"events": ["alias.moved"]}), 404)
    problem(signed_in(bob)("POST", "/webhooks", json=HOOK | {"model": iris.model}), 404)
    assert "sign in" in problem(api("GET", "/webhooks"), 403)["detail"]
    assert PASSWORD not in api("GET", "/me").text
