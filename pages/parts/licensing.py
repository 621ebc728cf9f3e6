"""A license held against parents and projects: verdicts, the hint while it is typed, the form."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import beside, cards, notices, text
from registry import fetching, license_checks, licenses
from registry.core import Registry
from registry.errors import InvalidInput
from registry.memory import recalled
from registry.records import Actor, LicenseCheck, Model, ParentLicense, Version

_ANSWER = {
    "yes": ("green", ":material/check_circle:", "Compatible"),
    "no": ("red", ":material/cancel:", "Not compatible"),
    "unknown": ("orange", ":material/help:", "Unknown"),
}
_USES: dict[str, licenses.Use] = {"Holds it unchanged": "part", "Is made from it": "derived"}


def verdict(check: LicenseCheck, before: str = "") -> None:
    """Yes, no or unknown with the reason, what must be kept, and where that is written."""
    colour, icon, word = _ANSWER[check.compatible]
    st.markdown(f":{colour}-badge[{icon} {word}] {before}{_sentence(check.why)}")
    about = [*check.warnings, *([f"Source: {check.rule}."] if check.rule else [])]
    if about:
        st.caption(" · ".join(text.escape(line, 300) for line in about))


def of_model(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """The license on the model's page: what it says, what parents say of it, and a form."""
    cards.section("License")
    _spelled(model.license)
    with notices.shown(stop=False):
        _held(recalled(license_checks.of_parents, reg, actor, version.ref))
    place = st.expander(
        "May my project use it?", icon=":material/balance:", key="model.license", on_change="rerun"
    )
    if place.open:
        with place:
            _project(reg, actor, model)


def in_the_way(reg: Registry, actor: Actor, ref: str, parent: str = "") -> None:
    """In the lineage: where the license of a parent forbids it, or that of one further up.

    Args:
        parent: Only of this parent; "" for all that are further up, and what cannot be seen.
    """
    for one in recalled(license_checks.of_parents, reg, actor, ref):
        here = one.parent == parent and not one.through
        further = not parent and (one.through or not one.parent)
        if (here and one.check.compatible == "no") or (further and one.check.compatible != "yes"):
            verdict(one.check, _says(one))


def _held(found: Sequence[ParentLicense]) -> None:
    """Each parent; of what is further up only what does not agree, and how many do."""
    agreed = [one for one in found if one.through and one.check.compatible == "yes"]
    for one in found:
        if one not in agreed:
            verdict(one.check, _says(one))
    if agreed:
        st.caption(f"{text.count(len(agreed), 'ancestor')} further up: compatible.")


def while_chosen(reg: Registry, actor: Actor, license: str, parents: Sequence[str]) -> None:
    """In the upload form: what is wrong with the id, and what the parents say."""
    if license:
        _spelled(license)
    if parents:
        with notices.shown(stop=False):
            _held(license_checks.for_parents(reg, actor, license, parents))
            st.caption(licenses.NO_ADVICE)


def _says(one: ParentLicense) -> str:
    """Who says what, with the chain to it; nothing of what cannot be seen."""
    if not one.parent:
        return ""
    theirs, ours = one.check.source or "nothing", one.check.target or "nothing"
    who = text.escape(one.parent, 120)
    if one.through:
        chain = " from ".join(text.escape(ref, 120) for ref in one.through)
        who = f"Its {one.kin} {who} (by {chain})"
    return f"{who} is {_code(theirs)}, this says {_code(ours)}: "


def _code(value: str) -> str:
    return f"**{text.escape(value, 80)}**"


def _spelled(license: str) -> None:
    """The license as SPDX spells it, or what is wrong with it."""
    if not license:
        st.caption("None is given: nobody knows what they may do with it.")
        return
    try:
        said = str(licenses.parse(license).render())
    except InvalidInput as odd:
        st.markdown(f":orange[:material/help:] {_sentence(odd.problems['license'])}")
    else:
        st.markdown(cards.chip(said, icon=":material/balance:"))


def _project(reg: Registry, actor: Actor, model: Model) -> None:
    """An id typed, or a license file dropped."""
    typed = st.text_input("The project’s license", key="model.license.id", placeholder="SPDX id")
    file = st.file_uploader("or its LICENSE file", key="model.license.file", max_upload_size=1)
    link = st.text_input(
        "or a link to it", key="model.license.link", placeholder="https://", type="url",
        disabled=not reg.settings.fetch, help=None if reg.settings.fetch else fetching.OFF,
    )  # fmt: skip
    use = st.segmented_control(
        "The project", list(_USES), default="Holds it unchanged", key="model.license.use",
        required=True,
    )  # fmt: skip
    with notices.shown(stop=False):
        found = (typed or "").strip()
        if not found and file is not None:
            found = license_checks.recognise(reg, actor, beside.once(file))
            st.caption(f"The file is the text of {text.escape(found)}.")
        if not found and link:
            found = _behind(reg, actor, link)
        if found:
            chosen = _USES[use or "Holds it unchanged"]
            verdict(license_checks.for_project(reg, actor, model.ref, found, chosen))
    st.caption(licenses.NO_ADVICE)


def _behind(reg: Registry, actor: Actor, link: str) -> str:
    """What a link leads to, fetched once in a visit."""
    seen: dict[str, str] = st.session_state.setdefault("model.license.links", {})
    if link not in seen:
        with st.spinner("Asking for the license file"):
            seen[link] = license_checks.behind_link(reg, actor, link)
    st.caption(f"The link leads to {text.escape(seen[link])}.")
    return seen[link]


def _sentence(words: str) -> str:
    return text.escape(words, 600)
