"""/model?name=owner/slug&tab=Versions&version=3: one model, its versions, what to do with them."""

from __future__ import annotations

import streamlit as st

from pages.parts import (
    cards,
    conversion,
    kin,
    metrics_tab,
    model_header,
    model_tabs,
    notices,
    scorecards,
    session,
    settings_tab,
    version_tab,
)
from registry import models, versions
from registry.core import Registry
from registry.memory import recalled
from registry.records import Actor, Model, Version

reg, actor = session.require("search")


TABS = (
    "Card",
    "Versions",
    "Metrics",
    "Schema",
    "Files",
    "Lineage",
    "Scorecard",
    "Activity",
    "Settings",
)


def of_version(
    reg: Registry, actor: Actor, model: Model, found: list[Version], chosen: Version, tab: str
) -> None:
    """A tab that talks about one version."""
    if tab == "Versions":
        version_tab.show(reg, actor, model, found, chosen)
        return
    model_header.chooser(found, chosen, tab)
    if tab == "Metrics":
        metrics_tab.show(reg, actor, model, found, chosen)
        return
    shown = {"Schema": model_tabs.schema, "Files": model_tabs.files, "Lineage": kin.show}
    shown["Scorecard"] = scorecards.show
    shown[tab](reg, actor, model, chosen)


def body(tab: str, chosen: Version | None) -> None:
    """The one open tab."""
    if tab == "Card":
        model_tabs.card(reg, actor, model, chosen)
    elif tab == "Activity":
        model_tabs.happened(reg, actor, model)
    elif tab == "Settings":
        settings_tab.show(reg, actor, model)
    elif chosen:
        of_version(reg, actor, model, found, chosen, tab)
    else:
        cards.empty("No version here", "Upload one, or restore one.", icon="deployed_code")
        version_tab.put_away(reg, actor, model)


name = st.query_params.get("name", "")

if not name:
    cards.header("Model")
    with cards.empty("No model named", "Choose one from the list.", icon="deployed_code"):
        cards.go("Models", "models.py", key="model.list", type="primary")
    st.stop()

with notices.shown():
    model = recalled(models.get, reg, actor, name)
    found = recalled(versions.find, reg, actor, name)

chosen = model_header.pick(model, found)
model_header.show(reg, actor, model, chosen)
model_header.follow(reg, actor, model, found)
conversion.follow(reg, actor, model.ref)

for tab, place in zip(TABS, st.tabs(TABS, key="tab", bind="query-params"), strict=True):
    if place.open:
        with place, notices.shown():
            body(tab, chosen)
