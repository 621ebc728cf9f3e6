"""One input put to several versions at once, each given the part of it that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from registry import predict, versions
from registry.core import Registry
from registry.errors import InvalidInput, RegistryError
from registry.memory import recalled
from registry.records import Actor, Field, Finding, Prediction, Schema, Version

MOST = 4


class Attempt(NamedTuple):
    """What one version made of the input: an answer, or why there is none.

    `findings` say what of the input it does not take, or was not given.
    """

    ref: str
    answer: Prediction | None = None
    failure: RegistryError | None = None
    findings: tuple[Finding, ...] = ()


def several(
    reg: Registry, actor: Actor, refs: Sequence[str], rows: predict.Rows
) -> tuple[Attempt, ...]:
    """Let up to four versions answer the same input, at the same time; each attempt is logged.

    A version that fails does not keep the others from answering. Columns that only another of the
    versions takes are left out for one that does not know them.

    Args:
        refs: As `predict.predict` takes them.
        rows: As `predict.predict` takes them.

    Returns:
        An attempt for each of `refs`, in their order.

    Raises:
        InvalidInput: None or more than four are named.
        NotFound: One does not exist, or the actor may not see it.
    """
    if not 1 <= len(refs) <= MOST:
        raise InvalidInput({"versions": f"ask 1 to {MOST} at once, got {len(refs)}"})
    found = [recalled(versions.get, reg, actor, ref) for ref in refs]
    known = frozenset(name for version in found for name in _names(version.schema))

    def ask(version: Version) -> Attempt:
        given, findings = fitted(version.schema, rows, known)
        try:
            answer = predict.predict(reg, actor, version.ref, given)
        except RegistryError as failure:
            return Attempt(version.ref, None, failure, findings)
        return Attempt(version.ref, answer, None, findings)

    if len(found) == 1:
        return (ask(found[0]),)
    with ThreadPoolExecutor(len(found), "asking") as threads:
        return tuple(threads.map(ask, found))


def fitted(
    schema: Schema | None, rows: predict.Rows, known: frozenset[str]
) -> tuple[predict.Rows, tuple[Finding, ...]]:
    """The part of an input that a version takes, and what is worth saying about the rest.

    Args:
        known: Names that some version takes; others stay, so that a slip is refused by name.
    """
    if schema is None:
        return rows, ()
    if schema.kind == "tensors":
        return _renamed(schema, rows), ()
    table = [rows] if isinstance(rows, Mapping) else rows
    if not all(isinstance(row, Mapping) for row in table):
        return rows, ()
    own = set(_names(schema))
    given = dict.fromkeys(str(name) for row in table for name in row)
    spare = [name for name in given if name in known and name not in own]
    missing = [field for field in schema.fields if field.name not in given]
    fitting = [{n: v for n, v in row.items() if n not in spare} for row in table]
    return (fitting if spare else rows), (*_spare(spare), *_missing(missing))


def _names(schema: Schema | None) -> list[str]:
    if schema is None:
        return []
    return [field.name for field in schema.fields] + [tensor.name for tensor in schema.tensors]


def _renamed(schema: Schema, rows: predict.Rows) -> predict.Rows:
    """The only tensor of an input under the name that this version has for its only one."""
    given: Any = rows[0] if isinstance(rows, Sequence) and len(rows) == 1 else rows
    if isinstance(given, Mapping) and len(given) == 1 and len(schema.tensors) == 1:
        return {schema.tensors[0].name: next(iter(given.values()))}
    return rows


def _spare(names: Sequence[str]) -> tuple[Finding, ...]:
    if not names:
        return ()
    what = f"it does not take {_listed(names)}"
    return (Finding("info", "columns-spare", what, "it was asked without"),)


def _missing(fields: Sequence[Field]) -> tuple[Finding, ...]:
    filled = [f for f in fields if f.default is not None]
    empty = [f for f in fields if f.default is None and f.nullable]
    needed = [f for f in fields if f.default is None and not f.nullable]
    found = []
    if filled:
        values = ", ".join(f"{f.name} = {f.default}" for f in filled[:5])
        what = f"it also takes {_listed([f.name for f in filled])}"
        found.append(Finding("warn", "columns-filled", what, f"filled in: {values}"))
    if empty:
        what = f"it also takes {_listed([f.name for f in empty])}"
        found.append(Finding("warn", "columns-missing", what, "left missing"))
    if needed:
        what = f"it needs {_listed([f.name for f in needed])}, which the input does not have"
        todo = "Give it in the mode JSON, or put this version first: its form asks for it"
        found.append(Finding("warn", "columns-needed", what, "", todo))
    return tuple(found)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
