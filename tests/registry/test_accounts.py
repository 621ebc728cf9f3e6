"""People: how they come, prove who they are, change and go."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from registry import accounts, audit, models, wording
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, RegistryError
from registry.records import Actor
from registry.settings import Settings
from registry.tables import AuditRow, UserRow
from tests.conftest import PASSWORD

NEW = "another long pass phrase"
FIRST = {"username": "ada", "name": "Ada", "email": "ada@example.org", "password": PASSWORD}


def actions(reg: Registry) -> list[str]:
    with reg.reading() as s:
        return [action for (action,) in s.query(AuditRow.action).order_by(AuditRow.id)]


def add_model(reg: Registry, actor: Actor, name: str) -> str:
    with reg.writing() as s:
        models.create_in(s, actor, name=name)
    return f"{actor.username}/{wording.slug_of(name)}"


def test_the_first_account_is_an_admin_and_needs_no_code_on_this_machine(reg: Registry) -> None:
    assert accounts.needs_first_admin(reg)
    actor = accounts.create_first_admin(reg, **FIRST, loopback=True)
    assert actor.role == "admin"
    assert not accounts.needs_first_admin(reg)
    assert actions(reg) == ["account.first_admin"]


def test_the_first_admin_needs_the_set_up_code_from_elsewhere(reg: Registry) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.create_first_admin(reg, **FIRST, setup_code="guess")
    assert "set-up code" in refused.value.problems
    code = accounts.setup_code(reg)
    assert code == accounts.setup_code(reg)
    actor = accounts.create_first_admin(reg, **FIRST, setup_code=code.lower().replace("-", " "))
    assert actor.role == "admin"


def test_of_two_browsers_at_once_one_becomes_admin(reg: Registry) -> None:
    ready = threading.Barrier(4)
    outcomes: list[str] = []

    def try_it(name: str) -> None:
        fields = {**FIRST, "username": name, "email": f"{name}@example.org"}
        ready.wait()
        try:
            outcomes.append(accounts.create_first_admin(reg, **fields, loopback=True).role)
        except Conflict:
            outcomes.append("too late")

    threads = [threading.Thread(target=try_it, args=(f"visitor{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["admin", "too late", "too late", "too late"]
    with reg.reading() as s:
        assert s.query(UserRow).count() == 1


def test_a_person_registers_as_author_and_signs_in(reg: Registry) -> None:
    made = accounts.register(reg, **{**FIRST, "username": " Ada ", "email": "Ada@Example.org"})
    assert (made.username, made.email, made.role) == ("ada", "ada@example.org", "author")
    assert accounts.sign_in(reg, "ADA", f" {PASSWORD} ") == made


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("username", "a", "username"),
        ("username", "-ada", "username"),
        ("username", "ada lovelace", "username"),
        ("username", "a" * 40, "username"),
        ("username", "api", "username"),
        ("username", "admin", "username"),
        ("username", "аda", "username"),  # a Cyrillic letter that looks like ours
        ("email", "ada", "e-mail"),
        ("email", "ada@localhost", "e-mail"),
        ("email", "ada@example..org", "e-mail"),
        ("email", "a\nb@example.org", "e-mail"),
        ("name", "", "name"),
        ("name", "Ada\u202egnp", "name"),
        ("password", "short", "password"),
        ("password", "x" * 129, "password"),
        ("password", "aaaaaaaaaaaaaaaa", "password"),
        ("password", "my name is Lovelace", "password"),
    ],
)
def test_a_field_that_does_not_fit_is_named(
    reg: Registry, field: str, value: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.register(reg, **{**FIRST, "username": "lovelace", field: value})
    assert list(refused.value.problems) == [said]


def test_all_wrong_fields_are_said_at_once(reg: Registry) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.register(reg, username="!", name="", email="x", password="short")
    assert set(refused.value.problems) == {"username", "name", "e-mail", "password"}


def test_names_and_addresses_are_taken_once(reg: Registry, alice: Actor) -> None:
    with pytest.raises(InvalidInput, match="username: is taken"):
        accounts.register(reg, **{**FIRST, "username": "Alice"})
    with pytest.raises(InvalidInput, match="e-mail"):
        accounts.register(reg, **{**FIRST, "email": alice.email.upper()})


def test_a_passphrase_may_be_long_and_of_any_script(reg: Registry) -> None:
    phrase = "Grüße aus Übersee – пароль из многих слов " * 3
    accounts.register(reg, **{**FIRST, "password": phrase})
    composed = phrase.replace("ü", "u\u0308")
    assert accounts.sign_in(reg, "ada", composed).username == "ada"


def test_registration_can_need_an_invitation(reg_with: Callable[..., Registry]) -> None:
    reg = reg_with(registration="invite")
    boss = accounts.create_first_admin(reg, **FIRST, loopback=True)
    other = {**FIRST, "username": "bob", "email": "bob@example.org"}
    with pytest.raises(InvalidInput, match="code"):
        accounts.register(reg, **other)
    code = accounts.invite(reg, boss)
    bob = accounts.register(reg, **other, code=code)
    with pytest.raises(InvalidInput, match="code"):
        accounts.register(reg, **{**other, "username": "eve", "email": "e@example.org"}, code=code)
    with pytest.raises(Forbidden):
        accounts.invite(reg, bob)


def test_registration_can_be_closed(reg_with: Callable[..., Registry]) -> None:
    with pytest.raises(Forbidden, match="closed"):
        accounts.register(reg_with(registration="closed"), **FIRST)


def test_a_new_password_replaces_the_old_one(reg: Registry, alice: Actor) -> None:
    with pytest.raises(InvalidInput, match="current password"):
        accounts.change_password(reg, alice, "not the password", NEW)
    accounts.change_password(reg, alice, PASSWORD, NEW)
    assert accounts.sign_in(reg, "alice", NEW) == alice
    with pytest.raises(NotSignedIn):
        accounts.sign_in(reg, "alice", PASSWORD)


def test_a_reset_code_works_once_and_ends_every_session(reg: Registry, alice: Actor) -> None:
    session_id, _ = accounts.open_session(reg, alice)
    first, code = accounts.reset_code(reg, "alice"), accounts.reset_code(reg, "Alice")
    with pytest.raises(InvalidInput, match="code"):
        accounts.reset_with(reg, first, NEW)
    assert accounts.reset_with(reg, code.lower(), NEW) == alice
    assert accounts.by_session(reg, session_id) is None
    assert accounts.sign_in(reg, "alice", NEW) == alice
    with pytest.raises(InvalidInput, match="code"):
        accounts.reset_with(reg, code, PASSWORD)


def test_a_weak_new_password_does_not_use_the_code_up(reg: Registry, alice: Actor) -> None:
    code = accounts.reset_code(reg, "alice")
    with pytest.raises(InvalidInput, match="user name"):
        accounts.reset_with(reg, code, "alice alice alice")
    accounts.reset_with(reg, code, NEW)


def test_a_profile_can_be_changed(reg: Registry, alice: Actor, bob: Actor) -> None:
    changed = accounts.update_profile(reg, alice, "Alice B.", "a.b@example.org")
    assert (changed.name, changed.email) == ("Alice B.", "a.b@example.org")
    with pytest.raises(InvalidInput, match="e-mail"):
        accounts.update_profile(reg, alice, "Alice", bob.email)


def test_only_an_admin_disables_an_account_and_it_takes_effect_at_once(
    reg: Registry, alice: Actor, bob: Actor, admin: Actor
) -> None:
    session_id, _ = accounts.open_session(reg, alice)
    with pytest.raises(Forbidden):
        accounts.set_disabled(reg, bob, "alice", True)
    accounts.set_disabled(reg, admin, "alice", True)
    assert accounts.by_session(reg, session_id) is None
    with pytest.raises(NotSignedIn, match="disabled"):
        accounts.sign_in(reg, "alice", PASSWORD)
    accounts.set_disabled(reg, admin, "alice", False)
    assert accounts.sign_in(reg, "alice", PASSWORD) == alice
    with pytest.raises(NotFound):
        accounts.set_disabled(reg, admin, "nobody", True)


def test_an_account_goes_with_its_private_models(reg: Registry, alice: Actor, bob: Actor) -> None:
    add_model(reg, alice, "Mine")
    in_trash = add_model(reg, alice, "Trashed")
    models.trash(reg, alice, in_trash)
    session_id, _ = accounts.open_session(reg, alice)
    with pytest.raises(InvalidInput, match="password"):
        accounts.delete_account(reg, alice, "not the password")
    accounts.delete_account(reg, alice, PASSWORD)
    assert accounts.by_session(reg, session_id) is None
    with pytest.raises(NotSignedIn):
        accounts.sign_in(reg, "alice", PASSWORD)
    assert accounts.sign_in(reg, "bob", PASSWORD) == bob
    assert audit.verify(reg) is None


def test_an_account_stays_while_others_rely_on_its_models(
    reg: Registry, alice: Actor, bob: Actor
) -> None:
    ref = add_model(reg, alice, "Shared")
    add_model(reg, alice, "Private")
    models.publish_to_all(reg, alice, ref)
    with pytest.raises(Conflict, match=r"alice/shared .*Transfer"):
        accounts.delete_account(reg, alice, PASSWORD)
    assert models.get(reg, alice, "alice/private").slug == "private"
    models.transfer(reg, alice, ref, "bob")
    accounts.delete_account(reg, alice, PASSWORD)
    assert models.get(reg, bob, "bob/shared").owner == "bob"


def test_the_last_admin_stays(reg: Registry, admin: Actor, alice: Actor) -> None:
    with pytest.raises(Conflict, match="only administrator"):
        accounts.delete_account(reg, admin, PASSWORD)


def test_every_change_leaves_a_line(reg: Registry, admin: Actor) -> None:
    alice = accounts.register(reg, **{**FIRST, "username": "alice"})
    accounts.sign_in(reg, "alice", PASSWORD)
    session_id, _ = accounts.open_session(reg, alice)
    accounts.update_profile(reg, alice, "Alice", alice.email)
    accounts.change_password(reg, alice, PASSWORD, NEW)
    accounts.sign_out_everywhere(reg, alice)
    accounts.sign_out(reg, session_id)
    accounts.reset_with(reg, accounts.reset_code(reg, "alice"), PASSWORD)
    accounts.invite(reg, admin)
    accounts.set_disabled(reg, admin, "alice", True)
    assert actions(reg) == [
        "account.create",
        "account.register",
        "account.sign_in",
        "session.open",
        "account.update",
        "account.change_password",
        "account.sign_out_everywhere",
        "account.reset_code",
        "account.reset_password",
        "account.invite",
        "account.disable",
    ]


def test_no_secret_is_stored_in_clear(reg: Registry, settings: Settings, alice: Actor) -> None:
    _, ticket = accounts.open_session(reg, alice)
    token = accounts.redeem(reg, ticket)
    _, unused = accounts.open_session(reg, alice)
    code = accounts.reset_code(reg, "alice")
    reg.engine.dispose()
    stored = b"".join(p.read_bytes() for p in settings.home.glob("vitrine.db*"))
    for secret in (PASSWORD, ticket, token, unused, code, code.replace("-", "")):
        assert secret.encode() not in stored


def test_errors_never_repeat_a_password(reg: Registry) -> None:
    for password in ("secret-secret", "a" * 30, "x"):
        with pytest.raises(RegistryError) as refused:
            accounts.register(reg, **{**FIRST, "username": "!", "password": password})
        assert password == "x" or password not in str(refused.value)
