"""Who may call what: every operation of the API for every kind of actor.

What must come of it follows from the tables of tests/registry/test_permissions.py, written by hand,
and from the one below. An operation that is not in it fails the tests.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.applications import Starlette

from registry import (
    access,
    accounts,
    aliases,
    golden_cases,
    jobs,
    lineage,
    logins,
    models,
    people,
    prediction_log,
    scorings,
    staging,
    tokens,
    uploads,
    versions,
    webhooks,
)
from registry.core import Registry, open_registry
from registry.records import LEVELS, Actor, Details, Report
from registry.sandbox.pool import Pool
from registry.settings import Settings
from registry.tables import ArtifactRow, ModelRow, TokenRow, new_id, now
from registry.web import handle
from registry.web.api.app import api
from registry.web.api.documented import ACTION, PERMISSION
from registry.web.routes import ROUTES
from tests.conftest import PASSWORD
from tests.registry.test_permissions import OWNERS, PEOPLE, TABLE, Kind, expected
from tests.registry.web.conftest import run

M, V = "/models/{owner}/{slug}", "/models/{owner}/{slug}/versions/{version}"
# What is needed: an action of the policy; a permission; "any" or "none" for tokens. Behind it:
# "own" for things of alice's, which nobody else finds, and what else is peculiar.
NEEDS = f"""
POST /auth/register                none
POST /auth/login                   none
POST /auth/refresh                 none
POST /auth/logout                  none
GET /health                        none
GET /me                            any
GET /me/audit                      search
GET /me/quota                      any
GET /tokens                        token.make
POST /tokens                       token.make
DELETE /tokens/{{token_id}}          token.make          own
GET /jobs                          search
GET /jobs/{{job_id}}                 any                 own
DELETE /jobs/{{job_id}}              any                 own
GET /users                         people.govern
GET /users/{{username}}              people.govern
DELETE /users/{{username}}           people.govern
PUT /users/{{username}}/role         people.govern
PUT /users/{{username}}/permissions  people.govern
PUT /users/{{username}}/quota        people.govern
POST /users/{{username}}/reset-code  people.govern
POST /users/{{username}}/disable     people.govern
POST /users/{{username}}/enable      people.govern
POST /invitations                  people.govern
GET /system                        system.look
GET /audit                         search
GET /audit/actions                 search
GET /audit/export                  search
GET /audit/verify                  people.govern
GET /models                        model.list
POST /models                       model.create
GET {M}                            model.read
PATCH {M}                          model.edit
DELETE {M}                         model.trash
POST {M}/restore                   model.restore
POST {M}/purge                     model.purge
POST {M}/transfer                  model.transfer      of the owner
GET {M}/grants                     model.share
PUT {M}/grants/{{username}}          model.share
DELETE {M}/grants/{{username}}       model.share
GET {M}/rating                     model.read
PUT {M}/rating                     model.rate          of others
DELETE {M}/rating                  model.rate
GET {M}/usage                      model.read
GET {M}/downloads                  download.list
GET {M}/gate                       model.read
PUT {M}/gate                       gate.edit
GET {M}/golden-cases               model.read
POST {M}/golden-cases              golden.edit
PATCH {M}/golden-cases/{{case_id}}   golden.edit
DELETE {M}/golden-cases/{{case_id}}  golden.edit
GET {M}/keeping                    model.read
PUT {M}/keeping                    prediction.keep
GET {M}/predictions                model.read
GET {M}/predictions/export         model.read
POST {M}/license-check             model.read
POST {M}/predict                   model.predict
GET {M}/aliases                    model.read
PUT {M}/aliases/{{alias}}            alias.move
DELETE {M}/aliases/{{alias}}         alias.move
POST {M}/aliases/{{alias}}/rollback  alias.move
GET {M}/versions                   model.read
POST {M}/versions                  version.add         the upload first: see test_publishing
GET {V}                            model.read
PATCH {V}                          version.edit
DELETE {V}                         version.trash
POST {V}/restore                   version.restore
POST {V}/purge                     version.purge
GET {V}/metrics                    model.read
POST {V}/metrics                   version.edit
GET {V}/lineage                    model.read
POST {V}/parents                   version.edit
DELETE {V}/parents                 version.edit
GET {V}/licenses                   model.read
GET {V}/scorecard                  model.read
GET {V}/gate/{{alias}}               model.read
POST {V}/gate                      model.read
GET {V}/golden-runs                model.read
POST {V}/golden-runs               golden.edit
GET {V}/benchmarks                 model.read
POST {V}/benchmarks                version.benchmark
GET {V}/files/{{file}}               model.download
GET {V}/export/{{what}}              model.download
POST {V}/export/{{what}}/link        model.download
POST {V}/scorings                  scoring.make
GET /compare                       model.read
GET /scorings                      predict
GET /scorings/{{scoring_id}}         predict             own
DELETE /scorings/{{scoring_id}}      predict             own
GET /scorings/{{scoring_id}}/result  predict             own
POST /scorings/{{scoring_id}}/cancel predict             own
GET /predictions                   search
GET /predictions/{{prediction_id}}          search       own, also for managers
PUT /predictions/{{prediction_id}}/flag     search       own, not for managers
DELETE /predictions/{{prediction_id}}/flag  search       own, not for managers
PUT /predictions/{{prediction_id}}/share    search       own, not for managers
DELETE /predictions/{{prediction_id}}/share search       own, not for managers
POST /uploads                      file.stage
GET /uploads/{{upload_id}}           file.stage          own
HEAD /uploads/{{upload_id}}          file.stage          own
PATCH /uploads/{{upload_id}}         file.stage          own
DELETE /uploads/{{upload_id}}        file.stage          own
GET /webhooks                      webhook.make
POST /webhooks                     webhook.make
PATCH /webhooks/{{webhook_id}}       webhook.make        own, silent
DELETE /webhooks/{{webhook_id}}      webhook.make        own, silent
POST /webhooks/{{webhook_id}}/enable webhook.make        own, silent
POST /webhooks/{{webhook_id}}/test   webhook.make        own, silent
GET /webhooks/{{webhook_id}}/deliveries webhook.make     own, silent
"""
_RULES, _CASE = {"rules": []}, {"name": "another", "inputs": {"a": 1}, "expected": {"b": 1}}
_HOOK = {"url": "https://example.org/other", "events": ["version.ready"]}
_PART = {"upload-offset": "0", "content-type": "application/offset+octet-stream"}
SENT: dict[str, dict[str, Any]] = {
    "POST /tokens": {"json": {"name": "x", "permissions": ["search"]}},
    "PUT /users/{username}/role": {"json": {"role": "viewer"}},
    "PUT /users/{username}/permissions": {"json": {"permissions": []}},
    "PUT /users/{username}/quota": {"json": {"quota_mb": 1}},
    "POST /models": {"json": {"name": "x", "upload": "none"}},
    f"PATCH {M}": {"json": {"description": "x"}},
    f"POST {M}/transfer": {"json": {"username": "leaver"}},
    f"PUT {M}/grants/{{username}}": {"json": {"level": "view"}},
    f"PUT {M}/rating": {"json": {"stars": 4}},
    f"PUT {M}/gate": {"json": _RULES},
    f"POST {M}/golden-cases": {"json": _CASE},
    f"PATCH {M}/golden-cases/{{case_id}}": {"json": {"tolerance": 0.5}},
    f"PUT {M}/keeping": {"json": {"what": "full"}},
    f"POST {M}/license-check": {"json": {"license": "MIT"}},
    f"POST {M}/predict": {"json": {"rows": []}},
    f"PUT {M}/aliases/{{alias}}": {"json": {"version": "1"}},
    f"POST {M}/aliases/{{alias}}/rollback": {"json": {}},
    f"POST {M}/versions": {"json": {"upload": "none"}},
    f"PATCH {V}": {"json": {"notes": "x"}},
    f"POST {V}/metrics": {"json": {"metrics": [{"name": "f1", "value": 0.5}]}},
    f"POST {V}/parents": {"json": {"parent": "alice/iris@3"}},
    f"DELETE {V}/parents": {"params": {"parent": "alice/iris@3"}},
    f"POST {V}/gate": {"json": _RULES},
    f"POST {V}/scorings": {"json": {"upload": "none"}},
    "GET /compare": {"params": {"v": "alice/iris@1"}},
    "PUT /predictions/{prediction_id}/flag": {"json": {"flag": "wrong"}},
    "POST /uploads": {"headers": {"upload-length": "10"}},
    "PATCH /uploads/{upload_id}": {"headers": _PART, "content": b"x"},
    "POST /webhooks": {"json": _HOOK},
    "PATCH /webhooks/{webhook_id}": {"json": _HOOK},
    **{f"POST /auth/{name}": {"json": {}} for name in ("register", "login", "refresh", "logout")},
}
"""What is sent with an operation that takes something."""


class Needed(NamedTuple):
    """A line of NEEDS."""

    what: str
    peculiar: str


def _needs() -> Iterator[tuple[str, Needed]]:
    for line in NEEDS.strip().splitlines():
        method, path, what, *peculiar = line.split(maxsplit=3)
        yield f"{method} {path}", Needed(what, "".join(peculiar))


OPERATIONS = dict(_needs())
DESCRIBED = {
    f"{method.upper()} {path}": operation
    for path, operations in api.openapi()["paths"].items()
    for method, operation in operations.items()
}


def wanted(needed: Needed, name: str) -> str:
    """allowed, refused (403) or hidden (404) for a kind of actor with a valid token."""
    kind, rule = PEOPLE[name], TABLE.get(needed.what)
    in_person = bool(rule) and rule.peculiar == "in person"  # type: ignore[union-attr]
    permission = "any" if in_person else rule.permission if rule else needed.what
    if permission not in ("any", "none") and permission not in kind.may:
        return "refused"  # by admission, which looks at nothing else
    if needed.peculiar.startswith("own"):
        return _wanted_of_own(needed, name, kind)
    found = expected(rule, kind) if rule else "allowed"
    if needed.peculiar.startswith("the upload first"):
        return "allowed"
    if found == "allowed":
        others = needed.peculiar == "of others" and name in OWNERS
        not_mine = needed.peculiar == "of the owner" and name not in OWNERS
        return "refused" if others or not_mine else found
    return found


def _wanted_of_own(needed: Needed, name: str, kind: Kind) -> str:
    rule = TABLE.get(needed.what)
    if rule and expected(rule, kind) == "refused":
        return "hidden" if "silent" in needed.peculiar else "refused"
    if name in OWNERS:
        return "allowed"
    if "managers" in needed.peculiar and kind.level == "manage":
        return "allowed" if "also" in needed.peculiar else "refused"
    return "hidden"


@dataclass
class World:
    """A home with things of alice's, whose database can be put back as it was."""

    reg: Registry
    app: Starlette
    known: dict[str, str]
    upload: Path

    def copy(self) -> sqlite3.Connection:
        """The database as it is now."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with closing(sqlite3.connect(str(self.reg.engine.url.database))) as live:
            live.backup(copy)
        return copy

    def put_back(self, copy: sqlite3.Connection) -> None:
        """Let the database be that copy again."""
        with closing(sqlite3.connect(str(self.reg.engine.url.database))) as live:
            copy.backup(live)
        self.upload.touch()


@pytest.fixture(scope="module")
def base(iris_home: Path, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("who") / "home"
    shutil.copytree(iris_home, home)
    often = dict.fromkeys(("calls_per_minute", "downloads_per_minute", "uploads_per_hour"), 10**6)
    settings = Settings(home=home, min_free_disk_mb=0, webhooks=True, _env_file=None)
    reg = open_registry(settings.model_copy(update=often), pool)
    for username, role in (("root-admin", "admin"), ("leaver", "author")):
        who = {"username": username, "name": "R", "email": f"{username}@example.org"}
        accounts.create_user(reg, **who, password=PASSWORD, role=role)  # type: ignore[arg-type]
    known = _furnish(reg, accounts.sign_in(reg, "alice", PASSWORD))
    handle.use(reg)
    yield World(reg, Starlette(routes=ROUTES), known, uploads._path(reg, known["upload_id"]))
    handle.use(None)
    reg.engine.dispose()


def _furnish(reg: Registry, alice: Actor) -> dict[str, str]:
    """Something of every kind, of alice's; where it is found."""
    version = versions.get(reg, alice, "alice/iris@1")
    with staging.receive(reg, alice, "rows.csv") as incoming:
        incoming.write(b"a\n1\n")
        staged = incoming.finish()
    with reg.writing() as s:
        gone = models.create_in(s, alice, name="Gone")
        gone.deleted_at = now()
        model = s.get_one(ModelRow, version.model_id)
        first = s.query(ArtifactRow).filter_by(version_id=version.id).one()
        stored = ("model", first.filename, first.digest, first.blake3, first.size_bytes)
        second, _third = (
            versions.add_in(
                s, alice, model, draft_id=None, details=Details(),
                inspection=version.inspection, stored=[stored], report=Report(),
            )
            for _ in range(2)
        )  # fmt: skip
        second.deleted_at = now()
        job_id = jobs.submit_in(s, alice, "rescan", version.id, version.ref)
        file = staging.row_in(s, alice, staged.id)
        scoring_id = scorings.add_in(s, alice, version.id, file).id
    entry = prediction_log.Entry(
        new_id(), version.model_id, version.id, alice.id, 1, 1.0, "ok",
        inputs=lambda: {"rows": []}, answer=lambda: {"rows": 0, "outputs": []},
    )  # fmt: skip
    prediction_log.log(reg, entry)
    prediction_log.flush(reg)
    lineage.link(reg, alice, version.ref, "alice/iris@3")
    aliases.move(reg, alice, version.ref, "staging")
    return {
        "owner": "alice",
        "slug": "iris",
        "version": "1",
        "file": "model",
        "what": "package",
        "alias": "staging",
        "username": "leaver",
        "job_id": job_id,
        "scoring_id": scoring_id,
        "prediction_id": entry.id,
        "token_id": tokens.create(reg, alice, "a script", ["predict"])[0].id,
        "upload_id": uploads.begin(reg, alice, "x.onnx", 10).id,
        "webhook_id": webhooks.add(reg, alice, "https://example.org/", ["version.ready"])[0].id,
        "case_id": golden_cases.add(reg, alice, "alice/iris", "one", {"a": 1}, {"b": 1}).id,
    }


@pytest.fixture
def world(base: World) -> Iterator[World]:
    with closing(base.copy()) as before:
        yield base
        base.put_back(before)


def _secret_of(reg: Registry, name: str) -> str:
    """How somebody of that kind shows who they are: by a login, or by a token."""
    kind, username = PEOPLE[name], "alice" if name in OWNERS else "somebody"
    alice = accounts.sign_in(reg, "alice", PASSWORD)
    if username == "somebody":
        who = {"username": username, "name": "S", "email": "s@example.org"}
        accounts.create_user(reg, **who, password=PASSWORD, role=kind.role)  # type: ignore[arg-type]
        if kind.level in LEVELS:
            access.share(reg, alice, "alice/iris", username, kind.level)  # type: ignore[arg-type]
            models.restore(reg, alice, "alice/gone")
            access.share(reg, alice, "alice/gone", username, kind.level)  # type: ignore[arg-type]
            models.trash(reg, alice, "alice/gone")
    with reg.writing() as s:
        row = people.named_in(s, username)
        row.denied = sorted(kind.taken)
        actor = people.actor_of(row)
    if kind.token is None:
        return logins.open_login(reg, actor).access
    return tokens.create(reg, actor, "theirs", sorted(kind.token))[1]


def _path(label: str, known: dict[str, str]) -> str:
    """Where the operation is; what is about the trash, of what is there."""
    path = label.split()[1]
    if path in (f"{M}/restore", f"{M}/purge"):
        known = known | {"slug": "gone"}
    if path in (f"{V}/restore", f"{V}/purge"):
        known = known | {"version": "2"}
    return "/api/v1" + path.format(**known)


def asked(world: World, secret: str, labels: list[str]) -> dict[str, str]:
    """What came of each operation, asked of the same world."""

    before = world.copy()

    async def ask() -> dict[str, str]:
        found = {}
        transport = httpx.ASGITransport(world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            for label in labels:
                what = dict(SENT.get(label, {}))
                headers = what.pop("headers", {})
                if secret:
                    headers = headers | {"authorization": f"Bearer {secret}"}
                method = label.split()[0]
                where = _path(label, world.known)
                answer = await client.request(method, where, headers=headers, **what)
                found[label] = _outcome(answer, label)
                if method not in ("GET", "HEAD") and answer.is_success:
                    world.put_back(before)
        return found

    with closing(before):
        return run(ask)


def _outcome(answer: httpx.Response, label: str) -> str:
    """In the words of the tables; an inner thing that is not there is no concern of theirs."""
    assert answer.status_code < 500, (label, answer.text)
    if answer.status_code == 404 and "this upload is gone" not in answer.text:
        return "hidden"
    return {401: "unknown", 403: "refused"}.get(answer.status_code, "allowed")


def test_every_operation_is_in_the_table_and_says_what_the_table_says() -> None:
    assert OPERATIONS.keys() == DESCRIBED.keys()
    for label, needed in OPERATIONS.items():
        said, rule = DESCRIBED[label], TABLE.get(needed.what)
        in_person = rule is not None and rule.peculiar == "in person"
        permission = "any" if in_person else rule.permission if rule else needed.what
        assert said[PERMISSION] == permission, label
        assert said.get(ACTION) == (needed.what if rule else None), label


EVERY = [pytest.param(6, id="sample"), pytest.param(1, id="all", marks=pytest.mark.long)]
"""Of how many operations one is asked about; those of a sample differ from actor to actor."""


def _some(every: int, number: int) -> dict[str, Needed]:
    return {label: OPERATIONS[label] for label in list(OPERATIONS)[number % every :: every]}


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", PEOPLE)
def test_operations_for_every_kind_of_actor(name: str, every: int, world: World) -> None:
    secret, some = _secret_of(world.reg, name), _some(every, list(PEOPLE).index(name))
    found = asked(world, secret, list(some))
    assert found == {label: wanted(needed, name) for label, needed in some.items()}


def _nothing(_reg: Registry, _alice: Actor) -> str:
    return ""


def _expired(reg: Registry, alice: Actor) -> str:
    secret = tokens.create(reg, alice, "old", ["search"])[1]
    with reg.writing() as s:
        s.query(TokenRow).filter_by(name="old").one().expires_at = now() - timedelta(seconds=1)
    return secret


def _revoked(reg: Registry, alice: Actor) -> str:
    token, secret = tokens.create(reg, alice, "lost", ["search"])
    tokens.revoke(reg, alice, token.id)
    return secret


def _disabled(reg: Registry, alice: Actor) -> str:
    secret = logins.open_login(reg, alice).access
    accounts.set_disabled(reg, accounts.sign_in(reg, "root-admin", PASSWORD), "alice", True)
    return secret


NOT_VALID = [_nothing, _expired, _revoked, _disabled]


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("make", NOT_VALID)
def test_without_a_valid_token_only_what_is_for_anybody_is_open(
    make: Callable[[Registry, Actor], str], every: int, world: World
) -> None:
    secret = make(world.reg, accounts.sign_in(world.reg, "alice", PASSWORD))
    some = _some(every, NOT_VALID.index(make))
    assert asked(world, secret, list(some)) == {
        label: "allowed" if needed.what == "none" else "unknown" for label, needed in some.items()
    }
