"""Train the sample models; run as `python -m registry.demo.training FOLDER slug@label …`.

Every finished sample is one line of JSON on standard output (a `Sample`); other lines
are for people. Frameworks are imported inside functions, only those that are needed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from registry import codec
from registry.demo import cards
from registry.demo.samples import HELD_OUT, Sample
from registry.records import (
    Details,
    ImageHints,
    Metric,
    Output,
    Schema,
    Tensor,
)

_SEED = 7


def main(arguments: Sequence[str]) -> None:
    """Train what is asked for, in the order of `MAKERS`."""
    folder, wanted = Path(arguments[0]), set(arguments[1:])
    for name, make in MAKERS.items():
        if name not in wanted:
            continue
        _say(f"training {name.replace('@', ' ')}")
        sample = make(folder)
        _say(json.dumps(codec.dump(sample)))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _cancer(
    folder: Path, label: str, notes: str, algorithm: str, build: Callable[[Any], Any]
) -> Sample:
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    data = load_breast_cancer(as_frame=True)
    names = data.target_names[data.target]
    x, x_test, y, y_test = train_test_split(
        data.data, names, test_size=0.25, stratify=names, random_state=_SEED
    )
    model, seconds = _fitted(build(x), x, y)
    held_out = folder / "breast_cancer_held_out.csv"
    x_test.assign(diagnosis=y_test).to_csv(held_out, index=False)
    return Sample(
        path=_joblib(model, folder / f"breast_cancer_{label}.joblib"),
        details=Details(
            name="Breast cancer",
            description="Benign or malignant, from 30 measurements of cell nuclei.",
            card=cards.CANCER,
            task="classification",
            license="BSD-3-Clause",
            tags=("medicine", "tabular", "sample"),
            label=label,
            notes=notes,
            metrics=_classification(model, x_test, y_test),
            parameters=_parameters(model),
            training=_training(algorithm, cards.CANCER_DATA, "diagnosis", x, x_test, seconds),
            links={"dataset": "https://archive.ics.uci.edu/dataset/17"},
        ),
        given=Schema("table", target="diagnosis", example=_row(x_test)),
        public=True,
        held_out=str(held_out),
        cases=tuple(_row(x_test[n:]) for n in range(3)),
    )


def _logistic(folder: Path) -> Sample:
    def build(_x: Any) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=1000))

    notes = "A straight line through standardised features: the bar for what follows."
    return _cancer(folder, "1.0.0", notes, "logistic regression", build)


def _forest(folder: Path) -> Sample:
    def build(_x: Any) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=120, min_samples_leaf=2, random_state=_SEED, n_jobs=1
        )

    notes = "120 trees; needs no scaling and tells which features it used."
    return _cancer(folder, "1.1.0", notes, "random forest", build)


def _boosting(folder: Path) -> Sample:
    def build(x: Any) -> Any:
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import QuantileTransformer, StandardScaler

        skewed = [name for name in x.columns if name.endswith("error")]
        others = [name for name in x.columns if name not in skewed]
        columns = ColumnTransformer(
            [
                (
                    "skewed",
                    QuantileTransformer(n_quantiles=100, output_distribution="normal"),
                    skewed,
                ),
                ("others", StandardScaler(), others),
            ]
        )
        boosted = GradientBoostingClassifier(
            n_estimators=200, learning_rate=0.08, max_depth=2, subsample=0.8, random_state=_SEED
        )
        return Pipeline([("columns", columns), ("model", boosted)])

    notes = "Shallow trees, boosted, behind a column transformer: takes a DataFrame."
    return _cancer(folder, "2.0.0", notes, "gradient boosting", build)


def _diabetes(folder: Path) -> Sample:
    from sklearn.compose import ColumnTransformer
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_diabetes(as_frame=True, scaled=False)
    table = data.data.set_axis(_DIABETES_COLUMNS, axis=1)
    x, x_test, y, y_test = train_test_split(table, data.target, test_size=0.25, random_state=_SEED)
    columns = ColumnTransformer([("scaled", StandardScaler(), list(table.columns))])
    forest = RandomForestRegressor(150, min_samples_leaf=5, random_state=_SEED, n_jobs=1)
    model, seconds = _fitted(Pipeline([("columns", columns), ("forest", forest)]), x, y)
    training = _training("random forest", cards.DIABETES_DATA, "progression", x, x_test, seconds)
    return Sample(
        path=_onnx(model, folder / "diabetes_forest.onnx"),
        details=Details(
            name="Diabetes progression",
            description="Disease progression after a year, from ten baseline variables.",
            card=cards.DIABETES,
            task="regression",
            license="BSD-3-Clause",
            tags=("medicine", "tabular", "onnx", "sample"),
            label="1.0.0",
            notes="A random forest of 150 trees, converted to ONNX with skl2onnx.",
            metrics=_regression(y_test, model.predict(x_test)),
            parameters=_parameters(model),
            training=training,
        ),
        given=Schema(
            "table",
            target="progression",
            target_range=(float(y.min()), float(y.max())),
            example=_row(x_test),
        ),
    )


_DIABETES_COLUMNS = (
    "age",
    "sex",
    "bmi",
    "blood_pressure",
    "total_cholesterol",
    "ldl",
    "hdl",
    "cholesterol_ratio",
    "log_triglycerides",
    "glucose",
)


def _onnx(model: Any, path: Path) -> str:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [(name, FloatTensorType([None, 1])) for name in model.feature_names_in_]
    graph = to_onnx(model, initial_types=inputs, target_opset=17)
    graph.doc_string = "Disease progression one year after baseline"
    path.write_bytes(graph.SerializeToString())
    return str(path)


def _regression(y_test: Any, guess: Any) -> tuple[Metric, ...]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    return _metrics(
        {
            "r2_score": r2_score(y_test, guess),
            "root_mean_squared_error": root_mean_squared_error(y_test, guess),
            "mean_absolute_error": mean_absolute_error(y_test, guess),
        }
    )


def _digits(folder: Path, label: str, notes: str, save: Callable[[Any, Any, Path], Path]) -> Sample:
    import numpy as np
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    torch.manual_seed(_SEED)
    torch.set_num_threads(1)
    data = load_digits()
    images = (data.images[:, None] / 16).astype(np.float32)
    x, x_test, y, y_test = train_test_split(
        images, data.target, test_size=0.25, stratify=data.target, random_state=_SEED
    )
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 4 * 4, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
    settings = {"epochs": 25, "batch_size": 64, "learning_rate": 0.003, "optimizer": "Adam"}
    seconds = _descend(network, torch.from_numpy(x), torch.from_numpy(y), settings)
    path = save(network.eval(), torch.from_numpy(x[:2]), folder)
    with torch.no_grad():
        shares = network(torch.from_numpy(x_test)).softmax(1).double().numpy()
    return Sample(
        path=str(path),
        details=Details(
            name="Handwritten digits",
            description="Which digit is on an 8×8 grey picture.",
            card=cards.DIGITS,
            task="image-classification",
            license="BSD-3-Clause",
            tags=("vision", "digits", "sample"),
            label=label,
            notes=notes,
            metrics=_digit_metrics(y_test, shares),
            parameters=settings | {"layers": "conv 16, conv 32, pool, dense 64, dense 10"},
            training=_training(
                "convolutional network", cards.DIGITS_DATA, "digit", x, x_test, seconds
            ),
        ),
        given=_digit_schema(x_test[:1].round(4).tolist()),
    )


def _descend(network: Any, x: Any, y: Any, settings: dict[str, Any]) -> float:
    import torch

    started = time.perf_counter()
    optimizer = torch.optim.Adam(network.parameters(), lr=settings["learning_rate"])
    for _ in range(settings["epochs"]):
        for batch in torch.randperm(len(x)).split(settings["batch_size"]):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
    return time.perf_counter() - started


def _digit_schema(example: Any) -> Schema:
    hints = ImageHints("NCHW", width=8, height=8, channels=1)
    return Schema(
        "tensors",
        tensors=(Tensor("input", "float32", (-1, 1, 8, 8), image=hints),),
        outputs=(Output("output", "scores", "float32", (-1, 10)),),
        classes=tuple("0123456789"),
        target="digit",
        example={"input": example},
    )


def _digit_metrics(y_test: Any, shares: Any) -> tuple[Metric, ...]:
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    guess = shares.argmax(1)
    shares = shares / shares.sum(axis=1, keepdims=True)
    values = {
        "accuracy_score": accuracy_score(y_test, guess),
        "f1_macro": f1_score(y_test, guess, average="macro"),
        "log_loss": log_loss(y_test, shares),
    }
    return _metrics(values)


def _digits_script(folder: Path) -> Sample:
    def save(network: Any, _x: Any, folder: Path) -> Path:
        import warnings

        import torch

        path = folder / "digits_cnn.torchscript.pt"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated, and still what many have
            torch.jit.script(network).save(str(path))
        return path

    return _digits(folder, "1.0.0", "A small convolutional network as TorchScript.", save)


def _digits_export(folder: Path) -> Sample:
    def save(network: Any, x: Any, folder: Path) -> Path:
        import torch

        path = folder / "digits_cnn.pt2"
        batch = torch.export.Dim("batch", min=1, max=4096)
        program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
        torch.export.save(program, path)
        return path

    return _digits(folder, "1.1.0", "The same network through torch.export.", save)


def _fitted(model: Any, x: Any, y: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return model.fit(x, y), time.perf_counter() - started


def _joblib(model: Any, path: Path) -> str:
    import joblib

    joblib.dump(model, path)
    return str(path)


def _classification(model: Any, x_test: Any, y_test: Any) -> tuple[Metric, ...]:
    from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

    guess, shares = model.predict(x_test), model.predict_proba(x_test)
    positive = list(model.classes_).index("malignant")
    return _metrics(
        {
            "roc_auc": roc_auc_score(y_test == "malignant", shares[:, positive]),
            "accuracy_score": accuracy_score(y_test, guess),
            "f1_score": f1_score(y_test, guess, pos_label="malignant"),
            "log_loss": log_loss(y_test, shares, labels=list(model.classes_)),
        }
    )


def _metrics(values: dict[str, Any]) -> tuple[Metric, ...]:
    lower = ("log_loss", "root_mean_squared_error", "mean_absolute_error")
    return tuple(
        Metric(name, round(float(value), 4), dataset=HELD_OUT, higher_is_better=name not in lower)
        for name, value in values.items()
    )


def _row(table: Any) -> dict[str, float]:
    """The first row, as an example to click."""
    return {name: round(float(value), 5) for name, value in table.iloc[0].items()}


def _parameters(model: Any) -> dict[str, Any]:
    """The plain hyper-parameters of the last step."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    plain = (bool, int, float, str)
    return {key: v for key, v in last.get_params(deep=False).items() if isinstance(v, plain)}


def _training(
    algorithm: str, dataset: str, target: str, x: Any, x_test: Any, seconds: float
) -> dict[str, Any]:
    return {
        "algorithm": algorithm,
        "dataset": dataset,
        "target": target,
        "n_training": len(x),
        "n_test": len(x_test),
        "training_s": round(seconds, 3),
    }


MAKERS: dict[str, Callable[[Path], Sample]] = {
    "breast-cancer@1.0.0": _logistic,
    "breast-cancer@1.1.0": _forest,
    "breast-cancer@2.0.0": _boosting,
    "diabetes-progression@1.0.0": _diabetes,
    "handwritten-digits@1.0.0": _digits_script,
    "handwritten-digits@1.1.0": _digits_export,
}

if __name__ == "__main__":
    main(sys.argv[1:])
