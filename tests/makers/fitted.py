"""Tiny data sets and what is fitted on them, each made once per process."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

# What the models are fitted on


@cache
def iris() -> tuple[Any, np.ndarray]:
    """Four measurements of flowers as a frame, and their names."""
    from sklearn.datasets import load_iris

    data = load_iris(as_frame=True)
    return data.data, np.array(data.target_names)[data.target]


@cache
def diabetes() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_diabetes

    features, target = load_diabetes(return_X_y=True)
    return features.astype(np.float32), target


@cache
def customers() -> tuple[Any, np.ndarray]:
    """A frame with gaps, text and whole numbers, and who left."""
    import pandas as pd

    rng = np.random.default_rng(7)
    n = 120
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "city": pd.Series(rng.choice(["Bern", "Oslo", "Turin"], n), dtype=object),
            "tenure": rng.integers(0, 40, n),
            "plan": pd.Series(rng.choice(["free", "pro"], n), dtype=object),
        }
    )
    left = np.where((frame.tenure < 12) & (frame["plan"] == "free"), "left", "stayed")
    frame.loc[::10, "age"] = np.nan
    frame.loc[::15, "city"] = np.nan
    return frame, left


# Estimators


@cache
def classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500).fit(*iris())


@cache
def forest(n_trees: int = 5) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=n_trees, max_depth=4, random_state=0).fit(*iris())


@cache
def unnamed_classifier() -> Any:
    """Fitted on an array, so that the columns have no names."""
    from sklearn.linear_model import LogisticRegression

    frame, target = iris()
    return LogisticRegression(max_iter=500).fit(frame.to_numpy(), target)


@cache
def regressor() -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=5, random_state=0).fit(*diabetes())


@cache
def histogram_classifier() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(*iris())


@cache
def pipeline() -> Any:
    """A Pipeline with a ColumnTransformer on a frame: gaps filled, numbers scaled, text encoded."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer(
        [("numbers", numbers, ["age", "tenure"]), ("texts", texts, ["city", "plan"])]
    )
    model = GradientBoostingClassifier(n_estimators=10, random_state=0)
    return Pipeline([("columns", columns), ("model", model)]).fit(*customers())


@cache
def text_classifier() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = ["good film", "great film", "bad film", "awful film"] * 5
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 1, 0, 0] * 5)


@cache
def cluster() -> Any:
    from sklearn.cluster import KMeans

    return KMeans(3, n_init=1, random_state=0).fit(iris()[0])


@cache
def several_targets() -> Any:
    from sklearn.linear_model import LinearRegression

    features, target = diabetes()
    return LinearRegression().fit(features, np.stack([target, target * 2], axis=1))


@cache
def onnx_columns_pipeline() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [("n", StandardScaler(), ["age", "tenure"]), ("t", OneHotEncoder(), ["city"])]
    )
    frame, target = customers()
    kept = frame[["age", "tenure", "city"]].dropna()
    model = Pipeline([("columns", columns), ("model", LogisticRegression())])
    return model.fit(kept, target[kept.index])
