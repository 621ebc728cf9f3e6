"""What an estimator made of stubs says about itself: class, parameters, classes, task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from registry.formats.stubs import Array, Global, Instance, Weight
from registry.formats.text import MAX_DEPTH, MAX_FEATURES, clean, plain

MAX_PARAMETERS = 200
MAX_CLASSES = 10_000
_MAX_FAMILY = 100
_INNER = (
    "best_estimator_",
    "estimator_",
    "regressor_",
    "classifier_",
    "estimator",
    "base_estimator",
)
_REGRESSION = (
    *("Regressor", "Regression", "SVR", "Ridge", "Lasso", "ElasticNet", "Lars", "PLS", "CCA"),
    "MatchingPursuit",
)
_CLUSTERS = ("KMeans", "BisectingKMeans", "MiniBatchKMeans", "Birch", "MeanShift")
_MIXTURES = ("GaussianMixture", "BayesianGaussianMixture", "AffinityPropagation")
_OUTLIERS = ("IsolationForest", "OneClassSVM", "SGDOneClassSVM", "EllipticEnvelope")
_WITHOUT_PROBABILITIES = {
    "LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron", "OneVsOneClassifier",
    "PassiveAggressiveClassifier", "OutputCodeClassifier",
}  # fmt: skip
_FRAMEWORKS = {
    "sklearn": "scikit-learn", "xgboost": "XGBoost", "lightgbm": "LightGBM",
    "catboost": "CatBoost", "imblearn": "imbalanced-learn", "torch": "PyTorch",
    "statsmodels": "statsmodels", "keras": "Keras", "tensorflow": "TensorFlow",
}  # fmt: skip


@dataclass
class Traits:
    """What was read from an estimator; names and values are safe to show."""

    class_name: str
    framework: str
    version: str = ""
    task: str = ""
    has_probabilities: bool = False
    classes: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, str]] = field(default_factory=list)
    n_parameters: int | None = None
    n_outputs: int = 1


def traits(root: Instance) -> Traits:
    """Describe an estimator, pipelines and searches by the step that predicts."""
    last = final(root)
    package = (final(root).cls.module or "").partition(".")[0]
    found = Traits(
        class_name=clean(root.cls.path),
        framework=_FRAMEWORKS.get(package, clean(package)),
        version=version(root),
        parameters=parameters(root),
        steps=[{"name": name, "class": _name(step)} for name, step in steps(root)],
        n_parameters=_n_parameters(last),
    )
    classes = find(root, "classes_", last_step=True)
    found.classes = _texts(classes)
    multiple = isinstance(classes, list)
    found.n_outputs = len(classes) if isinstance(classes, list) else _n_targets(last)
    found.task = _task(_kind(last), has_classes=bool(found.classes) or multiple)
    found.has_probabilities = (
        found.task == "classification" and not multiple and _probabilities(last)
    )
    if found.task == "classification" and not found.classes:
        found.classes = _texts(attribute(attribute(last, "label_binarizer_"), "classes_"))
    return found


def attribute(value: object, name: str) -> Any:
    """A fitted attribute of a stub, or None."""
    return value.state.get(name) if isinstance(value, Instance) else None


def steps(value: object) -> list[tuple[str, Any]]:
    """Steps of a pipeline as (name, step); [] when it is none."""
    listed = attribute(value, "steps")
    if not isinstance(listed, list):
        return []
    return [
        (clean(step[0]), step[1])
        for step in listed[:100]
        if isinstance(step, (tuple, list)) and len(step) == 2
    ]


def final(value: Instance) -> Instance:
    """The estimator that gives the answer, inside pipelines and searches."""
    for _ in range(MAX_DEPTH):
        inner = steps(value)
        step = inner[-1][1] if inner else attribute(value, "best_estimator_")
        step = step or attribute(value, "regressor_")
        if value.cls.name in ("RFE", "RFECV", "SelectFromModel"):
            step = attribute(value, "estimator_")
        if not isinstance(step, Instance):
            return value
        value = step
    return value


def family(value: object, *, last_step: bool = False) -> Iterator[Instance]:
    """A stub and what is inside that takes the same input (or gives the same output), each once."""
    seen: set[int] = set()
    stack: list[object] = [value]
    while stack and len(seen) < _MAX_FAMILY:
        member = stack.pop()
        if not isinstance(member, Instance) or id(member) in seen:
            continue
        seen.add(id(member))
        yield member
        inner = [step for _, step in steps(member) if isinstance(step, Instance)]
        below = [inner[-1 if last_step else 0]] if inner else []
        below += [attribute(member, name) for name in _INNER]
        for name in ("calibrated_classifiers_", "estimators_"):
            several = attribute(member, name)
            if isinstance(several, list) and several:
                below.append(several[0][1] if _is_pair(several[0]) else several[0])
        stack.extend(reversed(below))


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def find(value: object, name: str, *, last_step: bool = False) -> Any:
    """The nearest fitted attribute of that name."""
    for member in family(value, last_step=last_step):
        if member.state.get(name) is not None:
            return member.state[name]
    return None


def version(value: Instance) -> str:
    """The scikit-learn that saved it, or ""."""
    found = find(value, "_sklearn_version")
    return clean(found, 50) if isinstance(found, str) else ""


def names(value: object) -> list[str]:
    """Feature names it was fitted with, exact but for control characters; [] when none."""
    array = find(value, "feature_names_in_")
    flat = array.flat() if isinstance(array, Array) else array
    if not isinstance(flat, list) or not all(isinstance(n, str) for n in flat):
        return []
    return [clean(n) for n in flat[:MAX_FEATURES]]


def n_features(value: object) -> int:
    """Number of columns it was fitted with, at most 10,000; 0 when unknown."""
    found = find(value, "n_features_in_")
    return min(found, MAX_FEATURES) if type(found) is int and found > 0 else 0


def parameters(value: Instance) -> dict[str, Any]:
    """Hyper-parameters in scikit-learn's own spelling, nested ones as `step__name`."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    queue: list[tuple[str, Instance]] = [("", value)]
    while queue and len(found) < MAX_PARAMETERS:
        prefix, est = queue.pop(0)
        if id(est) in seen:
            continue
        seen.add(id(est))
        inner = _parts(est)
        for name, setting in est.state.items():
            hidden = name.endswith("_") or name.startswith("_") or name in ("steps", "transformers")
            if not hidden and len(found) < MAX_PARAMETERS:
                found[clean(prefix + name)] = _shown(setting)
                if isinstance(setting, Instance) and "_sklearn_version" in setting.state:
                    inner.append((name, setting))
        if prefix.count("__") < MAX_DEPTH:
            queue += [(f"{prefix}{name}__", part) for name, part in inner]
    return found


def _parts(value: Instance) -> list[tuple[str, Instance]]:
    """Named estimators inside a pipeline or a column transformer."""
    listed = attribute(value, "steps") or attribute(value, "transformers")
    return [
        (clean(part[0]), part[1])
        for part in (listed if isinstance(listed, list) else [])[:100]
        if isinstance(part, (tuple, list)) and len(part) > 1 and isinstance(part[1], Instance)
    ]


def _shown(value: object, depth: int = 0) -> Any:
    if isinstance(value, Instance):
        return _name(value)
    if isinstance(value, Global):
        return clean(value.path)
    if isinstance(value, (Array, Weight)):
        return f"array{list(value.shape)}"
    if depth < 3 and isinstance(value, (list, tuple)):
        return [_shown(v, depth + 1) for v in value[:50]]
    if depth < 3 and isinstance(value, dict):
        return {clean(k): _shown(v, depth + 1) for k, v in list(value.items())[:50]}
    return plain(value)


def _name(value: object) -> str:
    return clean(value.cls.name) if isinstance(value, Instance) else clean(value)


def _texts(classes: object) -> tuple[str, ...]:
    flat = classes.flat() if isinstance(classes, Array) else None
    return tuple(clean(c) for c in (flat or [])[:MAX_CLASSES])


def _kind(last: Instance) -> str:
    """Class name, "" for a LocalOutlierFactor that cannot judge new rows."""
    if last.cls.name == "LocalOutlierFactor":
        return "IsolationForest" if last.state.get("novelty") is True else ""
    return last.cls.name


def _task(name: str, *, has_classes: bool) -> str:
    if has_classes or "Classifier" in name or name in ("SVC", "LinearSVC", "NuSVC"):
        return "classification"
    if name in _CLUSTERS or name in _MIXTURES:
        return "clustering"
    if name in _OUTLIERS:
        return "anomaly detection"
    return "regression" if any(part in name for part in _REGRESSION) else ""


def _probabilities(last: Instance) -> bool:
    if last.cls.name in _WITHOUT_PROBABILITIES:
        return False
    if last.cls.name in ("SVC", "NuSVC"):
        return last.state.get("probability") is True
    if last.cls.name == "OneVsRestClassifier":
        inner = last.state.get("estimators_")
        first = inner[0] if isinstance(inner, list) and inner else None
        if not isinstance(first, Instance) or first.cls.name == "OneVsRestClassifier":
            return False
        return "classes_" in first.state and _probabilities(first)
    if last.cls.name == "SGDClassifier":
        return last.state.get("loss") in ("log_loss", "modified_huber", "log")
    return not (last.cls.name == "VotingClassifier" and last.state.get("voting") == "hard")


def _n_targets(last: Instance) -> int:
    n = last.state.get("n_outputs_")
    coef = last.state.get("coef_")
    if type(n) is int and n > 0:
        return n
    if isinstance(coef, Array) and len(coef.shape) == 2 and "classes_" not in last.state:
        return max(1, coef.shape[0])
    return 1


def _n_parameters(last: Instance) -> int | None:
    weights = [last.state.get(name) for name in ("coef_", "intercept_")]
    for name in ("coefs_", "intercepts_"):
        several = last.state.get(name)
        weights += several if isinstance(several, list) else []
    total = sum(w.size if isinstance(w, Array) else isinstance(w, float) for w in weights)
    return total or None
