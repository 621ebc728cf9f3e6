"""The client of other machines, against a real server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from registry import (
    aliases,
    checks,
    client,
    errors,
    gates,
    publish,
    remote,
    staging,
    tokens,
    uploads,
)
from registry import versions as stored
from registry.client import Vitrine
from registry.core import Registry
from registry.records import Actor, Details, Rule, Version
from tests.conftest import PASSWORD
from tests.makers import models as makers


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.001)


@pytest.fixture
def secret(reg: Registry, alice: Actor) -> str:
    return tokens.create(reg, alice, "elsewhere", list(tokens.PERMISSIONS))[1]


@pytest.fixture
def vitrine(served: str, secret: str) -> Iterator[Vitrine]:
    with Vitrine(served, secret) as vitrine:
        yield vitrine


class Flaky(httpx.BaseTransport):
    """A link that breaks at every `every`-th call, half the time after an answer."""

    def __init__(self, every: int) -> None:
        self._inner, self._every, self.n_calls = httpx.HTTPTransport(), every, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.n_calls += 1
        if self.n_calls % self._every:
            return self._inner.handle_request(request)
        if self.n_calls % (2 * self._every):
            self._inner.handle_request(request).read()
        raise httpx.ReadError("the link broke")

    def close(self) -> None:
        self._inner.close()


def test_models_and_versions_are_found_and_read(vitrine: Vitrine, iris: Version) -> None:
    [found] = vitrine.models("iris", sort="name")
    assert (found.ref, found.level) == (iris.model, "manage")
    assert vitrine.model(iris.model).tags == ("flowers",)
    [version] = vitrine.versions(iris.model)
    assert version.ref == vitrine.version(iris.model).ref == iris.ref
    assert vitrine.version(iris.ref).metrics == {"accuracy_score": 0.95}


def test_a_file_goes_up_and_comes_back_the_same(
    vitrine: Vitrine, reg: Registry, alice: Actor, iris_file: Path, tmp_path: Path
) -> None:
    needs = tmp_path / "requirements.txt"
    needs.write_text("scikit-learn\n")
    told: list[tuple[int, int]] = []
    version = vitrine.upload(
        iris_file, name="Flowers", tags=["a"], files={"requirements": needs},
        progress=lambda *said: told.append(said),
    )  # fmt: skip
    size = iris_file.stat().st_size
    assert told[-1] == (size, size)
    assert (version.ref, {file.kind for file in version.files}) == (
        "alice/flowers@1", {"model", "requirements"}
    )  # fmt: skip
    checks.run(reg, stored.get(reg, alice, version.ref).id)
    assert vitrine.wait(version.ref).status == "ready"
    again = vitrine.upload(iris_file, model="alice/flowers", notes="again")
    assert again.number == 2
    path = vitrine.download(version.ref, tmp_path)
    assert path == tmp_path / iris_file.name
    assert path.read_bytes() == iris_file.read_bytes()


def test_a_link_that_breaks_costs_parts_only(
    served: str, secret: str, reg: Registry, alice: Actor, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(client, "_PART", 10_000)
    file = tmp_path / "big.onnx"
    file.write_bytes(bytes(range(251)) * 700)
    with Vitrine(served, secret, transport=Flaky(5)) as vitrine:
        upload = vitrine.send(file)
    assert staging.get(reg, alice, upload).digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_upload_that_was_given_up_is_gone_on_with(
    served: str, secret: str, vitrine: Vitrine, reg: Registry, alice: Actor, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(client, "_PART", 10_000)
    file = tmp_path / "big.onnx"
    file.write_bytes(b"x" * 45_000)

    class Dead(Flaky):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.n_calls += 1
            if self.n_calls > 3:
                raise httpx.ConnectError("no link")
            return self._inner.handle_request(request)

    with (
        Vitrine(served, secret, transport=Dead(1)) as broken,
        pytest.raises(ConnectionError, match="resume=") as gave_up,
    ):
        broken.send(file)
    upload = str(gave_up.value).split("'")[1]
    assert uploads.get(reg, alice, upload).received_bytes == 20_000
    seen: list[int] = []
    assert vitrine.send(file, resume=upload, progress=lambda at, _: seen.append(at)) == upload
    assert seen[0] == 30_000
    assert staging.get(reg, alice, upload).size_bytes == 45_000


def test_a_file_that_changed_between_two_attempts_is_refused(
    vitrine: Vitrine, iris_file: Path, tmp_path: Path
) -> None:
    file, content = tmp_path / "iris.joblib", iris_file.read_bytes()
    upload = vitrine._begin(file.name, len(content))
    vitrine._send_part(upload, 0, content[:1000])
    file.write_bytes(b"other" + content[5:])
    with pytest.raises(errors.InvalidInput, match=r"it changed.*again without resume"):
        vitrine.upload(file, name="Flowers", resume=upload)
    file.write_bytes(content + b"more")
    with pytest.raises(errors.InvalidInput, match=r"this one has.*again without resume"):
        vitrine.upload(file, name="Flowers", resume=upload)
    assert list(vitrine.models()) == []
    file.write_bytes(content)
    assert vitrine.upload(file, name="Flowers", resume=upload).ref == "alice/flowers@1"


def test_a_path_that_ends_with_a_slash_is_a_folder(
    vitrine: Vitrine, iris: Version, iris_file: Path, tmp_path: Path
) -> None:
    class Place(os.PathLike[str]):
        def __fspath__(self) -> str:
            return f"{tmp_path}/there/too/"

    for to in (f"{tmp_path}/models/", Place()):
        path = vitrine.download(iris.ref, to)
        assert path == Path(to) / iris_file.name
        assert path.read_bytes() == iris_file.read_bytes()
    assert vitrine.download(iris.ref, tmp_path / "own") == tmp_path / "own"
    assert (tmp_path / "own").is_file()


def test_a_download_goes_on_where_it_stopped_and_is_checked(
    vitrine: Vitrine, iris: Version, iris_file: Path, tmp_path: Path
) -> None:
    content = iris_file.read_bytes()
    part = tmp_path / f"{iris_file.name}.part"
    part.write_bytes(content[:100])
    seen: list[int] = []
    path = vitrine.download(iris.ref, tmp_path, progress=lambda at, _: seen.append(at))
    assert path.read_bytes() == content
    assert seen[0] > 100
    assert not part.exists()
    part.write_bytes(b"damaged" + content[7:100])
    with pytest.raises(errors.StoreError, match="damaged"):
        vitrine.download(iris.ref, tmp_path / iris_file.name)
    assert not part.exists()
    with pytest.raises(errors.NotFound):
        vitrine.download(iris.ref, tmp_path, file="config")


def test_rows_of_every_kind_are_answered_alike(
    vitrine: Vitrine, reg: Registry, alice: Actor, iris: Version, tmp_path: Path
) -> None:
    assert iris.schema is not None
    row = iris.schema.example
    frame = pd.DataFrame([row] * 3)
    answers = [
        vitrine.predict(iris.ref, [row] * 3),
        vitrine.predict(iris.model, frame),
        vitrine.predict(f"{iris.model}@latest", [{k: np.float64(v) for k, v in row.items()}] * 3),
    ]
    assert answers[0].n_rows == 3
    assert all(answer.outputs == answers[0].outputs for answer in answers)
    assert vitrine.predict(iris.ref, row).outputs["label"] == answers[0].outputs["label"][:1]
    file = makers.onnx_picture(tmp_path)
    with staging.receive(reg, alice, file.name) as incoming:
        incoming.write(file.read_bytes())
        draft = publish.examine(reg, alice, incoming.finish().id)
    pictures = publish.publish(reg, alice, draft.id, Details(name="Pictures"))
    checks.run(reg, pictures.id)
    schema = stored.get(reg, alice, pictures.ref).schema
    assert schema is not None
    arrays = {name: np.array(value) for name, value in schema.example.items()}
    assert vitrine.predict(pictures.ref, arrays).outputs


def test_aliases_and_comparison(
    vitrine: Vitrine, reg: Registry, alice: Actor, iris: Version, iris_file: Path
) -> None:
    vitrine.set_alias(iris.ref, "champion", "best")
    assert aliases.history(reg, alice, iris.model)[0].reason == "best"
    gates.edit(reg, alice, iris.model, [Rule("metric", metric="accuracy_score", value=0.99)])
    with pytest.raises(errors.Conflict, match="accuracy_score"):
        vitrine.set_alias(iris.ref, "production")
    vitrine.set_alias(iris.ref, "production", override_reason="the data set was broken")
    child = vitrine.upload(iris_file, model=iris.model)
    said = vitrine.compare([iris.ref, child.ref], base=child.ref)
    assert (said["refs"], said["base"]) == ([iris.ref, child.ref], 1)
    gates.edit(reg, alice, iris.model, [])
    vitrine.remove_alias(iris.model, "champion")


def test_what_the_server_refuses_is_raised_as_what_it_was(
    served: str, vitrine: Vitrine, iris: Version
) -> None:
    with pytest.raises(errors.NotFound, match="nada"):
        vitrine.model("alice/nada")
    with pytest.raises(errors.InvalidInput) as wrong:
        vitrine.predict(iris.ref, [{"x": 1}])
    assert "x" in wrong.value.problems
    with Vitrine(served, "vtr_none") as stranger, pytest.raises(errors.NotSignedIn):
        next(stranger.models())


def test_it_brings_nothing_heavy_along() -> None:
    code = "import sys, registry.client; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "pydantic", "fastapi", "starlette", "numpy", "pandas", "streamlit"}
    assert heavy.isdisjoint(done.stdout.split())


def test_a_login_goes_on_by_itself(served: str, reg: Registry, alice: Actor, iris: Version) -> None:
    with Vitrine.sign_in(served, "alice", PASSWORD) as vitrine:
        assert vitrine.me()["username"] == "alice"
        before = vitrine._who.refresh
        vitrine._who.token = "vta_over"
        with ThreadPoolExecutor(4) as threads:  # a refresh token that is used twice ends the login
            said = list(threads.map(lambda _: vitrine.me()["username"], range(4)))
        assert said == ["alice"] * 4
        assert vitrine._who.refresh != before
        vitrine.sign_out()
        with pytest.raises(errors.NotSignedIn):
            vitrine.me()
    with pytest.raises(errors.NotSignedIn):
        Vitrine.sign_in(served, "alice", "not her password")


class Crowded(httpx.BaseTransport):
    """A server that has too much to do for the first calls."""

    def __init__(self, *before: tuple[int, str]) -> None:
        self._before, self.seen = list(before), list[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.method)
        if self._before:
            status, wait = self._before.pop(0)
            kind = "urn:vitrine:problem:" + ("busy" if status == 503 else "rate-limited")
            return httpx.Response(status, headers={"retry-after": wait}, json={"type": kind})
        return httpx.Response(200, json={"items": [], "next": None, "ref": "a/b@1"})


def test_a_server_with_too_much_to_do_is_asked_again_when_it_says() -> None:
    crowd = Crowded((503, "0"), (429, "0"), (503, "soon"))
    with Vitrine("http://there", "vtr_x", transport=crowd) as vitrine:
        assert list(vitrine.jobs()) == []
    assert crowd.seen == ["GET"] * 4
    for refused, kind in (((429, "3600"), errors.RateLimited), ((503, "0"), errors.Busy)):
        crowd = Crowded(*[refused] * 9)
        with Vitrine("http://there", "vtr_x", transport=crowd) as vitrine, pytest.raises(kind):
            vitrine.model("a/b")
        assert len(crowd.seen) == (1 if kind is errors.RateLimited else client.TRIES)
    crowd = Crowded((503, "0"))
    with Vitrine("http://there", "vtr_x", transport=crowd) as vitrine, pytest.raises(errors.Busy):
        vitrine.rollback("a/b", "champion")  # twice would go back twice
    assert crowd.seen == ["POST"]


def test_more_rows_than_json_takes_go_as_arrow(vitrine: Vitrine, iris: Version) -> None:
    assert iris.schema is not None
    frame = pd.DataFrame([iris.schema.example] * 10_001)
    answer = vitrine.predict(iris.ref, frame)
    assert (answer.n_rows, len(answer.outputs["label"])) == (10_001, 10_001)


def test_what_the_api_offers_is_offered(
    vitrine: Vitrine, reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    vitrine.edit(iris.model, description="Flowers")
    vitrine.edit(iris.ref, notes="the first")
    assert vitrine.model(iris.model).said["description"] == "Flowers"
    vitrine.log_metrics(iris.ref, {"f1": 0.5}, "held out")
    assert vitrine.version(iris.ref).metrics["f1"] == 0.5
    vitrine.share(iris.model, "bob")
    assert stored.get(reg, bob, iris.ref).notes == "the first"
    vitrine.share(iris.model, "bob", "")
    assert [one["ref"] for one in vitrine.lineage(iris.ref)] == [iris.ref]
    assert {line["action"] for line in vitrine.audit()} >= {"model.edit", "version.edit"}
    [job, *_] = vitrine.jobs()
    assert vitrine.job(job["id"])["kind"] == job["kind"]
    vitrine.trash(iris.ref)
    vitrine.restore(iris.ref)
    vitrine.trash(iris.model)
    assert list(vitrine.models()) == []
    vitrine.restore(iris.model)
    assert [model.ref for model in vitrine.models()] == [iris.model]


@pytest.mark.parametrize("gap", [float("nan"), np.float32("nan"), np.datetime64("NaT"), pd.NaT])
def test_nan_in_a_row_is_sent_as_a_gap(gap: object) -> None:
    sent: list[dict[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(
            200, json={"ref": "a/b@1", "n_rows": 1, "outputs": {}, "latency_ms": {}}
        )

    row = {"x": gap, "y": np.float32(0.5), "z": "text"}
    mixed = pd.DataFrame({"x": [gap, "text"]}, dtype=object)
    with Vitrine("http://there", "vtr_x", transport=httpx.MockTransport(answer)) as vitrine:
        vitrine.predict("a/b", row)
        vitrine.predict("a/b", [row])
    clean = {"x": None, "y": 0.5, "z": "text"}
    assert sent == [{"rows": clean}, {"rows": [clean]}]
    assert remote.body_of(mixed)["dataframe_split"]["data"][0] == [None]


def test_a_gap_is_told_as_what_it_is_by_the_server(vitrine: Vitrine, iris: Version) -> None:
    assert iris.schema is not None
    name = iris.schema.fields[0].name
    row = iris.schema.example | {name: float("nan")}
    for rows in ([row], pd.DataFrame([row])):
        with pytest.raises(errors.InvalidInput, match="must have a value") as wrong:
            vitrine.predict(iris.ref, rows)
        assert list(wrong.value.problems) == [name]


def test_nan_in_an_array_is_refused_with_what_to_do() -> None:
    crowd = Crowded()
    with Vitrine("http://there", "vtr_x", transport=crowd) as vitrine:
        for rows in (
            {"x": np.array([[0.5, np.nan]], np.float32)},
            {"x": [[0.5, float("inf")]]},
            np.array([[np.nan]]),
        ):
            with pytest.raises(errors.InvalidInput, match="put a number there"):
                vitrine.predict("a/b", rows)
        with pytest.raises(errors.InvalidInput, match="NaN"):
            vitrine.log_metrics("a/b@1", {"f1": float("nan")})
    assert crowd.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>a page</html>"),
        httpx.Response(200),
        httpx.Response(404, text="Not Found"),
        httpx.Response(405, json="no"),
        httpx.Response(307, headers={"location": "/elsewhere"}),
    ],
    ids=lambda answer: str(answer.status_code),
)
def test_an_address_that_is_not_the_servers_is_told(answer: httpx.Response, tmp_path: Path) -> None:
    carried = httpx.MockTransport(lambda _: answer)
    file = tmp_path / "model.onnx"
    file.write_bytes(b"x")
    with Vitrine("http://there/models", "vtr_x", transport=carried) as vitrine:
        for ask in (
            vitrine.me,
            lambda: list(vitrine.models()),
            lambda: vitrine.send(file),
            lambda: vitrine.predict("a/b", {"x": 1}),
            lambda: Vitrine.sign_in("http://there/models", "a", "b", transport=carried),
        ):
            with pytest.raises(errors.RegistryError, match="give the address of the server alone"):
                ask()


@pytest.mark.parametrize("name", ["", "iris", "alice/", "alice/iris/versions"])
def test_what_names_no_model_is_not_asked_for(name: str) -> None:
    crowd = Crowded()
    with Vitrine("http://there", "vtr_x", transport=crowd) as vitrine:
        for ask in (vitrine.model, vitrine.version, vitrine.trash):
            with pytest.raises(errors.InvalidInput, match="owner/slug"):
                ask(name)
    assert crowd.seen == []
