"""Honest models over all frameworks, as people save them: no scanner may say a word about them.

`MODELS` maps a name to `maker(folder) -> path`. What is fitted is fitted once per process.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.makers import estimators, models, networks
from tests.makers.estimators import FAMILIES

Maker = Callable[[Path], Path]


@cache
def fitted(name: str) -> Any:
    """A model of the families, fitted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FAMILIES[name]()


def _joblib(name: str, compress: Any, folder: Path) -> Path:
    """A fitted estimator, saved by joblib."""
    return models.joblib_file(folder, fitted(name), f"{name}.joblib", compress)


def _pickle(name: str, protocol: int, folder: Path) -> Path:
    """A fitted estimator, pickled."""
    return models.pickle_file(folder, fitted(name), protocol, f"{name}.pkl")


def _skops(name: str, folder: Path) -> Path:
    """A fitted estimator, saved by skops."""
    return models.skops_file(folder, fitted(name), f"{name}.skops")


def _torch(name: str, legacy: bool, folder: Path) -> Path:
    """A torch file."""
    import torch

    path = folder / f"{name}.pt"
    content = networks.CONTENTS[name]()
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def _plain_data(folder: Path) -> Path:
    """A model in a dictionary with what belongs to it."""
    import pandas as pd

    content = {
        "model": models.classifier(),
        "columns": list(models.iris()[0].columns),
        "means": models.iris()[0].mean(),
        "classes": np.array(["a", "b"], dtype=object),
        "saved": pd.Timestamp("2026-01-01"),
    }
    return models.joblib_file(folder, content, "bundle.joblib")


MODELS: dict[str, Maker] = {
    **{name: partial(_joblib, name, None) for name in FAMILIES},
    **{
        f"forest_{compression}": partial(_joblib, "forest", compression)
        for compression in models.JOBLIB_COMPRESSIONS
    },
    **{f"pipeline_protocol_{n}": partial(_pickle, "pipeline", n) for n in range(6)},
    **{f"histogram_protocol_{n}": partial(_pickle, "histogram_classifier", n) for n in (0, 2, 5)},
    **{f"{name}_skops": partial(_skops, name) for name in estimators.FOR_SKOPS},
    "bundle": _plain_data,
    **{f"torch_{name}": partial(_torch, name, False) for name in networks.CONTENTS},
    **{f"torch_{name}_legacy": partial(_torch, name, True) for name in networks.CONTENTS},
    **{
        maker.__name__: maker
        for makers in (*models.RUNNABLE.values(), *models.STORED.values())
        for maker in makers
        if maker.__name__ not in ("torch_own_class", "tensorrt_engine", "tensorflow_saved_model")
    },
}
"""Name to maker; boosting libraries are among them where they are installed."""
