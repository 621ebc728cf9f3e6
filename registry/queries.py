"""What is typed into the search box: words, `key:value`, and comparisons joined by AND."""

from __future__ import annotations

import math
import re
import shlex
from typing import Any, NoReturn, cast

from registry.errors import InvalidInput
from registry.records import MetricFilter, ModelQuery

FIELDS = {
    "framework": "frameworks",
    "format": "formats",
    "task": "tasks",
    "status": "statuses",
    "alias": "aliases",
    "tag": "tags",
    "owner": "owners",
    "license": "licenses",
}
"""Facet to the field of a query that holds its values."""
_OTHER = {"feature": "features"}
_SHORT = {"sklearn": "scikit-learn", "pytorch": "PyTorch", "torch": "PyTorch", "onnx": "ONNX"}
_MAX_TEXT = 500
_OPERATOR = r"(?:>=|<=|==|!=|<>|=|>|<)"
_METRIC = r"metrics?\.(?:\"[^\"]*\"|'[^']*'|[^\s<>=!:\"']+)"
_SPACED = re.compile(rf"(?<!\S)({_METRIC}|[A-Za-z_][\w.]*)\s*({_OPERATOR})\s*(?=\S)")
_COMPARISON = re.compile(
    rf"(metrics?\.[^<>=!]+|[A-Za-z_][\w.]*)({_OPERATOR})(.*)", re.DOTALL | re.IGNORECASE
)
_NOT_TAKEN = frozenset({"OR", "NOT", "LIKE", "ILIKE", "IN", "BETWEEN"})


def parse(text: str) -> ModelQuery:
    """The words, `key:value` filters and comparisons typed into the search box.

    `metric.f1>0.9`, `metrics.f1 > 0.9 AND framework = 'sklearn' AND tags.team = 'risk'`, the last
    being the tag `team:risk`; metrics and features are those of the version that speaks for a
    model.

    Raises:
        InvalidInput: A filter name is unknown, a comparison cannot be made, or the text is too
            long.
    """
    if len(text) > _MAX_TEXT:
        _refuse(f"is longer than {_MAX_TEXT} characters")
    parts = _split(_SPACED.sub(r"\1\2", text))
    compared = any(_COMPARISON.fullmatch(part) for part in parts)
    words: list[str] = []
    found: dict[str, tuple[Any, ...]] = {}
    for part in parts:
        if compared and part.upper() == "AND":
            continue
        if compared and part.upper() in _NOT_TAKEN:
            _refuse(
                f"{part} is not understood: comparisons are joined by AND; two values of one "
                "filter, as in tag:a tag:b, are written one after the other"
            )
        name, value = _taken(part)
        if name:
            found[name] = (*found.get(name, ()), value)
        else:
            words.append(part)
    return ModelQuery(text=" ".join(words), **cast("dict[str, Any]", found))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an unclosed quote while the person is still typing
        return text.replace('"', " ").replace("'", " ").split()


def _taken(part: str) -> tuple[str, Any]:
    """The field of a query and its value; "" for a word."""
    if compared := _COMPARISON.fullmatch(part):
        return _comparison(*compared.groups())
    key, colon, value = part.partition(":")
    if not colon or not value or "/" in key:
        return "", part
    return _filter(key.lower(), value)


def _filter(key: str, value: str) -> tuple[str, str]:
    name = FIELDS.get(key) or _OTHER.get(key)
    if name is None:
        known = ", ".join(f"{facet}:" for facet in (*FIELDS, *_OTHER))
        _refuse(f"no filter is called {key!r}; there are {known}, metric.name>0.9 and stars>=4")
    return name, _SHORT.get(value.lower(), value) if key == "framework" else value


def _comparison(key: str, operator: str, value: str) -> tuple[str, Any]:
    said, value = f"{key}{operator}", value.strip()
    kind, dot, rest = key.partition(".")
    kind = kind.lower()
    if not value:
        _refuse(f"nothing stands after {said}")
    if kind in ("metric", "metrics") and dot:
        return "metrics", _metric(rest.strip(), operator, value)
    if kind == "stars" and not dot:
        return "stars", _metric("stars", operator, value)
    if kind in ("tag", "tags") and dot:
        kind, value = "tag", f"{rest}:{value}"
    elif dot or kind in ("metric", "metrics"):
        _refuse(f"no filter is called {key!r}: metrics are written metric.name>0.9")
    if operator not in ("=", "=="):
        _refuse(f"{key} is compared by = only; {operator} is for metrics and stars")
    return _filter("tag" if kind == "tags" else kind, value)


def _metric(name: str, operator: str, value: str) -> MetricFilter:
    if operator in ("!=", "<>"):
        _refuse(f"a metric is compared by >, >=, <, <= or =, not by {operator}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        _refuse(f"{value!r} after metric.{name}{operator} is no number; write it like 0.95")
    return MetricFilter(name, cast("Any", "=" if operator == "==" else operator), number)


def _refuse(why: str) -> NoReturn:
    raise InvalidInput({"search": why})
