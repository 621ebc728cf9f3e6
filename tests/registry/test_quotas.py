"""What people may keep: counted by what they own, refused with what is used and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry import access, accounts, governing, models, quotas, staging
from registry.core import Registry
from registry.errors import QuotaExceeded
from registry.records import Actor, Version
from tests.conftest import PASSWORD


def upload(reg: Registry, actor: Actor, size_bytes: int) -> str:
    with staging.receive(reg, actor, "some.bin") as incoming:
        incoming.write(b"x" * size_bytes)
        return incoming.finish().id


def test_an_upload_beyond_the_quota_says_how_much_is_used_and_what_to_do(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    governing.set_quota(reg, admin, "bob", quota_mb=1)
    upload(reg, bob, 600 << 10)
    with pytest.raises(QuotaExceeded, match=r"0\.6 MiB of 1\.0 MiB .* Delete what you no longer"):
        upload(reg, bob, 600 << 10)
    assert quotas.get(reg, bob).size_bytes == 600 << 10
    assert len(list(reg.settings.staging_folder.iterdir())) == 1


def test_a_quota_that_is_used_up_refuses_before_a_byte_is_sent(
    reg: Registry, admin: Actor, bob: Actor
) -> None:
    governing.set_quota(reg, admin, "bob", quota_mb=1)
    upload(reg, bob, 1 << 20)
    with pytest.raises(QuotaExceeded):
        staging.receive(reg, bob, "more.bin")


def test_discarding_makes_room_again(reg: Registry, admin: Actor, bob: Actor) -> None:
    governing.set_quota(reg, admin, "bob", quota_mb=1)
    staging.discard(reg, bob, upload(reg, bob, 1 << 20))
    assert upload(reg, bob, 1 << 20)


def test_a_person_without_a_quota_has_that_of_the_settings(
    reg_with: Callable[..., Registry], bob: Actor, admin: Actor
) -> None:
    reg = reg_with(quota_mb=1, quota_models=2)
    with pytest.raises(QuotaExceeded):
        upload(reg, bob, (1 << 20) + 1)
    assert quotas.get(reg, bob).limit_models == 2
    governing.set_quota(reg, admin, "bob", quota_mb=0)
    assert upload(reg, bob, (1 << 20) + 1)


def test_no_model_is_made_beyond_the_quota(
    reg: Registry,
    alice: Actor,
    iris: Version,
    admin: Actor,
    iris_file: Path,
    publish_file: Callable[..., Version],
) -> None:
    governing.set_quota(reg, admin, "alice", quota_models=1)
    with pytest.raises(QuotaExceeded, match="1 of 1 models"):
        publish_file(alice, iris_file, name="Another", check=False)
    assert publish_file(alice, iris_file, model=iris.model, check=False).number == 2


def test_a_version_counts_for_the_owner_of_its_model_and_tells_others_no_figure(
    reg: Registry,
    alice: Actor,
    iris: Version,
    admin: Actor,
    bob: Actor,
    iris_file: Path,
    publish_file: Callable[..., Version],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access.share(reg, alice, iris.model, "bob", "edit")
    governing.set_quota(reg, admin, "alice", quota_mb=1)
    upload(reg, alice, (1 << 20) - iris.size_bytes)
    with pytest.raises(QuotaExceeded) as refused:
        publish_file(bob, iris_file, model=iris.model, check=False)
    assert "model's owner" in refused.value.message
    assert "MiB" not in refused.value.message
    assert models.get(reg, alice, iris.model).n_versions == 1


@pytest.mark.parametrize("full", [{"quota_mb": 1}, {"quota_models": 1}])
def test_nobody_is_handed_more_than_they_may_keep(
    full: dict[str, int],
    reg: Registry,
    alice: Actor,
    iris: Version,
    admin: Actor,
    bob: Actor,
) -> None:
    governing.set_quota(reg, admin, "bob", **full)
    upload(reg, bob, 1 << 20)
    with reg.writing() as s:
        models.create_in(s, bob, name="His own")
    with pytest.raises(QuotaExceeded, match="their quota has no room"):
        models.transfer(reg, alice, iris.model, "bob")
    assert models.get(reg, alice, iris.model).owner == "alice"


def test_administrators_see_who_keeps_most(
    reg: Registry, alice: Actor, iris: Version, admin: Actor
) -> None:
    assert [(who, q.n_models) for who, q in quotas.find(reg, admin)] == [("alice", 1)]
    assert accounts.sign_in(reg, "alice", PASSWORD).role == "author"
