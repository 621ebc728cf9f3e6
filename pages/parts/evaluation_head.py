"""The top of an evaluation's page: what was judged, which version is best, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.parts import cards, notices, text
from pages.parts.evaluation_view import Judged, View, interval, p_value, words
from registry.records import Evaluation, Measured, Paired

Save = Callable[[], Sequence[str]]
_DOUBT = 0.05


def header(found: Evaluation, save: Save) -> None:
    """Title, facts, and the way to keep the figures."""
    facts = [
        f"{text.count(found.n_rows, 'row')} of {text.escape(found.dataset, 80)}",
        f"target {text.escape(found.target, 60)}",
        found.task,
        text.ago(found.created_at),
    ]
    with cards.header("Evaluation", " · ".join(facts)):
        if found.state == "done" and any(one.quality for one in found.versions):
            _save(save)


def _save(save: Save) -> None:
    why = "Writes every figure to the versions as a metric of this data set, where you may edit"
    if st.button("Save as metrics", help=why, key="evaluation.save", icon=":material/save:"):
        with notices.shown(stop=False):
            left_out = text.listing(list(save()))
            cards.done(f"Saved, except for {left_out}" if left_out else "Metrics saved")


def open_work(found: Evaluation) -> None:
    """An evaluation that is not done: how far it is, or why it ended."""
    if found.state == "failed":
        st.error(
            f"**The evaluation failed.** {text.escape(found.message, 600)}", icon=":material/error:"
        )
        return
    said = text.escape(found.message, 200) or "Waiting for its turn"
    st.progress(min(1.0, max(0.0, found.progress)), text=said)
    st.caption("It goes on when you leave this page; you can cancel it on the page Jobs.")


def base(view: View) -> None:
    """Which version the others are measured against; kept in the address."""
    if len(view.judged) < 2:
        return
    names = {one.ref: one.name for one in view.judged}
    refs = [one.ref for one in view.evaluation.versions if one.ref in names]
    st.selectbox(
        "Base",
        refs,
        index=refs.index(view.base.ref),
        format_func=lambda ref: text.escape(names[ref], 60),
        key="evaluation.base",
        on_change=_rebase,
        width=280,
        help="The version that the others are measured against",
    )


def _rebase() -> None:
    st.query_params["base"] = st.session_state["evaluation.base"]


def missing(view: View) -> None:
    """Versions without figures and rows that were left out, in words."""
    for one in view.failed:
        why = one.failure or "it was not asked"
        why = why[:1].upper() + why[1:]
        st.error(
            f"**{text.escape(one.ref, 80)} has no figures.** {text.escape(why, 600)}",
            icon=":material/error:",
        )
    cards.findings(view.evaluation.findings)


def verdict(view: View) -> str:
    """One or two sentences of Markdown: which version is best, and whether that may be chance."""
    measured = [(one, found) for one in view.judged if (found := one.metric(view.headline))]
    if not measured:
        return "No version has figures."
    leader, best = (max if best_is_high(measured[0][1]) else min)(
        measured, key=lambda pair: pair[1].value
    )
    said = f"{words(view.headline)} {text.number(best.value)}"
    if between := interval(best):
        said += f" ({between} with 95 % confidence)"
    name = f"**{text.escape(leader.name)}**"
    if len(measured) == 1:
        return f"{name} has {said}."
    if leader is view.base:
        rivals = sorted(measured, key=lambda pair: pair[1].value, reverse=best_is_high(best))
        second = next(one for one, _ in rivals if one is not leader)
        return f"{name}, the base, is best: {said}. {_against(view, second, second)}"
    return f"{name} is best: {said}. {_against(view, leader, view.base)}"


def best_is_high(found: Measured) -> bool:
    """Whether a higher value is better; taken so when the metric does not say."""
    return found.higher_is_better is not False


def _against(view: View, other: Judged, named: Judged) -> str:
    """How far the best is from the base, or the second from the best when that is the base."""
    pair = view.pair(other)
    if pair is None:
        return ""
    doubt = "could be chance" if pair.p_value > _DOUBT else "is more than chance"
    n_rows = text.number(view.evaluation.n_rows)
    if pair.test == "mcnemar":
        more = abs(pair.n_mended - pair.n_broken)
        if not more:
            return f"{text.escape(named.name)} is right on as many rows ({p_value(pair.p_value)})."
        gap = f"right on {text.count(more, 'more row', 'more rows')} of {n_rows}"
    else:
        gap = f"closer by {text.number(abs(pair.difference), 3)} on average"
    than = "the base " if named is view.base else ""
    return (
        f"It is {gap} than {than}{text.escape(named.name)}, which **{doubt}** "
        f"({p_value(pair.p_value)})."
    )


def in_words(pair: Paired, n_rows: int) -> str:
    """A paired test as a sentence about the version that is not the base."""
    if pair.test == "mcnemar":
        gap = pair.n_mended - pair.n_broken
        total = text.number(n_rows)
        if not gap:
            said = f"right on as many of {total} rows"
        else:
            kind = "more" if gap > 0 else "fewer"
            said = f"right on {text.count(abs(gap), f'{kind} row', f'{kind} rows')} of {total}"
        return f"{said}: mends {pair.n_mended:,}, breaks {pair.n_broken:,}"
    kind = "larger" if pair.difference > 0 else "smaller"
    if not pair.difference:
        return "the same mean absolute error"
    return f"mean absolute error {kind} by {text.number(abs(pair.difference), 3)}"
