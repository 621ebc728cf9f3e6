"""The card, the frame and the account page, without a browser."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit_authenticator as stauth
from streamlit.testing.v1 import AppTest
from streamlit_authenticator.models import AuthenticationModel

from pages.parts import authenticator, cookie, who
from registry import accounts
from registry.core import Registry
from registry.records import Actor, Role
from registry.web import handle
from tests.conftest import PASSWORD

PAGES = Path(__file__).parents[2] / "pages"
NEW = "another long pass phrase"
Open = Callable[..., AppTest]


@pytest.fixture
def app(reg: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the app in a new tab; `token` is what the browser's cookie holds."""

    def open_tab(token: str = "", local: bool = True, reg: Registry = reg) -> AppTest:
        handle.use(reg)
        monkeypatch.setattr(cookie, "token", lambda: token)
        monkeypatch.setattr(cookie, "is_local", lambda: local)
        return AppTest.from_file(PAGES / "_main.py", default_timeout=20).run()

    yield open_tab
    handle.use(None)


def fill(tab: AppTest, **fields: str) -> AppTest:
    for label, value in fields.items():
        wanted = label.replace("_", " ")
        next(f for f in tab.text_input if f.label.casefold() == wanted.casefold()).set_value(value)
    return tab


def press(tab: AppTest, label: str) -> AppTest:
    return next(b for b in tab.button if b.label == label).click().run()


def sign_in(tab: AppTest, username: str, password: str = PASSWORD) -> AppTest:
    return press(fill(tab, user_name=username, password=password), "Sign in")


def register(tab: AppTest, button: str, **changes: str) -> AppTest:
    fields = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "e-mail": "ada@example.org",
        "user_name": "ada",
        "password": PASSWORD,
        "repeat_password": PASSWORD,
    }
    return press(fill(tab, **{**fields, **changes}), button)


def is_in(tab: AppTest) -> bool:
    return bool(tab.session_state["authentication_status"]) and not tab.exception


def subheaders(tab: AppTest) -> list[str]:
    return [s.value for s in tab.subheader]


def errors(tab: AppTest) -> str:
    return " ".join(e.value for e in tab.error).replace("\\", "")


def test_an_anonymous_visitor_sees_the_card_and_no_page(app: Open, alice: Actor) -> None:
    tab = app()
    assert "Sign in" in subheaders(tab)
    assert not tab.title
    assert not tab.sidebar.children
    assert not tab.exception


def test_a_person_signs_in(app: Open, alice: Actor) -> None:
    tab = sign_in(app(), " Alice ")
    assert is_in(tab)
    assert tab.session_state["username"] == "alice"
    assert tab.session_state["roles"] == ["author"]
    assert "Sign in" not in subheaders(tab)


def test_a_wrong_password_is_told_from_an_unknown_name_by_nothing(app: Open, alice: Actor) -> None:
    said = {errors(sign_in(app(), name, "not the password")) for name in ("alice", "nobody")}
    assert len(said) == 1
    assert "not right" in said.pop()


def test_empty_fields_are_asked_for(app: Open, alice: Actor) -> None:
    assert "Enter your user name" in errors(press(app(), "Sign in"))


def test_after_five_wrong_tries_the_right_one_must_wait(app: Open, alice: Actor) -> None:
    tab = app()
    for _ in range(5):
        tab = sign_in(tab, "alice", "not the password")
    tab = sign_in(tab, "alice")
    assert "Too many wrong tries" in errors(tab)
    assert not is_in(tab)


def test_the_first_visitor_creates_the_admin(app: Open, reg: Registry) -> None:
    tab = register(app(), "Create administrator")
    assert is_in(tab)
    assert tab.session_state["roles"] == ["admin"]
    assert accounts.sign_in(reg, "ada", PASSWORD).name == "Ada Lovelace"


def test_a_first_visitor_who_comes_too_late_is_told(app: Open, reg: Registry) -> None:
    slower, quicker = app(), app()
    assert is_in(register(quicker, "Create administrator"))
    slower = register(slower, "Create administrator", user_name="eve")
    said = "created the first account already"
    assert not is_in(slower)
    assert said in " ".join(box.value for box in slower.info)
    slower = press(slower, "Create an account")
    assert said not in " ".join(box.value for box in slower.info)
    own = {"user_name": "eve", "e-mail": "eve@example.org"}
    assert is_in(register(slower, "Create account", **own))
    assert slower.session_state["roles"] == ["author"]


def test_the_first_visitor_from_elsewhere_needs_the_code(app: Open, reg: Registry) -> None:
    tab = app(local=False)
    next(f for f in tab.text_input if f.label == "Set-up code").set_value("guess")
    tab = register(tab, "Create administrator")
    assert "Set-up code" in errors(tab)
    assert accounts.needs_first_admin(reg)
    next(f for f in tab.text_input if f.label == "Set-up code").set_value(accounts.setup_code(reg))
    assert is_in(register(tab, "Create administrator"))


def test_a_person_registers_and_is_in(app: Open, alice: Actor) -> None:
    tab = register(press(app(), "Create an account"), "Create account")
    assert is_in(tab)
    assert tab.session_state["roles"] == ["author"]


def test_what_does_not_fit_is_listed_at_once(app: Open, alice: Actor) -> None:
    tab = press(app(), "Create an account")
    changes = {"e-mail": "ada", "password": "short", "repeat_password": "short"}
    tab = register(tab, "Create account", **changes, user_name="!")
    said = errors(tab)
    assert all(word in said for word in ("E-mail", "Password", "Username"))
    assert "do not match" in errors(register(tab, "Create account", repeat_password="other"))


def test_registration_can_be_closed_or_by_invitation(
    app: Open, reg_with: Callable[..., Registry], alice: Actor
) -> None:
    closed = app(reg=reg_with(registration="closed"))
    assert "Create an account" not in [b.label for b in closed.button]
    tab = press(app(reg=reg_with(registration="invite")), "Create an account")
    assert "Invitation" in [f.label for f in tab.text_input]
    assert "code" in errors(register(tab, "Create account")).casefold()


def test_a_reset_code_lets_a_person_back_in(app: Open, reg: Registry, alice: Actor) -> None:
    tab = press(app(), "Forgot your password?")
    code = accounts.reset_code(reg, "alice")
    fields = {"one-time_code": code, "new_password": NEW, "repeat_password": NEW}
    assert is_in(press(fill(tab, **fields), "Set password"))
    assert accounts.sign_in(reg, "alice", NEW) == alice


def test_a_cookie_signs_in_without_the_card(app: Open, reg: Registry, alice: Actor) -> None:
    _, ticket = accounts.open_session(reg, alice)
    tab = app(token=accounts.redeem(reg, ticket))
    assert is_in(tab)
    assert "Sign in" not in subheaders(tab)


def test_a_session_that_ended_elsewhere_ends_here_at_the_next_run(
    app: Open, reg: Registry, alice: Actor
) -> None:
    session_id, ticket = accounts.open_session(reg, alice)
    tab = app(token=accounts.redeem(reg, ticket))
    accounts.sign_out(reg, session_id)
    tab = tab.run()
    assert "Sign in" in subheaders(tab)
    assert "ended" in tab.info[0].value
    assert who.ID not in tab.session_state


def test_signing_out_ends_the_session(app: Open, reg: Registry, alice: Actor) -> None:
    tab = sign_in(app(), "alice")
    session_id = tab.session_state[who.ID]
    assert accounts.by_session(reg, session_id) == alice

    def out() -> None:
        from pages.parts import authenticator

        authenticator.Authenticate().logout(location="unrendered")

    leaving = AppTest.from_function(out, default_timeout=20)
    for key in (who.ID, "authentication_status"):
        leaving.session_state[key] = tab.session_state[key]
    leaving.run()
    assert accounts.by_session(reg, session_id) is None
    assert "Sign in" in subheaders(tab.run())


@pytest.mark.parametrize("file", sorted(p.name for p in PAGES.glob("[a-z]*.py")))
def test_a_page_run_without_the_frame_refuses_a_stranger(
    reg: Registry, alice: Actor, file: str
) -> None:
    handle.use(reg)
    tab = AppTest.from_file(PAGES / file, default_timeout=20).run()
    assert "sign in" in errors(tab)
    assert not tab.title
    assert not tab.exception


def test_a_page_refuses_a_role_that_may_not_open_it(
    app: Open, reg: Registry, new_user: Callable[[str, Role], Actor]
) -> None:
    new_user("vera", "viewer")
    tab = sign_in(app(), "vera")
    tab = tab.switch_page(str(PAGES / "upload.py")).run()
    assert "viewer" in errors(tab)


def test_a_password_is_changed_on_the_account_page(app: Open, reg: Registry, alice: Actor) -> None:
    elsewhere, _ = accounts.open_session(reg, alice)
    tab = sign_in(app(), "alice").switch_page(str(PAGES / "account.py")).run()
    fields = {"current_password": "wrong wrong wrong", "new_password": NEW, "repeat_password": NEW}
    tab = press(fill(tab, **fields), "Change password")
    assert "Current password" in errors(tab)
    tab = press(fill(tab, **{**fields, "current_password": PASSWORD}), "Change password")
    assert is_in(tab)
    assert accounts.sign_in(reg, "alice", NEW) == alice
    assert accounts.by_session(reg, elsewhere) is None


def test_an_account_is_deleted_after_its_name_and_password(
    app: Open, reg: Registry, alice: Actor
) -> None:
    tab = sign_in(app(), "alice").switch_page(str(PAGES / "account.py")).run()
    confirm = next(f for f in tab.text_input if f.label.startswith("Type your user name"))
    secret = [f for f in tab.text_input if f.label == "Password"][-1]
    secret.set_value(PASSWORD)
    tab = press(tab, "Delete my account")
    assert "User name" in errors(tab)
    confirm = next(f for f in tab.text_input if f.label.startswith("Type your user name"))
    confirm.set_value("alice")
    [f for f in tab.text_input if f.label == "Password"][-1].set_value(PASSWORD)
    tab = press(tab, "Delete my account")
    assert accounts.needs_first_admin(reg)
    assert not tab.exception


def test_every_attribute_the_package_sets_is_set_by_ours() -> None:
    source = inspect.getsource(stauth.Authenticate.__init__)
    names = set(re.findall(r"self\.(\w+)\s*=", source))
    assert names >= {"attrs", "cookie_controller", "authentication_controller"}
    ours = authenticator.Authenticate()
    assert {name for name in names if not hasattr(ours, name)} == set()


def test_nothing_of_the_packages_own_account_handling_is_reachable() -> None:
    theirs = {
        name
        for name, member in vars(AuthenticationModel).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    assert theirs <= set(vars(authenticator.DbModel))
