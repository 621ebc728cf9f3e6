"""API tokens on the account page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from registry import tokens
from registry.core import Registry
from registry.errors import NotSignedIn
from registry.records import Actor
from registry.tables import TokenRow, now
from registry.web import handle

Visit = Callable[..., AppTest]


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*tab.markdown, *tab.caption, *tab.error])


def press(tab: AppTest, label: str) -> AppTest:
    next(button for button in tab.button if button.label == label).click().run()
    assert not tab.exception
    return tab


def test_without_tokens_the_page_says_what_they_are_for(visit: Visit, alice: Actor) -> None:
    said = words(visit(alice, "account.py"))
    assert "No token yet" in said
    assert "without your password" in said


_SCRIPT = """
import streamlit as st
from pages.parts import token_list
from registry.web import handle
dialog, *arguments = st.session_state["asked"]
getattr(token_list, dialog)(handle.get(), *arguments)
"""


@pytest.fixture
def dialog(reg: Registry) -> Iterator[Callable[..., AppTest]]:
    """A dialog that stays open: the test runs whole scripts, a browser only the dialog."""

    def open_it(*asked: Any) -> AppTest:
        handle.use(reg)
        tab = AppTest.from_string(_SCRIPT, default_timeout=20)
        tab.session_state["asked"] = asked
        tab.run()
        assert not tab.exception
        return tab

    yield open_it
    handle.use(None)


def test_a_token_is_made_and_shown_until_it_is_stored(
    dialog: Callable[..., AppTest], visit: Visit, reg: Registry, alice: Actor
) -> None:
    tab = dialog("make", alice)
    next(f for f in tab.text_input if f.label == "What is it for?").set_value("Nightly *scoring*")
    press(tab, "Make token")
    secret = tab.code[0].value
    assert tokens.use(reg, secret, "predict").username == "alice"
    assert "account.token.secret" in tab.session_state
    press(tab, "I have stored it")
    assert "account.token.secret" not in tab.session_state
    [token] = tokens.find(reg, alice)
    assert token.permissions == ("predict",)
    said = words(visit(alice, "account.py"))
    assert f"**Nightly \\*scoring\\*** `{token.prefix}…`" in said
    assert "999 calls left · expires in 30 days · last used just now" in said
    assert secret not in said


def test_a_wrong_field_is_told_in_the_dialog(
    dialog: Callable[..., AppTest], alice: Actor, reg: Registry
) -> None:
    tab = press(dialog("make", alice), "Make token")
    assert "must have 1 to 100 characters" in words(tab)
    assert tokens.find(reg, alice) == ()


def test_a_viewer_is_offered_what_a_viewer_may(
    dialog: Callable[..., AppTest], new_user: Callable[..., Actor]
) -> None:
    [may] = dialog("make", new_user("carol", "viewer")).pills
    assert may.options == ["Look at models", "Download files", "Ask for predictions"]


def test_revoking_one_asks_and_ends_it(
    dialog: Callable[..., AppTest], visit: Visit, reg: Registry, alice: Actor
) -> None:
    token, secret = tokens.create(reg, alice, "first", ["predict"])
    assert "cannot be taken back" in words(press(visit(alice, "account.py"), "Revoke"))
    press(dialog("end_one", alice, token), "Revoke")
    assert "gray-badge[revoked]" in words(visit(alice, "account.py"))
    with pytest.raises(NotSignedIn):
        tokens.use(reg, secret, "predict")


def test_all_are_revoked_at_once(
    dialog: Callable[..., AppTest], visit: Visit, reg: Registry, alice: Actor
) -> None:
    for name in ("first", "second", "third"):
        tokens.create(reg, alice, name, ["predict"])
    assert "your 3 tokens" in words(press(visit(alice, "account.py"), "Revoke all"))
    press(dialog("end_all", alice, 3), "Revoke all")
    assert words(visit(alice, "account.py")).count("gray-badge[revoked]") == 3


def test_what_is_over_says_why(visit: Visit, reg: Registry, alice: Actor) -> None:
    tokens.create(reg, alice, "old", ["predict"])
    with reg.writing() as s:
        s.execute(update(TokenRow).values(expires_at=now() - timedelta(days=1)))
    tokens.create(reg, alice, "spent", ["predict"])
    with reg.writing() as s:
        s.execute(update(TokenRow).where(TokenRow.name == "spent").values(calls_left=0))
    said = words(visit(alice, "account.py"))
    assert "gray-badge[expired]" in said
    assert "gray-badge[used up]" in said
