"""A version measured alone: from outside, and as far as it gets."""

from __future__ import annotations

import pytest

from registry import benchmarks
from registry.errors import PredictionFailed, WorkerCrashed


@pytest.fixture
def measure(reg, monkeypatch):
    monkeypatch.setattr(benchmarks, "_LOADS", 1)
    monkeypatch.setattr(benchmarks, "_CALLS_S", 0.05)
    monkeypatch.setattr(benchmarks, "_BATCH_S", 0.02)
    return lambda spec: benchmarks.measure(reg, spec, spec.schema)


def test_a_model_that_crashes_in_a_large_batch_keeps_the_smaller_ones(measure, script):
    figures = measure(script("if len(rows) == 1024: os.abort()\nreturn np.zeros(len(rows))"))
    assert list(figures.rows_per_s) == [1, 4, 16, 64, 256]
    assert figures.remark.startswith("stopped at batches of 1024: the model's worker is gone")


def test_a_model_that_refuses_batches_keeps_its_single_rows(measure, script):
    figures = measure(script("if len(rows) > 1: raise ValueError('one')\nreturn np.zeros(1)"))
    assert list(figures.rows_per_s) == [1]
    assert "stopped at batches of 4" in figures.remark


def test_a_model_that_does_not_answer_one_row_is_not_measured(measure, script):
    with pytest.raises(WorkerCrashed):
        measure(script("os.abort()"))
    with pytest.raises(PredictionFailed):
        measure(script("raise ValueError('never')"))


def test_memory_is_what_the_kernel_saw_not_what_the_worker_says(measure, script):
    """150 MB for a moment, in the largest batch only; gone again by its answer."""
    modest = measure(script("return np.zeros(len(rows))"))
    greedy = measure(
        script("if len(rows) == 1024: np.ones(150_000_000 // 8)\nreturn np.zeros(len(rows))")
    )
    assert greedy.peak_bytes - modest.peak_bytes > 140_000_000
    assert modest.peak_bytes < 50_000_000


@pytest.mark.parametrize("make", ["sklearn_classifier", "onnx_classifier", "torchscript_mlp"])
def test_every_framework_is_measured(measure, known, tmp_path, make):
    from tests.makers import models as makers

    figures = measure(known(getattr(makers, make)(tmp_path)))
    assert figures.rows_per_s[1] > 0
    assert max(figures.rows_per_s) == 1024, figures.remark
    assert figures.peak_bytes > 0
