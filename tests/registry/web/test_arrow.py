"""Rows as an Arrow stream: read in the worker alone, answered as JSON or as a stream."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from registry import keeping, predictions, versions
from registry.core import Registry
from registry.inputs import MAX_ROWS
from registry.records import Actor, Field, Output, Schema, Version
from registry.web import handle
from tests.makers import models as makers
from tests.registry.web.conftest import Api, problem

KIND = "application/vnd.apache.arrow.stream"
Publish = Callable[..., Version]
Ask = Callable[..., httpx.Response]


def stream(columns: dict[str, Any], **options: Any) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    chosen = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, table.schema, options=chosen) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


@pytest.fixture
def ask(api: Api, iris: Version) -> Ask:
    """Posts a stream by alice's token."""

    def post(body: bytes, accept: str = "", model: str = iris.model) -> httpx.Response:
        headers = {"accept": accept} if accept else {}
        path = f"/models/{model}/predict"
        return api("POST", path, kind=KIND, content=body, headers=headers)

    return post


def rows(version: Version, n: int = 3) -> dict[str, Any]:
    assert version.schema is not None
    return {name: [value + k / 10 for k in range(n)]
            for name, value in version.schema.example.items()}  # fmt: skip


def pid(reg: Registry, version: Version) -> int:
    [state] = [one for one in reg.pool.states() if one.version_id == version.id]
    return state.pid


def test_a_stream_is_answered_as_the_same_rows_in_json(ask: Ask, api: Api, iris: Version) -> None:
    columns = rows(iris)
    listed = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    by_json = api.ok("POST", f"/models/{iris.model}/predict", json={"rows": listed})
    said = ask(stream(columns)).json()
    assert (said["outputs"], said["n_rows"]) == (by_json["outputs"], 3)
    answer = ask(stream(columns), KIND)
    assert answer.headers["content-type"] == KIND
    table = pa.ipc.open_stream(answer.content).read_all()
    for name, output in said["outputs"].items():
        assert table.column(name).to_pylist() == output["values"]
        about = table.schema.field(name).metadata
        assert about[b"role"].decode() == output["role"]
        assert json.loads(about.get(b"classes", b"[]")) == output["classes"]
    facts = json.loads(table.schema.metadata[b"vitrine"])
    assert (facts["ref"], facts["n_rows"]) == (iris.ref, 3)
    by_json = api("POST", f"/models/{iris.model}/predict", json={"rows": listed},
                  headers={"accept": f"{KIND}, */*"})  # fmt: skip
    again = pa.ipc.open_stream(by_json.content).read_all()
    assert again.to_pydict() == table.to_pydict()


def test_accept_may_refuse_a_stream(ask: Ask, iris: Version) -> None:
    for accept in (f"{KIND};q=0", "*/*", "application/json"):
        assert ask(stream(rows(iris)), accept).json()["n_rows"] == 3


def test_what_is_kept_is_as_of_json(
    ask: Ask, api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    keeping.choose(reg, alice, iris.model, "full")
    columns = rows(iris, 2)
    listed = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    ids = [ask(stream(columns)).json()["id"]]
    ids += [api.ok("POST", f"/models/{iris.model}/predict", json={"rows": listed})["id"]]
    predictions.flush(reg)
    one, other = (predictions.get(reg, alice, prediction_id) for prediction_id in ids)
    assert one.inputs
    assert (one.inputs, one.outputs) == (other.inputs, other.outputs)


def test_more_rows_than_json_takes(ask: Ask, iris: Version) -> None:
    columns = {name: np.full(MAX_ROWS + 1, values[0]) for name, values in rows(iris, 1).items()}
    said = problem(ask(stream(columns)), 422)
    assert f"{MAX_ROWS:,} rows" in said["detail"]
    answer = ask(stream(columns), KIND)
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == MAX_ROWS + 1


def _changed(columns: dict[str, Any], **other: Any) -> dict[str, Any]:
    first = next(iter(columns))
    return columns | {first: other["value"]}


def hostile(iris: Version) -> dict[str, bytes]:
    good = rows(iris, 3)
    whole = stream(good)
    no_rows = {name: pa.array([], pa.float64()) for name in good}
    views = pa.array(["a", "b", "c"], pa.string_view())
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([1 << 30], pa.int32()), pa.array([1.0]))
    return {
        "nothing": b"",
        "no Arrow": b"rows=1" * 20,
        "JSON": json.dumps({"rows": []}).encode(),
        "the file layout": b"ARROW1\0\0" + whole,
        "only the schema": whole[:300],
        "cut in a batch": whole[:-200],
        "cut in a length": whole[:5],
        "a length without end": b"\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[8:],
        "no rows": stream(no_rows),
        "no columns": stream({}),
        "very many rows of nothing": stream({n: pa.nulls(1 << 30) for n in good}),
        "runs without end": stream(dict.fromkeys(good, runs)),
        "compressed": stream(good, compression="zstd"),
        "text": stream(_changed(good, value=["a", "b", "c"])),
        "views of text": stream(_changed(good, value=views)),
        "truth values": stream(_changed(good, value=[True, False, True])),
        "lists": stream(_changed(good, value=[[1.0], [2.0], [3.0]])),
        "structs": stream(_changed(good, value=[{"a": 1.0}] * 3)),
        "a gap": stream(_changed(good, value=[1.0, None, 3.0])),
        "no number": stream(_changed(good, value=[1.0, float("nan"), 3.0])),
        "infinite": stream(_changed(good, value=[1.0, float("inf"), 3.0])),
        "all gaps": stream(_changed(good, value=pa.nulls(3))),
        "a column too many": stream(good | {"extra": [1.0] * 3}),
        "a column too few": stream(dict(list(good.items())[1:])),
        "none of the columns": stream({"x": [1.0]}),
        "a dictionary of texts": stream(
            _changed(good, value=pa.array(["x", "y", "x"]).dictionary_encode())
        ),
        "very many columns": stream({str(n): [1.0] for n in range(20_000)}),
    }


def test_a_hostile_stream_is_refused_and_the_worker_lives_on(
    ask: Ask, reg: Registry, iris: Version
) -> None:
    assert ask(stream(rows(iris))).status_code == 200
    before = pid(reg, iris)
    for what, body in hostile(iris).items():
        answer = ask(body)
        assert answer.status_code == 422, (what, answer.text)
        assert problem(answer, 422)["problems"], what
        assert len(answer.content) < 20_000, what
    assert pid(reg, iris) == before


def test_spoilt_bytes_of_a_stream_never_end_the_worker(
    ask: Ask, reg: Registry, iris: Version
) -> None:
    whole = stream(rows(iris, 5))
    assert ask(whole).status_code == 200
    before, drawn = pid(reg, iris), random.Random(7)
    for _ in range(60):
        spoilt = bytearray(whole)
        for _ in range(drawn.randint(1, 4)):
            spoilt[drawn.randrange(len(spoilt))] = drawn.randrange(256)
        assert ask(bytes(spoilt)).status_code in (200, 422)
    assert pid(reg, iris) == before


def test_a_wrong_cell_is_named_with_its_row(ask: Ask, iris: Version) -> None:
    columns = rows(iris, 3)
    first, second = list(columns)[:2]
    columns |= {first: [1.0, float("inf"), float("-inf")], second: ["a", "b", "c"]}
    said = problem(ask(stream(columns)), 422)["problems"]
    assert said[first].startswith("row 2: must be a finite number")
    assert "1 more row" in said[first]
    assert said[second] == "row 1: must be a number, got 'a' (and 2 more rows)"


def test_a_stream_is_counted_while_it_arrives(
    ask: Ask, reg_with: Callable[..., Registry], iris: Version
) -> None:
    handle.use(reg_with(max_request_mb=1))
    problem(ask(b"x" * ((1 << 20) + 1)), 413)


def test_whole_numbers_dictionaries_and_gaps_where_the_schema_lets(
    ask: Ask, reg: Registry, alice: Actor, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.sklearn_pipeline(tmp_path), name="Mixed")
    assert version.schema is not None
    fields = version.schema.fields
    example = version.schema.example
    columns: dict[str, Any] = {}
    for field in fields:
        values = [example[field.name]] * 2
        text = field.type == "string"
        columns[field.name] = pa.array(values).dictionary_encode() if text else values
    answer = ask(stream(columns), model=version.model)
    assert answer.status_code == 200, answer.text
    assert answer.json()["n_rows"] == 2


def test_tensors_are_lists_of_one_length(
    ask: Ask, alice: Actor, api: Api, publish_file: Publish, tmp_path: Path
) -> None:
    version = publish_file(alice, makers.onnx_picture(tmp_path), name="Pictures")
    assert version.schema is not None
    [(name, value)] = version.schema.example.items()
    body = stream({name: value})
    by_json = api.ok("POST", f"/models/{version.model}/predict", json={"inputs": {name: value}})
    said = ask(body, model=version.model)
    assert said.status_code == 200, said.text
    assert said.json()["outputs"] == by_json["outputs"]
    before = said.json()["id"]
    for wrong in ([[1.0], [1.0, 2.0]], ["a"], [[None]], [None], [1.0]):
        problem(ask(stream({name: wrong}), model=version.model), 422)
    problem(ask(stream({"other": value}), model=version.model), 422)
    assert before


def test_a_field_left_out_has_its_default(
    ask: Ask, reg: Registry, alice: Actor, iris: Version
) -> None:
    assert iris.schema is not None
    fields = tuple(
        Field(f.name, "double", default=1.0 if n == 0 else None, minimum=0, maximum=2)
        for n, f in enumerate(iris.schema.fields)
    )
    outputs = (Output("label", "label"),)
    versions.edit(reg, alice, iris.ref, schema=Schema("table", fields, outputs=outputs))
    columns = {f.name: pa.array([7] * 2, pa.int32()) for f in fields[1:]}
    said = ask(stream(columns)).json()
    assert said["n_rows"] == 2
    assert {finding["rule"] for finding in said["findings"]} == {"range"}
