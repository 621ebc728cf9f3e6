"""Lineage: who derives from whom, as far as one may see, and never in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from registry import access, activity, lineage, models, versions
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.records import Actor, Version
from registry.tables import ParentRow, VersionRow

Publish = Callable[..., Version]


@pytest.fixture
def grow(reg: Registry, iris: Version, alice: Actor) -> Callable[..., str]:
    """Adds a version to a new model of somebody's, without a file; gives its ref."""

    def run(name: str, actor: Actor | None = None, n: int = 1, visibility: str = "private") -> str:
        owner = actor or alice
        with reg.writing() as s:
            model = models.create_in(s, owner, name=name, visibility=visibility)  # type: ignore[arg-type]
            for number in range(1, n + 1):
                row = VersionRow(model_id=model.id, number=number, status="ready",
                                 inspection=s.get_one(VersionRow, iris.id).inspection)  # fmt: skip
                s.add(row)
            s.flush()
        return f"{owner.username}/{name}@1"

    return run


def drawn(reg: Registry, actor: Actor, ref: str, depth: int = 3) -> dict[str, int]:
    return {kin.ref: kin.depth for kin in lineage.graph(reg, actor, ref, depth)}


@pytest.fixture
def family(reg: Registry, alice: Actor, grow: Callable[..., str]) -> None:
    """a → b → c → d, and a → c directly: each derives from the one before."""
    for name in "abcd":
        grow(name)
    for child, parent in ("ba", "cb", "dc", "ca"):
        lineage.link(reg, alice, f"alice/{child}@1", f"alice/{parent}@1", "fine-tuned")


@pytest.mark.usefixtures("family")
def test_the_graph_goes_both_ways_as_deep_as_asked(reg: Registry, alice: Actor) -> None:
    assert drawn(reg, alice, "alice/b@1") == {
        "alice/b@1": 0,
        "alice/a@1": -1,
        "alice/c@1": 1,
        "alice/d@1": 2,
    }
    assert set(drawn(reg, alice, "alice/b@1", 1)) == {"alice/a@1", "alice/b@1", "alice/c@1"}
    kin = {one.ref: one for one in lineage.graph(reg, alice, "alice/c@1")}
    assert kin["alice/c@1"].edges == (("alice/a@1", "fine-tuned"), ("alice/b@1", "fine-tuned"))
    assert kin["alice/c@1"].framework == "scikit-learn"


@pytest.mark.usefixtures("family")
def test_a_circle_is_refused_with_its_path(reg: Registry, alice: Actor) -> None:
    with pytest.raises(Conflict, match=r"d@1 derives from alice/c@1 derives from alice/a@1"):
        lineage.link(reg, alice, "alice/a@1", "alice/d@1")
    with pytest.raises(Conflict, match="circle"):
        lineage.link(reg, alice, "alice/a@1", "alice/a@1")


@pytest.mark.usefixtures("family")
def test_the_path_of_a_circle_names_nothing_hidden(
    reg: Registry, alice: Actor, bob: Actor, grow: Callable[..., str]
) -> None:
    for slug in "ad":
        models.publish_to_all(reg, alice, f"alice/{slug}")
    access.share(reg, alice, "alice/a", "bob", "edit")
    with pytest.raises(Conflict, match="not shared with you") as refused:
        lineage.link(reg, bob, "alice/a@1", "alice/d@1")
    assert "alice/c" not in refused.value.message


def test_two_links_at_once_cannot_close_a_circle(
    reg: Registry, alice: Actor, grow: Callable[..., str]
) -> None:
    one, two = grow("one"), grow("two")
    start, refused = threading.Barrier(2), []

    def connect(child: str, parent: str) -> None:
        start.wait()
        try:
            lineage.link(reg, alice, child, parent)
        except Conflict as conflict:
            refused.append(conflict)

    both = [threading.Thread(target=connect, args=pair) for pair in ((one, two), (two, one))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    with reg.reading() as s:
        assert len(s.execute(select(ParentRow)).all()) == 1
    assert len(refused) == 1


@pytest.mark.usefixtures("family")
def test_what_is_hidden_is_left_out_with_all_behind_it(
    reg: Registry, alice: Actor, bob: Actor, grow: Callable[..., str]
) -> None:
    lineage.unlink(reg, alice, "alice/c@1", "alice/a@1")
    for slug in "acd":  # b stays private: a is reached through it only
        models.publish_to_all(reg, alice, f"alice/{slug}")
    assert set(drawn(reg, bob, "alice/d@1")) == {"alice/d@1", "alice/c@1"}
    assert set(drawn(reg, bob, "alice/a@1")) == {"alice/a@1"}
    assert lineage.choices(reg, bob, "alice/a@1") == ["alice/d@1", "alice/c@1"]
    with pytest.raises(Forbidden):
        lineage.link(reg, bob, "alice/d@1", "alice/a@1")
    mine = grow("mine", bob)
    with pytest.raises(InvalidInput, match="alice/b"):
        lineage.link(reg, bob, mine, "alice/b@1")


@pytest.mark.usefixtures("family")
def test_the_activity_of_a_shared_model_names_no_parent_of_others(
    reg: Registry, alice: Actor, bob: Actor
) -> None:
    lineage.link(reg, alice, "alice/d@1", "alice/a@1", "distilled")
    access.share(reg, alice, "alice/d", bob.username, "view")
    mine, theirs = (activity.find(reg, actor, model="alice/d").items for actor in (alice, bob))
    assert "alice/a@1" in str([line.detail for line in mine])
    assert "alice/a@1" not in str([line.detail for line in theirs])
    assert [line.action for line in mine] == [line.action for line in theirs]


@pytest.mark.usefixtures("family")
def test_a_parent_is_taken_off_and_its_relation_changed(reg: Registry, alice: Actor) -> None:
    lineage.link(reg, alice, "alice/c@1", "alice/a@1", "distilled")
    kin = {one.ref: one for one in lineage.graph(reg, alice, "alice/c@1")}
    assert ("alice/a@1", "distilled") in kin["alice/c@1"].edges
    lineage.unlink(reg, alice, "alice/c@1", "alice/a@1")
    assert versions.find(reg, alice, "alice/c")[0].parents == ("alice/b@1",)
    with pytest.raises(NotFound, match="no parent"):
        lineage.unlink(reg, alice, "alice/c@1", "alice/a@1")
    with pytest.raises(InvalidInput, match="fine-tuned"):
        lineage.link(reg, alice, "alice/c@1", "alice/a@1", "cousin")  # type: ignore[arg-type]


def test_a_large_family_is_cut_at_two_hundred(
    reg: Registry, alice: Actor, grow: Callable[..., str]
) -> None:
    root = grow("root")
    grow("many", n=250)
    with reg.writing() as s:
        parent_id = lineage.parent_in(s, alice, root)
        model = models.for_action(s, alice, "model.read", "alice/many")
        rows = s.execute(select(VersionRow.id).where(VersionRow.model_id == model.id)).scalars()
        for child_id in list(rows):
            lineage.link_in(s, child_id, [parent_id])
    assert len(lineage.graph(reg, alice, root)) == lineage.MAX_KIN
    assert set(drawn(reg, alice, "alice/many@7")) == {root, "alice/many@7"}


def test_parents_are_chosen_at_upload_with_their_relation(
    reg: Registry, iris: Version, alice: Actor, iris_file: Path, publish_file: Publish
) -> None:
    child = publish_file(alice, iris_file, name="Child", check=False, parents=(iris.ref,),
                         relation="distilled")  # fmt: skip
    assert lineage.graph(reg, alice, child.ref)[0].edges == ((iris.ref, "distilled"),)
