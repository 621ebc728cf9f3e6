"""The pages on which administrators govern, and the audit."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import insert
from streamlit.testing.v1 import AppTest

from registry import accounts, aliases, governing, system
from registry.core import Registry
from registry.records import Actor, Version
from registry.tables import UserRow, new_id
from registry.web import handle
from tests.conftest import PASSWORD

Visit = Callable[..., AppTest]


def words(tab: AppTest) -> str:
    parts = [*tab.markdown, *tab.caption, *tab.error, *tab.subheader, *tab.code]
    return "\n".join(str(part.value).replace("\\", "") for part in parts)


def press(tab: AppTest, label: str) -> AppTest:
    next(button for button in tab.button if button.label == label).click().run()
    assert not tab.exception
    return tab


def test_only_administrators_come_in(visit: Visit, alice: Actor) -> None:
    assert "your role (author) may not administer" in words(visit(alice, "admin.py")).lower()


def test_ten_thousand_people_come_a_page_at_a_time_and_one_is_found(
    visit: Visit, reg: Registry, admin: Actor
) -> None:
    rows = [
        {"id": new_id(), "username": f"user-{n}", "email": f"{n}@example.org", "role": "viewer"}
        | {"name": f"User {n}", "password_hash": "-"}
        for n in range(10_000)
    ]
    with reg.writing() as s:
        s.execute(insert(UserRow), rows)
    tab = visit(admin, "admin.py", p="3")
    assert "10,001 accounts" in words(tab)
    assert len(tab.dataframe[0].value) == 25
    found = visit(admin, "admin.py", q="user-777", user="user-7771")
    assert "11 accounts" in words(found)
    assert "User 7771" in words(found)


def test_what_a_person_may_is_changed_where_it_is_shown(
    visit: Visit, reg: Registry, admin: Actor, bob: Actor
) -> None:
    tab = visit(admin, "admin.py", user="bob")
    (may,) = tab.button_group
    may.set_value(["search", "predict"])
    press(tab, "Save permissions")
    assert governing.get(reg, admin, "bob").denied == ("delete", "download", "upload")
    tab = visit(admin, "admin.py", user="bob")
    next(box for box in tab.selectbox if box.label == "Role of the account").set_value("viewer")
    press(tab, "Change role")
    tab = visit(admin, "admin.py", user="bob")
    tab.number_input[0].set_value(7)
    press(tab, "Save quota")
    after = governing.get(reg, admin, "bob")
    assert (after.role, after.quota_mb, after.quota_models) == ("viewer", 7, None)


def test_a_person_is_helped_back_in_and_locked_out(
    visit: Visit, reg: Registry, admin: Actor, alice: Actor
) -> None:
    tab = press(visit(admin, "admin.py", user="alice"), "Make reset code")
    accounts.reset_with(reg, tab.code[0].value, "another horse battery 8")
    session_id, _ = accounts.open_session(reg, alice)
    press(visit(admin, "admin.py", user="alice"), "Lock out")
    assert accounts.by_session(reg, session_id) is None


def test_an_administrator_cannot_end_their_own_account_here(visit: Visit, admin: Actor) -> None:
    tab = visit(admin, "admin.py", user=admin.username)
    shut = {button.label for button in tab.button if button.disabled}
    assert {"Lock out", "Delete"} <= shut


def test_the_other_tabs_show_quotas_names_rules_and_the_system(
    visit: Visit, admin: Actor, iris: Version
) -> None:
    assert "any amount" in words(visit(admin, "admin.py", tab="Quotas"))
    assert "No two names" in words(visit(admin, "admin.py", tab="Names"))
    assert "Roles" in words(visit(admin, "admin.py", tab="Permissions"))
    tab = visit(admin, "admin.py", tab="System")
    assert {metric.label for metric in tab.metric} >= {"Stored files", "Free on the disk"}


_SCRIPT = """
import streamlit as st
from pages.parts import admin_system
from registry.web import handle
admin_system.end(handle.get(), st.session_state["actor"])
"""


def test_the_system_is_reset_by_the_phrase_and_the_password_only(
    reg: Registry, admin: Actor, iris: Version
) -> None:
    handle.use(reg)
    tab = AppTest.from_string(_SCRIPT, default_timeout=20)  # a dialog stays open in a browser only
    tab.session_state["actor"] = admin
    for phrase, left in (("yes", 1), (system.PHRASE, 0)):
        tab.run()
        tab.text_input[0].set_value(phrase)
        tab.text_input[1].set_value(PASSWORD)
        press(tab, "Delete everything")
        assert ("nothing was deleted" in words(tab)) == bool(left)
        assert system.look(reg, admin).counts["models"] == left
    handle.use(None)


def test_the_audit_leaves_out_what_is_empty(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    aliases.move(reg, alice, iris.ref, "champion")
    told = visit(alice, "audit.py", action="alias.").dataframe[0].value["Details"][0]
    assert "to 1" in told
    assert "from" not in told


def test_the_audit_is_filtered_by_its_address_and_tells_others_only_their_own(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, bob: Actor, admin: Actor
) -> None:
    tab = visit(admin, "audit.py", action="version.", who="alice")
    assert set(tab.dataframe[0].value["Action"]) >= {"version.add"}
    assert set(tab.dataframe[0].value["Who"]) == {"alice"}
    theirs = visit(bob, "audit.py", text="iris")
    assert "Nothing fits" in words(theirs)
