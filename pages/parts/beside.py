"""Files beside the model in the upload form: sample rows, metrics, requirements, configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from pages.parts import cards, notices, packed, text, uploads
from registry import metric_files, publish
from registry.core import Registry
from registry.records import Actor, Draft, Metric, Schema

METRICS = "config:metrics"
"""Under this name the file that metrics were read from is published."""
_KINDS = (
    ("sample", "Sample rows", ["csv"], "A CSV with a header; it proposes the schema."),
    ("metrics", "Metrics", ["json", "yaml", "yml"],
     "JSON or YAML: name to number, also by data set, a list of {name, value, unit, dataset, "
     "higher_is_better}, or scikit-learn's classification report. You can correct what was read."),
    ("requirements", "Requirements", ["txt", "yaml", "yml"], "What it was made with."),
    ("config", "Configuration", ["yaml", "yml", "json", "txt"], "Kept with the version."),
    ("code", "Code", ["py", "ipynb", "r", "jl", "sql"],
     "The script or notebook that made it: kept to be read and downloaded, never run here. "
     "More than one file comes in a package."),
)  # fmt: skip


def files(
    reg: Registry, actor: Actor, draft: Draft
) -> tuple[dict[str, str], Schema | None, tuple[Metric, ...]]:
    """Optional files by their kind, the schema that a sample proposes, and metrics of a file."""
    key, found = f"upload.{draft.id}", packed.files(draft)
    grid = st.grid(4, min_column_width=220)
    places = {}
    for kind, label, types, about in _KINDS:
        places[kind] = grid.container()
        name = packed.name(draft, kind) if kind != "metrics" else packed.metrics(draft)[1]
        if name:
            places[kind].markdown(f"{label}  \n{cards.chip(name)} from the package")
            continue
        file = places[kind].file_uploader(label, type=types, key=f"{key}.{kind}", help=about)
        if file is not None:
            with places[kind], notices.shown(stop=False):
                found[METRICS if kind == "metrics" else kind] = once(file)
    schema = None
    if "sample" in found:
        with notices.shown(stop=False):
            schema = _from_sample(reg, actor, draft, found["sample"], places["sample"])
    measured = found.get(METRICS) or packed.metrics(draft)[0]
    return found, schema, _measured(reg, actor, measured, places["metrics"]) if measured else ()


def _measured(reg: Registry, actor: Actor, staged_id: str, place: Any) -> tuple[Metric, ...]:
    """The metrics of a file, read once in a visit; () with the reason when there are none."""
    seen: dict[str, Any] = st.session_state.setdefault("upload.metrics", {})
    with place, notices.shown(stop=False):
        if staged_id not in seen:
            seen[staged_id] = metric_files.read(reg, actor, staged_id)
    found, left_out = seen.get(staged_id, ((), ()))
    if found:
        words = f"; left out, being words: {text.listing(left_out[:5])}" if left_out else ""
        place.caption(f"{text.count(len(found), 'metric')} read{text.escape(words)}")
    return tuple(found)


def once(file: Any) -> str:
    """The staged id of an uploaded file, staged once."""
    ids = known()
    if file.file_id not in ids:
        ids[file.file_id] = uploads.staged(file).id
    return ids[file.file_id]


def known() -> dict[str, str]:
    """The browser's file id to our staged id."""
    ids: dict[str, str] = st.session_state.setdefault("upload.files", {})
    return ids


def _from_sample(reg: Registry, actor: Actor, draft: Draft, staged_id: str, column: Any) -> Schema:
    seen: dict[tuple[str, str], Schema] = st.session_state.setdefault("upload.samples", {})
    if (staged_id, "") not in seen:
        seen[staged_id, ""] = publish.schema_from_sample(reg, actor, staged_id)
    names = [field.name for field in seen[staged_id, ""].fields]
    known = {f.name for f in draft.inspection.schema.fields} if draft.inspection.schema else set()
    spare = [name for name in names if known and name not in known]
    target = column.selectbox(
        "Column with the answer", names, index=names.index(spare[-1]) if spare else None,
        key=f"upload.{draft.id}.target", placeholder="none",
    )  # fmt: skip
    if (staged_id, target or "") not in seen:
        seen[staged_id, target or ""] = publish.schema_from_sample(
            reg, actor, staged_id, target or ""
        )
    sample, read = seen[staged_id, target or ""], draft.inspection.schema
    if read is None:
        return sample
    return replace(
        read,
        fields=sample.fields,
        target=sample.target,
        target_range=sample.target_range,
        example=sample.example,
    )
