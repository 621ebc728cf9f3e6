"""What can be done with one prediction: rerun, flag, save as golden case, share."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, golden, notices, past_view, text, travel
from registry import predictions, reruns, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Flag, PastPrediction, Version

_FLAGS: dict[Flag, str] = {
    "wrong": "The answer is not right",
    "unsure": "It may not be right",
    "offensive": "Nobody should be told this",
    "other": "Something else; say what",
}
_NOT_KEPT = "its input was not kept"
_NOT_MINE = "only the person who asked can do this"


def bar(reg: Registry, actor: Actor, past: PastPrediction, key: str) -> None:
    """The buttons; each opens a dialog, or says why not."""
    line, mine = past.line, "" if past.mine else _NOT_MINE
    why = "" if past.inputs is not None else _NOT_KEPT
    if cards.action("Rerun", why, key=f"{key}.rerun", icon=":material/replay:"):
        _rerun(reg, actor, past)
    label = "Change flag" if line.flag else "Flag"
    if cards.action(label, mine, key=f"{key}.flag", icon=":material/flag:"):
        _flag(reg, actor, past)
    golden.keep(
        reg, actor, line.model, past.inputs, past.outputs, n_rows=line.n_rows, key=key
    )  # fmt: skip
    why = mine or (
        "" if line.kept or line.shared else "nothing of it is kept that others could see"
    )
    label = "Shared" if line.shared else "Share"
    if cards.action(label, why, key=f"{key}.share", icon=":material/link:"):
        _share(reg, actor, line.id)


@st.dialog("Rerun", width="medium", on_dismiss="rerun")
def _rerun(reg: Registry, actor: Actor, past: PastPrediction) -> None:
    """The same input for a version of choice, and whether the answer changed."""
    with notices.shown():
        found = recalled(versions.find, reg, actor, past.line.model)
    able = [version for version in found if version.can_predict]
    if not able:
        st.caption("No version of this model predicts now.")
        return
    refs = {version.ref: _name(version) for version in able}
    before = list(refs).index(past.line.ref) if past.line.ref in refs else 0
    ref = st.selectbox("Version", list(refs), before, format_func=refs.__getitem__, key="rerun.ref")
    if st.button("Run", type="primary", icon=":material/play_arrow:", key="rerun.run"):
        with notices.shown(stop=False), st.spinner("Asking the model"):
            again = reruns.rerun(reg, actor, ref, past.inputs, past.outputs, past.n_answered)
            _verdict(past, again.differences)
            past_view.outputs(actor, again.answer.outputs, again.answer.n_rows, key="rerun")
            st.caption(f"Answered in {text.duration(again.answer.latency_ms)}")


def _name(version: Version) -> str:
    names = ", ".join(version.aliases)
    return text.clean(f"v{version.number}{f' · {names}' if names else ''}", 80)


def _verdict(past: PastPrediction, differences: tuple[str, ...]) -> None:
    """Whether the answer is the one from before."""
    if not past.outputs:
        st.caption("The first answer was not kept, so there is nothing to compare with.")
    elif not differences:
        st.success("The answer is the same.", icon=":material/check_circle:")
    else:
        some = [f"- {text.escape(said, 200)}" for said in differences[:5]]
        more = [f"- and {len(differences) - 5} more"] if len(differences) > 5 else []
        said = "\n".join(["**The answer changed.**", "", *some, *more])
        st.warning(said, icon=":material/difference:")


@st.dialog("Flag this answer")
def _flag(reg: Registry, actor: Actor, past: PastPrediction) -> None:
    """Why it is not right; those who manage the model read it."""
    line = past.line
    flags: list[Flag] = list(_FLAGS)
    st.caption("Those who manage the model see the flag with your name and reason.")
    chosen = st.radio(
        "What is the matter?", flags, [*flags, line.flag].index(line.flag) % len(flags),
        captions=list(_FLAGS.values()), format_func=_capital, key="flag.which",
    )  # fmt: skip
    reason = st.text_area(
        "Reason", line.flag_reason, key="flag.reason", max_chars=predictions.MOST_REASON, height=90
    )
    row = st.container(horizontal=True)
    save = row.button("Save flag", type="primary", key="flag.save")
    drop = bool(line.flag) and row.button("Take it back", key="flag.drop", type="tertiary")
    with notices.shown(stop=False):
        if save:
            predictions.flag(reg, actor, line.id, chosen, reason or "")
            cards.done("Flagged")
        if drop:
            predictions.flag(reg, actor, line.id, None)
            cards.done("The flag is taken back")


def _capital(flag: Flag) -> str:
    return flag.capitalize()


@st.dialog("Share this prediction", on_dismiss="rerun")
def _share(reg: Registry, actor: Actor, prediction_id: str) -> None:
    """Opens and closes the link."""
    with notices.shown():
        line = predictions.get(reg, actor, prediction_id).line
    st.caption(
        "Whoever has the link and may see the model sees the input, the answer and your flag. "
        "For all others the page does not exist."
    )
    if not line.shared:
        place = st.empty()
        if not place.button("Share", type="primary", key="share.open"):
            return
        with notices.shown():
            predictions.share(reg, actor, prediction_id)
        place.empty()
    st.code(f"{travel.origin()}/prediction?id={prediction_id}", language=None, wrap_lines=True)
    if st.button("Stop sharing", key="share.close", type="tertiary"):
        with notices.shown(stop=False):
            predictions.unshare(reg, actor, prediction_id)
            cards.done("The link is closed")
