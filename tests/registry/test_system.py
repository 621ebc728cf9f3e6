"""The installation as a whole: what it tells, and its reset."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from registry import accounts, audit, governing, system
from registry.core import Registry
from registry.errors import Forbidden, InvalidInput, NotSignedIn
from registry.records import Actor, Version
from registry.tables import AuditRow, Base
from tests.conftest import PASSWORD


def test_an_administrator_sees_what_is_kept_and_what_runs_here(
    reg: Registry, iris: Version, admin: Actor, alice: Actor
) -> None:
    facts = system.look(reg, admin)
    assert facts.counts["models"] == facts.counts["versions"] == facts.stored_files == 1
    assert facts.stored_bytes == iris.size_bytes
    assert facts.database_bytes > 0
    assert facts.libraries["sqlalchemy"].startswith("2.")
    assert set(facts.fence) == {f for f in facts.fence if f.startswith(("Landlock", "seccomp"))}
    with pytest.raises(Forbidden):
        system.look(reg, alice)


@pytest.mark.parametrize(
    ("phrase", "password", "field"),
    [("delete", PASSWORD, "phrase"), ("", PASSWORD, "phrase"), (system.PHRASE, "no", "password")],
)
def test_a_reset_asks_for_the_phrase_and_the_password(
    phrase: str, password: str, field: str, reg: Registry, iris: Version, admin: Actor
) -> None:
    with pytest.raises(InvalidInput) as refused:
        system.reset(reg, admin, phrase, password)
    assert list(refused.value.problems) == [field]
    assert reg.store.has(iris.artifact.digest)


def test_only_an_administrator_resets(reg: Registry, alice: Actor) -> None:
    with pytest.raises(Forbidden):
        system.reset(reg, alice, system.PHRASE, PASSWORD)


def test_after_a_reset_nothing_is_left_but_the_administrator_and_a_whole_audit(
    reg: Registry, iris: Version, admin: Actor, alice: Actor
) -> None:
    session_id, _ = accounts.open_session(reg, admin)
    before = audit.head(reg)
    system.reset(reg, admin, "Delete everything ", PASSWORD)
    with reg.reading() as s:
        left = {
            table.name
            for table in Base.metadata.sorted_tables
            if s.execute(select(table).limit(1)).first()
        }
        last = s.execute(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).scalar_one()
        assert last.action == "system.reset"
        assert (last.detail["models"], last.detail["versions"]) == (1, 1)
    assert left == {"audit", "users", "sessions"}
    assert list(reg.store.digests()) == []
    assert list(reg.settings.staging_folder.iterdir()) == []
    assert accounts.by_session(reg, session_id) is not None
    assert governing.find(reg, admin).total == 1
    assert audit.verify(reg, before) is None
    with pytest.raises(NotSignedIn):
        accounts.sign_in(reg, "alice", PASSWORD)
