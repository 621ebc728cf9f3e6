"""Who may do what: every action for every kind of actor, held against a table written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from registry import access, accounts, downloads, governing, models, policy, tokens
from registry.core import Registry
from registry.errors import Forbidden, NotFound, NotSignedIn
from registry.records import GUEST, LEVELS, Actor, Level, Version
from tests.conftest import PASSWORD

# Action, permission, access to the model ("-": none is needed), and what is peculiar.
NEEDS = """
model.list        search    -
model.create      upload    -
file.stage        upload    -       or predict
training.make     upload    -
dataset.keep      upload    -
token.make        search    -       in person
webhook.make      search    -       in person
webhook.edit      upload    manage  in person
people.govern     admin     -       in person
system.look       admin     -       in person
system.reset      admin     -       in person
model.read        search    view
model.rate        search    view
download.list     search    manage
model.predict     predict   view
scoring.make      predict   view
model.download    download  view
version.benchmark predict   edit
model.edit        upload    edit
version.add       upload    edit
version.edit      upload    edit
alias.move        upload    edit
golden.edit       upload    edit
version.trash     delete    edit
version.restore   delete    edit
version.trust     upload    manage  or admin
alias.override    upload    manage
gate.edit         upload    manage
prediction.keep   upload    manage
model.share       upload    manage
model.publish     upload    manage
model.transfer    upload    manage
version.purge     delete    manage
model.trash       delete    manage
model.restore     delete    manage  trash
model.purge       delete    manage  trash
"""
# Kind of actor, role, what was taken away, access to alice's private model, what the token permits.
KINDS = """
stranger            author  -                -       -
viewer              viewer  -                -       -
admin               admin   -                -       -
view grant          author  -                view    -
edit grant          author  -                edit    -
manage grant        author  -                manage  -
viewer with manage  viewer  -                manage  -
owner               author  -                owner   -
admin with view     admin   -                view    -
sees but no bytes   author  download         view    -
owner, no bytes     author  download         owner   -
owner, no uploads   author  upload,delete    owner   -
owner, blind        author  search           owner   -
owner, sends naught author  upload,predict   owner   -
admin, not any more admin   admin            -       -
token for all       author  -                owner   search,download,predict,upload,delete
token that predicts author  -                owner   predict
token of an admin   admin   -                -       search,download,predict,upload,delete
"""
ROLES = {
    "viewer": {"search", "predict", "download"},
    "author": {"search", "predict", "download", "upload", "delete"},
    "admin": {"search", "predict", "download", "upload", "delete", "admin"},
}


@dataclass(frozen=True)
class Need:
    """A line of NEEDS."""

    permission: str
    level: str
    peculiar: str


@dataclass(frozen=True)
class Kind:
    """A line of KINDS."""

    role: str
    taken: frozenset[str]
    level: str
    token: frozenset[str] | None

    @property
    def person_may(self) -> set[str]:
        return ROLES[self.role] - self.taken

    @property
    def may(self) -> set[str]:
        return self.person_may if self.token is None else self.person_may & self.token


def _cells(said: str) -> frozenset[str]:
    return frozenset() if said == "-" else frozenset(said.split(","))


def _needs() -> Iterator[tuple[str, Need]]:
    for line in NEEDS.strip().splitlines():
        action, permission, level, *peculiar = line.split(maxsplit=3)
        yield action, Need(permission, level, "".join(peculiar))


def _kinds() -> Iterator[tuple[str, Kind]]:
    for line in KINDS.strip().splitlines():
        name, rest = line[:20].strip(), line[20:].split()
        token = None if rest[3] == "-" else _cells(rest[3])
        yield name, Kind(rest[0], _cells(rest[1]), rest[2].replace("owner", "manage"), token)


TABLE, PEOPLE = dict(_needs()), dict(_kinds())
OWNERS = {line[:20].strip() for line in KINDS.splitlines() if " owner " in line[20:]}


def expected(need: Need, kind: Kind) -> str:
    """allowed, refused, or hidden: in the words of a model that is not there."""
    by_admin = need.peculiar == "or admin" and "admin" in kind.may
    if need.level != "-" and not by_admin:
        seen = kind.level != "-" and "search" in kind.person_may
        if need.peculiar == "trash":
            seen = kind.level == "manage"
        if not seen:
            return "hidden"
        order = ["view", "edit", "manage"]
        if order.index(kind.level) < order.index(need.level):
            return "refused"
    if need.peculiar == "in person" and kind.token is not None:
        return "refused"
    instead = need.peculiar == "or predict" and "predict" in kind.may
    return "allowed" if need.permission in kind.may or by_admin or instead else "refused"


@pytest.fixture
def actor_of(reg: Registry, alice: Actor, iris: Version) -> Callable[[str], Actor]:
    """An actor of a kind, with the access that the kind has to alice's model."""

    def make(name: str) -> Actor:
        kind = PEOPLE[name]
        actor = alice
        if name not in OWNERS:
            who = {"username": "somebody", "name": "S", "email": "s@example.org"}
            actor = accounts.create_user(reg, **who, password=PASSWORD, role=kind.role)  # type: ignore[arg-type]
            if kind.level in LEVELS:
                access.share(reg, alice, iris.model, "somebody", kind.level)  # type: ignore[arg-type]
        token = "vtr_abcd" if kind.token is not None else ""
        return replace(actor, denied=kind.taken, token=token, permitted=kind.token)

    return make


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except NotFound:
        return "hidden"
    except Forbidden:
        return "refused"
    return "allowed"


def test_the_table_names_every_action() -> None:
    assert set(TABLE) == set(policy.ACTIONS) == set(policy.DOES)


@pytest.mark.parametrize("name", PEOPLE)
def test_every_action_for_every_kind_of_actor(
    name: str, reg: Registry, alice: Actor, iris: Version, actor_of: Callable[[str], Actor]
) -> None:
    actor, found = actor_of(name), {}

    def ask(action: str) -> None:
        with reg.reading() as s:
            models.for_action(s, actor, action, iris.model)

    in_trash = [action for action, need in TABLE.items() if need.peculiar == "trash"]
    for action, need in TABLE.items():
        if need.level == "-":
            found[action] = "refused" if policy.why_not(actor, None, action) else "allowed"
        elif action not in in_trash:
            found[action] = outcome(lambda action=action: ask(action))  # type: ignore[misc]
    models.trash(reg, alice, iris.model)
    for action in in_trash:
        found[action] = outcome(lambda action=action: ask(action))  # type: ignore[misc]
    wanted = {action: expected(need, PEOPLE[name]) for action, need in TABLE.items()}
    assert found == wanted


def test_a_guest_may_nothing() -> None:
    for action, need in TABLE.items():
        level: Level | None = None if need.level == "-" else "manage"
        assert policy.why_not(GUEST, level, action) == "sign in first"


@pytest.mark.parametrize("name", PEOPLE)
def test_what_a_page_says_is_what_the_registry_does(name: str) -> None:
    kind = PEOPLE[name]
    who = Actor("id", "x", role=kind.role, denied=kind.taken, permitted=kind.token)  # type: ignore[arg-type]
    actor = replace(who, token="vtr_abcd" if kind.token is not None else "")
    level = kind.level if kind.level in LEVELS else None
    for action, need in TABLE.items():
        wanted = expected(need, kind)
        if wanted == "hidden" and level:
            continue  # there is no page on which it could be said
        said = policy.why_not(actor, level, action)  # type: ignore[arg-type]
        assert bool(said) == (wanted != "allowed"), action


def test_who_is_locked_out_has_no_session_no_token_and_no_link(
    reg: Registry, alice: Actor, iris: Version, admin: Actor
) -> None:
    session_id, _ = accounts.open_session(reg, alice)
    secret = tokens.create(reg, alice, "script", ["download"])[1]
    link = downloads.link(reg, alice, iris.artifact.id)
    accounts.set_disabled(reg, admin, "alice", True)
    assert accounts.by_session(reg, session_id) is None
    with pytest.raises(NotSignedIn):
        tokens.use(reg, secret, "download")
    with pytest.raises(NotFound):
        downloads.open_link(reg, link)
    assert governing.get(reg, admin, "alice").disabled
