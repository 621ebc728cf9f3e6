"""Versions and aliases: numbers, labels, trash, champion and roll-back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from registry import aliases, versions
from registry.core import Registry
from registry.errors import Conflict, InvalidInput, NotFound
from registry.records import Actor, Metric, Version
from registry.tables import now

Publish = Callable[..., Version]


@pytest.fixture
def three(iris: Version, alice: Actor, iris_file: Path, publish_file: Publish) -> list[Version]:
    """Versions 1 to 3 of alice/iris, all ready."""
    more = [publish_file(alice, iris_file, model="alice/iris") for _ in range(2)]
    return [iris, *more]


def test_numbers_run_on_and_are_never_used_again(
    reg: Registry, three: list[Version], alice: Actor, iris_file: Path, publish_file: Publish
) -> None:
    assert [version.number for version in three] == [1, 2, 3]
    versions.trash(reg, alice, "alice/iris@3")
    versions.purge(reg, alice, "alice/iris@3")
    assert publish_file(alice, iris_file, model="alice/iris").number == 4


def test_a_bare_address_is_the_champion_else_the_latest_ready(
    reg: Registry, three: list[Version], alice: Actor
) -> None:
    assert versions.get(reg, alice, "alice/iris").number == 3
    aliases.move(reg, alice, "alice/iris@2", "champion", "best on the held-out set")
    assert versions.get(reg, alice, "alice/iris").number == 2
    assert versions.get(reg, alice, "alice/iris@latest").number == 3
    assert versions.get(reg, alice, "alice/iris@v1").number == 1


def test_a_roll_back_returns_to_the_champion_before(
    reg: Registry, three: list[Version], alice: Actor
) -> None:
    for number in (1, 2, 3):
        aliases.move(reg, alice, f"alice/iris@{number}", "champion")
    assert aliases.rollback(reg, alice, "alice/iris").to_number == 2
    assert aliases.rollback(reg, alice, "alice/iris").to_number == 1
    with pytest.raises(Conflict, match="no earlier"):
        aliases.rollback(reg, alice, "alice/iris")


def test_history_says_what_was_champion_when(
    reg: Registry, three: list[Version], alice: Actor
) -> None:
    before = now()
    first = aliases.move(reg, alice, "alice/iris@1", "champion", "first")
    aliases.move(reg, alice, "alice/iris@2", "champion", "better")
    assert aliases.at(reg, alice, "alice/iris", "champion", before) is None
    assert aliases.at(reg, alice, "alice/iris", "champion", first.at) == 1
    assert aliases.at(reg, alice, "alice/iris", "champion", now() + timedelta(days=1)) == 2
    moves = aliases.history(reg, alice, "alice/iris")
    assert [(m.from_number, m.to_number, m.reason) for m in moves] == [
        (1, 2, "better"),
        (None, 1, "first"),
    ]


@pytest.mark.parametrize("alias", ["", "3", "v3", "V12", "latest", "Latest", "a b", "x" * 256])
def test_an_alias_that_could_be_taken_for_a_number_is_refused(
    reg: Registry, iris: Version, alice: Actor, alias: str
) -> None:
    with pytest.raises(InvalidInput):
        aliases.move(reg, alice, "alice/iris@1", alias)


@pytest.mark.parametrize("label", ["1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0"])
def test_a_label_must_be_a_semantic_version(
    reg: Registry, iris: Version, alice: Actor, label: str
) -> None:
    with pytest.raises(InvalidInput, match="semantic version"):
        versions.edit(reg, alice, iris.ref, label=label)


def test_a_label_is_used_once_in_a_model(reg: Registry, three: list[Version], alice: Actor) -> None:
    versions.edit(reg, alice, "alice/iris@1", label="1.0.0")
    versions.edit(reg, alice, "alice/iris@1", label="1.0.0")
    with pytest.raises(Conflict, match="version 1"):
        versions.edit(reg, alice, "alice/iris@2", label="1.0.0")


def test_a_version_with_an_alias_cannot_go_to_the_trash(
    reg: Registry, three: list[Version], alice: Actor
) -> None:
    aliases.move(reg, alice, "alice/iris@1", "production")
    with pytest.raises(Conflict, match="production"):
        versions.trash(reg, alice, "alice/iris@1")
    aliases.remove(reg, alice, "alice/iris", "production")
    versions.trash(reg, alice, "alice/iris@1")
    with pytest.raises(NotFound):
        versions.get(reg, alice, "alice/iris@1")
    assert versions.restore(reg, alice, "alice/iris@1").number == 1


def test_bytes_shared_by_two_versions_stay_when_one_is_purged(
    reg: Registry, three: list[Version], alice: Actor
) -> None:
    versions.trash(reg, alice, "alice/iris@3")
    size_bytes = three[0].size_bytes  # told alike when others share them, who would be told of
    assert versions.purge(reg, alice, "alice/iris@3") == size_bytes
    assert reg.store.has(three[0].artifact.digest)


def test_an_archived_version_does_not_predict(reg: Registry, iris: Version, alice: Actor) -> None:
    archived = versions.edit(reg, alice, iris.ref, lifecycle="archived")
    assert archived.why_no_predictions == "it is archived"


def test_metrics_know_their_direction_and_must_be_finite(
    reg: Registry, iris: Version, alice: Actor
) -> None:
    edited = versions.edit(
        reg, alice, iris.ref, metrics=[Metric("val_loss", 0.2), Metric("f1_score", 0.9)]
    )
    assert {m.name: m.higher_is_better for m in edited.metrics} == {
        "val_loss": False,
        "f1_score": True,
    }
    with pytest.raises(InvalidInput, match="finite"):
        versions.edit(reg, alice, iris.ref, metrics=[Metric("f1", float("nan"))])


def test_parents_are_shown_only_to_those_who_may_see_them(
    reg: Registry, iris: Version, alice: Actor, bob: Actor, iris_file: Path, publish_file: Publish
) -> None:
    child = publish_file(alice, iris_file, name="Child", parents=(iris.ref,), visibility="public")
    assert child.parents == ("alice/iris@1",)
    assert versions.get(reg, bob, child.ref).parents == ()
    with pytest.raises(InvalidInput, match="alice/iris"):
        publish_file(bob, iris_file, name="Guess", parents=(iris.ref,))
