"""Use, trust and standards of models by the API: what the pages know, and nothing else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from registry import access, aliases, lineage, models, prediction_log, timings
from registry.core import Registry
from registry.records import Actor, Benchmark, OutputValue, Version
from registry.tables import new_id, now
from tests.registry.web.conftest import Api, Client, problem

ApiOf = Callable[[Actor], Api]
MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
)


@pytest.fixture
def by_bob(api_of: ApiOf, reg: Registry, alice: Actor, bob: Actor, iris: Version) -> Api:
    """Bob, with whom alice's model is shared for viewing."""
    access.share(reg, alice, iris.model, "bob", "view")
    return api_of(bob)


def test_one_vote_a_person_counts_and_can_be_taken_back(
    api: Api, by_bob: Api, iris: Version
) -> None:
    path = f"/models/{iris.model}/rating"
    by_bob.ok("PUT", path, json={"stars": 2})
    said = by_bob.ok("PUT", path, json={"stars": 4})
    assert (said["average"], said["n_votes"], said["own"]) == (4.0, 1, 4)
    assert (api.ok("GET", path)["counts"], api.ok("GET", path)["own"]) == ([0, 0, 0, 1, 0], None)
    assert "your own model" in problem(api("PUT", path, json={"stars": 5}), 403)["detail"]
    assert by_bob.ok("DELETE", path)["average"] is None
    assert problem(by_bob("PUT", path, json={"stars": 6}), 422)["problems"].keys() == {"stars"}


def test_use_is_for_all_who_see_the_model_and_downloads_for_who_manage_it(
    api: Api, by_bob: Api, iris: Version
) -> None:
    assert by_bob("GET", f"/models/{iris.model}/versions/1/files/model").status_code == 200
    said = by_bob.ok("GET", f"/models/{iris.model}/usage?days=7")
    assert (len(said["days"]), said["downloads"][-1], said["versions"][0]["downloads"]) == (7, 1, 1)
    [line] = api.ok("GET", f"/models/{iris.model}/downloads")["items"]
    assert (line["by"], line["number"], line["what"]) == ("bob", 1, "file")
    problem(by_bob("GET", f"/models/{iris.model}/downloads"), 403)


def test_a_license_is_held_against_parents_and_projects(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    models.edit(reg, alice, iris.model, license="GPL-3.0-only")
    path = f"/models/{iris.model}/license-check"
    said = api.ok("POST", path, json={"license": "MIT", "use": "derived"})
    assert (said["source"], said["target"], said["compatible"]) == ("GPL-3.0-only", "MIT", "no")
    assert said["why"]
    assert said["rule"]
    assert api.ok("POST", path, json={"text": MIT, "use": "derived"}) == said
    assert "text" in problem(api("POST", path, json={"text": "as you like it"}), 422)["problems"]
    for wrong in ({}, {"license": "MIT", "text": MIT}, {"license": "no such"}, {"use": "part"}):
        problem(api("POST", path, json=wrong), 422)
    assert (
        "off" in problem(api("POST", path, json={"link": "https://example.org/x"}), 422)["detail"]
    )
    none = api.ok("GET", f"/models/{iris.model}/versions/1/licenses")
    assert none == {"license": "GPL-3.0-only", "parents": []}


def test_parents_come_with_their_licenses_and_go(
    api: Api, reg: Registry, alice: Actor, iris: Version, publish_file: Callable[..., Version],
    iris_file: object,
) -> None:  # fmt: skip
    base = publish_file(alice, iris_file, check=False, name="Base", license="GPL-3.0-only")
    models.edit(reg, alice, iris.model, license="MIT")
    path = f"/models/{iris.model}/versions/1"
    api.ok("POST", f"{path}/parents", 204, json={"parent": base.ref, "relation": "fine-tuned"})
    [parent] = api.ok("GET", f"{path}/licenses")["parents"]
    assert (parent["parent"], parent["check"]["compatible"]) == (base.ref, "no")
    circle = {"parent": iris.ref}
    problem(api("POST", f"/models/{base.model}/versions/1/parents", json=circle), 409)
    api.ok("DELETE", f"{path}/parents", 204, params={"parent": base.ref})
    problem(api("DELETE", f"{path}/parents", params={"parent": base.ref}), 404)
    assert len(lineage.graph(reg, alice, iris.ref)) == 1


def test_a_scorecard_has_evidence_and_latency_of_every_measure(api: Api, iris: Version) -> None:
    path = f"/models/{iris.model}/versions/1/scorecard"
    said = api.ok("GET", path)
    assert len(said["scores"]) == 11
    assert all(score["evidence"] and score["latency_ms"] >= 0 for score in said["scores"])
    known = [score for score in said["scores"] if score["value"] is not None]
    weighted = sum(score["value"] * score["weight"] for score in known)
    assert said["net"] == pytest.approx(weighted / sum(score["weight"] for score in known))
    problem(api("GET", f"{path}?links=true"), 422)


def test_a_gate_is_set_asked_and_passed_by(api: Api, by_bob: Api, iris: Version) -> None:
    path, version = f"/models/{iris.model}/gate", f"/models/{iris.model}/versions/1/gate"
    rule = {"kind": "metric", "metric": "accuracy_score", "value": 0.99}
    assert api.ok("GET", path)["rules"] == []
    [set_] = api.ok("PUT", path, json={"rules": [rule]})["rules"]
    assert (set_["aliases"], set_["op"]) == (["champion", "production"], ">=")
    said = by_bob.ok("GET", f"{version}/champion")
    assert (said["passed"], len(said["rules"])) == (False, 1)
    assert "0.95" in said["rules"][0]["said"]
    assert by_bob.ok("GET", f"{version}/staging") == {"passed": True, "rules": []}
    looser = {"rules": [rule | {"value": 0.9}]}
    assert by_bob.ok("POST", version, json=looser)["passed"] is True
    problem(by_bob("PUT", path, json=looser), 403)
    wrong = {"rules": [{"kind": "latency", "value": -1}]}
    assert "rule 1: value" in problem(api("PUT", path, json=wrong), 422)["problems"]


def test_golden_cases_are_kept_and_put_to_a_version(
    api: Api, reg: Registry, alice: Actor, by_bob: Api, iris: Version
) -> None:
    path, runs = (
        f"/models/{iris.model}/golden-cases",
        f"/models/{iris.model}/versions/1/golden-runs",
    )
    problem(api("POST", runs), 409)
    case = {"name": "one", "inputs": {"a": 1}, "expected": {"label": "setosa"}}
    made = api.ok("POST", path, 201, json=case)
    problem(api("POST", path, json=case), 409)
    changed = api.ok("PATCH", f"{path}/{made['id']}", json={"tolerance": 0.5})
    assert (changed["tolerance"], changed["inputs"]) == (0.5, {"a": 1})
    assert [c["id"] for c in by_bob.ok("GET", path)["items"]] == [made["id"]]
    job = api.ok("POST", runs, 202)
    assert (job["kind"], job["subject"], job["state"]) == ("golden", iris.ref, "queued")
    assert api.ok("GET", runs)["items"] == []
    problem(by_bob("DELETE", f"{path}/{made['id']}"), 403)
    api.ok("DELETE", f"{path}/{made['id']}", 204)
    problem(api("PATCH", f"{path}/{made['id']}", json={}), 404)


def test_benchmarks_are_read_and_asked_for(
    api: Api, reg: Registry, by_bob: Api, iris: Version
) -> None:
    path = f"/models/{iris.model}/versions/1/benchmarks"
    measured = Benchmark(new_id(), iris.id, "a machine", 9.0, 1.0, 2.0, 3.0, {1: 5.0}, 6, 7, now())
    with reg.writing() as s:
        timings.record_in(s, measured)
    [said] = by_bob.ok("GET", path)["items"]
    assert (said["p95_ms"], said["rows_per_s"]) == (2.0, {"1": 5.0})
    first = api.ok("POST", path, 202)
    assert first["kind"] == "benchmark"
    assert api.ok("POST", path, 202)["id"] == first["id"]
    problem(by_bob("POST", path), 403)


def _log(reg: Registry, actor: Actor, version: Version) -> str:
    outputs = [OutputValue("label", "label", ["=1+1"])]
    entry = prediction_log.Entry(
        new_id(), version.model_id, version.id, actor.id, 1, 2.5, "ok",
        inputs=lambda: {"rows": [{"a": 1}]},
        answer=lambda: {"rows": 1, "outputs": [{"name": o.name, "role": o.role, "values": o.values,
                                                "dtype": "", "shape": [], "classes": []}
                                               for o in outputs]},
    )  # fmt: skip
    prediction_log.log(reg, entry)
    prediction_log.flush(reg)
    return entry.id


def test_predictions_are_found_flagged_shared_and_exported(
    api: Api, reg: Registry, bob: Actor, by_bob: Api, iris: Version
) -> None:
    model = f"/models/{iris.model}"
    assert api.ok("PUT", f"{model}/keeping", json={"what": "full", "days": 7})["days"] == 7
    one = f"/predictions/{_log(reg, bob, iris)}"
    [line] = by_bob.ok("GET", "/predictions")["items"]
    assert (line["ref"], line["latency_ms"], line["outcome"]) == (iris.ref, 2.5, "ok")
    by_bob.ok("PUT", f"{one}/flag", 204, json={"flag": "wrong", "reason": "no flower"})
    [flagged] = api.ok("GET", f"{model}/predictions?flag=any&version=1")["items"]
    assert (flagged["actor"], flagged["flag_reason"]) == ("bob", "no flower")
    assert api.ok("GET", f"{model}/predictions?mine=true")["items"] == []
    assert by_bob.ok("GET", one)["inputs"] == [{"a": 1}]
    problem(api("PUT", f"{one}/share"), 403)
    by_bob.ok("PUT", f"{one}/share", 204)
    assert api.ok("GET", one)["line"]["shared"] is True
    for thing in ("share", "flag"):
        by_bob.ok("DELETE", f"{one}/{thing}", 204)
    sheet = api("GET", f"{model}/predictions/export")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert [row.split(",")[3] for row in sheet.text.splitlines()] == ["by", "bob"]
    problem(by_bob("PUT", f"{model}/keeping", json={"what": "nothing"}), 403)
    problem(api("GET", f"{model}/predictions?until=9999-12-31"), 422)


def test_a_version_leaves_as_a_zip_also_by_a_link(
    api: Api, by_bob: Api, client: Client, reg: Registry, alice: Actor, iris: Version
) -> None:
    path = f"/models/{iris.model}/versions/1/export"
    answer = by_bob("GET", f"{path}/package", params={"part": "weights"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as whole:
        assert whole.testzip() is None
        assert f"weights/{iris.artifact.filename}" in whole.namelist()
    link = by_bob.ok("POST", f"{path}/hub/link", 201)
    assert client.get(link["path"]).content[:2] == b"PK"
    assert link["expires_in_s"] == reg.settings.link_expiry_s
    access.unshare(reg, alice, iris.model, "bob")
    assert client.get(link["path"]).status_code == 404
    problem(api("GET", f"{path}/pickle"), 422)
    problem(api("GET", f"{path}/package", params={"part": "all of it"}), 422)
    aliases.move(reg, alice, iris.ref, "staging")
    assert api("GET", f"/models/{iris.model}/versions/staging/export/hub").status_code == 200
