"""The compare page's parts: which versions, chips, what to add, files to take along."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import matrix, text, travel
from registry import compare, compare_exports, search, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Comparison, ModelQuery, Version

_CHIPS = "compare.chips"
_FILES = (
    ("CSV", "for a sheet", "csv", "text/csv", compare_exports.to_csv),
    ("Markdown", "for notes and pull requests", "md", "text/markdown", compare_exports.to_markdown),
    ("HTML", "one page that opens anywhere", "html", "text/html", compare_exports.to_html),
)


def chosen(reg: Registry, actor: Actor) -> Comparison | None:
    """The versions named by the address, in its order; None when it names none.

    The address is left with full refs, so that a link means the same after an alias moved.

    Raises:
        NotFound: One does not exist, or the actor may not see it.
    """
    asked = list(dict.fromkeys(st.query_params.get_all("v")))
    refs = asked[: compare.MOST]
    if not refs:
        return None
    base = st.query_params.get("base", "")
    known = base if base in refs else ""  # it may have been taken away
    shown = recalled(compare.versions, reg, actor, tuple(refs), known)
    if asked != list(shown.refs):
        st.query_params["v"] = list(shown.refs)
    if known and base != shown.refs[shown.base]:
        st.query_params["base"] = shown.refs[shown.base]
    if len(asked) > compare.MOST:
        st.caption(f"At most {compare.MOST} versions stand side by side; the first are shown.")
    return shown


def versions_of(reg: Registry, actor: Actor, shown: Comparison) -> list[Version]:
    """The versions themselves, for what acts on them."""
    return [recalled(versions.get, reg, actor, ref) for ref in shown.refs]


def chips(shown: Comparison) -> None:
    """One chip per version: open it, make it the base, take it away."""
    ref = matrix.chips(shown, key=_CHIPS, on_base=_rebase, on_drop=_drop)
    if ref:
        open_version(ref)


def open_version(ref: str) -> None:
    """Leave for the page of a version."""
    model, _, number = ref.partition("@")
    travel.go("model.py", {"name": model, "version": number})


def _rebase() -> None:
    st.query_params["base"] = str(st.session_state[_CHIPS].get("base") or "")


def _drop() -> None:
    ref = str(st.session_state[_CHIPS].get("drop") or "")
    st.query_params["v"] = [v for v in st.query_params.get_all("v") if v != ref]
    if st.query_params.get("base") == ref:
        st.query_params.pop("base")


def adder(reg: Registry, actor: Actor, shown: Comparison | None) -> None:
    """Add a version: choose a model, then one of its versions."""
    taken = shown.refs if shown else ()
    full = len(taken) >= compare.MOST
    place = st.popover(
        "Add version", icon=":material/add:", disabled=full, key="compare.adder",
        on_change="rerun", help=f"At most {compare.MOST}" if full else None,
    )  # fmt: skip
    if place.open:
        with place:
            _choose(reg, actor, taken)


def _choose(reg: Registry, actor: Actor, taken: Sequence[str]) -> None:
    models = recalled(search.find_models, reg, actor, ModelQuery(), size=200).items
    near = [ref.partition("@")[0] for ref in taken]
    refs = list(dict.fromkeys([*near, *(model.ref for model in models)]))
    model = st.selectbox("Model", refs, key="compare.add.model", index=0 if refs else None)
    listed = recalled(versions.find, reg, actor, model) if model else []
    names = {
        v.ref: f"v{v.number} {' '.join(v.aliases)}".strip() for v in listed if v.ref not in taken
    }
    ref = st.selectbox("Version", list(names), format_func=names.__getitem__,
                       key="compare.add.version")  # fmt: skip
    if not names:
        st.caption("All versions of this model are here already.")
    st.button("Add", key="compare.add", type="primary", on_click=_add, args=(ref,),
              disabled=not ref)  # fmt: skip


def _add(ref: str) -> None:
    st.query_params["v"] = [*st.query_params.get_all("v"), ref]


def exporter(shown: Comparison) -> None:
    """The comparison as a file; made when asked for, with what the page shows."""
    place = st.popover("Export", icon=":material/download:", key="compare.export",
                       on_change="rerun")  # fmt: skip
    if not place.open:
        return
    only = bool(st.session_state.get("differing"))
    with place:
        st.caption("Only what differs." if only else "Everything, also what is folded away.")
        for name, about, ending, mime, write in _FILES:
            st.download_button(
                f"{name}, {about}", write(shown, differing=only), f"comparison.{ending}", mime,
                key=f"compare.export.{ending}", on_click="ignore", width="stretch",
            )  # fmt: skip


def verdict(shown: Comparison) -> None:
    """The sentence, and what breaks in full."""
    if not shown.verdict:
        st.caption("Add a second version to compare it with.")
        return
    st.markdown(f"#### {text.escape(shown.verdict, 600)}.")
