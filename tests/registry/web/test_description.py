"""The description keeps its word: whatever is sent, no answer is undocumented, none a 5xx."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from registry import (
    codec,
    golden_cases,
    jobs,
    keeping,
    logins,
    models,
    people,
    prediction_log,
    scorings,
    staging,
    tokens,
    versions,
    webhooks,
)
from registry.core import Registry
from registry.errors import Conflict, NotFound
from registry.records import Actor, OutputValue, Version
from registry.settings import Settings
from registry.tables import TokenRow, new_id, now
from registry.web.api.app import api
from registry.web.api.documented import PERMISSION

WHO = ("author", "admin", "viewer", "expired", "revoked", "nobody")
LET_IN = ("author", "admin", "viewer")
FOR_GOOD = ("/purge", "/transfer")
LAST = ("{case_id}", "{scoring_id}", "{token_id}", "{upload_id}", "{username}", "{webhook_id}")
"""Operations after which there is nothing left to ask about: these, and deleting such a thing."""


class Asked(NamedTuple):
    """A server to ask, by the tokens of everybody, about what is there."""

    address: str
    secrets: dict[str, str]
    known: dict[str, list[str]]
    mend: Callable[[], None]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Limits are another subject; webhooks are on, and lead nowhere."""
    often = dict.fromkeys(("calls_per_minute", "downloads_per_minute"), 10**6)
    return settings.model_copy(update={**often, "webhooks": True})


@pytest.fixture
def asked(
    served: str, reg: Registry, alice: Actor, iris: Version, new_user: Callable[..., Actor]
) -> Asked:
    viewer, may = new_user("vera", "viewer"), list(tokens.PERMISSIONS)
    admin, scoring_id = new_user("root-admin", "admin"), _rows_of(reg, alice, iris)
    secrets = {
        "author": tokens.create(reg, alice, "author", may, calls=1_000_000)[1],
        "viewer": tokens.create(reg, viewer, "viewer", may[:3], calls=1_000_000)[1],
        "expired": tokens.create(reg, alice, "expired", may)[1],
        "revoked": tokens.create(reg, alice, "revoked", may)[1],
        "nobody": "",
    }
    with reg.writing() as s:
        row = s.query(TokenRow).filter_by(name="expired").one()
        row.expires_at = now() - timedelta(seconds=1)
    [revoked] = [token for token in tokens.find(reg, alice) if token.name == "revoked"]
    tokens.revoke(reg, alice, revoked.id)
    known = {
        "owner": ["alice"],
        "slug": ["iris"],
        "version": ["1", "latest", "champion"],
        "file": ["model", iris.artifact.id],
        "alias": ["champion", "staging"],
        "username": ["vera", "alice"],
        "job_id": [job.id for job in jobs.find(reg, alice)],
        "case_id": [golden_cases.add(reg, alice, iris.model, "one", {"a": 1}, {"b": 1}).id],
        "prediction_id": [_asked_before(reg, alice, iris)],
        "scoring_id": [scoring_id],
        "webhook_id": [webhooks.add(reg, admin, "https://example.org/", ["version.ready"])[0].id],
    }

    def mend() -> None:
        secrets["admin"] = logins.open_login(reg, admin).access
        with reg.writing() as s:
            for username, role in (("alice", "author"), ("vera", "viewer")):
                row = people.named_in(s, username)
                row.role, row.denied, row.disabled, row.quota_mb = role, [], False, None
                row.quota_models = None
        for restore, ref in ((models.restore, iris.model), (versions.restore, iris.ref)):
            with suppress(NotFound, Conflict):
                restore(reg, alice, ref)
        versions.edit(reg, alice, iris.ref, lifecycle="active")

    return Asked(served, secrets, known, mend)


def _rows_of(reg: Registry, actor: Actor, version: Version) -> str:
    """A batch that waits for its turn."""
    with staging.receive(reg, actor, "rows.csv") as incoming:
        incoming.write(b"a\n1\n")
        staged = incoming.finish()
    with reg.writing() as s:
        return scorings.add_in(s, actor, version.id, staging.row_in(s, actor, staged.id)).id


def _asked_before(reg: Registry, actor: Actor, version: Version) -> str:
    """A prediction of which everything is kept."""
    outputs = [OutputValue("label", "label", ["setosa"])]
    entry = prediction_log.Entry(
        new_id(), version.model_id, version.id, actor.id, 1, 1.0, "ok",
        inputs=lambda: {"rows": [{"a": 1}]},
        answer=lambda: {"rows": 1, "outputs": codec.dump(outputs)},
    )  # fmt: skip
    keeping.choose(reg, actor, version.model, "full")
    prediction_log.log(reg, entry)
    prediction_log.flush(reg)
    return entry.id


def walk(asked: Asked, n: int) -> set[tuple[str, str, int]]:
    """Ask every operation as everybody, with what fits and what does not; what was answered."""
    import schemathesis

    for bytes_too in ("application/offset+octet-stream", "application/vnd.apache.arrow.stream"):
        schemathesis.serializer.alias(bytes_too, "application/octet-stream")
    schema = schemathesis.openapi.from_url(f"{asked.address}/api/v1/openapi.json")
    seen: set[tuple[str, str, int]] = set()
    for number, found in enumerate(schema.get_all_operations()):
        asked.mend()
        for who in WHO if n > 1 else (WHO[number % 6],):
            let_in = who in LET_IN
            for mode in schemathesis.GenerationMode if let_in else ["positive"]:
                times = n if let_in else max(1, n // 10)
                _ask(found.ok(), schemathesis.GenerationMode(mode), who, asked, times, seen)
    return seen


def _ask(
    operation: Any, mode: Any, who: str, asked: Asked, n: int, seen: set[tuple[str, str, int]]
) -> None:
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as said

    held_to = [
        checks.not_a_server_error,
        said.status_code_conformance,
        said.content_type_conformance,
        said.response_schema_conformance,
    ]
    secret = asked.secrets[who]
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    deletes = operation.method.upper() == "DELETE" and operation.path.endswith(LAST)
    no_way_back = deletes or operation.path.endswith(FOR_GOOD)

    @hypothesis_settings(
        max_examples=n, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy(generation_mode=mode), st.integers(0, 3))
    def ask(case: Any, way: int) -> None:
        for name in set(case.path_parameters or {}) & set(asked.known):
            if way and not no_way_back and asked.known[name]:
                case.path_parameters[name] = asked.known[name][way % len(asked.known[name])]
        answer = case.call(headers=headers, timeout=60)
        seen.add((operation.label, who, answer.status_code))
        case.validate_response(answer, checks=held_to)

    with suppress(Unsatisfiable):  # nothing about it can be wrong
        ask()


def _kept(seen: set[tuple[str, str, int]]) -> None:
    """Nobody without a valid token got anywhere but where none is needed."""
    paths = api.openapi()["paths"]
    for label, who, status in seen:
        method, path = label.split(" ", 1)
        public = paths[path][method.lower()][PERMISSION] == "none"
        if who in ("expired", "revoked", "nobody") and not public:
            assert status == 401, (label, who, status)


def test_a_sample_of_whatever_is_sent_is_answered_as_described(asked: Asked) -> None:
    _kept(walk(asked, 1))


@pytest.mark.long
def test_whatever_is_sent_is_answered_as_described(asked: Asked) -> None:
    seen = walk(asked, 20)
    _kept(seen)
    assert {label for label, who, status in seen if who == "author" and status < 300} >= {
        "GET /me", "GET /models", "PATCH /models/{owner}/{slug}", "GET /jobs", "POST /uploads",
        "GET /models/{owner}/{slug}/rating", "PUT /models/{owner}/{slug}/gate",
        "GET /models/{owner}/{slug}/versions/{version}/scorecard", "GET /scorings/{scoring_id}",
        "GET /predictions/{prediction_id}",
        "GET /models/{owner}/{slug}/versions/{version}/licenses",
    }  # fmt: skip
    assert {label for label, who, status in seen if who == "admin" and status < 300} >= {
        "GET /users", "PUT /users/{username}/quota", "GET /audit/verify", "GET /webhooks",
        "PATCH /webhooks/{webhook_id}", "GET /system",
    }  # fmt: skip


def test_every_operation_says_who_may_and_shows_an_example(served: str) -> None:
    said = httpx.get(f"{served}/api/v1/openapi.json").json()
    for path, operations in said["paths"].items():
        for method, operation in operations.items():
            assert operation[PERMISSION], (method, path)
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert _examples(said, operation), (method, path)


def _examples(said: dict[str, Any], operation: dict[str, Any]) -> bool:
    """Whether something that is sent or answered has an example, also within its shapes."""
    answers = {k: v for k, v in operation["responses"].items() if k < "300"}
    text = json.dumps([operation.get("parameters"), operation.get("requestBody"), answers])
    for _ in range(3):
        for name, shape in said["components"]["schemas"].items():
            text = text.replace(f'"$ref": "#/components/schemas/{name}"', json.dumps(shape))
    return '"examples"' in text or '"example"' in text
