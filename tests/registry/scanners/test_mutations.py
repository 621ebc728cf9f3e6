"""Damaged files of every format: always an answer, never a hang, a crash or a swollen server."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.errors import Rejected
from registry.records import Inspection, Report
from registry.sandbox.pool import Pool
from tests.makers import honest_files, models

SOURCES = (
    *("sklearn_classifier", "sklearn_pickle", "skops_classifier", "skops_sparse"),
    *("onnx_classifier", "onnx_functions", "onnx_picture", "torchscript_traced"),
    *("torch_export_mlp", "torch_checkpoint", "torch_legacy_state_dict", "torch_tar_state_dict"),
    *("safetensors_file", "keras_whole", "keras_h5_whole", "tflite_file", "tensorflow_pb"),
    *("torch_whole_module", "tensorflow_functions", "mlflow_pytorch", "zip_streamed"),
)
MAX_GROWTH_MB = 150
QUICK, LONG = 100, 10_000

_place = st.integers(0, 9999).map(lambda n: n / 9999)
_short = st.integers(0, 1999).map(lambda n: n / 9999)
_change = st.one_of(
    st.tuples(st.just("truncate"), _place, st.just(0.0), st.just(b"")),
    st.tuples(st.just("flip"), _place, _place, st.just(b"")),
    st.tuples(st.just("write"), _place, st.just(0.0), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("insert"), _place, st.just(0.0), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("cut"), _place, _short, st.just(b"")),
    st.tuples(st.just("splice"), _place, _place, st.just(b"")),
)
mutations = st.tuples(
    st.sampled_from(SOURCES), st.sampled_from(SOURCES), st.lists(_change, min_size=1, max_size=4)
)
_FORMATS = {"keras_whole": "keras", "keras_h5_whole": "keras", "mlflow_pytorch": "mlflow",
            "onnx_functions": "onnx", "skops_sparse": "skops", "zip_streamed": "mlflow",
            "tensorflow_functions": "tensorflow"}  # fmt: skip
_FORMATS |= {maker.__name__: name for listed in (models.RUNNABLE, models.STORED)
             for name, makers in listed.items() for maker in makers}  # fmt: skip


def mutated(content: bytes, other: bytes, changes: list[tuple[str, float, float, bytes]]) -> bytes:
    """`content` after the changes; places are parts of the length, from either end."""
    for kind, where, how, data in changes:
        at = int(where * max(0, len(content) - 1))
        if kind == "truncate":
            content = content[:at]
        elif kind == "flip" and content:
            bit = 1 << int(how * 7)
            content = content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
        elif kind == "write":
            content = content[:at] + data + content[at + len(data) :]
        elif kind == "insert":
            content = content[:at] + data + content[at:]
        elif kind == "cut":
            content = content[:at] + content[at + int(how * len(content)) :]
        elif kind == "splice":
            content = content[:at] + other[int(how * len(other)) :]
    return content


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("honest")
    return {name: honest_files.HONEST[name](folder).read_bytes() for name in SOURCES}


def _answers(pool: Pool, content: bytes, claimed: str, place: Path) -> None:
    """An upload; and, where it is refused before it is scanned, the scan alone."""
    place.write_bytes(content)
    with place.open("rb") as file:
        try:
            answer: object = pool.inspect(file.fileno(), "model.bin")
        except Rejected as refused:
            answer = refused.message
            assert isinstance(pool.scan(file.fileno(), claimed), Report)
    match answer:
        case (Inspection(), Report()):
            return
        case str():
            assert "took longer" not in answer
        case _:
            pytest.fail(f"no answer: {answer!r}")


def _survives(pool: Pool, honest: dict[str, bytes], place: Path, cases: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=cases == QUICK,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutations)
    def run(case: tuple[str, str, list[tuple[str, float, float, bytes]]]) -> None:
        source, other, changes = case
        _answers(pool, mutated(honest[source], honest[other], changes), _FORMATS[source], place)

    run()
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < MAX_GROWTH_MB


def test_a_damaged_file_always_gets_an_answer(
    pool: Pool, honest: dict[str, bytes], tmp_path: Path
) -> None:
    _survives(pool, honest, tmp_path / "model.bin", QUICK)


@pytest.mark.long
def test_ten_thousand_damaged_files_always_get_an_answer(
    pool: Pool, honest: dict[str, bytes], tmp_path: Path
) -> None:
    _survives(pool, honest, tmp_path / "model.bin", LONG)
