"""Zip packages: a model and what belongs to it are taken apart, all of it or nothing."""

from __future__ import annotations

import io
import pickle
import zipfile

import pytest
from sqlalchemy import select

from registry import checks, exports, packages, publish, staging, versions
from registry.errors import BrokenArtifact, Rejected, SeveralModels, TooLarge, UnsafeArtifact
from registry.records import Details
from registry.tables import StagedRow
from tests.makers import models as makers

CSV = b"sepal length (cm),kind\n5.1,setosa\n6.0,virginica\n"


@pytest.fixture
def beside(iris_file):
    """Members of an honest package, by name."""
    return {
        "flowers/model.joblib": iris_file.read_bytes(),
        "flowers/README.md": b"# Flowers\n\nMeasured by hand.\n",
        "flowers/LICENSE": b"cat\ndog\n",  # begins like an old pickle, and is none
        "flowers/requirements.txt": b"scikit-learn==1.9.1\n",
        "flowers/config.yaml": b"seed: 7\n",
        "flowers/more.json": b"{}",
        "flowers/sample.csv": CSV,
        "flowers/train.csv": CSV,
        "__MACOSX/flowers/._model.joblib": b"\x00\x05\x16\x07",
        "flowers/picture.png": b"\x89PNG\r\n\x1a\n....",
    }


def packed(members, method=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.fixture
def drop(reg, alice):
    """Stage a zip of these members; its id."""

    def run(members, name="flowers.zip"):
        data = members if isinstance(members, bytes) else packed(members)
        with staging.receive(reg, alice, name) as incoming:
            incoming.write(data)
            return incoming.finish().id

    return run


def remains(reg):
    """Names of what is staged; files and rows are the same."""
    with reg.reading() as s:
        rows = s.execute(select(StagedRow)).scalars().all()
    assert {p.name for p in reg.settings.staging_folder.iterdir()} == {row.id for row in rows}
    return sorted(row.filename for row in rows)


def test_a_package_becomes_a_version_with_all_its_files(reg, alice, drop, beside):
    draft = packages.unpack(reg, alice, drop(beside))
    kept = draft.inspection.details[packages.KEPT]
    assert draft.inspection.format == "sklearn"
    assert kept["card"] == "# Flowers\n\nMeasured by hand.\n"
    assert kept["left out"] == ["__MACOSX/flowers/._model.joblib", "flowers/picture.png"]
    version = publish.publish(
        reg, alice, draft.id, Details(name="Flowers", card=kept["card"], files=kept["files"])
    )
    assert sorted((a.kind, a.filename) for a in version.artifacts) == [
        ("card", "README.md"),
        ("config", "config.yaml"),
        ("config", "more.json"),
        ("data", "train.csv"),
        ("license", "LICENSE"),
        ("model", "model.joblib"),
        ("requirements", "requirements.txt"),
        ("sample", "sample.csv"),
    ]
    assert remains(reg) == []
    checks.run(reg, version.id)
    assert versions.get(reg, alice, version.ref).status == "ready"


def test_what_was_taken_out_is_found_again_after_a_reload(reg, alice, drop, beside):
    draft = packages.unpack(reg, alice, drop(beside))
    assert packages.unpack(reg, alice, draft.id) is None
    assert publish.examine(reg, alice, draft.id).inspection == draft.inspection
    assert "flowers.zip" not in remains(reg)


def test_the_only_table_is_the_sample(reg, alice, drop, iris_file):
    draft = packages.unpack(reg, alice, drop({"m.pkl": iris_file.read_bytes(), "rows.csv": CSV}))
    assert set(draft.inspection.details[packages.KEPT]["files"]) == {"sample"}


@pytest.mark.parametrize("make", [makers.mlflow_zip, makers.tensorflow_saved_model,
                                  makers.skops_classifier, makers.torch_state_dict,
                                  makers.onnx_classifier])  # fmt: skip
def test_what_is_a_format_itself_is_no_package(reg, alice, drop, tmp_path, make):
    path = make(tmp_path)
    assert packages.unpack(reg, alice, drop(path.read_bytes(), path.name)) is None
    assert remains(reg) == [path.name]


HOSTILE = {
    "a compiled script": {"run.pyc": b"\xa7\r\r\n"},
    "a library as code": {"run.py": b"\x7fELF\x02\x01"},
    "bytes as code": {"run.py": b"a = 1\x00"},
    "a pickle as code": {"run.py": pickle.dumps({"a": print})},
    "an archive as code": {"run.ipynb": packed({"a.txt": b"a"})},
    "a shell script": {"install.sh": b"echo\n"},
    "a library": {"fast.so": b"\x7fELF\x02\x01"},
    "a library under another name": {"notes.txt": b"\x7fELF\x02\x01"},
    "a program under another name": {"notes.txt": b"MZ\x90\x00\x03"},
    "a script under another name": {"config.json": b"#!/bin/sh\necho\n"},
    "an archive in it": {"more.zip": packed({"a.txt": b"a"})},
    "an archive under another name": {"notes.txt": packed({"a.txt": b"a"})},
    "a compressed table": {"rows.csv.gz": b"\x1f\x8b\x08\x00rest"},
    "a pickle under another name": {"config.json": pickle.dumps({"a": print})},
    "an old pickle as text": {"config.txt": pickle.dumps({"a": print}, protocol=0)},
    "bytes under a text's name": {"config.yaml": b"a\x00b"},
    "a way out": {"../../evil.txt": b"x"},
    "an absolute path": {"/etc/evil.txt": b"x"},
    "a backslash": {"..\\evil.txt": b"x"},
    "two names that differ in case": {"Notes.txt": b"x", "notes.txt": b"y"},
    "a bomb": {"zeros.csv": bytes(40 << 20)},
}


def test_code_is_kept_with_its_folders_as_a_component_of_its_own(reg, alice, drop, beside):
    beside |= {
        "flowers/code/train.py": b"#!/usr/bin/env python\nimport this\n",
        "flowers/tools/__init__.py": b"a = 1\n",
        "flowers/more/tools/__init__.py": b"b = 2\n",
        "flowers/pyproject.toml": b"[project]\n",
    }
    draft = packages.unpack(reg, alice, drop(beside))
    files = draft.inspection.details[packages.KEPT]["files"]
    version = publish.publish(reg, alice, draft.id, Details(name="Flowers", files=files))
    names = ["more/tools/__init__.py", "pyproject.toml", "tools/__init__.py", "train.py"]
    assert sorted(a.filename for a in version.artifacts if a.kind == "code") == names
    alone = b"".join(exports.open_export(reg, alice, version.ref, "package", ["code"]).blocks)
    with zipfile.ZipFile(io.BytesIO(alone)) as archive:
        assert archive.namelist()[2:] == [f"code/{name}" for name in names]
    again = packages.unpack(reg, alice, drop(b"".join(
        exports.open_export(reg, alice, version.ref).blocks)))  # fmt: skip
    with reg.reading() as s:
        rows = s.execute(select(StagedRow)).scalars().all()
    ids = {i for k, i in again.inspection.details[packages.KEPT]["files"].items() if "code" in k}
    assert sorted(row.filename for row in rows if row.id in ids) == names


@pytest.mark.parametrize("what", HOSTILE)
def test_one_member_that_fails_refuses_the_package(reg, alice, drop, iris_file, what):
    members = {"model.joblib": iris_file.read_bytes(), **HOSTILE[what]}
    staged_id = drop(members)
    with pytest.raises(UnsafeArtifact) as refused:
        packages.unpack(reg, alice, staged_id)
    assert refused.value.report.verdict == "refuse"
    assert remains(reg) == []


def test_a_hostile_model_in_a_package_is_refused_with_all_of_it(reg, alice, drop, beside):
    beside["flowers/model.joblib"] = b"cposix\nsystem\n(S'true'\ntR."
    with pytest.raises(Rejected):
        packages.unpack(reg, alice, drop(beside))
    assert remains(reg) == []


def test_of_several_models_one_is_chosen(reg, alice, drop, iris_file):
    data = iris_file.read_bytes()
    staged_id = drop({"a.joblib": data, "f/b.joblib": data, "README.md": b"# Two"})
    with pytest.raises(SeveralModels, match="2 model files") as several:
        packages.unpack(reg, alice, staged_id)
    assert several.value.names == ("a.joblib", "f/b.joblib")
    with pytest.raises(SeveralModels):
        packages.unpack(reg, alice, staged_id, chosen="../b.joblib")
    draft = packages.unpack(reg, alice, staged_id, chosen="f/b.joblib")
    told = draft.inspection.details[packages.KEPT]
    assert draft.staged.filename == "b.joblib"
    assert told["members"]["model"] == "f/b.joblib"
    assert told["left out"] == ["a.joblib"]
    assert told["card"] == "# Two"


def test_a_zip_without_a_model_is_no_package(reg, alice, drop):
    with pytest.raises(BrokenArtifact, match="no model file"):
        packages.unpack(reg, alice, drop({"README.md": b"# Nothing"}))


def test_a_damaged_member_refuses_the_package(reg, alice, drop, iris_file):
    data = bytearray(packed({"model.joblib": iris_file.read_bytes()}, zipfile.ZIP_STORED))
    data[200] ^= 1
    with pytest.raises(UnsafeArtifact, match="check sum"):
        packages.unpack(reg, alice, drop(bytes(data)))


def test_unpacked_it_must_fit_the_limit(reg, reg_with, alice, drop, beside):
    beside["flowers/train.csv"] = b"1,2\n" * 300_000
    staged_id = drop(beside)
    small = reg_with(max_upload_mb=1)
    with pytest.raises(TooLarge, match="limit of 1 MB"):
        packages.unpack(small, alice, staged_id)
    assert remains(reg) == []


def test_a_quota_reached_half_way_leaves_the_package_to_try_again(reg_with, alice, drop, beside):
    from registry.errors import RateLimited

    staged_id = drop(beside)
    strict = reg_with(uploads_per_hour=4)
    with pytest.raises(RateLimited):
        packages.unpack(strict, alice, staged_id)
    assert remains(strict) == ["flowers.zip"]
