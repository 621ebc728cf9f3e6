"""Files that a scan holds back: honest pipelines with a step of a package nobody here knows."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.makers import fitted

PACKAGE = "acme_models"
NAMES = (f"{PACKAGE}.Doubler",)
"""What `custom_step` asks for beyond the list."""


class Doubler:
    """A transformer that leaves everything as it is."""

    def fit(self, _features: Any, _target: Any = None) -> Doubler:
        return self

    def transform(self, features: Any) -> Any:
        return features


def custom_step(folder: Path, name: str = "custom.joblib") -> Path:
    """A pipeline whose first step comes from a package that is not installed."""
    import joblib
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    frame, target = fitted.iris()
    path = folder / name
    step = type("Doubler", (Doubler,), {"__module__": PACKAGE})
    module = ModuleType(PACKAGE)
    module.Doubler = step  # type: ignore[attr-defined]
    sys.modules[PACKAGE] = module  # only while it is written: pickle looks the class up
    try:
        model = make_pipeline(step(), LogisticRegression(max_iter=300)).fit(frame, target)
        joblib.dump(model, path)
    finally:
        del sys.modules[PACKAGE]
    return path


def dangerous(folder: Path) -> Path:
    """A pickle that would run a command."""
    path = folder / "dangerous.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    return path


def replacing(folder: Path, name: str, ending: str) -> Path:
    """A classifier that has a function of NumPy for an attribute, which may be a method's name."""
    import joblib
    import numpy as np
    from skops import io as skops_io

    model = fitted.classifier()
    model = type(model).__new__(type(model))
    model.__dict__ |= {**fitted.classifier().__dict__, name: np.mean}
    path = folder / f"replacing{ending}"
    (skops_io.dump if ending == ".skops" else joblib.dump)(model, path)
    return path
