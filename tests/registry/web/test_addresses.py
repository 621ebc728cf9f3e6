"""Addresses of the API: what is no model's or version's is nothing, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry import access, lineage, models, versions
from registry.core import Registry
from registry.records import Actor, Version
from tests.conftest import Publish
from tests.registry.web.conftest import Api, problem
from tests.registry.web.test_predicting import example


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"description": "new"}),
        ("DELETE", "", None),
        ("POST", "/purge", None),
        ("GET", "/versions", None),
        ("PUT", "/grants/bob", {"level": "manage"}),
        ("POST", "/predict", {"rows": [{}]}),
    ],
)
def test_a_version_stands_in_no_models_place(
    api: Api, reg: Registry, alice: Actor, bob: Actor, iris: Version,
    method: str, path: str, body: object,
) -> None:  # fmt: skip
    what = {} if body is None else {"json": body}
    for slug in ("iris@1", "iris@", "iris%20", "%20iris", "iris%0A"):
        problem(api(method, f"/models/alice/{slug}{path}", **what), 404)
    assert models.get(reg, alice, iris.model).description != "new"
    assert versions.get(reg, alice, iris.ref).id == iris.id
    assert not access.grants(reg, alice, iris.model)


def test_blanks_name_no_version(api: Api, iris: Version) -> None:
    for version in ("%20", "1%0A", "1%20"):
        path = f"/models/{iris.model}/predict?version={version}"
        problem(api("POST", path, json={"rows": [example(iris)]}), 404)
        problem(api("GET", f"/models/{iris.model}/versions/{version}"), 404)


def test_an_alias_moves_to_a_version_that_is_named(api: Api, iris: Version) -> None:
    for version in ("", " "):
        said = api("PUT", f"/models/{iris.model}/aliases/staging", json={"version": version})
        assert "version" in problem(said, 422)["problems"]
    api.ok("PUT", f"/models/{iris.model}/aliases/staging", json={"version": "latest"})


def test_nobody_is_sent_elsewhere_by_the_host_they_asked_for(api: Api, iris: Version) -> None:
    host = {"host": "elsewhere.example"}
    for path in (f"/models/{iris.model}/predict/", f"/models/{iris.model}/predict//"):
        problem(api("POST", path, json={"rows": []}, headers=host), 404)
    problem(api("GET", "/health/", headers=host), 404)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v2/health"])
def test_beside_the_api_is_no_page(api: Api, path: str) -> None:
    problem(api("GET", path), 404)


def test_a_compressed_body_is_refused_in_words(api: Api, iris: Version) -> None:
    path, headers = f"/models/{iris.model}/predict", {"content-encoding": "gzip"}
    said = problem(api("POST", path, json={"rows": [{}]}, headers=headers), 415)
    assert "not compressed" in said["detail"]


def test_the_license_of_a_hidden_parent_is_held_against_and_not_named(
    api: Api, api_of: Callable[[Actor], Api], reg: Registry, alice: Actor, bob: Actor,
    iris: Version, publish_file: Publish, iris_file: Path,
) -> None:  # fmt: skip
    child = publish_file(alice, iris_file, name="Child")
    lineage.link(reg, alice, child.ref, iris.ref, "derived")
    access.share(reg, alice, child.model, "bob", "view")
    path = f"/models/{child.model}/versions/1/licenses"
    (told,) = api_of(bob).ok("GET", path)["parents"]
    assert (told["parent"], told["relation"]) == ("", "")
    models.trash(reg, alice, iris.model)
    (told,) = api.ok("GET", path)["parents"]
    assert told["parent"] == ""
