"""Whatever is done to the audit behind our back is found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from registry import access, activity, aliases, audit, audit_lines, models
from registry.core import Registry
from registry.errors import InvalidInput
from registry.records import Actor, AuditFilter, Version
from registry.tables import now

N = 9
Tamper = Callable[..., None]


@pytest.fixture
def lines(reg: Registry, alice: Actor) -> int:
    """N lines; gives the number of the newest."""
    with reg.writing() as s:
        for n in range(N):
            audit.record(s, alice, "model.edit", f"alice/model-{n}", changed=["name"], n=n)
    return int(audit.head(reg).partition(":")[0])


@pytest.fixture
def tamper(reg: Registry) -> Iterator[Tamper]:
    """Runs SQL as somebody who holds the file: without the triggers."""

    def run(*statements: str, **values: object) -> None:
        with reg.engine.begin() as c:
            c.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            c.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
            for statement in statements:
                c.execute(text(statement), values)

    return run


def test_the_chain_as_it_is_is_whole(reg: Registry, lines: int) -> None:
    assert audit.verify(reg) is None
    assert audit.verify(reg, audit.head(reg)) is None


@pytest.mark.parametrize(
    "change",
    [
        "at = '2020-01-01 00:00:00.000000'",
        "actor_id = 'somebody'",
        "actor = 'bob'",
        "action = 'model.trash'",
        "subject = 'alice/another'",
        "model_id = 'm'",
        "detail = '{}'",
        "mac = '" + "0" * 64 + "'",
    ],
)
def test_an_edited_cell_is_found_at_its_line(
    change: str, reg: Registry, lines: int, tamper: Tamper
) -> None:
    tamper(f"UPDATE audit SET {change} WHERE id = :id", id=lines - 4)
    assert audit.verify(reg) == lines - 4


@pytest.mark.parametrize("back", range(1, N))
def test_a_deleted_line_is_found_at_its_place(
    back: int, reg: Registry, lines: int, tamper: Tamper
) -> None:
    tamper("DELETE FROM audit WHERE id = :id", id=lines - back)
    assert audit.verify(reg) == lines - back


def test_a_deleted_line_whose_followers_moved_up_is_found(
    reg: Registry, lines: int, tamper: Tamper
) -> None:
    cut = lines - 4
    tamper(
        "DELETE FROM audit WHERE id = :id",
        *(f"UPDATE audit SET id = {n - 1} WHERE id = {n}" for n in range(cut + 1, lines + 1)),
        id=cut,
    )
    assert audit.verify(reg) == cut


def test_the_first_line_cannot_be_taken_away(reg: Registry, lines: int, tamper: Tamper) -> None:
    tamper("DELETE FROM audit WHERE id = 1")
    assert audit.verify(reg) == 2


def test_two_lines_that_changed_places_are_found(reg: Registry, lines: int, tamper: Tamper) -> None:
    first, second = lines - 5, lines - 3
    tamper(
        "UPDATE audit SET id = -1 WHERE id = :first",
        "UPDATE audit SET id = :first WHERE id = :second",
        "UPDATE audit SET id = :second WHERE id = -1",
        first=first,
        second=second,
    )
    assert audit.verify(reg) == first


def test_a_line_put_in_is_found(reg: Registry, lines: int, tamper: Tamper) -> None:
    columns = "at, actor_id, actor, action, subject, model_id, detail, mac"
    tamper(f"INSERT INTO audit ({columns}) SELECT {columns} FROM audit WHERE id = :id", id=lines)
    assert audit.verify(reg) == lines + 1


def test_a_cut_tail_is_found_by_a_head_that_was_kept(
    reg: Registry, lines: int, tamper: Tamper
) -> None:
    head = audit.head(reg)
    tamper("DELETE FROM audit WHERE id > :id", id=lines - 3)
    assert audit.verify(reg) is None
    assert audit.verify(reg, head) == lines - 2
    tamper("DELETE FROM audit")
    assert audit.verify(reg, head) == 1


def test_a_tail_that_was_cut_and_grew_again_is_found_by_a_head_that_was_kept(
    reg: Registry, lines: int, tamper: Tamper, alice: Actor
) -> None:
    head = audit.head(reg)
    tamper("DELETE FROM audit WHERE id > :id", id=lines - 3)
    with reg.writing() as s:
        for n in range(5):
            audit.record(s, alice, "model.edit", f"alice/other-{n}")
    assert audit.verify(reg) is None
    assert audit.verify(reg, head) == lines


@pytest.mark.parametrize("head", ["x", "0:" + "a" * 64, "5:abc", "5"])
def test_a_head_that_is_none_is_refused(head: str, reg: Registry) -> None:
    with pytest.raises(InvalidInput):
        audit.verify(reg, head)


def test_lines_are_filtered_by_who_action_subject_and_time(
    reg: Registry, alice: Actor, bob: Actor, admin: Actor, lines: int
) -> None:
    def found(**wanted: object) -> int:
        return audit_lines.find(reg, admin, AuditFilter(**wanted)).total  # type: ignore[arg-type]

    assert found(who="Alice", action="model.edit") == N
    assert found(who="bob", action="model.edit") == 0
    assert found(action="model.") == N
    assert found(action="model") == 0
    assert found(text="MODEL-3") == 1
    assert found(text="%") == 0
    assert found(since=now() + timedelta(hours=1)) == 0
    assert found(until=now() - timedelta(hours=1)) == 0
    assert found(since=now() - timedelta(hours=1), until=now() + timedelta(hours=1)) > N
    assert "model.edit" in audit_lines.actions(reg, admin)


def test_others_read_their_own_lines_and_those_of_models_they_may_see(
    reg: Registry, alice: Actor, iris: Version, bob: Actor, admin: Actor
) -> None:
    def read(actor: Actor) -> set[str]:
        return {line.subject for line in audit_lines.find(reg, actor, AuditFilter()).items}

    assert iris.model in read(alice)
    assert iris.model in read(admin)
    assert iris.model not in read(bob)
    assert b"alice" not in audit_lines.export(reg, bob, AuditFilter(), "jsonl")
    models.publish_to_all(reg, alice, iris.model)
    assert iris.model in read(bob)


def test_with_whom_a_model_is_shared_is_told_to_who_manages_it(
    reg: Registry, alice: Actor, bob: Actor, new_user: Callable[..., Actor], iris: Version
) -> None:
    carol = new_user("carol")
    models.publish_to_all(reg, alice, iris.model)
    access.share(reg, alice, iris.model, "carol", "manage")
    only = AuditFilter(action="model.share")
    seen = {who.username: audit_lines.find(reg, who, only).items for who in (alice, bob, carol)}
    assert seen["alice"] == seen["carol"]
    assert seen["carol"][0].detail == {"to": "carol", "level": "manage"}
    assert seen["bob"][0].detail == {}
    assert b"carol" not in audit_lines.export(reg, bob, only, "jsonl")


def test_how_a_token_begins_is_told_to_its_own_person_and_administrators(
    reg: Registry, alice: Actor, bob: Actor, admin: Actor, iris: Version
) -> None:
    models.publish_to_all(reg, replace(alice, token="vtr_secret"), iris.model)
    aliases.move(reg, alice, iris.ref, "champion")
    aliases.remove(reg, alice, iris.model, "champion")
    [removed] = audit_lines.find(reg, bob, AuditFilter(action="alias.remove")).items
    assert removed.detail["from"] == 1
    assert "from_" not in removed.detail
    told = {
        who.username: "token" in activity.find(reg, who, model=iris.model).items[2].detail
        for who in (alice, bob, admin)
    }
    assert told == {"alice": True, "bob": False, "root-admin": True}


def test_an_export_is_oldest_first_and_complete(reg: Registry, alice: Actor, lines: int) -> None:
    made = audit_lines.export(reg, alice, AuditFilter(action="model.edit"), "jsonl")
    rows = [json.loads(line) for line in made.decode().splitlines()]
    assert [row["subject"] for row in rows] == [f"alice/model-{n}" for n in range(N)]
    assert rows[0]["detail"] == {"changed": ["name"], "n": 0}


def test_no_cell_of_an_exported_table_is_a_formula(reg: Registry, alice: Actor) -> None:
    with reg.writing() as s:
        for hostile in ("=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("x")'):
            audit.record(s, alice, "file.stage", hostile, name=hostile)
    made = audit_lines.export(reg, alice, AuditFilter(action="file.stage"), "csv").decode()
    cells = [cell for row in csv.reader(io.StringIO(made)) for cell in row]
    assert len(cells) == 7 * 6
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
