"""Reading by the API: the same as the pages know, in pages, and nothing of other people's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry import access, aliases, lineage, metrics, models, tokens
from registry.core import Registry
from registry.records import Actor, Version
from tests.registry.web.conftest import Api, Client, problem

ApiOf = Callable[[Actor], Api]


@pytest.fixture
def many(reg: Registry, alice: Actor) -> list[str]:
    """Seven models of alice's without versions, by name."""
    names = [f"Model {n}" for n in range(7)]
    with reg.writing() as s:
        for name in names:
            models.create_in(s, alice, name=name, task="regression", tags=["odd"])
    return names


def test_who_asks_is_told(api: Api, reg: Registry, alice: Actor) -> None:
    said = api.ok("GET", "/me")
    assert (said["username"], said["role"]) == ("alice", "author")
    assert said["permissions"] == ["delete", "download", "predict", "search", "upload"]
    api.secret = tokens.create(reg, alice, "less", ["predict"])[1]
    assert api.ok("GET", "/me")["permissions"] == ["predict"]


def test_a_model_is_found_and_read(api: Api, iris: Version) -> None:
    [found] = api.ok("GET", "/models?q=iris+tag:flowers&framework=scikit-learn")["items"]
    assert (found["ref"], found["level"], found["n_versions"]) == (iris.model, "manage", 1)
    assert "card" not in found
    assert api.ok("GET", f"/models/{iris.model}")["card"] == ""
    assert api.ok("GET", "/models?q=iris&framework=ONNX")["items"] == []


def test_a_list_comes_in_pages_to_its_end(api: Api, many: list[str]) -> None:
    seen, cursor, asked = [], "", 0
    while cursor is not None:
        page = api.ok("GET", "/models", params={"sort": "name", "limit": 3, "cursor": cursor})
        seen += [model["name"] for model in page["items"]]
        cursor, asked = page["next"], asked + 1
    assert (seen, asked) == (many, 3)


def test_a_cursor_is_of_one_list_and_of_us(api: Api, many: list[str]) -> None:
    cursor = api.ok("GET", "/models?limit=3")["next"]
    assert api("GET", "/models", params={"limit": 3, "cursor": cursor}).status_code == 200
    other = {"cursor": cursor, "sort": "name"}
    for wrong in ({"cursor": "x"}, {"cursor": cursor[:-1]}, other, {"cursor": "é" * 99}):
        assert "cursor" in problem(api("GET", "/models", params=wrong), 422)["problems"]
    problem(api("GET", "/jobs", params={"cursor": cursor}), 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "sort=x", "q=nope:1"])
def test_what_a_list_cannot_do_is_said(query: str, api: Api) -> None:
    assert problem(api("GET", f"/models?{query}"), 422)["problems"]


def test_a_version_by_number_alias_and_latest(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    aliases.move(reg, alice, iris.ref, "production", "good")
    for name in ("1", "v1", "latest", "production"):
        said = api.ok("GET", f"/models/{iris.model}/versions/{name}")
        assert (said["ref"], said["status"]) == (iris.ref, "ready")
    assert said["artifacts"][0]["digest"] == iris.artifact.digest
    assert said["schema"]["kind"] == "table"
    assert said["report"]["verdict"] == "clean"
    [listed] = api.ok("GET", f"/models/{iris.model}/versions")["items"]
    assert (listed["number"], listed["aliases"]) == (1, ["production"])
    problem(api("GET", f"/models/{iris.model}/versions/9"), 404)


def test_aliases_with_their_moves(api: Api, reg: Registry, alice: Actor, iris: Version) -> None:
    aliases.move(reg, alice, iris.ref, "staging", "first")
    aliases.move(reg, alice, iris.ref, "champion", "best")
    said = api.ok("GET", f"/models/{iris.model}/aliases?limit=1")
    assert said["aliases"] == {"staging": 1, "champion": 1}
    assert [move["reason"] for move in said["items"]] == ["best"]
    after = {"limit": 1, "cursor": said["next"]}
    more = api.ok("GET", f"/models/{iris.model}/aliases", params=after)
    assert ([move["reason"] for move in more["items"]], more["next"]) == (["first"], None)


def test_metrics_lineage_and_comparison(
    api: Api, reg: Registry, alice: Actor, iris: Version, publish_file: Callable[..., Version],
    iris_file: object,
) -> None:  # fmt: skip
    child = publish_file(alice, iris_file, check=False, model=iris.model, parents=(iris.ref,))
    metrics.log(reg, alice, child.ref, {"f1": 0.5})
    said = api.ok("GET", f"/models/{iris.model}/versions/2/metrics")["items"]
    assert [(m["name"], m["value"], m["source"]) for m in said] == [("f1", 0.5, "logged")]
    kin = api.ok("GET", f"/models/{iris.model}/versions/2/lineage")["items"]
    assert {(one["ref"], one["depth"]) for one in kin} == {(child.ref, 0), (iris.ref, -1)}
    assert kin[0]["parents"] == [[iris.ref, "derived"]]
    assert lineage.graph(reg, alice, child.ref)[0].ref == child.ref
    both = {"v": [iris.ref, child.ref], "base": child.ref}
    compared = api.ok("GET", "/compare", params=both)
    assert (compared["refs"], compared["base"]) == ([iris.ref, child.ref], 1)
    assert compared["verdict"]
    assert [line["values"] for line in compared["metrics"] if line["name"] == "f1"] == [[None, 0.5]]
    problem(api("GET", "/compare"), 422)
    problem(api("GET", "/compare", params={"v": iris.ref, "base": "x/y"}), 422)


PATHS = ("", "/versions", "/versions/1", "/aliases", "/versions/1/lineage", "/versions/1/metrics")


@pytest.mark.parametrize("path", [*PATHS, "/grants"])
def test_anothers_private_model_and_none_at_all_are_the_same_answer(
    path: str, api_of: ApiOf, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    by_bob = api_of(bob)
    theirs = by_bob("GET", f"/models/{iris.model}{path}")
    none = by_bob("GET", f"/models/alice/nada{path}")
    problem(theirs, 404)
    assert theirs.text.replace(iris.model, "…") == none.text.replace("alice/nada", "…")
    assert sorted(theirs.headers) == sorted(none.headers)
    access.share(reg, alice, iris.model, "bob", "manage")
    assert by_bob("GET", f"/models/{iris.model}{path}").status_code == 200


def test_lists_do_not_speak_of_others(api_of: ApiOf, bob: Actor, iris: Version) -> None:
    by_bob = api_of(bob)
    for path in ("/models", "/models?q=iris", "/me/audit", "/jobs", "/models?owner=alice"):
        assert "iris" not in by_bob("GET", path).text
    seen = by_bob("GET", "/compare", params={"v": iris.ref})
    problem(seen, 404)


def test_audit_lines_and_jobs_of_ones_own(api: Api, iris: Version) -> None:
    lines = api.ok("GET", "/me/audit?limit=100")["items"]
    assert {"version.add", "model.create", "token.create"} <= {line["action"] for line in lines}
    [job, *_] = api.ok("GET", "/jobs")["items"]
    assert api.ok("GET", f"/jobs/{job['id']}") == job
    problem(api("GET", "/jobs/none"), 404)


def test_health_is_for_anybody_and_the_rest_for_none(client: Client) -> None:
    nobody = Api(client, "")
    assert nobody.ok("GET", "/health") == {"status": "ok"}
    for path in ("/me", "/models", "/compare?v=a/b", "/tokens", "/jobs"):
        answer = nobody("GET", path)
        problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_without_search_reads_nothing(
    client: Client, reg: Registry, alice: Actor, iris: Version
) -> None:
    narrow = Api(client, tokens.create(reg, alice, "narrow", ["predict"])[1])
    for path in ("/models", f"/models/{iris.model}", f"/compare?v={iris.ref}"):
        assert "does not permit to search" in problem(narrow("GET", path), 403)["detail"]


def test_strange_words_in_an_address_find_nothing(api: Api, iris: Version) -> None:
    for path in ("/models/%00/%ff", "/models/alice/iris%401", "/models/../../x", "/models/a/b@3"):
        assert api("GET", path).status_code in (200, 404)
