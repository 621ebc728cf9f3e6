"""Sample tables: types that keep every value as it was written."""

from __future__ import annotations

import io
from typing import Any

import pytest

from registry import codec
from registry.errors import BrokenArtifact
from registry.formats import samples
from registry.records import Field


def _read(text: str | bytes, name: str = "sample.csv") -> dict[str, Any]:
    content = text.encode() if isinstance(text, str) else text
    return samples.read_table(io.BytesIO(content), name)


def _fields(text: str | bytes) -> dict[str, Field]:
    return {c["name"]: codec.load(Field, c) for c in _read(text)["columns"]}


def test_each_column_gets_the_narrowest_type_that_keeps_its_values() -> None:
    found = _fields(
        "id,zip,age,height,vip,since,city,note\n"
        "1,001,30,1.75,true,2026-01-02,Bern,good\n"
        "2,002,,1.60,false,2026-02-03,Oslo,bad\n"
        "3,003,41,1e0,true,2026-03-04,Bern,fine\n"
    )
    types = {name: field.type for name, field in found.items()}
    assert types == {
        "id": "long", "zip": "string", "age": "long", "height": "double", "vip": "boolean",
        "since": "datetime", "city": "string", "note": "string",
    }  # fmt: skip
    assert found["age"].nullable
    assert (found["age"].minimum, found["age"].maximum) == (30, 41)
    assert type(found["age"].default) is int
    assert found["zip"].default == "001"
    assert found["city"].categories == ("Bern", "Oslo")
    assert found["note"].categories == ()
    assert not found["id"].nullable


def test_more_than_fifty_values_are_no_categories() -> None:
    rows = "".join(f"v{i % 60}\n" for i in range(200))
    assert _fields("name\n" + rows)["name"].categories == ()


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_found(separator: str) -> None:
    text = f"a{separator}b\n1{separator}x\n2{separator}y\n"
    assert list(_fields(text)) == ["a", "b"]


def test_quotes_marks_and_other_alphabets_are_read() -> None:
    text = '\ufeffname,"a, b"\n"Zoë ""Z""",1\n'
    assert _read(text)["example"] == {"name": 'Zoë "Z"', "a, b": 1}
    assert _read("naïve\nü\n".encode("latin-1"))["example"] == {"naïve": "ü"}
    assert _read("a,b\n1,ü\n".encode("utf-16"))["example"] == {"a": 1, "b": "ü"}


def test_numbers_that_do_not_fit_stay_text() -> None:
    found = _fields("big,dot\n12345678901234567890123,1.2.3\n1,2\n")
    assert found["big"].type == "double"
    assert found["dot"].type == "string"


def test_a_long_table_is_read_in_part() -> None:
    text = "a\n" + "7\n" * (samples.MAX_ROWS + 5)
    found = _read(text)
    assert (found["n_rows"], found["truncated"]) == (samples.MAX_ROWS, True)


def test_parquet_keeps_its_types() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {"n": pa.array([1, None, 3], pa.int64()), "t": ["001", "002", "001"], "f": [0.5, 1, 2]}
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    found = _fields(file.getvalue())
    assert [f.type for f in found.values()] == ["long", "string", "double"]
    assert found["n"].nullable
    assert found["t"].categories == ("001", "002")


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n", b"a,b\n1\n", b"\x00\x01\x02\x03" * 20, b"PAR1broken", b'a\n"open\n']
)
def test_what_is_no_table_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(BrokenArtifact) as refused:
        _read(content)
    assert len(refused.value.message) > 30


def test_repeated_and_missing_names_become_distinct() -> None:
    assert list(_fields("a,a,\n1,2,3\n")) == ["a", "a_2", "column_3"]
