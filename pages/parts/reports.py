"""What a scan says of a file, and what people decided about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
import streamlit as st

from pages.parts import cards, text, travel
from registry import access, scanners
from registry.records import Actor, Decision, Model, Named, Reading, Report, Version

_VERDICT = {
    "clean": ("green", ":material/verified_user:"),
    "quarantine": ("orange", ":material/shield:"),
    "refuse": ("red", ":material/block:"),
}
_JUDGED = {
    "dangerous": "✕ dangerous",
    "unusual": "⚠ unusual",
    "innocuous": "✓ on the list",
}
_DECIDED = {
    "trusted": ("green", ":material/verified:", "trusted"),
    "refused": ("red", ":material/block:", "refused"),
    "withdrawn": ("gray", ":material/undo:", "withdrawn"),
}
_MOST_NAMES = 500


def headline(report: Report) -> str:
    """One sentence for the whole report, as plain text."""
    n, odd = len(report.names), len(report.unusual)
    if not report.complete:
        return "Refused: the scan could not read the file to its end"
    if report.verdict == "refuse":
        return "Refused: the file holds what no model needs"
    if report.verdict == "quarantine":
        return (
            f"{odd} of {text.count(n, 'name')} not on the list"
            if odd
            else "Not for a machine to judge"
        )
    if not n:
        return "Nothing unusual: the file asks for no code"
    return f"Nothing unusual: {text.count(n, 'name')}, all on the list"


def verdict(report: Report) -> None:
    """The headline in its colour."""
    colour, icon = _VERDICT[report.verdict]
    st.markdown(f":{colour}[{icon} **{headline(report)}**]")


def show(report: Report, key: str = "") -> None:
    """The whole report: headline, findings, and the names folded.

    Args:
        key: With one, the names are drawn only once they are asked for.
    """
    verdict(report)
    cards.findings(report.findings)
    label = f"{text.count(len(report.names), 'name')} the file asks for"
    if report.names and not key:
        with st.expander(label, icon=":material/list:"):
            names(report.names)
    elif report.names:
        with st.expander(
            label, icon=":material/list:", key=f"{key}.names", on_change="rerun"
        ) as fold:
            if fold.open:
                names(report.names)


@contextmanager
def forming() -> Iterator[Callable[[Reading], None]]:
    """A place where a report forms: what is at work, how far it is, what was found so far."""
    place = st.empty()  # a small file is read before the first word

    def show(reading: Reading) -> None:
        share = reading.done_bytes / max(1, reading.size_bytes)
        with place.container():
            st.progress(min(1.0, max(0.0, share)), _doing(reading))
            cards.findings(reading.findings)

    try:
        yield show
    finally:
        place.empty()


def _doing(reading: Reading) -> str:
    """Which scanner is at work and how many bytes it has come; the worker's words stay out."""
    done = f"{text.size(reading.done_bytes)} of {text.size(reading.size_bytes)}"
    if reading.scanner not in scanners.SCANNERS:
        return f"Reading what the file says about itself · {done}"
    return f"Scanner **{reading.scanner.replace('_', ' ')}**, {reading.n} of {reading.of} · {done}"


def names(asked: Sequence[Named]) -> None:
    """Every name and what the list says of it, the odd ones first."""
    order = list(_JUDGED)
    ranked = sorted(asked, key=lambda named: (order.index(named.judgement), named.name))
    rows = [
        {"Name": text.clean(named.name, 200), "Judgement": _JUDGED[named.judgement]}
        for named in ranked[:_MOST_NAMES]
    ]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, alt="Names the file asks for",
        column_config={"Judgement": st.column_config.TextColumn(width=130)},
    )  # fmt: skip
    if len(asked) > _MOST_NAMES:
        st.caption(f"The first {_MOST_NAMES} of {len(asked)}.")


def of_version(version: Version) -> None:
    """The scan of one version: report, by which scanners, and what was decided."""
    cards.section("Scan")
    if version.report is None:
        st.markdown(":gray[:material/hourglass_empty: Not scanned yet.]")
        return
    show(version.report, f"scan.{version.id}")
    st.caption(age(version.report))
    decided(version.decisions)


def held(actor: Actor, model: Model, version: Version, key: str) -> None:
    """Why a version is quarantined, with the way to where that is decided."""
    said = text.escape(version.failure[:1].upper() + version.failure[1:], 1500)
    st.warning(f"**v{version.number} is quarantined.** {said}.", icon=":material/shield:")
    why = access.allowed(actor, model.level, "version.trust")
    if cards.action("Open in quarantine", why, key=key, icon=":material/shield:"):
        travel.go("quarantine.py", {"version": version.ref})


def age(report: Report) -> str:
    """Which scanners wrote the report, and whether there are newer ones."""
    if not report.scanners:
        return "Never scanned."
    said = f"Scanners {text.escape(report.scanners, 40)}"
    newer = report.scanners != scanners.VERSION
    return (
        f"{said}; version {scanners.VERSION} is here by now." if newer else f"{said}, the newest."
    )


def decided(decisions: Iterable[Decision]) -> None:
    """Who decided what, when and why; newest first."""
    for decision in decisions:
        colour, icon, word = _DECIDED[decision.decision]
        n = f" {text.count(len(decision.names), 'name')}" if decision.decision == "trusted" else ""
        st.markdown(
            f":{colour}[{icon} **{word}**{n}] by {text.escape(decision.by, 40)} "
            f":small[:gray[{text.ago(decision.at)}]]  \n"
            f":small[“{text.escape(decision.reason, 600)}”]"
        )
