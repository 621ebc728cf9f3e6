"""The playground's mode Batch: a file of rows in, the same file with answers out."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import partial

import streamlit as st

from pages.parts import cards, notices, scored, text, uploads
from registry import policy, scoring, scorings
from registry.core import Registry
from registry.formats.text import guarded
from registry.memory import recalled
from registry.records import Actor, Fit, Schema, Version

_FITS = "batching.fits"
_TYPES = ["csv", "tsv", "txt", "parquet"]


def show(reg: Registry, actor: Actor, versions: Sequence[Version]) -> None:
    """What is expected and where to drop it, then what was scored and is being scored."""
    version = versions[0]
    if len(versions) > 1:
        st.info(
            f"A file is scored by one version: {text.escape(version.ref)}, the first you chose.",
            icon=":material/info:",
        )
    left, right = st.columns(2, gap="large")
    with left, notices.shown(stop=False):
        _offer(reg, actor, version)
    with right, notices.shown(stop=False):
        cards.section("Scored files", "Only you see them.")
        found = recalled(scorings.find, reg, actor, tuple(v.id for v in versions))
        scored.listed(reg, actor, found)


def _offer(reg: Registry, actor: Actor, version: Version) -> None:
    """The file field, how the file fits, and the button that starts."""
    cards.section("Score a file", "Every row stays in its place; the answers stand behind it.")
    why = policy.why_not(actor, None, "file.stage")
    file = st.file_uploader(
        "CSV or Parquet", type=_TYPES, key=f"batching.file.{_round()}", disabled=bool(why),
        help=text.escape(why) or None,
    )  # fmt: skip
    if file is None:
        _expected(reg, version)
        return
    staged_id = uploads.staged(file).id
    known: dict[tuple[str, str], Fit] = st.session_state.setdefault(_FITS, {})
    if (version.id, staged_id) not in known:
        with st.spinner("Reading the columns"):
            known[version.id, staged_id] = scoring.look(reg, actor, version.ref, staged_id)
    fit = known[version.id, staged_id]
    if fit.problem:
        st.error(f"**These rows cannot be scored.** {text.escape(fit.problem, 400)}.",
                 icon=":material/error:")  # fmt: skip
        _expected(reg, version)
        return
    _says(fit)
    if st.button("Score every row", type="primary", key="batching.go", icon=":material/table:"):
        scoring.start(reg, actor, version.ref, staged_id)
        st.session_state["batching.round"] = _round() + 1
        cards.done("Scoring has begun; it goes on when you leave")


def _round() -> int:
    """Raised by one for a fresh file field."""
    return int(st.session_state.get("batching.round", 0))


def _says(fit: Fit) -> None:
    """Which columns are used, and which only stay."""
    used, ignored = [text.listing([text.clean(n, 40) for n in names], 8)
                     for names in (fit.used, fit.ignored)]  # fmt: skip
    lines = [f":green[:material/check_circle:] The version is given {text.escape(used)}."]
    if fit.ignored:
        lines.append(f":gray[Kept in the file, never given to it: {text.escape(ignored)}.]")
    if fit.remark:
        lines.append(f":orange[:material/warning:] {text.escape(fit.remark, 300)}.")
    st.markdown("  \n".join(lines))


def _expected(reg: Registry, version: Version) -> None:
    """The columns a file needs, and an empty one to fill in."""
    schema = version.schema
    names = _names(schema)
    most = f"{reg.settings.scoring_rows:,}"
    if names and schema:
        st.markdown(f"**It needs {text.count(len(names), 'column')}**, in any order:")
        with st.container(horizontal=True, gap="xsmall"):
            for name, kind in list(names.items())[:24]:
                st.markdown(cards.chip(f"{name} · {kind}"), width="content")
            if len(names) > 24:
                st.markdown(f":gray[and {len(names) - 24} more]", width="content")
        st.download_button(
            "Template", partial(_template, names, schema), file_name="template.csv",
            mime="text/csv", icon=":material/download:", key="batching.template",
            on_click="ignore",
        )  # fmt: skip
    st.caption(
        f"A header and at most {most} rows, separated by comma, semicolon, tab or bar. Other "
        "columns may be there: they stay and are not given to the version. A row it cannot take "
        f"gets no answer, and the reason in the last column. The result is kept "
        f"{reg.settings.scored_h:g} h."
    )


def _names(schema: Schema | None) -> dict[str, str]:
    """Column to type, where the version names what it takes."""
    if schema is None or schema.kind != "table":
        return {}
    return {
        field.name: f"{field.type}{' or empty' if field.nullable else ''}"
        for field in schema.fields
    }


def _template(names: dict[str, str], schema: Schema) -> str:
    """A header and the example as its first row."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(map(guarded, names))
    if schema.example:
        rows.writerow([guarded(schema.example.get(name, "")) for name in names])
    return file.getvalue()
