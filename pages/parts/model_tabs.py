"""The tabs of a model's page that show one version: card, schema, files, activity."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    cards,
    conversion,
    exporting,
    licensing,
    notices,
    past_list,
    reports,
    schemas,
    snippets,
    stars,
    text,
    travel,
    usage_view,
)
from registry import access, activity, advice, downloads, models, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Artifact, Model, Version

_VERDICT = {
    "yes": ("green", ":material/check_circle:", "Yes"),
    "maybe": ("orange", ":material/help:", "Perhaps"),
    "no": ("red", ":material/cancel:", "No"),
}
_KINDS = {
    "model": "Model",
    "config": "Configuration",
    "requirements": "Requirements",
    "sample": "Sample",
    "data": "Data set",
    "code": "Code",
    "card": "Readme",
    "license": "License",
}


def card(reg: Registry, actor: Actor, model: Model, chosen: Version | None) -> None:
    """The written card at the left; facts, code and whether it loads here at the right."""
    left, right = st.columns([5, 3], gap="large")
    with left:
        _written(reg, actor, model)
    with right:
        stars.show(reg, actor, model)
        if chosen is None:
            st.caption("No version yet.")
            return
        _failure(actor, model, chosen)
        cards.section(f"Version {chosen.number}")
        cards.read_out(
            chosen.inspection,
            filename=chosen.artifact.filename,
            size_bytes=chosen.artifact.size_bytes,
            digest=chosen.artifact.digest,
        )
        conversion.facts(chosen)
        _trained(chosen)
        _loads_here(reg, actor, chosen)
        licensing.of_model(reg, actor, model, chosen)
        reports.of_version(chosen)
        if chosen.findings:
            cards.section("What was noticed")
            cards.findings(chosen.findings)
        cards.section("Use it from code")
        snippets.show(actor, chosen, None, "model.code")


def _written(reg: Registry, actor: Actor, model: Model) -> None:
    why = access.allowed(actor, model.level, "model.edit")
    if st.session_state.get("model.card.editing"):
        _edit_card(reg, actor, model)
        return
    if model.card:
        st.markdown(text.card(model.card))
        place = st.container()
    else:
        place = cards.empty(
            "No card yet",
            "Say what the model is for, what it was trained on, and where its limits are.",
            icon="description",
        )
    with place:
        label = "Edit card" if model.card else "Write card"
        if cards.action(label, why, key="model.card.edit", icon=":material/edit:"):
            st.session_state["model.card.editing"] = True
            st.rerun()


def _edit_card(reg: Registry, actor: Actor, model: Model) -> None:
    said = st.text_area("Card (Markdown)", model.card, key="model.card.text", height=360)
    with st.expander("Preview", expanded=True):
        st.markdown(text.card(said or ""))
    with st.container(horizontal=True):
        save = st.button("Save card", type="primary", key="model.card.save")
        if st.button("Cancel", key="model.card.cancel"):
            st.session_state["model.card.editing"] = False
            st.rerun()
    if save:
        with notices.shown(stop=False):
            models.edit(reg, actor, model.ref, card=said or "")
            st.session_state["model.card.editing"] = False
            cards.done("Card saved")


def _failure(actor: Actor, model: Model, version: Version) -> None:
    if version.status == "failed":
        st.error(
            f"**v{version.number} does not load here.** {text.escape(version.failure, 1500)}",
            icon=":material/error:",
        )
    elif version.status == "quarantined":
        reports.held(actor, model, version, "model.quarantine")
    elif version.status == "ready" and not version.inspection.runnable:
        said = text.escape(version.inspection.why_not_runnable, 800)
        st.info(f"**Stored, does not predict.** {said}", icon=":material/inventory_2:")


def _trained(version: Version) -> None:
    """What the person said about its making, and its parameters, folded."""
    names = {
        "algorithm": "Algorithm", "dataset": "Data set", "target": "Target",
        "features": "Features", "n_train": "Training rows", "n_test": "Test rows",
        "validation": "Judged by", "training_time_s": "Seconds of training",
        "mlflow run": "MLflow run", "mlflow version": "MLflow", "mlflow flavors": "MLflow flavors",
    }  # fmt: skip
    told = {key: value for key, value in version.training.items() if key in names}
    said = {
        names[key]: text.listing([str(v) for v in value], 8) if isinstance(value, list) else value
        for key, value in told.items()
    }
    cards.facts(said)
    if version.parameters:
        with st.expander(text.count(len(version.parameters), "parameter")):
            cards.facts(dict(list(version.parameters.items())[:100]))


def _loads_here(reg: Registry, actor: Actor, version: Version) -> None:
    said = advice.will_it_load(reg, actor, version.ref)
    colour, icon, word = _VERDICT[said.verdict]
    cards.section("Will it load here?")
    st.markdown(f":{colour}-badge[{icon} {word}] {text.escape(said.why, 300)}")
    if said.install:
        st.code(said.install, language="bash")
    if said.libraries:
        rows = [
            {"Library": name, "Made with": wanted or "any", "Here": here or "not installed"}
            for name, wanted, here in said.libraries[:40]
        ]
        st.dataframe(rows, hide_index=True, alt="Libraries: made with, and installed here")


def schema(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """What goes in and out; its editor for those who may."""
    why = access.allowed(actor, model.level, "version.edit")
    if version.schema is None:
        cards.empty(
            "The schema is not known",
            "The file does not say what goes in. Describe it, and the playground can make a form.",
            icon="schema",
        )
    else:
        schemas.show(version.schema)
    with st.expander(f"Edit the schema of v{version.number}", icon=":material/edit:"):
        edited = schemas.editor(version.schema, f"model.{version.id}.schema")
        if cards.action("Save schema", why, key="model.schema.save", type="primary"):
            with notices.shown(stop=False):
                versions.edit(reg, actor, version.ref, schema=edited)
                cards.done("Schema saved")


def files(reg: Registry, actor: Actor, model: Model, version: Version) -> None:
    """The files of a version: size, digest, downloads, and links to get them."""
    why = access.allowed(actor, model.level, "model.download")
    n, size = text.count(len(version.artifacts), "file"), text.size(version.size_bytes)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":small[:gray[{n}, {size}]]", width="stretch")
        exporting.menu(reg, actor, model, version)
    if version.status == "quarantined":
        st.caption("Quarantined: whoever loads it elsewhere runs what it asks for, unprotected.")
    for artifact in version.artifacts:
        with st.container(border=True):
            _file(reg, actor, artifact, why)
    if version.links:
        cards.section("Links")
        for name, url in version.links.items():
            if text.is_link(url):
                st.markdown(f"{text.escape(name.capitalize())}: [{text.escape(url, 90)}](<{url}>)")


def _file(reg: Registry, actor: Actor, artifact: Artifact, why: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    used = f"{text.count(artifact.downloads, 'download')}"
    if artifact.last_downloaded_at:
        used += f", last {text.ago(artifact.last_downloaded_at)}"
    row.markdown(
        f"**{text.escape(artifact.filename, 120)}** {cards.chip(_KINDS[artifact.kind])}  \n"
        f":small[:gray[{text.size(artifact.size_bytes)} · {used}]]",
        width="stretch",
    )
    row.link_button(
        "Download",
        f"/artifacts/{artifact.id}/download",
        icon=":material/download:",
        disabled=bool(why),
        help=text.escape(why) or None,
    )
    key = f"model.link.{artifact.id}"
    with row:
        copied = cards.action("Copy link", why, key=key, icon=":material/link:")
    if copied:
        with notices.shown(stop=False):
            token = downloads.link(reg, actor, artifact.id)
            hours = reg.settings.link_expiry_s / 3600
            st.code(f"{travel.origin()}/d/{token}", language=None, wrap_lines=True)
            st.caption(f"Whoever has it can download the file, for {hours:g} h.")
    st.code(f"sha256:{artifact.digest}", language=None)


def happened(reg: Registry, actor: Actor, model: Model) -> None:
    """What was done with the model, newest first; what people flagged, for those who manage it."""
    usage_view.show(reg, actor, model)
    past_list.flagged(reg, actor, model)
    cards.section("Changes")
    page = recalled(activity.find, reg, actor, model=model.ref, size=30)
    cards.activity(page.items, subjects=False)
    if page.total > len(page.items):
        st.page_link(
            "activity.py", label=f"All {page.total} lines", query_params={"model": model.ref}
        )
