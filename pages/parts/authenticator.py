"""streamlit-authenticator's widgets, with every decision made by our own accounts.

The package keeps its look and its `session_state` names. Its files, cookies, hints, mails and
cloud are out of reach: `Authenticate.__init__` sets up our own model and cookie instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

import streamlit as st
import streamlit_authenticator as stauth
from streamlit_authenticator.controllers import AuthenticationController
from streamlit_authenticator.models import AuthenticationModel
from streamlit_authenticator.utilities import (
    LoginError,
    LogoutError,
    RegisterError,
    ResetError,
    UpdateError,
    Validator,
)

from pages.parts import cookie, who
from registry import accounts, passwords
from registry.errors import InvalidInput, NotSignedIn, RegistryError
from registry.records import Actor

_ERRORS = (LoginError, LogoutError, RegisterError, ResetError, UpdateError)
Register = Callable[..., Actor]


class Policy(Validator):  # type: ignore[misc]
    """Lets everything pass: the accounts check all fields at once and name each that is wrong.

    The package's own rules (8 to 20 ASCII characters) would stand in the way of passphrases.
    """

    def _pass(self, *_: Any, **__: Any) -> bool:
        return True

    validate_length = validate_name = validate_email = validate_username = _pass
    validate_password = _pass


class DbModel(AuthenticationModel):  # type: ignore[misc]
    """What the widgets call: our accounts, and nothing of the package's own."""

    def __init__(self, register: Register | None) -> None:
        self._register = register

    def login(
        self,
        username: str | None,
        password: str | None,
        max_concurrent_users: int | None = None,
        max_login_attempts: int | None = None,
        token: dict[str, str] | None = None,
        single_session: bool = False,
        callback: Callable[..., None] | None = None,
    ) -> bool:
        if token is not None:
            return who.current() is not None
        if not username or not password:
            raise NotSignedIn("Enter your user name and your password.")
        actor = accounts.sign_in(who.registry(), username, password, cookie.address())
        who.open_session(actor)
        return True

    def logout(self, callback: Callable[..., None] | None = None) -> None:
        session_id = st.session_state.get(who.ID)
        if session_id:
            accounts.sign_out(who.registry(), session_id)
        who.leave()

    def register_user(
        self,
        new_first_name: str,
        new_last_name: str,
        new_email: str,
        new_username: str,
        new_password: str,
        password_hint: str | None = None,
        pre_authorized: list[str] | None = None,
        roles: list[str] | None = None,
        callback: Callable[..., None] | None = None,
    ) -> tuple[str, str, str]:
        assert self._register is not None
        actor = self._register(
            username=new_username,
            name=f"{new_first_name} {new_last_name}".strip(),
            email=new_email,
            password=new_password,
        )
        who.open_session(actor)
        return actor.email, actor.username, actor.name

    def reset_password(
        self,
        username: str,
        password: str,
        new_password: str,
        callback: Callable[..., None] | None = None,
    ) -> bool:
        actor = who.current()
        if actor is None or actor.username != username:
            raise NotSignedIn("Sign in again to change the password.")
        keep = str(st.session_state[who.ID])
        accounts.change_password(who.registry(), actor, password, new_password, keep)
        return True

    def _refuse(self, *_: Any, **__: Any) -> Never:
        raise InvalidInput({"account": "is not handled this way here"})

    check_credentials = forgot_password = forgot_username = guest_login = _refuse
    generate_two_factor_auth_code = send_email = send_password = send_username = _refuse
    update_user_details = _refuse


class ServerCookie:
    """In place of the package's JavaScript cookie: ours is set by an HTTP route."""

    def get_cookie(self) -> dict[str, str] | None:
        """The token as the widgets pass it on, None when there is none to try."""
        if st.session_state.get("logout") or not cookie.token():
            return None
        return {"token": cookie.token()}

    def set_cookie(self) -> None:
        """Nothing here: `who.keep_cookie` does it, at the next run."""

    def delete_cookie(self) -> None:
        who.forget_cookie()


class Authenticate(stauth.Authenticate):  # type: ignore[misc]
    """The widgets. `register` makes the account that the registration form asks for."""

    def __init__(self, register: Register | None = None) -> None:
        # No super().__init__(): it would mount the package's cookie component and its model.
        # A test makes sure that every attribute it sets is set here (0.4.2, pinned).
        self.api_key = self.path = self.encryptor = None
        self.secret_key = ""
        self.attrs = {
            "login_sleep_time": 0,
            "password_instructions": (
                f"{passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters. "
                "A few random words are easy to remember and hard to guess."
            ),
        }
        self.cookie_controller = ServerCookie()
        self.authentication_controller = AuthenticationController(
            {"usernames": {}}, Policy(), auto_hash=False, secret_key="unused"
        )
        self.authentication_controller.authentication_model = DbModel(register)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn the widgets' own complaints into errors that notices can show.

    Raises:
        RegistryError: What a widget complained about.
    """
    try:
        yield
    except _ERRORS as complaint:
        raise RegistryError(str(complaint)) from complaint
