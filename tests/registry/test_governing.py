"""How administrators govern people: roles, single permissions, quotas, the end of an account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry import access, accounts, audit, downloads, governing, models, policy, tokens
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn
from registry.records import Actor, Version
from tests.conftest import PASSWORD

NewUser = Callable[..., Actor]


def session_of(reg: Registry, actor: Actor) -> Callable[[], Actor | None]:
    """Who an open session belongs to, asked anew each time."""
    session_id, _ = accounts.open_session(reg, actor)
    return lambda: accounts.by_session(reg, session_id)


def test_a_role_changes_at_once_for_an_open_session_and_a_token(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    secret = tokens.create(reg, bob, "script", ["upload"])[1]
    asks = session_of(reg, bob)
    governing.set_role(reg, admin, "bob", "viewer")
    now = asks()
    assert now is not None
    assert "upload" not in policy.permissions(now)
    with pytest.raises(Forbidden, match=r"your role \(viewer\) may not upload"):
        tokens.use(reg, secret, "upload")


def test_a_permission_taken_away_is_missing_at_once_and_comes_back(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    secret = tokens.create(reg, bob, "script", ["download"])[1]
    asks = session_of(reg, bob)
    left = governing.permit(reg, admin, "bob", ["search", "predict", "upload", "delete"])
    assert left.denied == ("download",)
    now = asks()
    assert now is not None
    assert policy.why_not(now, "manage", "model.download") == (
        "you may not download: an administrator has taken this from you"
    )
    with pytest.raises(Forbidden, match="an administrator has taken"):
        tokens.use(reg, secret, "download")
    governing.permit(reg, admin, "bob", sorted(policy.PERMISSIONS["author"]))
    assert tokens.use(reg, secret, "download").id == bob.id


def test_who_may_see_but_not_download_gets_no_bytes_by_any_door(
    reg: Registry, alice: Actor, iris: Version, admin: Actor, bob: Actor
) -> None:
    models.publish_to_all(reg, alice, iris.model)
    file = iris.artifacts[0].id
    link = downloads.link(reg, bob, file)
    governing.permit(reg, admin, "bob", ["search", "predict", "upload", "delete"])
    bob = accounts.sign_in(reg, "bob", PASSWORD)
    assert models.get(reg, bob, iris.model).slug == "iris"
    with pytest.raises(Forbidden):
        downloads.open_artifact(reg, bob, file)
    with pytest.raises(Forbidden):
        downloads.link(reg, bob, file)
    with pytest.raises(Forbidden):
        downloads.open_link(reg, link)
    with pytest.raises(Forbidden):
        tokens.create(reg, bob, "script", ["download"])


def test_what_was_taken_stays_taken_when_the_role_changes(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    governing.permit(reg, admin, "bob", ["search", "predict", "download", "upload"])
    governing.set_role(reg, admin, "bob", "viewer")
    governing.permit(reg, admin, "bob", ["search", "predict"])
    assert governing.set_role(reg, admin, "bob", "author").denied == ("delete", "download")


def test_nobody_is_given_what_the_role_does_not_have(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    with pytest.raises(InvalidInput, match="change the role"):
        governing.permit(reg, admin, "bob", ["search", "admin"])


def test_the_last_administrator_stays_one(reg: Registry, admin: Actor, bob: Actor) -> None:
    for end in (
        lambda: governing.set_role(reg, admin, admin.username, "viewer"),
        lambda: governing.permit(reg, admin, admin.username, ["search"]),
        lambda: accounts.delete_account(reg, admin, PASSWORD),
    ):
        with pytest.raises(Conflict, match="only administrator"):
            end()
    assert governing.get(reg, admin, admin.username).role == "admin"


def test_two_administrators_cannot_lock_each_other_out(
    reg: Registry, admin: Actor, new_user: NewUser
) -> None:
    other = new_user("second", "admin")
    accounts.set_disabled(reg, admin, "second", True)
    with pytest.raises(Conflict, match="only administrator"):
        accounts.set_disabled(reg, other, admin.username, True)  # asked before it was too late


def test_the_last_administrator_keeps_the_models_when_the_account_cannot_go(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    with reg.writing() as s:
        models.create_in(s, admin, name="Kept")
    with pytest.raises(Conflict):
        accounts.delete_account(reg, admin, PASSWORD)
    assert models.get(reg, admin, "root-admin/kept").name == "Kept"


@pytest.mark.parametrize("role", ["viewer", "author"])
def test_only_administrators_govern(
    role: str, reg: Registry, new_user: NewUser, bob: Actor
) -> None:
    carol = new_user("carol", role)
    for ask in (
        lambda: governing.find(reg, carol),
        lambda: governing.get(reg, carol, "bob"),
        lambda: governing.set_role(reg, carol, "carol", "admin"),
        lambda: governing.permit(reg, carol, "bob", []),
        lambda: governing.set_quota(reg, carol, "carol", quota_mb=0),
        lambda: governing.remove(reg, carol, "bob"),
    ):
        with pytest.raises(Forbidden, match="only an administrator"):
            ask()


def test_an_administrator_without_the_permission_governs_no_more(
    reg: Registry, admin: Actor, new_user: NewUser
) -> None:
    new_user("second", "admin")
    governing.permit(reg, admin, "second", ["search"])
    with pytest.raises(Forbidden):
        governing.find(reg, accounts.sign_in(reg, "second", PASSWORD))


def test_people_are_found_by_any_of_their_names(
    reg: Registry, admin: Actor, alice: Actor, bob: Actor
) -> None:
    assert [p.username for p in governing.find(reg, admin, "ALI").items] == ["alice"]
    assert [p.username for p in governing.find(reg, admin, "bob@example").items] == ["bob"]
    assert governing.find(reg, admin, "%").total == 0
    assert [p.username for p in governing.find(reg, admin, role="admin").items] == ["root-admin"]
    assert governing.find(reg, admin, size=2, page=2).items[0].username == "root-admin"


def test_a_person_shows_what_they_keep_and_when_they_were_seen(
    reg: Registry, alice: Actor, iris: Version, admin: Actor
) -> None:
    seen = governing.get(reg, admin, "alice")
    assert seen.quota.size_bytes == iris.size_bytes
    assert seen.quota.n_models == 1
    assert seen.seen_at is not None


def test_removing_somebody_takes_their_private_models_along(
    reg: Registry, alice: Actor, iris: Version, admin: Actor
) -> None:
    governing.remove(reg, admin, "alice")
    assert list(reg.store.digests()) == []
    with pytest.raises(NotFound):
        governing.get(reg, admin, "alice")
    with pytest.raises(NotSignedIn):
        accounts.sign_in(reg, "alice", PASSWORD)
    assert audit.verify(reg) is None


def test_removing_somebody_on_whom_others_rely_needs_an_heir(
    reg: Registry, alice: Actor, iris: Version, admin: Actor, bob: Actor
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    with pytest.raises(Conflict, match="heir"):
        governing.remove(reg, admin, "alice")
    governing.remove(reg, admin, "alice", heir="bob")
    assert models.get(reg, bob, "bob/iris").level == "manage"


def test_an_heir_keeps_models_of_the_same_address(
    reg: Registry, alice: Actor, iris: Version, admin: Actor, bob: Actor, iris_file: Path
) -> None:
    with reg.writing() as s:
        models.create_in(s, bob, name="Iris")
    with pytest.raises(Conflict, match="iris"):
        governing.remove(reg, admin, "alice", heir="bob")
    assert models.get(reg, alice, iris.model).owner == "alice"


def test_nobody_removes_their_own_account_here(reg: Registry, admin: Actor) -> None:
    with pytest.raises(Conflict, match="your own"):
        governing.remove(reg, admin, admin.username)
