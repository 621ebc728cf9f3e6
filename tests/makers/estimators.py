"""Families of scikit-learn and what has its shape, fitted on tiny data: name to maker."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.makers import fitted


def _xy() -> tuple[np.ndarray, np.ndarray]:
    frame, target = fitted.iris()
    return frame.to_numpy()[::3], target[::3]


def _made(module: str, name: str, *args: Any, **parameters: Any) -> Any:
    return getattr(importlib.import_module(module), name)(*args, **parameters)


def _classifier(module: str, name: str, **parameters: Any) -> Callable[[], Any]:
    return lambda: _made(module, name, **parameters).fit(*_xy())


def _regressor(module: str, name: str, **parameters: Any) -> Callable[[], Any]:
    def fit() -> Any:
        features, target = fitted.diabetes()
        return _made(module, name, **parameters).fit(features[::6], target[::6])

    return fit


def _gaussian() -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    kernel = ConstantKernel() * RBF() + WhiteKernel()
    features, target = fitted.diabetes()
    return GaussianProcessRegressor(kernel, optimizer=None).fit(features[:30], target[:30])


def _calibrated(method: str) -> Callable[[], Any]:
    def fit() -> Any:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import LinearSVC

        return CalibratedClassifierCV(LinearSVC(), method=method, cv=2).fit(*_xy())

    return fit


def _searched() -> Any:
    from sklearn.model_selection import GridSearchCV
    from sklearn.tree import DecisionTreeClassifier

    return GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(*_xy())


def _searched_at_random() -> Any:
    from scipy.stats import randint, uniform
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import RandomizedSearchCV

    ranges = {"max_depth": randint(1, 4), "max_features": uniform(0.1, 0.9)}
    search = RandomizedSearchCV(
        RandomForestClassifier(3), ranges, n_iter=2, cv=2, scoring="accuracy", random_state=0
    )
    return search.fit(*_xy())


def _voting() -> Any:
    from sklearn.ensemble import VotingClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    parts = [("bayes", GaussianNB()), ("near", KNeighborsClassifier())]
    return VotingClassifier(parts, voting="soft").fit(*_xy())


def _stacking() -> Any:
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import Lasso, Ridge
    from sklearn.neighbors import KNeighborsRegressor

    features, target = fitted.diabetes()
    parts = [("near", KNeighborsRegressor()), ("lasso", Lasso())]
    return StackingRegressor(parts, Ridge(), cv=2).fit(features[::6], target[::6])


def _chained() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, SplineTransformer

    union = FeatureUnion([("powers", PolynomialFeatures()), ("splines", SplineTransformer())])
    return make_pipeline(union, OneVsRestClassifier(LogisticRegression(max_iter=500))).fit(*_xy())


def _reduced() -> Any:
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectKBest, f_classif
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PowerTransformer, QuantileTransformer
    from sklearn.svm import SVC

    spread = QuantileTransformer(n_quantiles=10)
    steps = [SelectKBest(f_classif, k=3), PowerTransformer(), spread, PCA(2)]
    return make_pipeline(*steps, SVC(probability=False)).fit(*_xy())


def _filled() -> Any:
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import KNNImputer, SimpleImputer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, TargetEncoder

    frame, target = fitted.customers()
    columns = ColumnTransformer(
        [
            ("numbers", KNNImputer(), make_column_selector(dtype_include="number")),
            ("logs", make_pipeline(SimpleImputer(), FunctionTransformer(np.log1p)), ["tenure"]),
            ("plans", OrdinalEncoder(), ["plan"]),
            ("cities", TargetEncoder(cv=2), ["city"]),
        ]
    )
    return make_pipeline(columns, SGDClassifier(loss="log_loss")).fit(frame, target)


def _counted() -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline, make_union

    texts = ["good film", "great film", "bad film", "awful film"] * 5
    counts = make_union(CountVectorizer(ngram_range=(1, 2)), HashingVectorizer(n_features=64))
    TruncatedSVD(2).fit_transform(counts.fit_transform(texts))
    return make_pipeline(CountVectorizer(), ComplementNB()).fit(texts, [1, 1, 0, 0] * 5)


def _logarithmic() -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import GradientBoostingRegressor

    features, target = fitted.diabetes()
    model = GradientBoostingRegressor(n_estimators=3)
    return TransformedTargetRegressor(model, func=np.log1p, inverse_func=np.expm1).fit(
        features, target
    )


_TREE, _ENSEMBLE, _LINEAR = "sklearn.tree", "sklearn.ensemble", "sklearn.linear_model"

FAMILIES: dict[str, Callable[[], Any]] = {
    "classifier": fitted.classifier,
    "forest": fitted.forest,
    "unnamed_classifier": fitted.unnamed_classifier,
    "regressor": fitted.regressor,
    "histogram_classifier": fitted.histogram_classifier,
    "pipeline": fitted.pipeline,
    "text_classifier": fitted.text_classifier,
    "cluster": fitted.cluster,
    "several_targets": fitted.several_targets,
    "tree": _classifier(_TREE, "DecisionTreeClassifier"),
    "extra_trees": _regressor(_ENSEMBLE, "ExtraTreesRegressor", n_estimators=3),
    "histogram_regressor": _regressor(_ENSEMBLE, "HistGradientBoostingRegressor", max_iter=3),
    "bagging": _classifier(_ENSEMBLE, "BaggingClassifier", n_estimators=3),
    "boosted_stumps": _classifier(_ENSEMBLE, "AdaBoostClassifier", n_estimators=3),
    "isolation_forest": _classifier(_ENSEMBLE, "IsolationForest", n_estimators=3),
    "one_class": _classifier("sklearn.svm", "OneClassSVM"),
    "outlier_factor": _classifier("sklearn.neighbors", "LocalOutlierFactor", novelty=True),
    "near_kd_tree": _classifier("sklearn.neighbors", "KNeighborsClassifier", algorithm="kd_tree"),
    "near_ball_tree": _regressor(
        "sklearn.neighbors", "KNeighborsRegressor", algorithm="ball_tree", metric="manhattan"
    ),
    "density": _classifier("sklearn.neighbors", "KernelDensity"),
    "network": _classifier("sklearn.neural_network", "MLPClassifier", max_iter=5),
    "mixture": _classifier("sklearn.mixture", "GaussianMixture", n_components=2),
    "bayesian_ridge": _regressor(_LINEAR, "BayesianRidge"),
    "elastic_net": _regressor(_LINEAR, "ElasticNetCV", cv=2),
    "huber": _regressor(_LINEAR, "HuberRegressor"),
    "poisson": _regressor(_LINEAR, "PoissonRegressor"),
    "passive": _classifier(_LINEAR, "Perceptron"),
    "discriminant": _classifier(
        "sklearn.discriminant_analysis", "QuadraticDiscriminantAnalysis", reg_param=0.5
    ),
    "dummy": _regressor("sklearn.dummy", "DummyRegressor"),
    "kernel_ridge": _regressor("sklearn.kernel_ridge", "KernelRidge", kernel="rbf"),
    "isotonic": lambda: _made("sklearn.isotonic", "IsotonicRegression").fit([1, 2, 3], [1, 2, 4]),
    "partial_least_squares": _regressor("sklearn.cross_decomposition", "PLSRegression"),
    "gaussian_process": _gaussian,
    "gaussian_process_classifier": _classifier(
        "sklearn.gaussian_process", "GaussianProcessClassifier"
    ),
    "calibrated_sigmoid": _calibrated("sigmoid"),
    "calibrated_isotonic": _calibrated("isotonic"),
    "searched": _searched,
    "searched_at_random": _searched_at_random,
    "voting": _voting,
    "stacking": _stacking,
    "chained": _chained,
    "reduced": _reduced,
    "filled": _filled,
    "counted": _counted,
    "logarithmic": _logarithmic,
    "spectral": _classifier("sklearn.cluster", "MiniBatchKMeans", n_clusters=2, n_init=1),
    "birch": _classifier("sklearn.cluster", "Birch", n_clusters=2),
}
if importlib.util.find_spec("xgboost"):
    FAMILIES |= {
        "xgboost_classifier": lambda: _made("xgboost", "XGBClassifier", n_estimators=3).fit(
            _xy()[0], np.arange(50) % 3
        ),
        "xgboost_regressor": _regressor("xgboost", "XGBRegressor", n_estimators=3),
        "xgboost_booster": lambda: FAMILIES["xgboost_regressor"]().get_booster(),
    }
if importlib.util.find_spec("lightgbm"):
    FAMILIES |= {
        "lightgbm_classifier": _classifier(
            "lightgbm", "LGBMClassifier", n_estimators=3, min_child_samples=5, verbose=-1
        ),
        "lightgbm_regressor": _regressor(
            "lightgbm", "LGBMRegressor", n_estimators=3, min_child_samples=5, verbose=-1
        ),
        "lightgbm_booster": lambda: FAMILIES["lightgbm_regressor"]().booster_,
    }

FOR_SKOPS = (
    *("classifier", "forest", "pipeline", "histogram_classifier", "text_classifier", "network"),
    *("near_kd_tree", "calibrated_isotonic", "gaussian_process", "voting", "filled"),
)
"""Families that are also saved by skops."""
