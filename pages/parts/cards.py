"""What pages show again and again: headers, badges, empty states, findings, activity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import text, travel
from registry import access
from registry.records import CHAMPION, Actor, AuditLine, Finding, Inspection, Model, Version

STATUS = {
    "ready": ("green", ":material/check_circle:"),
    "checking": ("blue", ":material/progress_activity:"),
    "quarantined": ("orange", ":material/shield:"),
    "failed": ("red", ":material/error:"),
}
_FINDING = {
    "info": ("gray", ":material/info:"),
    "warn": ("orange", ":material/warning:"),
    "block": ("red", ":material/block:"),
}
_DONE = {
    "model.create": "created",
    "model.edit": "edited",
    "model.rate": "rated",
    "model.unrate": "took back the rating of",
    "model.trash": "put into the trash",
    "model.restore": "restored",
    "model.purge": "deleted for good",
    "model.share": "shared",
    "model.unshare": "stopped sharing",
    "model.transfer": "handed over",
    "model.public": "published to everyone",
    "model.private": "made private",
    "version.add": "published",
    "version.edit": "edited",
    "version.trash": "put into the trash",
    "version.restore": "restored",
    "version.purge": "deleted for good",
    "version.recheck": "checked again",
    "version.trust": "trusted",
    "version.refuse": "refused",
    "version.withdraw": "took the decision back on",
    "version.quarantine": "put into quarantine",
    "version.ready": "found ready",
    "version.failed": "could not load",
    "version.rescan": "scanned again",
    "version.rescan_all": "scanned again",
    "version.benchmark": "had measured",
    "gate.refuse": "was refused by the promotion gate of",
    "gate.edit": "changed the promotion gate of",
    "golden.add": "added a golden case to",
    "golden.edit": "edited a golden case of",
    "golden.remove": "removed a golden case of",
    "golden.run": "ran the golden cases on",
    "prediction.keep": "changed what is kept of predictions of",
    "prediction.flag": "flagged a prediction of",
    "prediction.share": "shared a prediction of",
    "prediction.unshare": "stopped sharing a prediction of",
    "job.cancel": "cancelled the",
    "training.start": "started to train on",
    "training.remove": "deleted the training on",
    "alias.move": "moved an alias of",
    "alias.remove": "removed an alias of",
    "webhook.add": "added a webhook to",
    "webhook.remove": "removed a webhook of",
    "webhook.enable": "switched a webhook on again, of",
    "webhook.disable": "switched a webhook off, of",
    "webhook.ping": "tested a webhook of",
    "file.stage": "uploaded the file",
    "account.sign_in": "signed in as",
    "session.open": "opened a session as",
}
_DANGLING = re.compile(r",? (?:of|to|on)$")


def header(title: str, facts: str = "") -> DeltaGenerator:
    """Title and one line of facts; gives the place at the right for the page's actions.

    Args:
        title: Plain text, escaped here.
        facts: Markdown made by the caller from escaped parts.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    left = row.container(width="stretch", gap="xxsmall")
    left.title(text.escape(title, 120), anchor=False)
    if facts:
        left.markdown(f":gray[{facts}]" if "badge[" not in facts else facts)
    return row.container(horizontal=True, width="content", gap="xsmall")


def section(title: str, about: str = "") -> None:
    """A heading inside a page."""
    st.subheader(title, anchor=False)
    if about:
        st.caption(about)


def badge(status: str | None) -> str:
    """A status as Markdown: always colour, icon and word."""
    colour, icon = STATUS.get(status or "", ("gray", ":material/draft:"))
    return f":{colour}-badge[{icon} {status or 'no version'}]"


def chip(value: str, colour: str = "gray", icon: str = "") -> str:
    """Any word as a small Markdown badge."""
    return f":{colour}-badge[{icon}{' ' if icon else ''}{text.escape(value, 60)}]"


def alias_chips(aliases: Iterable[str]) -> str:
    """Aliases as badges, the champion first."""
    names = sorted(aliases, key=lambda name: (name != CHAMPION, name))
    star = ":material/trophy:"
    return " ".join(chip(name, icon=star if name == CHAMPION else "") for name in names)


def model_facts(model: Model) -> str:
    """The line under a model's name."""
    parts = [badge(model.status)]
    if model.champion:
        parts.append(chip(f"champion v{model.champion}", icon=":material/trophy:"))
    shared = model.visibility == "public"
    icon = ":material/public:" if shared else ":material/lock:"
    parts.append(chip("everyone signed in" if shared else "private", "gray", icon))
    parts += [chip(part) for part in (model.task, model.license) if part]
    return " ".join(parts)


def action(label: str, why: str = "", **options: Any) -> bool:
    """A button that says why it cannot be pressed."""
    return st.button(label, disabled=bool(why), help=text.escape(why) or None, **options)


def go(
    label: str,
    page: str,
    *,
    key: str,
    query: Mapping[str, str | Sequence[str]] | None = None,
    **opts: Any,
) -> None:
    """A button that leads to another page."""
    if st.button(label, key=key, **opts):
        travel.go(page, dict(query or {}))


def empty(title: str, body: str, *, icon: str) -> DeltaGenerator:
    """An empty state: says what belongs here, with room for the button of the next step."""
    box = st.container(border=True, horizontal_alignment="center", gap="xsmall")
    box.space("small")
    box.markdown(f"### :gray[:material/{icon}:]", text_alignment="center", width="content")
    box.markdown(f"**{title}**", text_alignment="center")
    box.caption(body, text_alignment="center")
    place = box.container(horizontal=True, horizontal_alignment="center")
    box.space("small")
    return place


def upload_button(actor: Actor, key: str, label: str = "Upload model", model: str = "") -> None:
    """Leads to the upload page, or says why not."""
    why = access.allowed(actor, None, "model.create")
    icon = ":material/upload:"
    if action(label, why, key=key, type="primary", icon=icon):
        travel.go("upload.py", {"model": model} if model else {})


def facts(rows: Mapping[str, Any]) -> None:
    """Key and value pairs; values are escaped unless they are `Marked`. Empty ones are left out."""
    shown = {
        text.escape(key, 60): value if isinstance(value, Marked) else text.escape(value, 400)
        for key, value in rows.items()
        if value not in ("", None, (), {}, [])
    }
    if shown:
        st.table(shown, border="horizontal")


class Marked(str):
    """Markdown that the page itself made: may be shown as it is."""

    __slots__ = ()


def code(value: Any, most: int = 200) -> Marked:
    """A value in the typewriter face, nothing in it acting as markup."""
    return Marked(f"`{text.clean(value, most).replace('`', 'ˋ')}`")


def findings(found: Iterable[Finding], clean: str = "") -> None:
    """Findings, the worst first: what, why, what to do. `clean` is said when there are none."""
    order = ("block", "warn", "info")
    ranked = sorted(found, key=lambda finding: order.index(finding.level))
    if not ranked and clean:
        st.markdown(f":green[:material/check_circle: {clean}]")
    for finding in ranked[:20]:
        _finding(finding)
    if len(ranked) > 20:
        st.caption(f"and {len(ranked) - 20} more")


def _finding(finding: Finding) -> None:
    colour, icon = _FINDING[finding.level]
    said = [_sentence(part) for part in (finding.what, finding.why, finding.todo) if part]
    lines = [f":{colour}[{icon}] **{said[0]}**", *(f":small[{line}]" for line in said[1:])]
    st.markdown("  \n".join(lines))


def _sentence(words: str) -> str:
    return text.escape(words[:1].upper() + words[1:], 600)


def read_out(inspection: Inspection, *, filename: str, size_bytes: int, digest: str) -> None:
    """What was read out of a file without running it."""
    schema = inspection.schema
    inputs = ""
    if schema:
        n = len(schema.fields) or len(schema.tensors)
        inputs = text.count(n, "feature" if schema.kind == "table" else "tensor")
    facts(
        {
            "File": filename,
            "Format": inspection.format,
            "Framework": f"{inspection.framework} {inspection.framework_version}".strip(),
            "Class": code(inspection.class_name) if inspection.class_name else "",
            "What": inspection.summary,
            "Inputs": inputs,
            "Classes": text.listing(schema.classes) if schema else "",
            "Parameters": text.number(inspection.n_parameters) if inspection.n_parameters else "",
            "Size": text.size(size_bytes),
            "Digest": code(text.short(digest)),
        }
    )
    if not inspection.runnable:
        st.markdown(f":orange[:material/info:] {text.escape(inspection.why_not_runnable, 600)}")


def activity(lines: Iterable[AuditLine], *, subjects: bool = True, exact: bool = False) -> None:
    """Who did what, when; one quiet line each.

    Args:
        subjects: Name the model; False on a model's own page, where only the version matters.
        exact: The time of day in place of "2 hours ago".
    """
    for line in lines:
        done = _DONE.get(line.action, text.clean(line.action).replace(".", " ").replace("_", " "))
        if not subjects:
            done = _DANGLING.sub("", done)
        said = f"**{text.escape(line.actor, 40)}** {text.escape(done)}"
        said += f" {text.escape(line.subject, 80)}" if subjects else _number(line.subject)
        detail = _detail(line)
        said += f" · {detail}" if detail else ""
        when = line.at.strftime("%H:%M:%S UTC") if exact else text.ago(line.at)
        st.markdown(f"{said} :small[:gray[{when}]]")


def _number(subject: str) -> str:
    number = subject.rpartition("@")[2] if "@" in subject else ""
    return f" version {text.escape(number)}" if number else ""


def _detail(line: AuditLine) -> str:
    """The few details worth a word."""
    told = {
        "alias": "",
        "to": "to ",
        "level": "as ",
        "name": "",
        "reason": "“",
        "changed": "",
        "stars": "★ ",
    }
    told |= {"rules": "", "failed": "overriding: ", "what": "now: "}
    parts = []
    for key, before in told.items():
        value = line.detail.get(key)
        if value in (None, "", []):
            continue
        said = text.listing([str(v) for v in value]) if isinstance(value, list) else str(value)
        parts.append(f"{before}{text.escape(said, 80)}{'”' if before == '“' else ''}")
    return ", ".join(parts)


def version_line(version: Version, why: str) -> None:
    """One version in a list: badge, name, what is wrong, when; leads to the model."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(badge(version.status), width="content")
    body = row.container(width="stretch", gap="xxsmall")
    body.page_link(
        "model.py",
        label=text.escape(f"{version.model} v{version.number}", 80),
        query_params={"name": version.model, "tab": "Versions"},
    )
    if why:
        body.caption(text.escape(why, 200))


def done(message: str) -> None:
    """Say that it worked, and show the page anew."""
    st.toast(text.escape(message), icon=":material/check_circle:")
    st.rerun()


def cannot(version: Version, why: str) -> None:
    """Why a version does not predict, with the way to its page."""
    said = text.escape(why[:1].upper() + why[1:], 600)
    title = f"{text.escape(version.ref)} does not predict"
    with empty(title, said, icon="do_not_disturb_on"):
        query = {"name": version.model, "version": str(version.number)}
        go("Open the model", "model.py", key="cannot.open", query=query)


def shown_once(secret: str, about: str, *, key: str) -> bool:
    """A secret that is never shown again; whether the person says it is stored."""
    st.warning("Copy it now: it is not shown again.", icon=":material/visibility_off:")
    st.code(secret, language=None, wrap_lines=True)
    st.caption(about)
    return st.button("I have stored it", type="primary", key=key)
