"""Asks loaded estimators of scikit-learn's shape, and learns what the file did not say."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.errors import NotInstalled, PredictionFailed
from registry.formats import arrays, columns, medians, proposals, runtime
from registry.formats.once import label_and_shares
from registry.formats.text import MAX_FEATURES, clean, unique
from registry.records import Field, Output, Schema

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

_NO_MODULE = "the file needs the module {}, which this server does not have"
# Their predict is the arg-max of predict_proba, so that one pass answers both.
# Source: scikit-learn 1.9, ensemble/_forest.py, ensemble/_bagging.py, tree/_classes.py,
# calibration.py
_ARGMAX = {
    "RandomForestClassifier", "ExtraTreesClassifier", "BaggingClassifier", "ExtraTreeClassifier",
    "DecisionTreeClassifier", "CalibratedClassifierCV",
}  # fmt: skip
_NEED_FRAMES = {"ColumnTransformer", "FunctionTransformer", "TargetEncoder"}
_VECTORIZERS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}


@dataclass
class Loaded:
    """An estimator and what is worth knowing once: names, kind of input, classes.

    Attributes:
        needs_frame: Columns are picked by name or type, so that an array will not do.
        argmax: The label is the arg-max of the probabilities.
        steps_before: The pipeline without its last step, to transform once for two questions.
    """

    estimator: Any
    steps_before: Any
    last: Any
    names: list[str]
    n_features: int
    needs_frame: bool
    reads_text: bool
    argmax: bool
    classes: Any


@contextmanager
def missing_libraries() -> Iterator[None]:
    """Turn a failed import inside a load into what is missing.

    Raises:
        NotInstalled: In place of a missing well-known library.
        PredictionFailed: In place of any other missing module.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = runtime.package(missing.name or "")
        if package and not runtime.known(missing.name or ""):
            raise NotInstalled(package) from None
        raise PredictionFailed(_NO_MODULE.format(clean(missing.name or "", 100))) from None


def loaded(estimator: Any, threads: int) -> Loaded:
    """Look at a freshly loaded estimator.

    Raises:
        PredictionFailed: It has no predict method.
    """
    if isinstance(estimator, type) or not callable(getattr(estimator, "predict", None)):
        name = clean(type(estimator).__name__)
        raise PredictionFailed(f"the file holds a {name}, which has no predict method")
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    names = getattr(estimator, "feature_names_in_", None)
    parts = [estimator, *_nested(estimator)]
    _limit_threads(parts, threads)
    last = _last(estimator)
    return Loaded(
        estimator=estimator,
        steps_before=_steps_before(estimator),
        last=last,
        names=[] if names is None else [str(name) for name in names],
        n_features=_count(estimator),
        needs_frame=any(_picks_columns(part) for part in parts),
        reads_text=any(type(part).__name__ in _VECTORIZERS for part in parts[:3]),
        argmax=_takes_argmax(last),
        classes=getattr(estimator, "classes_", None),
    )


def _nested(estimator: Any) -> list[Any]:
    try:
        found = list(estimator.get_params(deep=True).values())
    except (AttributeError, TypeError, ValueError):
        return []
    return [part for part in found if hasattr(part, "fit") and not isinstance(part, type)]


def _last(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return _last(steps[-1][1]) if isinstance(steps, list) and steps else estimator


def _steps_before(estimator: Any) -> Any:
    """All steps but the last of scikit-learn's own Pipeline; None for anything else."""
    own = type(estimator).__module__ == "sklearn.pipeline" and hasattr(estimator, "steps")
    nested = own and hasattr(estimator.steps[-1][1], "steps")
    return estimator[:-1] if own and not nested and len(estimator.steps) > 1 else None


def _count(estimator: Any) -> int:
    try:
        return min(int(estimator.n_features_in_), MAX_FEATURES)
    except (AttributeError, TypeError, ValueError):
        return 0


def _picks_columns(part: Any) -> bool:
    foreign = not type(part).__module__.startswith("sklearn.")
    return foreign or type(part).__name__ in _NEED_FRAMES or _has_categories(part)


def _has_categories(part: Any) -> bool:
    return type(part).__name__.startswith("HistGradient") and (
        getattr(part, "is_categorical_", None) is not None
    )


def _limit_threads(parts: list[Any], threads: int) -> None:
    for part in parts:
        if getattr(part, "n_jobs", None) not in (None, threads):
            part.n_jobs = threads


def _takes_argmax(last: Any) -> bool:
    if type(last).__name__ not in _ARGMAX or not hasattr(last, "predict_proba"):
        return False
    return type(last).__module__.startswith("sklearn.") and not isinstance(last.classes_, list)


def predict(model: Loaded, inputs: Inputs, schema: Schema) -> Outputs:
    """Ask for what the schema lists: label, probabilities, value."""
    given = _given(model, inputs, schema)
    wanted = {output.role for output in schema.outputs}
    if "probabilities" in wanted and hasattr(model.estimator, "predict_proba"):
        asked, seen = model.estimator, given
        if model.steps_before is not None:
            asked, seen = model.last, model.steps_before.transform(given)
        if model.argmax:
            shares = asked.predict_proba(seen)
            label = model.classes.take(shares.argmax(axis=1))
        else:
            label, shares = label_and_shares(asked, seen)
        if isinstance(shares, np.ndarray) and shares.ndim == 2:
            return {"label": arrays.plain(label), "probabilities": arrays.plain(shares)}
    name = "value" if wanted == {"value"} else "label"
    answer = arrays.plain(model.estimator.predict(given))
    if name == "value" and answer.ndim == 2 and answer.shape[1] == 1:
        answer = answer[:, 0]
    return {name: answer}


def _given(model: Loaded, inputs: Inputs, schema: Schema) -> Any:
    """What the estimator was fitted on: an array, a frame with its names, or texts."""
    if isinstance(inputs, dict):
        matrix = inputs[""]
        if not model.names or not model.needs_frame:
            return matrix
        import pandas as pd

        return pd.DataFrame(matrix, columns=own_names(model, schema), copy=False)
    frame = as_frame(inputs, schema)
    if model.reads_text and len(frame.columns) == 1 and not model.names:
        return frame.iloc[:, 0].fillna("")
    if model.names:
        frame.columns = own_names(model, schema)
        return frame
    return frame.to_numpy(dtype=None if model.needs_frame else _common(schema))


def _common(schema: Schema) -> Any:
    return object if any(f.type in ("string", "binary") for f in schema.fields) else np.float64


def own_names(model: Loaded, schema: Schema) -> list[str]:
    """The estimator's own spelling of the columns, which may hold characters not shown."""
    if len(model.names) == len(schema.fields):
        return model.names
    own = dict(zip(unique(clean(name) for name in model.names), model.names, strict=True))
    return [own.get(field.name, field.name) for field in schema.fields]


def as_frame(table: Any, schema: Schema) -> Any:
    """An Arrow table as the frame a CSV reader would give: gaps are NaN, text is object."""
    import pandas as pd

    made: dict[str, Any] = {}
    for n, field in enumerate(schema.fields):
        column = table.column(n)
        if field.type in ("string", "binary"):
            values = np.array([np.nan, *column.to_pylist()], dtype=object)[1:]
            values[values == None] = np.nan  # noqa: E711  element by element
            made[field.name] = pd.Series(values, dtype=object)
        elif field.type == "boolean" and column.null_count:
            made[field.name] = pd.Series(
                [np.nan if v is None else v for v in column.to_pylist()], dtype=object
            )
        else:
            made[field.name] = pd.Series(column.to_pandas().to_numpy())
    return pd.DataFrame(made, copy=False)


def complete(model: Loaded, schema: Schema | None) -> Schema | None:
    """Add what only the loaded estimator knows; what is filled in stays."""
    schema = schema or Schema(kind="table")
    if schema.kind != "table":
        return schema
    if not schema.fields:
        schema = replace(schema, fields=_fields(model))
    if isinstance(model.classes, np.ndarray) and not schema.classes:
        schema = replace(schema, classes=tuple(clean(c) for c in model.classes.tolist()))
    schema = replace(schema, outputs=_outputs(model, schema))
    if len(schema.fields) == model.n_features:
        middle = medians.of(model.estimator, model.n_features)
        schema = replace(schema, fields=columns.with_defaults(schema.fields, middle))
    if not schema.example and schema.fields:
        schema = replace(schema, example=columns.example_row(schema.fields))
    return schema


def _fields(model: Loaded) -> tuple[Field, ...]:
    if model.reads_text and not model.names:
        return (Field("text", "string", default=""),)
    names = model.names or [f"x{i}" for i in range(model.n_features)]
    return tuple(Field(name, "double") for name in unique(clean(n) for n in names[:MAX_FEATURES]))


def _outputs(model: Loaded, schema: Schema) -> tuple[Output, ...]:
    """Outputs as the loaded estimator really gives them, with their types."""
    several = isinstance(model.classes, list)
    shares = hasattr(model.estimator, "predict_proba") and not several
    task = "classification" if model.classes is not None else ""
    if not task and schema.outputs and schema.outputs[0].role == "label":
        task = "clustering"
    task = task or _kind(model.estimator)
    targets = len(model.classes) if several else _targets(schema)
    made = proposals.outputs(
        task, shares and task == "classification", len(schema.classes), targets
    )
    kind = arrays.plain(model.classes).dtype if isinstance(model.classes, np.ndarray) else None
    label = "string" if kind is not None and kind.kind in "SU" else getattr(kind, "name", "int64")
    return tuple(replace(o, dtype=o.dtype or label) for o in made)


def _targets(schema: Schema) -> int:
    shape = schema.outputs[0].shape if schema.outputs else ()
    return shape[1] if len(shape) == 2 and shape[1] > 0 else 1


def _kind(estimator: Any) -> str:
    """scikit-learn's own word for a model without classes."""
    tags = getattr(estimator, "__sklearn_tags__", None)
    kind = tags().estimator_type if callable(tags) else ""
    return {"clusterer": "clustering", "outlier_detector": "anomaly detection"}.get(str(kind), "")
