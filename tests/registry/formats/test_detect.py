"""Formats are told by content: lies are said so, and what is no model is refused with advice."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from registry import formats
from registry.errors import BrokenArtifact, Rejected, UnknownFormat
from tests.makers import models

MAKERS = [
    maker for makers in (*models.RUNNABLE.values(), *models.STORED.values()) for maker in makers
]
CRASHES = ("keras_h5",)  # libhdf5 itself crashes on some damaged files; the worker takes that


def _detect(content: bytes, name: str = "model.onnx") -> str:
    return formats.detect(io.BytesIO(content), name)


def test_a_pickle_called_onnx_is_told_by_its_content(tmp_path: Path) -> None:
    content = models.sklearn_classifier(tmp_path).read_bytes()
    found = formats.inspect(io.BytesIO(content), "model.onnx")
    assert found.format == "sklearn"
    lie = found.findings[0]
    assert (lie.level, lie.rule) == ("warn", "extension")
    assert ".onnx" in lie.what
    assert "pickle" in lie.what
    assert ".joblib" in lie.todo


def test_a_name_without_ending_is_said(tmp_path: Path) -> None:
    content = models.onnx_dynamic(tmp_path).read_bytes()
    assert formats.inspect(io.BytesIO(content), "model").findings[0].rule == "extension"


def test_an_empty_file_is_broken() -> None:
    with pytest.raises(BrokenArtifact, match="empty"):
        _detect(b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Hello, this is a text.\n" * 20, "is text"),
        (b"age,city\n1,Bern\n", "is text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x7fELF" + bytes(100), "program"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "picture"),
        (b"%PDF-1.7\n", "PDF"),
        (b"GGUF" + bytes(60), "GGUF"),
        (b"\x93NUMPY\x01\x00" + bytes(60), "NumPy array"),
        (b"PAR1" + bytes(60), "Parquet"),
        (
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'shape': (2**60,)}",
            "bring sample rows as CSV",
        ),
        (b'{"learner":{}}', "XGBoost"),
        (bytes(range(128, 256)) * 4, "no format"),
        (b"\x1f\x8b\x08\x00" + bytes(60), "gzip"),
    ],
)
def test_what_is_no_model_is_refused_with_what_it_looks_like(content: bytes, words: str) -> None:
    with pytest.raises(UnknownFormat, match=words) as refused:
        _detect(content)
    assert "model.onnx" in refused.value.message


def test_arrays_alone_are_no_model_and_are_never_opened() -> None:
    file = io.BytesIO()
    np.savez(file, a=np.arange(3), b=np.array([{}], dtype=object))
    with pytest.raises(UnknownFormat, match=r"NumPy arrays in an archive .* as CSV or Parquet"):
        _detect(file.getvalue())


def test_random_bytes_are_never_taken_for_a_model() -> None:
    for seed in range(300):
        made = random.Random(seed)
        with pytest.raises(Rejected):
            formats.inspect(io.BytesIO(made.randbytes(made.randint(1, 2000))), "model.bin")


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_truncated_file_is_refused_in_words(
    maker: Callable[[Path], Path], tmp_path: Path
) -> None:
    content = maker(tmp_path).read_bytes()
    for part in (0.2, 0.5, 0.9):
        cut = io.BytesIO(content[: int(len(content) * part)])
        if maker.__name__ == "tensorrt_engine":
            assert formats.inspect(cut, "model.bin").format == "tensorrt"
            continue
        with pytest.raises(Rejected) as refused:
            formats.inspect(cut, "model.bin")
        assert len(refused.value.message) > 30


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_damaged_file_never_breaks_the_reader(
    maker: Callable[[Path], Path], tmp_path: Path
) -> None:
    if maker.__name__ in CRASHES:
        return
    content = maker(tmp_path).read_bytes()
    for seed in range(12):
        made, damaged = random.Random(seed), bytearray(content)
        for _ in range(3):
            damaged[made.randrange(min(len(content), 400 if seed % 2 else 1 << 30))] ^= (
                1 << seed % 8
            )
        with contextlib.suppress(Rejected):
            formats.inspect(io.BytesIO(bytes(damaged)), "model.bin")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownFormat):
        formats.get("../evil")


def test_the_upload_field_offers_every_ending() -> None:
    endings = formats.extensions()
    assert {".joblib", ".skops", ".onnx", ".pt", ".pt2", ".safetensors", ".keras"} <= set(endings)
    assert len(set(endings)) == len(endings)
