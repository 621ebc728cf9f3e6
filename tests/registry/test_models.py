"""Models: seen only by those who may, changed only by those who may."""

from __future__ import annotations

import pytest

from registry import access, audit, models, search
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.records import Actor, ModelQuery, Version


def test_a_private_model_is_not_found_by_a_stranger(
    reg: Registry, iris: Version, bob: Actor
) -> None:
    with pytest.raises(NotFound) as hidden:
        models.get(reg, bob, "alice/iris")
    with pytest.raises(NotFound) as absent:
        models.get(reg, bob, "alice/nothing")
    assert hidden.value.message.replace("iris", "nothing") == absent.value.message


def test_a_shared_model_is_seen_at_the_level_given(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    access.share(reg, alice, "alice/iris", "bob", "view")
    assert models.get(reg, bob, "alice/iris").level == "view"
    with pytest.raises(Forbidden, match="needs 'edit'"):
        models.edit(reg, bob, "alice/iris", name="Mine")
    access.share(reg, alice, "alice/iris", "bob", "edit")
    assert models.edit(reg, bob, "alice/iris", name="Ours").name == "Ours"
    access.unshare(reg, alice, "alice/iris", "bob")
    with pytest.raises(NotFound):
        models.get(reg, bob, "alice/iris")


def test_a_public_model_is_seen_by_everyone_signed_in(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    models.publish_to_all(reg, alice, "alice/iris")
    assert models.get(reg, bob, "alice/iris").level == "view"
    models.make_private(reg, alice, "alice/iris")
    with pytest.raises(NotFound):
        models.get(reg, bob, "alice/iris")


def test_a_rename_keeps_the_address(reg: Registry, iris: Version, alice: Actor) -> None:
    renamed = models.edit(reg, alice, "alice/iris", name="Flowers, but better")
    assert (renamed.ref, renamed.name) == ("alice/iris", "Flowers, but better")


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x00b", "a\u202eb", "日本"])
def test_a_name_that_cannot_be_an_address_is_refused(
    reg: Registry, iris: Version, alice: Actor, name: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        models.edit(reg, alice, "alice/iris", name=name)
    assert "name" in refused.value.problems


def test_a_second_model_of_the_same_address_is_a_conflict(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    with reg.writing() as s:
        assert models.create_in(s, bob, name="iris").slug == "iris"
    with reg.writing() as s, pytest.raises(Conflict, match="alice/iris"):
        models.create_in(s, alice, name="IRIS!")


def test_trash_hides_and_restore_brings_back(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    models.trash(reg, alice, "alice/iris")
    with pytest.raises(NotFound):
        models.get(reg, alice, "alice/iris")
    assert search.find_models(reg, alice, ModelQuery(trash=True)).total == 1
    with pytest.raises(NotFound):
        models.restore(reg, bob, "alice/iris")
    assert models.restore(reg, alice, "alice/iris").deleted_at is None


def test_purge_frees_the_bytes_and_says_how_many(
    reg: Registry, iris: Version, alice: Actor
) -> None:
    models.trash(reg, alice, "alice/iris")
    assert models.purge(reg, alice, "alice/iris") == iris.size_bytes
    assert not reg.store.has(iris.artifact.digest)


def test_a_handed_over_model_belongs_to_the_other(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    assert models.transfer(reg, alice, "alice/iris", "bob").ref == "bob/iris"
    assert models.get(reg, alice, "bob/iris").level == "manage"
    with pytest.raises(Forbidden, match="only the owner"):
        models.transfer(reg, alice, "bob/iris", "alice")


def test_similar_names_speak_only_of_what_one_may_see(
    reg: Registry, iris: Version, alice: Actor, bob: Actor
) -> None:
    assert [one.ref for one in models.similar(reg, alice, "irris")] == ["alice/iris"]
    assert models.similar(reg, bob, "irris") == ()


def test_the_chain_of_audit_lines_holds_and_a_changed_line_is_found(
    reg: Registry, iris: Version, alice: Actor
) -> None:
    models.publish_to_all(reg, alice, "alice/iris")
    assert audit.verify(reg) is None
    with reg.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'mallory' WHERE id = 2")
    assert audit.verify(reg) == 2
