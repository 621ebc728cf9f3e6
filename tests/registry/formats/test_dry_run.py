"""The dry run: reads what a pickle says, in every wrapping, and executes none of it."""

from __future__ import annotations

import io
import pickle
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

from registry import formats
from registry.errors import BrokenArtifact
from registry.formats import compressed
from registry.formats.dry_run import Limits, Seen, dry_run
from registry.formats.stubs import Array, Instance
from registry.records import Inspection
from tests.makers import models


def _seen(content: bytes, **limits: float) -> Seen:
    file = io.BytesIO(content)
    return dry_run(file, limits=Limits(**limits)) if limits else dry_run(file)  # type: ignore[arg-type]


def _inspect(content: bytes, name: str = "model.pkl") -> Inspection:
    return formats.inspect(io.BytesIO(content), name)


def test_a_pipeline_that_holds_itself_is_described() -> None:
    itself = pickle.dumps(models.pipeline())[:-1] + b"}\x8c\x05stepsh\x00sb."
    assert _inspect(itself).class_name == "sklearn.pipeline.Pipeline"


@pytest.mark.parametrize("compression", [None, *models.JOBLIB_COMPRESSIONS])
def test_every_compression_of_joblib_tells_the_same(
    compression: str | None, tmp_path: Path
) -> None:
    path = models.joblib_file(tmp_path, models.pipeline(), compress=compression)
    found = _inspect(path.read_bytes(), path.name)
    plain = _inspect(models.sklearn_pipeline(tmp_path).read_bytes(), "a.joblib")
    assert found.details["compression"] == (compression or "none")
    assert (found.schema, found.parameters) == (plain.schema, plain.parameters)
    assert found.libraries == plain.libraries


@pytest.mark.parametrize("protocol", [0, 1, *models.PICKLE_PROTOCOLS])
def test_every_protocol_of_pickle_tells_the_same(protocol: int, tmp_path: Path) -> None:
    found = _inspect(models.pickle_file(tmp_path, models.pipeline(), protocol).read_bytes())
    plain = _inspect(models.sklearn_pipeline(tmp_path).read_bytes(), "a.joblib")
    assert found.schema == plain.schema
    assert found.parameters == plain.parameters


def test_small_arrays_are_decoded_and_large_ones_passed_over() -> None:
    arrays = {
        "small": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "large": np.zeros(100_000),
        "text": np.array(["a", "öß"]),
        "objects": np.array(["x", None, 3], dtype=object),
        "empty": np.zeros((0, 4)),
        "big endian": np.arange(3, dtype=">i4"),
    }
    for compress in (0, 3):
        file = io.BytesIO()
        joblib.dump(arrays, file, compress=compress)
        root = dry_run(compressed.opened(file, "zlib" if compress else "")).root
        _same(root, arrays)
    for protocol in (2, 4, 5):
        _same(_seen(pickle.dumps(arrays, protocol=protocol)).root, arrays)


def _same(root: dict[str, Array], arrays: dict[str, np.ndarray]) -> None:
    assert root["large"].values is None
    for name, array in arrays.items():
        assert root[name].shape == array.shape
        if name != "large":
            assert root[name].flat() == array.ravel().tolist(), name


def test_a_walk_that_takes_too_long_is_no_answer() -> None:
    content = pickle.dumps(list(range(200_000)))
    with pytest.raises(BrokenArtifact, match="too many small objects"):
        _seen(content, opcodes=100_000)
    assert len(_seen(content).root) == 200_000


def test_what_follows_the_pickle_is_noticed() -> None:
    seen = _seen(pickle.dumps(1) + b"more")
    assert seen.trailing
    assert seen.root == 1


def test_states_of_every_shape_are_remembered() -> None:
    made = Instance(object())
    made.build(({"a": 1}, {"b": 2}))
    assert made.state == {"a": 1, "b": 2}
    made.build("odd")
    assert made.state["__state__"] == "odd"


def test_joblib_files_from_before_2015_are_refused_with_advice() -> None:
    with pytest.raises(BrokenArtifact, match=r"joblib 1\.2"):
        _inspect(b"ZF0x000000000000000a" + b"x" * 40)


def test_inspecting_a_small_file_takes_milliseconds(tmp_path: Path) -> None:
    content = models.sklearn_pipeline(tmp_path).read_bytes()
    _inspect(content)
    times = []
    for _ in range(5):
        started = time.process_time()
        _inspect(content)
        times.append(time.process_time() - started)
    assert min(times) < 0.05
