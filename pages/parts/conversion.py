"""Converting a version to a format without code: the dialog, what runs, what came of it."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, notices, text
from registry import access, conversions, formats, job_lists, models, versions
from registry.core import Registry
from registry.errors import NotFound
from registry.records import Actor, Case, Job, Level, Version

_POLL_S = 1.0
_STARTED = "conversion.job"
_CODE = ("sklearn", "torch_pickle", "torchscript")
_GIVES = {
    "onnx": "Runs in many languages, quickly. Numbers are 32 bit; it holds a graph, no Python.",
    "skops": "Stays scikit-learn, with equal answers. Loads listed types only, never a pickle.",
    "safetensors": "The weights, byte by byte. Nothing runs when it is read.",
}


def button(reg: Registry, actor: Actor, level: Level | None, version: Version, key: str) -> None:
    """Opens the dialog; not there when the version carries no code as it is.

    Args:
        level: What the actor may do with the model.
        key: Of the widget, so that several places can offer it.
    """
    found = conversions.targets(version)
    if not found:
        return
    why = access.allowed(actor, level, "version.add")
    if not why and all(target.why_not for target in found):
        why = found[0].why_not
    safe = version.inspection.format in _CODE or version.status == "quarantined"
    label = "Make it safe…" if safe else "Convert…"
    if cards.action(label, why, key=key, icon=":material/shield:"):
        _ask(reg, actor, version)


def of_case(reg: Registry, actor: Actor, case: Case, key: str) -> None:
    """The same for a version in quarantine; who may not open the model may not convert it."""
    if not case.opens:
        why = "the model is not shared with you; its owner can convert it"
        cards.action("Make it safe…", why, key=key, icon=":material/shield:")
        return
    model = models.get(reg, actor, case.ref.partition("@")[0])
    button(reg, actor, model.level, versions.get(reg, actor, case.ref), key)


@st.dialog("Convert to a format without code")
def _ask(reg: Registry, actor: Actor, version: Version) -> None:
    """What it can become, what that means, and what happens then."""
    made_of = text.escape(formats.title(version.inspection.format))
    st.markdown(f"**{text.escape(version.ref)}**, {made_of}")
    found = conversions.targets(version)
    names = [target.format for target in found if not target.why_not]
    chosen = st.radio(
        "To", names, format_func=formats.title, captions=[_GIVES[name] for name in names],
        key="convert.target",
    )  # fmt: skip
    for target in found:
        if target.why_not:
            said = text.escape(target.why_not, 300)
            st.caption(f"{text.escape(formats.title(target.format))} is not possible: {said}.")
    st.markdown(
        "It becomes a new version of this model, once both answer alike: the same rows are asked "
        "of both, and the figures are kept with it. This version stays as it is."
    )
    if version.status == "quarantined":
        st.markdown(
            ":orange[:material/shield:] It is quarantined. It is loaded once, inside the sandbox, "
            "for this conversion; it is not trusted by that, and does not predict afterwards."
        )
    if st.button("Convert", type="primary", key="convert.go", disabled=not names):
        with notices.shown(stop=False):
            st.session_state[_STARTED] = conversions.convert(
                reg, actor, version.ref, chosen or ""
            ).id
            cards.done(f"Converting v{version.number} to {formats.title(chosen or '')}")


def follow(reg: Registry, actor: Actor, model: str) -> None:
    """The conversion started in this tab: its progress, and its end, once."""
    with notices.shown(stop=False):
        job = _job(reg, actor, model)
        if job is None:
            return
        if job.finished_at is None:
            st.fragment(_watch, run_every=_POLL_S)(reg, actor, model)
            return
        if job.state == "failed":
            st.error(f"**Not converted.** {_sentence(job.message)}", icon=":material/error:")
        else:
            st.success(f"**Converted.** {_sentence(job.message)}", icon=":material/check_circle:")
        if st.button("Dismiss", key="conversion.dismiss", type="tertiary"):
            del st.session_state[_STARTED]
            st.rerun()


def _watch(reg: Registry, actor: Actor, model: str) -> None:
    with notices.shown():
        job = _job(reg, actor, model)
    if job is None or job.finished_at is not None:
        st.rerun()
    what = job.message or job.kind
    with st.status(_sentence(f"{job.subject.partition('@')[2]}: {what}"), state="running"):
        st.progress(job.progress)


def _job(reg: Registry, actor: Actor, model: str) -> Job | None:
    wanted = st.session_state.get(_STARTED)
    if wanted is None:
        return None
    try:
        job = job_lists.get(reg, actor, wanted)
    except NotFound:
        return None
    return job if job.subject.partition("@")[0] == model else None


def _sentence(words: str) -> str:
    return text.escape(words[:1].upper() + words[1:], 800)


def facts(version: Version) -> None:
    """Where a converted version comes from and how like the original it answered."""
    told = version.inspection.details.get("conversion")
    if not isinstance(told, dict):
        return
    cards.section("Converted", "Both were asked the same rows before this one was published.")
    agreement = told.get("label agreement")
    cards.facts(
        {
            "From": str(told.get("from", "")),
            "Compared": f"{told.get('n_rows')} {told.get('checked')}",
            "Largest difference": _number(told.get("largest difference")),
            "Tolerance": _number(told.get("tolerance")),
            "Labels agree": f"{agreement:.1%}" if isinstance(agreement, float) else "",
        }
    )


def _number(value: object) -> str:
    if not isinstance(value, (int, float)):
        return ""
    return f"{value:.2g}" if value else "0"
