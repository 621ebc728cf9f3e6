"""What is in quarantine: the list, one case, and the dialogs in which people decide."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from pages.parts import cards, conversion, notices, reports, text, travel
from registry import policy, rescans, scanners, trust
from registry.core import Registry
from registry.records import Actor, Case, CaseState, Page

STATES: dict[CaseState, str] = {"waiting": "Waiting", "trusted": "Trusted", "refused": "Refused"}
_EMPTY = {
    "waiting": (
        "Nothing waits",
        "A file that asks for code beyond the list is kept here, unloaded, until you trust or "
        "refuse it.",
    ),
    "trusted": ("Nothing was trusted", "What you trust is listed here, and can be taken back."),
    "refused": ("Nothing was refused", "What you refuse is listed here, and can be taken back."),
}
_HEIGHT_PX = 36


def state() -> CaseState:
    """Which cases the address asks for."""
    asked = st.query_params.get("show", "waiting")
    return next((known for known in STATES if known == asked), "waiting")


def choose() -> None:
    """Waiting, trusted or refused, kept in the address."""
    st.session_state["quarantine.show"] = state()
    st.segmented_control(
        "Show", list(STATES), format_func=STATES.__getitem__, key="quarantine.show",
        label_visibility="collapsed", required=True, on_change=_keep_state,
    )  # fmt: skip


def _keep_state() -> None:
    st.query_params.from_dict({"show": st.session_state["quarantine.show"]})


def listing(found: Page[Case], shown: CaseState) -> None:
    """The cases as a table; a click opens one."""
    if not found.items:
        title, body = _EMPTY[shown]
        cards.empty(title, body, icon="shield")
        return
    frame = pd.DataFrame([_row(case) for case in found.items])
    event = st.dataframe(
        frame, hide_index=True, on_select="rerun", selection_mode="single-row",
        row_height=_HEIGHT_PX, key=f"quarantine.list.{shown}", alt="Versions in quarantine",
        column_config={
            "Version": st.column_config.TextColumn(pinned=True),
            "Size": st.column_config.NumberColumn(format="bytes", width="small"),
            "Uploaded": st.column_config.DatetimeColumn(format="distance"),
        },
    )  # fmt: skip
    more = f"; the {len(found.items)} newest" if found.total > len(found.items) else ""
    st.caption(f"{text.count(found.total, 'version')}{more}. Tick one to read its report.")
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(found.items):
        st.query_params["version"] = found.items[rows[0]].ref


def _row(case: Case) -> dict[str, object]:
    worst = case.report.worst
    return {
        "Version": text.clean(case.ref, 80),
        "Worst finding": text.clean(worst.what if worst else "", 160),
        "Format": case.format,
        "Size": case.size_bytes,
        "Uploaded": case.uploaded_at,
        "By": text.clean(case.uploaded_by, 40),
    }


def picked(found: Page[Case]) -> str:
    """The reference the address names, else the first of the list."""
    asked = st.query_params.get("version", "")
    return asked or (found.items[0].ref if found.items else "")


def detail(reg: Registry, actor: Actor, case: Case) -> None:
    """One case: what it is, what the scan says, what can be done."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(text.escape(case.ref, 120), anchor=False, width="stretch")
        with st.container(horizontal=True, width="content", gap="xsmall"):
            _actions(reg, actor, case)
    conversion.follow(reg, actor, case.ref.partition("@")[0])
    if case.failure and case.state != "waiting":
        st.caption(text.escape(case.failure[:1].upper() + case.failure[1:], 1500))
    left, right = st.columns([5, 3], gap="large")
    with left:
        reports.show(case.report, f"quarantine.{case.version_id}")
        st.caption(reports.age(case.report))
    with right:
        cards.facts(
            {
                "File": case.filename,
                "Format": case.format,
                "Framework": case.framework,
                "Size": text.size(case.size_bytes),
                "Digest": cards.code(text.short(case.digest)),
                "Owner": case.owner,
                "Uploaded by": f"{case.uploaded_by}, {text.ago(case.uploaded_at)}",
                "Status": cards.Marked(cards.badge(case.status)),
            }
        )
        if case.opens:
            model, _, number = case.ref.partition("@")
            query = {"name": model, "version": number}
            st.page_link("model.py", label="Open the model", query_params=query)
        else:
            st.caption("Not shared with you: as an administrator you see only what is needed here.")
        reports.decided(case.decisions)


def _actions(reg: Registry, actor: Actor, case: Case) -> None:
    """Buttons, disabled with the reason where they cannot be pressed."""
    if case.state == "waiting":
        if cards.action("Trust", case.why_no_trust, key="quarantine.trust", type="primary",
                        icon=":material/verified:"):  # fmt: skip
            _ask_trust(reg, actor, case)
        if cards.action("Refuse", key="quarantine.refuse", icon=":material/block:"):
            _ask_refuse(reg, actor, case)
    elif cards.action("Withdraw", key="quarantine.withdraw", icon=":material/undo:"):
        _ask_withdraw(reg, actor, case)
    conversion.of_case(reg, actor, case, key="quarantine.convert")
    if cards.action("Scan again", key="quarantine.scan", icon=":material/policy:"):
        with notices.shown(stop=False):
            rescans.again(reg, actor, case.ref)
            cards.done("Scanning again; Jobs shows when it is done")


@st.dialog("Trust this file", width="medium")
def _ask_trust(reg: Registry, actor: Actor, case: Case) -> None:
    """The names, the findings, the consequence, the reason."""
    asked = case.report.unusual
    seen = tuple(f.what for f in case.report.findings if f.level != "info")
    st.markdown(
        f"**{text.escape(case.ref, 120)}**, {text.size(case.size_bytes)}, "
        f"digest {cards.code(text.short(case.digest))}"
    )
    if asked:
        st.markdown(f"You trust exactly {text.count(len(asked), 'name')}, in exactly this file:")
        _list(asked)
    if seen:
        st.markdown("You trust what the scan points out, in exactly this file:")
        _list(seen)
    st.caption(
        "It is then loaded once inside the sandbox, and predicts when that works. Code of these "
        "names runs there, without network and without files. This says nothing of other "
        "files, and you can take it back."
    )
    _decide("Trust and check", lambda why: trust.trust(reg, actor, case.ref, case.report, why),
            f"{case.ref} is trusted and being checked")  # fmt: skip


@st.dialog("Refuse this file")
def _ask_refuse(reg: Registry, actor: Actor, case: Case) -> None:
    st.markdown(
        f"**{text.escape(case.ref, 120)}**, {text.size(case.size_bytes)}. It stays stored and "
        "never predicts; its page shows your reason. You can take this back."
    )
    _decide("Refuse", lambda why: trust.refuse(reg, actor, case.ref, why),
            f"{case.ref} is refused")  # fmt: skip


@st.dialog("Withdraw the decision")
def _ask_withdraw(reg: Registry, actor: Actor, case: Case) -> None:
    st.markdown(
        f"**{text.escape(case.ref, 120)}** is {case.state}. It goes back to quarantine and stops "
        "predicting until somebody decides again."
    )
    _decide("Withdraw", lambda why: trust.withdraw(reg, actor, case.ref, why),
            f"{case.ref} waits again")  # fmt: skip


def _decide(label: str, do: Callable[[str], Case], said: str) -> None:
    """The reason and the button."""
    with st.form("quarantine.decide", border=False):
        reason = st.text_area(
            "Reason", key="quarantine.reason", max_chars=trust.MAX_REASON, height=90,
            placeholder="What you checked, for those who ask in a year",
        )  # fmt: skip
        pressed = st.form_submit_button(label, type="primary")
    if pressed:
        with notices.shown(stop=False):
            case = do(reason or "")
            st.query_params.from_dict({"show": case.state, "version": case.ref})
            cards.done(said)


def _list(lines: tuple[str, ...]) -> None:
    shown = "\n".join(text.clean(line, 200) for line in lines)
    st.code(shown, language=None, height=min(40 + 22 * len(lines), 240))


def scan_all(reg: Registry, actor: Actor) -> None:
    """The administrator's button: look at everything again with the newest scanners."""
    if "admin" not in policy.permissions(actor):
        return
    n = rescans.outdated(reg)
    why = "" if n else f"every report is of the newest scanners (version {scanners.VERSION})"
    label = f"Scan {text.count(n, 'version')} again" if n else "Scan all again"
    if cards.action(label, why, key="quarantine.scan_all", icon=":material/policy:"):
        with notices.shown(stop=False):
            rescans.everything(reg, actor)
            travel.go("jobs.py", {})
