"""The pipelines that are tried, made of nothing but scikit-learn's own parts.

Columns that a pipeline is not told of are dropped; what it has never seen in a category counts as
rare or as nothing, so that no row makes it fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from registry.records import EvaluationTask, FeatureKind

SEED = 0
SMALL = 5_000
"""Rows up to which nearest neighbours are worth their price."""
LARGE = 20_000
_MOST_LEVELS, _MOST_WORDS = 50, 5_000
_DAY_US = 86_400e6
_NO_TIME = float(np.iinfo(np.int64).min)
"""What a missing time becomes as a number."""
Kinds = Mapping[str, FeatureKind]


@dataclass(frozen=True)
class Try:
    """A pipeline that is not fitted yet; `parameters` are those worth a word."""

    name: str
    title: str
    pipeline: Any
    parameters: dict[str, Any]


def candidates(task: EvaluationTask, kinds: Kinds, n_rows: int) -> list[Try]:
    """What is tried, the simplest first: each must beat the first to be worth anything."""
    labels = task == "classification"
    texts = "text" in kinds.values()
    found = [_floor(kinds, n_rows, labels=labels), _linear(kinds, n_rows, labels=labels)]
    if labels and set(kinds.values()) == {"text"}:
        found.append(_bayes(kinds, n_rows))
    found.append(_forest(kinds, n_rows, labels=labels))
    if not texts:
        found.append(_boosting(kinds, n_rows, labels=labels))
    if n_rows <= SMALL:
        found.append(_neighbours(kinds, n_rows, labels=labels))
    return found


def words(kinds: Kinds) -> list[str]:
    """What is done to the columns before any pipeline learns, in words."""
    said = {
        "number": "missing values become the median, then all are scaled to mean 0 and variance 1; "
        "gradient boosting takes them as they are",
        "boolean": "0 or 1; missing values become the commonest",
        "category": f"a column per level, at most {_MOST_LEVELS}; levels in fewer than 0.5% of "
        "rows count as one; a missing value is a level of its own",
        "date": "the time itself, and smooth curves over the week and the year",
        "text": f"TF-IDF of the {_MOST_WORDS:,} commonest words and pairs of words",
    }
    plural = {
        "number": "numbers", "boolean": "yes or no", "category": "categories", "date": "dates",
        "text": "free text",
    }  # fmt: skip
    lines = []
    for kind, what in said.items():
        names = [name for name, each in kinds.items() if each == kind]
        if names:
            lines.append(f"{len(names)} × {plural[kind]} ({_listed(names)}): {what}")
    return lines


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _floor(kinds: Kinds, n_rows: int, *, labels: bool) -> Try:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    last = DummyClassifier(strategy="prior") if labels else DummyRegressor(strategy="mean")
    title = "Floor: always the commonest" if labels else "Floor: always the mean"
    return _try("floor", title, _prepared(kinds, n_rows), last, {"strategy": last.strategy})


def _linear(kinds: Kinds, n_rows: int, *, labels: bool) -> Try:
    from sklearn.linear_model import LogisticRegression, Ridge

    if labels:
        last = LogisticRegression(max_iter=1000)
        return _try("logistic", "Logistic regression", _prepared(kinds, n_rows), last, {"C": 1.0})
    return _try("ridge", "Ridge regression", _prepared(kinds, n_rows), Ridge(), {"alpha": 1.0})


def _bayes(kinds: Kinds, n_rows: int) -> Try:
    from sklearn.naive_bayes import ComplementNB

    return _try("bayes", "Naive Bayes", _prepared(kinds, n_rows), ComplementNB(), {"alpha": 1.0})


def _forest(kinds: Kinds, n_rows: int, *, labels: bool) -> Try:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    made = RandomForestClassifier if labels else RandomForestRegressor
    least = max(1 if labels else 2, n_rows // 10_000)
    said = {"n_estimators": 100, "min_samples_leaf": least}
    last = made(**said, random_state=SEED)
    return _try("forest", "Random forest", _prepared(kinds, n_rows), last, said)


def _boosting(kinds: Kinds, n_rows: int, *, labels: bool) -> Try:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if labels else HistGradientBoostingRegressor
    before, n_categories = _ordinal(kinds, n_rows)
    said = {"learning_rate": 0.1, "max_iter": 100}
    chosen = list(range(n_categories)) if n_categories else None
    last = made(**said, categorical_features=chosen, random_state=SEED)
    return _try("boosting", "Gradient boosting", before, last, said)


def _neighbours(kinds: Kinds, n_rows: int, *, labels: bool) -> Try:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    made = KNeighborsClassifier if labels else KNeighborsRegressor
    last = made(n_neighbors=5)
    return _try("neighbours", "Nearest neighbours", _prepared(kinds, n_rows), last,
                {"n_neighbors": 5})  # fmt: skip


def _try(name: str, title: str, before: Any, last: Any, parameters: dict[str, Any]) -> Try:
    from sklearn.pipeline import Pipeline

    return Try(name, title, Pipeline([("columns", before), ("model", last)]), parameters)


def _prepared(kinds: Kinds, n_rows: int) -> Any:
    """Everything as numbers of like size, sparse where most are 0."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([("gaps", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=_rare(n_rows),
        max_categories=_MOST_LEVELS,
    )
    parts = [
        ("number", numbers, _of(kinds, "number")),
        ("boolean", SimpleImputer(strategy="most_frequent"), _of(kinds, "boolean")),
        ("category", levels, _of(kinds, "category")),
        ("date", _dates(), _of(kinds, "date")),
        *_texts(kinds),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def _ordinal(kinds: Kinds, n_rows: int) -> tuple[Any, int]:
    """As trees of histograms take them: levels first, numbered, and numbers with their gaps."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OrdinalEncoder

    levels = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        min_frequency=_rare(n_rows),
        max_categories=_MOST_LEVELS,
    )
    parts = [
        ("category", levels, _of(kinds, "category")),
        ("number", "passthrough", _of(kinds, "number")),
        ("boolean", SimpleImputer(strategy="most_frequent"), _of(kinds, "boolean")),
        ("date", _dates(), _of(kinds, "date")),
    ]
    made = ColumnTransformer([part for part in parts if part[2]])
    return made, len(_of(kinds, "category"))


def _dates() -> Any:
    """Times in microseconds: the trend, and curves over the week and the year.

    Source: scikit-learn's user guide, Time-related feature engineering, periodic splines.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import FeatureUnion, Pipeline
    from sklearn.preprocessing import StandardScaler

    curves = [
        ("time", StandardScaler()),
        ("week", _periodic(7, 7)),
        ("year", _periodic(365.25, 6)),
    ]
    gaps = SimpleImputer(missing_values=_NO_TIME, strategy="median")
    return Pipeline([("gaps", gaps), ("curves", FeatureUnion(curves))])


def _periodic(days: float, n_knots: int) -> Any:
    from sklearn.preprocessing import SplineTransformer

    knots = np.linspace(0, days * _DAY_US, n_knots).reshape(-1, 1)
    return SplineTransformer(knots=knots, extrapolation="periodic", include_bias=False)


def _texts(kinds: Kinds) -> list[tuple[str, Any, str]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return [
        (f"text_{n}", TfidfVectorizer(max_features=_MOST_WORDS, ngram_range=(1, 2)), name)
        for n, name in enumerate(_of(kinds, "text"))
    ]


def _rare(n_rows: int) -> int | None:
    """Rows below which a level counts as rare; None for a table that is too small for that."""
    least = n_rows // 200
    return least if least > 1 else None


def _of(kinds: Kinds, kind: FeatureKind) -> list[str]:
    return [name for name, each in kinds.items() if each == kind]
