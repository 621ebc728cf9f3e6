"""Batches by the API: rows go up, answers come down, and nobody else sees either."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pandas as pd
import pytest

from registry import scoring
from registry.core import Registry
from registry.records import Actor, Version
from registry.tables import StagedRow
from tests.registry.web.conftest import Api, problem
from tests.registry.web.conftest import api as api
from tests.registry.web.conftest import api_of as api_of
from tests.registry.web.conftest import behind as behind
from tests.registry.web.conftest import client as client

WHERE = "/models/alice/iris/versions/1/scorings"


@pytest.fixture
def rows(flowers: pd.DataFrame) -> bytes:
    return flowers.head(3).to_csv(index=False).encode()


def test_rows_in_the_body_are_answered_and_fetched(
    api: Api, api_of: Callable[[Actor], Api], reg: Registry, bob: Actor, iris: Version, rows: bytes
) -> None:
    made = api.ok("POST", WHERE, 202, content=rows, kind="text/csv")
    one = f"/scorings/{made['id']}"
    assert (made["state"], made["ref"], made["filename"]) == ("queued", iris.ref, "rows.csv")
    problem(api("GET", f"{one}/result"), 409)
    scoring.run(reg, made["id"])
    done = api.ok("GET", one)
    assert (done["state"], done["n_rows"], done["n_bad"]) == ("done", 3, 0)
    file = api("GET", f"{one}/result")
    assert hashlib.sha256(file.content).hexdigest() == file.headers["etag"].strip('"')
    assert file.content.count(b",setosa,") == 3
    rest = api("GET", f"{one}/result", headers={"range": "bytes=10-"})
    assert (rest.status_code, rest.content) == (206, file.content[10:])
    for method, path in (("GET", one), ("GET", f"{one}/result"), ("DELETE", one)):
        problem(api_of(bob)(method, path), 404)
    assert [found["id"] for found in api.ok("GET", "/scorings")["items"]] == [made["id"]]
    assert api.ok("DELETE", one)["freed_bytes"] > 0
    problem(api("GET", one), 404)


def test_an_upload_is_answered_and_cancelled(
    api: Api, reg: Registry, alice: Actor, iris: Version, stage: Callable[..., str], rows: bytes
) -> None:
    upload = stage(rows)
    made = api.ok("POST", WHERE, 202, json={"upload": upload})
    problem(api("POST", WHERE, json={"upload": upload}), 404)
    api.ok("POST", f"/scorings/{made['id']}/cancel", 204)
    assert api.ok("GET", f"/scorings/{made['id']}")["state"] == "failed"


def test_what_is_not_answered_is_not_kept(
    api: Api, reg: Registry, alice: Actor, iris: Version, rows: bytes
) -> None:
    digest = base64.b64encode(b"0" * 32).decode()
    damaged = {"content-digest": f"sha-256=:{digest}:"}
    problem(api("POST", WHERE, content=rows, kind="text/csv", headers=damaged), 422)
    problem(api("POST", WHERE, content=b"a,b\n1,2\n", kind="text/csv"), 422)
    problem(api("POST", WHERE, content=b"", kind="text/csv"), 422)
    problem(api("POST", WHERE, content=b"PAR1", kind="application/vnd.apache.parquet"), 422)
    problem(api("POST", WHERE, content=rows, kind="text/plain"), 415)
    with reg.reading() as s:
        assert s.query(StagedRow).filter_by(user_id=alice.id).all() == []
    assert not [path for path in reg.settings.staging_folder.iterdir() if path.is_file()]
