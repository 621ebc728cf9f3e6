"""From stubs of an estimator to an `Inspection`; shared by the pickled and the skops layout."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from registry.formats import columns, estimators, runtime
from registry.formats.stubs import Global, Instance
from registry.formats.text import clean, finding
from registry.records import Finding, Inspection, Output, Schema

_MAX_GLOBALS_SHOWN = 1000
_NO_ANSWERS = (
    "this is a {name}, which cannot answer for new rows: save the Pipeline that ends in a model"
)


def inspection(
    format_name: str, root: object, names: Iterable[Global], details: dict[str, Any]
) -> Inspection:
    """Describe what a file holds; anything but an estimator is described as not runnable."""
    asked = list(names)
    findings = _missing(asked)
    details = {**details, "globals": [clean(g.path) for g in asked[:_MAX_GLOBALS_SHOWN]]}
    packages = runtime.libraries(g.module for g in asked)
    libraries = dict.fromkeys(packages, "")
    if not isinstance(root, Instance) or not root.cls.module:
        why = (
            f"it holds {_what(root)}, not a model: save the fitted estimator itself, "
            "for example joblib.dump(model, 'model.joblib')"
        )
        return Inspection(
            format_name, "Python", summary=f"Python object: {_what(root)}", details=details,
            libraries=libraries, runnable=False, why_not_runnable=why, findings=tuple(findings),
        )  # fmt: skip
    found = estimators.traits(root)
    if found.version:
        libraries["scikit-learn"] = found.version
    why = _why_not(root, found)
    schema = None if why else _schema(root, found)
    return Inspection(
        format_name,
        found.framework,
        framework_version=found.version if found.framework == "scikit-learn" else "",
        summary=_summary(found, schema),
        class_name=found.class_name,
        task=found.task,
        parameters=found.parameters,
        details=details | _details(root, found),
        libraries=libraries,
        n_parameters=found.n_parameters,
        schema=schema,
        runnable=not why,
        why_not_runnable=why,
        findings=(*findings, *runtime.mismatch("scikit-learn", found.version)),
    )


def _what(root: object) -> str:
    if isinstance(root, Instance):
        return f"an object made by {clean(root.cls.path)}"
    if isinstance(root, Global):
        return f"a reference to {clean(root.path)}"
    return f"a {type(root).__name__.lower()}" if root is not None else "nothing"


def _schema(root: Instance, found: estimators.Traits) -> Schema:
    """Columns and outputs as far as the file tells; no fields when nothing does."""
    proposed = columns.fields(root)
    return Schema(
        kind="table",
        fields=proposed,
        outputs=outputs(found.task, found.has_probabilities, len(found.classes), found.n_outputs),
        classes=found.classes,
        example=columns.example(proposed),
    )


def outputs(
    task: str, has_probabilities: bool, n_classes: int, n_outputs: int
) -> tuple[Output, ...]:
    """What an estimator of this kind answers with."""
    shape = (-1,) if n_outputs == 1 else (-1, n_outputs)
    if task in ("classification", "clustering", "anomaly detection"):
        label = Output("label", "label", "", shape)
        if has_probabilities:
            share = Output("probabilities", "probabilities", "float64", (-1, n_classes or -1))
            return (label, share)
        return (label,)
    return (Output("value", "value", "float64", shape),)


def _why_not(root: Instance, found: estimators.Traits) -> str:
    last = estimators.final(root)
    package = last.cls.module.partition(".")[0]
    if package in sys.stdlib_module_names or package in ("numpy", "pandas", "scipy"):
        return f"it holds {_what(root)}, not a model with a predict method"
    if package != "sklearn":
        return ""
    fitted = any(name.endswith("_") and not name.startswith("__") for name in last.state)
    fitted = fitted or last.cls.name in ("HashingVectorizer", "FunctionTransformer")
    if not fitted:
        return f"the {clean(last.cls.name)} was never fitted: call fit before saving it"
    return "" if found.task else _NO_ANSWERS.format(name=clean(last.cls.name))


def _details(root: Instance, found: estimators.Traits) -> dict[str, Any]:
    details: dict[str, Any] = {"n_features": estimators.n_features(root) or None}
    if found.steps:
        details["steps"] = found.steps
    if found.classes:
        details["n_classes"] = len(found.classes)
    trees = estimators.final(root).state.get("n_estimators")
    if type(trees) is int:
        details["n_estimators"] = trees
    return {name: value for name, value in details.items() if value is not None}


def _summary(found: estimators.Traits, schema: Schema | None) -> str:
    name = found.class_name.rpartition(".")[2]
    if found.steps:
        name += " (" + " → ".join(step["class"] for step in found.steps[:5]) + ")"
    parts = [name]
    if schema and schema.fields:
        parts.append(f"{len(schema.fields)} columns")
    if found.classes:
        parts.append(f"{len(found.classes)} classes")
    return clean(", ".join(parts), 300)


def _missing(names: Iterable[Global]) -> list[Finding]:
    tops = dict.fromkeys(name.module.partition(".")[0] for name in names)
    lost = [runtime.package(top) for top in tops if not runtime.known(top)]
    return [
        finding(
            "warn",
            "missing-library",
            f"needs {package}, which is not installed on this server",
            "Without it the model cannot be loaded",
            f"Ask whoever runs this server for: pip install {package}",
        )
        for package in lost
        if package
    ]
