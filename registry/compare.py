"""Versions side by side: what differs, what is best, what breaks. Owns no table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import compare_verdict, compatibility, license_checks, timings
from registry import versions as stored
from registry.comparison import Cell, RowKind
from registry.core import Registry
from registry.editions import as_versions
from registry.errors import InvalidInput
from registry.records import (
    Actor,
    Benchmark,
    Comparison,
    MetricLine,
    Row,
    Schema,
    Section,
    Version,
)
from registry.tables import ModelRow, TagRow

MOST = 10
_LONGEST = 2_000
_BATCH = 1024

Tags = Mapping[str, Sequence[str]]
Benchmarks = Mapping[str, Benchmark]


def versions(reg: Registry, actor: Actor, refs: Sequence[str], base: str = "") -> Comparison:
    """Up to ten versions of any models, measured against one of them.

    Args:
        refs: As `versions.get` takes them; one that is named twice counts once.
        base: One of `refs`; "" for the first.

    Raises:
        InvalidInput: None or more than ten are named, or the base is none of them.
        NotFound: One does not exist, or the actor may not see it.
    """
    if not 1 <= len(refs) <= MOST:
        raise InvalidInput({"versions": f"compare 1 to {MOST}, got {len(refs)}"})
    with reg.reading() as s:
        found: dict[str, Version] = {}
        models: dict[str, ModelRow] = {}
        named, kin = {}, {}
        for ref in refs:
            model, row = stored.for_action(s, actor, "model.read", ref)
            models[model.id] = model
            found[row.id] = as_versions(s, actor, model, [row])[0]
            above = license_checks.ancestors_in(s, actor, row.id, model.license)
            kin[row.id] = license_checks.verdict(above)
            named[ref] = row.id
        if base and base not in named:
            raise InvalidInput({"base": f"must be one of the versions, got {base!r}"})
        order = list(found)
        return of(
            list(found.values()),
            order.index(named[base]) if base else 0,
            models={model.id: (model.task, model.license) for model in models.values()},
            kin=kin,
            tags=_tags(s, models),
            benchmarks=timings.of_versions(s, order),
        )


def _tags(s: Session, model_ids: Mapping[str, object]) -> dict[str, list[str]]:
    rows = s.execute(
        select(TagRow.model_id, TagRow.tag)
        .where(TagRow.model_id.in_(list(model_ids)))
        .order_by(TagRow.tag)
    )
    found: dict[str, list[str]] = {}
    for model_id, tag in rows:
        found.setdefault(model_id, []).append(tag)
    return found


def of(
    found: Sequence[Version],
    base: int = 0,
    *,
    models: Mapping[str, tuple[str, str]] | None = None,
    kin: Mapping[str, str] | None = None,
    tags: Tags | None = None,
    benchmarks: Benchmarks | None = None,
) -> Comparison:
    """Compare records that are at hand.

    Args:
        base: Position in `found`.
        models: Model id to its task and license.
        kin: Version id to what its ancestors make of that license.
        tags: Model id to its tags.
        benchmarks: Version id to its newest benchmark.
    """
    measured = [(benchmarks or {}).get(version.id) for version in found]
    names = short_names(found)
    fits = tuple(compatibility.between(found[base].schema, v.schema) for v in found)
    rows = metric_rows(found)
    latency = [_fair(one, measured[base]) for one in measured]
    libraries = [frozenset(version.inspection.libraries) for version in found]
    return Comparison(
        refs=tuple(version.ref for version in found),
        names=names,
        base=base,
        metrics=rows,
        speed=_speed(found, measured),
        sections=(
            Section("facts", _facts(found, models or {}, kin or {})),
            Section("parameters", _union([version.parameters for version in found])),
            Section("schema", _schemas([version.schema for version in found])),
            Section("requirements", _union([v.inspection.libraries for v in found], ordered=True)),
            Section("files", _files(found)),
            Section("tags", _ticks([tuple((tags or {}).get(v.model_id, ())) for v in found])),
            Section("findings", _ticks([_findings(version) for version in found])),
            Section("benchmark", _conditions(measured)),
        ),
        fits=fits,
        verdict=compare_verdict.sentence(
            names,
            base,
            rows,
            latency=latency,
            fits=fits,
            n_new=[_n_new(one, libraries[base]) for one in libraries],
        ),
    )


def short_names(found: Sequence[Version]) -> tuple[str, ...]:
    """v3 when all are of one model, else slug v3, else owner/slug v3."""
    if len({version.model for version in found}) == 1:
        return tuple(f"v{version.number}" for version in found)
    models = {(version.owner, version.slug) for version in found}
    full = len({slug for _, slug in models}) < len(models)
    return tuple(f"{v.model if full else v.slug} v{v.number}" for v in found)


def metric_rows(found: Sequence[Version]) -> tuple[MetricLine, ...]:
    """Every metric of the versions in order of appearance.

    Numbers stand in one row only when name, data set and unit agree; a row has no direction when
    the versions contradict each other.
    """
    known = [{(m.name, m.dataset, m.unit): m for m in version.metrics} for version in found]
    rows = []
    for key in dict.fromkeys(key for one in known for key in one):
        there = [one.get(key) for one in known]
        ways = {m.higher_is_better for m in there if m} - {None}
        way = ways.pop() if len(ways) == 1 else None
        rows.append(MetricLine(*key, way, tuple(m.value if m else None for m in there)))
    return tuple(rows)


def _fair(one: Benchmark | None, base: Benchmark | None) -> float | None:
    """p95 in milliseconds, when it was measured on the base's machine."""
    return one.p95_ms if one and base and one.machine == base.machine else None


def _n_new(libraries: frozenset[str], base: frozenset[str]) -> int | None:
    """How many libraries the base does without; None when either is not known."""
    return len(libraries - base) if libraries and base else None


def _speed(
    found: Sequence[Version], measured: Sequence[Benchmark | None]
) -> tuple[MetricLine, ...]:
    def row(
        name: str, unit: str, read: Callable[[Benchmark], float | None], way: bool
    ) -> MetricLine:
        return MetricLine(name, "", unit, way, tuple(read(b) if b else None for b in measured))

    sizes = tuple(float(version.size_bytes) for version in found)
    rows = (
        row("latency p50", "ms", lambda b: b.p50_ms, False),
        row("latency p95", "ms", lambda b: b.p95_ms, False),
        row("latency p99", "ms", lambda b: b.p99_ms, False),
        row("load time", "ms", lambda b: b.load_ms, False),
        row(f"throughput, {_BATCH} rows", "rows/s", lambda b: b.rows_per_s.get(_BATCH), True),
        row("peak memory", "bytes", lambda b: float(b.peak_memory_bytes), False),
        MetricLine("size", "", "bytes", False, sizes),
    )
    return tuple(row for row in rows if set(row.values) != {None})


def _conditions(measured: Sequence[Benchmark | None]) -> tuple[Row, ...]:
    if not any(measured):
        return ()
    return (
        Row("Machine", tuple(b.machine if b else None for b in measured)),
        Row("Measured", tuple(_moment(b.at) if b else None for b in measured), "moment"),
    )


def _facts(
    found: Sequence[Version], models: Mapping[str, tuple[str, str]], kin: Mapping[str, str]
) -> tuple[Row, ...]:
    def row(name: str, read: Callable[[Version], Cell], kind: RowKind = "text") -> Row:
        return Row(name, tuple(read(version) or None for version in found), kind)

    rows = [
        row("Model", lambda v: v.model),
        row("Label", lambda v: v.label),
        row("Status", lambda v: v.status),
        row("Lifecycle", lambda v: v.lifecycle),
        row("Aliases", lambda v: ", ".join(sorted(v.aliases))),
        row("Task", lambda v: models.get(v.model_id, ("", ""))[0] or v.inspection.task),
        row("License", lambda v: models.get(v.model_id, ("", ""))[1]),
        row("License and parents", lambda v: kin.get(v.id)),
        row("Framework", _framework),
        row("Format", lambda v: v.inspection.format),
        row("Class", lambda v: v.inspection.class_name, "code"),
        row("Learned parameters", lambda v: v.inspection.n_parameters, "number"),
        row("Size", lambda v: v.size_bytes, "bytes"),
        row("Parents", lambda v: ", ".join(v.parents)),
        row("Published by", lambda v: v.created_by),
        row("Published", lambda v: _moment(v.created_at), "moment"),
        row("Notes", lambda v: v.notes[:_LONGEST]),
    ]
    rows += [
        Row(f"{word} {row.name}", row.cells)
        for word, said in (
            ("Training:", [version.training for version in found]),
            ("Link:", [version.links for version in found]),
        )
        for row in _union(said)
    ]
    return tuple(row for row in rows if set(row.cells) != {None})


def _framework(version: Version) -> str:
    return f"{version.inspection.framework} {version.inspection.framework_version}".strip()


def _union(said: Sequence[Mapping[str, Any]], *, ordered: bool = False) -> tuple[Row, ...]:
    """A row per key that any of them has, in order of appearance or of the alphabet."""
    keys = list(dict.fromkeys(key for one in said for key in one))
    keys = sorted(keys, key=str.lower) if ordered else keys
    return tuple(Row(key, tuple(_plain(one.get(key)) for one in said)) for key in keys)


def _plain(value: Any) -> Cell:
    """A value of JSON as a cell: numbers stay numbers, nested ones become compact text."""
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    if value is None or isinstance(value, (int, float)):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)[:_LONGEST]


def _schemas(schemas: Sequence[Schema | None]) -> tuple[Row, ...]:
    """Inputs, outputs, classes and target, a row for each name."""
    inputs = [_inputs(schema) for schema in schemas]
    outputs = [
        {f"→ {o.name}": " ".join(filter(None, (o.role, o.dtype))) for o in schema.outputs}
        if schema else {}
        for schema in schemas
    ]  # fmt: skip
    ends = [
        {"Classes": ", ".join(schema.classes)[:_LONGEST] or None, "Target": schema.target or None}
        if schema else {}
        for schema in schemas
    ]  # fmt: skip
    rows = (*_union(inputs), *_union(outputs), *_union(ends))
    return tuple(row for row in rows if set(row.cells) != {None})


def _inputs(schema: Schema | None) -> dict[str, str]:
    """Input name to a word on its type."""
    if schema is None:
        return {}
    if schema.kind == "tensors":
        return {t.name: f"{t.dtype} {list(t.shape)}" for t in schema.tensors}
    return {
        field.name: field.type
        + (f" of {len(field.categories)}" if field.categories else "")
        + (f" in {field.unit}" if field.unit else "")
        + (", may be missing" if field.nullable else "")
        for field in schema.fields
    }


def _files(found: Sequence[Version]) -> tuple[Row, ...]:
    """Per kind of file its digest, with name and size; further ones of a kind are numbered."""
    said: list[dict[str, Any]] = []
    for version in found:
        one: dict[str, Any] = {}
        for file in version.artifacts:
            number = 1 + sum(key.split(" ")[0] == file.kind for key in one) // 3
            title = file.kind if number == 1 else f"{file.kind} {number}"
            one |= {f"{title} file": file.filename, f"{title} size": file.size_bytes}
            one[f"{title} digest"] = file.digest
        said.append(one)
    kinds: dict[str, RowKind] = {"size": "bytes", "digest": "code"}
    return tuple(
        Row(row.name, row.cells, kinds.get(row.name.rpartition(" ")[2], "text"))
        for row in _union(said)
    )


def _findings(version: Version) -> tuple[str, ...]:
    """What scan and check found, worst first, without what is only told."""
    found = [*(version.report.findings if version.report else ()), *version.findings]
    order = ("block", "warn", "info")
    found.sort(key=lambda finding: order.index(finding.level))
    return tuple(f"{f.level}: {f.what}" for f in found if f.level != "info")


def _ticks(said: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """A row per word, "yes" where it is said."""
    words = list(dict.fromkeys(word for one in said for word in one))
    return tuple(
        Row(word[:_LONGEST], tuple("yes" if word in one else None for one in said))
        for word in words
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
