"""The other side of `predict`: the same models, called in an ordinary process with one thread.

    python -m benchmarks.raw <folder>

Trains the models into the folder, then for each line `<name> warm|cold` on stdin prints the
milliseconds one call took, in JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[[], Any]
Loader = Callable[[], Call]


def main() -> None:
    warnings.simplefilter("ignore")
    loaders = {name: make(Path(sys.argv[1])) for name, make in MODELS.items()}
    loaded = {name: load() for name, load in loaders.items()}
    print(json.dumps(list(loaded)), flush=True)
    for line in sys.stdin:
        name, state = line.split()
        started = time.perf_counter()
        (loaded[name] if state == "warm" else loaders[name]())()
        print(json.dumps((time.perf_counter() - started) * 1e3), flush=True)


def logistic(folder: Path) -> Loader:
    """Logistic regression on the 30 columns of breast cancer, fitted on arrays."""
    import joblib

    model, features = _logistic()
    path = folder / "logistic.joblib"
    joblib.dump(model, path)
    row = features[:1].copy()

    def load() -> Call:
        fresh = joblib.load(path)
        return lambda: fresh.predict_proba(row)

    return load


def onnx_logistic(folder: Path) -> Loader:
    """The same as ONNX."""
    import onnxruntime
    from skl2onnx import to_onnx

    model, features = _logistic()
    options = {id(model): {"zipmap": False}}
    path = folder / "onnx_logistic.onnx"
    graph = to_onnx(model, features[:1].astype(np.float32), options=options)
    path.write_bytes(graph.SerializeToString())
    row = features[:1].astype(np.float32)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1

    def load() -> Call:
        session = onnxruntime.InferenceSession(path.read_bytes(), settings)
        name = session.get_inputs()[0].name
        return lambda: session.run(None, {name: row})

    return load


def pipeline(folder: Path) -> Loader:
    """Histogram gradient boosting behind a column transformer, fitted on a frame."""
    import joblib

    from tests.makers.models import customers
    from tests.makers.models import pipeline as fitted

    path = folder / "pipeline.joblib"
    joblib.dump(fitted(), path)
    row = customers()[0].dropna().head(1)

    def load() -> Call:
        fresh = joblib.load(path)
        return lambda: fresh.predict_proba(row)

    return load


def boosting(folder: Path) -> Loader:
    """Histogram gradient boosting alone: hundreds of parallel regions in one row."""
    import joblib
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, target = load_breast_cancer(return_X_y=True)
    path = folder / "boosting.joblib"
    joblib.dump(HistGradientBoostingClassifier(early_stopping=False).fit(features, target), path)
    row = features[:1].copy()

    def load() -> Call:
        fresh = joblib.load(path)
        return lambda: fresh.predict_proba(row)

    return load


def mlp(folder: Path) -> Loader:
    """A small multi-layer perceptron as TorchScript."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers = (torch.nn.Linear(30, 128), torch.nn.ReLU(), torch.nn.Linear(128, 2))
    path = folder / "mlp.pt"
    torch.jit.save(torch.jit.script(torch.nn.Sequential(*layers)), path)
    row = np.ones((1, 30), np.float32)

    def load() -> Call:
        module = torch.jit.load(path)

        def call() -> np.ndarray:
            with torch.inference_mode():
                answer: np.ndarray = module(torch.from_numpy(row)).numpy()
            return answer

        return call

    return load


def _logistic() -> tuple[Any, np.ndarray]:
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    data = load_breast_cancer()
    scaled = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    return LogisticRegression().fit(scaled, data.target), scaled


MODELS = {
    "logistic": logistic,
    "pipeline": pipeline,
    "onnx_logistic": onnx_logistic,
    "boosting": boosting,
    "mlp": mlp,
}

if __name__ == "__main__":
    main()
