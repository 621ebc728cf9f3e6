"""The upload form: what was read from a file, where it goes, what the person says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts import beside, cards, kin, licensing, notices, packed, reports, schemas, text
from registry import models, packages, publish, staging, versions
from registry.core import Registry
from registry.errors import NotFound, RegistryError, Rejected, SeveralModels
from registry.memory import recalled
from registry.records import Actor, Details, Draft, Staged, Version

NEW = "A new model"
TASKS = (
    "classification", "regression", "clustering", "anomaly detection", "ranking", "forecasting",
    "image classification", "object detection", "image segmentation", "text classification",
    "token classification", "text generation", "embedding", "audio classification", "other",
)  # fmt: skip
LICENSES = (
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "GPL-2.0-only", "GPL-3.0-only",
    "LGPL-2.1-only", "LGPL-3.0-only", "MPL-2.0", "ISC", "CC-BY-4.0", "CC-BY-SA-4.0", "Unlicense",
    "LicenseRef-proprietary",
)  # fmt: skip
VISIBILITY = {"private": "Private: you and those you share it with", "public": "Everyone signed in"}
_LINKS = {"source": "Source", "dataset": "Data set", "code": "Code"}
_CARD = """## What it is for

## Data it was trained on

## Limits
"""


@dataclass(frozen=True)
class Place:
    """Where a draft goes: an existing model, or a new one of that name."""

    model: str
    name: str
    why_not: str = ""


def collect(reg: Registry) -> list[str]:
    """The uploader; gives the ids of the open drafts, also those named by the address.

    Each file is staged once; drafts live in the address, so that a reload loses no upload.
    """
    before = st.query_params.get_all("draft")
    ids = list(before)
    files = st.file_uploader(
        f"Drop model files here, each up to {reg.settings.max_upload_mb} MB",
        accept_multiple_files=True,
        key="upload.drop",
        max_upload_size=reg.settings.max_upload_mb,
    )
    known = beside.known()
    for file in files:
        if file.file_id not in known:
            with notices.shown(stop=False), st.spinner(f"Taking in {text.escape(file.name, 60)}"):
                ids.append(beside.once(file))
                _names()[known[file.file_id]] = file.name
    if ids != before:
        st.query_params["draft"] = ids
    return ids


def add(staged: Staged) -> None:
    """Open a draft of a file that came another way than through the browser."""
    _names()[staged.id] = staged.filename
    st.query_params["draft"] = [*st.query_params.get_all("draft"), staged.id]


def teach() -> None:
    """What may be dropped here, shown while there is nothing to look at."""
    st.caption(
        "Runs in the playground: scikit-learn (joblib, pickle, skops), ONNX, TorchScript, "
        "torch.export. Stored and described: state dicts, whole PyTorch modules, safetensors. "
        "The format is found from the content, not from the name."
    )
    steps = (
        ("upload_file", "Drop a file", "It streams to disk and is hashed on the way."),
        ("frame_inspect", "See what is in it", "Read in a locked worker; nothing of it is run."),
        ("publish", "Publish a version", "Name it, correct the schema, add metrics."),
        ("verified_user", "It is checked", "Loaded once in a sandbox, then ready to try."),
    )
    grid = st.grid(4, min_column_width=190)
    for icon, title, about in steps:
        with grid.container(border=True, gap="xxsmall"):
            st.markdown(f":primary[:material/{icon}:]  \n**{title}**  \n:small[:gray[{about}]]")


def forget(draft_id: str) -> None:
    """Take a draft out of the address and out of memory."""
    st.query_params["draft"] = [i for i in st.query_params.get_all("draft") if i != draft_id]
    st.session_state.get("upload.drafts", {}).pop(draft_id, None)


def discard(reg: Registry, actor: Actor, draft_id: str) -> None:
    """Throw an upload away, with what came out of its package."""
    seen = st.session_state.get("upload.drafts", {}).get(draft_id)
    beside = packed.files(seen).values() if isinstance(seen, Draft) else ()
    for staged_id in (draft_id, *beside):
        staging.discard(reg, actor, staged_id)


def look(reg: Registry, actor: Actor, draft_id: str) -> Draft | RegistryError:
    """What is in the file, read once and remembered for the visit; or why it was refused."""
    seen: dict[str, Draft | RegistryError] = st.session_state.setdefault("upload.drafts", {})
    if draft_id not in seen:
        try:
            with reports.forming() as watch:
                unpacked = packages.unpack(reg, actor, draft_id, watch, packed.chosen(draft_id))
                if unpacked is None:
                    seen[draft_id] = publish.examine(reg, actor, draft_id, watch)
                else:
                    _replace(draft_id, unpacked)
        except (Rejected, NotFound, SeveralModels) as refused:
            seen[draft_id] = refused
        except RegistryError as passing:
            return passing
    return seen[draft_id]


def _replace(draft_id: str, unpacked: Draft) -> None:
    """The model of a package in place of the package, in the address and in memory."""
    st.session_state["upload.drafts"][unpacked.id] = unpacked
    _names()[unpacked.id] = _names().get(draft_id, unpacked.staged.filename)
    ids = st.query_params.get_all("draft")
    st.query_params["draft"] = [unpacked.id if i == draft_id else i for i in ids]
    st.rerun()


def n_open(ids: Sequence[str]) -> int:
    """How many drafts can still be published; the refused ones cannot."""
    seen = st.session_state.get("upload.drafts", {})
    open_ones = (Draft, SeveralModels, type(None))
    return sum(isinstance(seen.get(draft_id), open_ones) for draft_id in ids)


def read(draft: Draft) -> None:
    """What the file says, and what was noticed in it."""
    staged, found = draft.staged, draft.inspection
    left, right = st.columns([3, 2], gap="large")
    with left:
        cards.section("What is in it", "Read without running anything of it.")
        cards.read_out(
            found, filename=staged.filename, size_bytes=staged.size_bytes, digest=staged.digest
        )
        if found.parameters:
            with st.expander(f"{text.count(len(found.parameters), 'parameter')} of the estimator"):
                cards.facts(dict(list(found.parameters.items())[:80]))
    packed.show(draft)
    with right:
        cards.section("What the scan says")
        reports.show(draft.report, f"upload.{draft.id}")
        _consequence(draft)
        if found.findings or draft.duplicates:
            cards.section("What to know")
        cards.findings(found.findings)
        for ref in draft.duplicates[:3]:
            st.markdown(
                f":orange[:material/content_copy:] The same bytes are **{text.escape(ref)}**."
            )


def _consequence(draft: Draft) -> None:
    """What publishing a file with such a report means."""
    if draft.report.verdict == "quarantine":
        st.warning(
            "You can publish it: it goes into quarantine, stored but not loaded, until whoever "
            "manages the model or an administrator trusts it. An export to ONNX, skops or "
            "safetensors needs no trust.",
            icon=":material/shield:",
        )


def place(reg: Registry, actor: Actor, draft: Draft) -> Place:
    """New model, or a version of one that the actor may edit."""
    cards.section("Where it goes")
    key = f"upload.{draft.id}"
    known = models.editable(reg, actor)
    wanted = st.query_params.get("model", "")
    options = [NEW, *known]
    left, right = st.columns(2, vertical_alignment="top")
    chosen = left.selectbox(
        "New model or new version of",
        options,
        index=options.index(wanted) if wanted in options else 0,
        key=f"{key}.model",
    )
    if chosen != NEW:
        found = versions.find(reg, actor, chosen)
        number = max((v.number for v in found), default=0) + 1
        right.caption(f"It becomes version {number} or later of this model.")
        return Place(chosen, "")
    start = packages.told(draft).name or (
        (packed.package(draft) or draft.staged.filename).rsplit(".", 1)[0].replace("_", " ").strip()
    )
    name = right.text_input("Name", start[:100], max_chars=100, key=f"{key}.name", required=True)
    for other in recalled(models.similar, reg, actor, name or "")[:3]:
        right.markdown(
            f":orange[:material/warning: Easily mistaken for {text.escape(other.ref)}: "
            f"{other.why}.] Is this a new version of it?"
        )
    return Place("", (name or "").strip(), "" if (name or "").strip() else "give it a name first")


def about(draft: Draft, where: Place) -> dict[str, Any]:
    """Task, license, tags and visibility of a new model; label and notes of the version."""
    key = f"upload.{draft.id}"
    given: dict[str, Any] = {}
    told = packages.told(draft)
    if not where.model:
        wanted = told.task or draft.inspection.task
        tasks = [task for task in dict.fromkeys([*TASKS, wanted]) if task]
        first, second, third = st.columns(3)
        index = tasks.index(wanted) if wanted in tasks else None
        task = first.selectbox(
            "Task", tasks, index=index, accept_new_options=True,
            key=f"{key}.task", placeholder="choose or type",
        )  # fmt: skip
        known = list(dict.fromkeys([*LICENSES, *([told.license] if told.license else [])]))
        chosen = second.selectbox(
            "License", known, index=known.index(told.license) if told.license else None,
            accept_new_options=True, key=f"{key}.license",
            placeholder="SPDX id", help="Without one nobody knows what they may do with it.",
        )  # fmt: skip
        given |= {"task": task or "", "license": chosen or ""}
        given["tags"] = tuple(
            third.multiselect(
                "Tags",
                list(told.tags),
                list(told.tags),
                accept_new_options=True,
                key=f"{key}.tags",
                placeholder="type one",
            )
        )
        given["description"] = st.text_input(
            "One sentence about it", told.description, max_chars=300, key=f"{key}.description"
        )
        given["visibility"] = st.radio(
            "Who may see it", list(VISIBILITY), format_func=VISIBILITY.__getitem__,
            key=f"{key}.visibility", horizontal=True,
        )  # fmt: skip
    left, right = st.columns([1, 2])
    given["label"] = left.text_input(
        "Version label", key=f"{key}.label", placeholder="1.0.0", help="Semantic version, optional."
    )
    given["notes"] = right.text_input(
        "What changed", key=f"{key}.notes", placeholder="What is new in this version"
    )
    return {name: value or ("" if name != "tags" else ()) for name, value in given.items()}


def _names() -> dict[str, str]:
    """Our staged id to the file's name."""
    named: dict[str, str] = st.session_state.setdefault("upload.names", {})
    return named


def card(draft: Draft, where: Place) -> str:
    """The card of a new model: Markdown with its preview."""
    if where.model:
        return ""
    left, right = st.columns(2, gap="large")
    start = packed.card(draft) or _CARD
    said = left.text_area("Card (Markdown)", start, key=f"upload.{draft.id}.card", height=280)
    right.caption("Preview")
    with right.container(border=True, height=280):
        st.markdown(text.card(said or ""))
    return "" if said == _CARD else said or ""


def links(draft: Draft) -> dict[str, str]:
    """Where the model, its data and its code come from."""
    found = {}
    for column, (name, label) in zip(st.columns(3), _LINKS.items(), strict=True):
        found[name] = column.text_input(
            label, key=f"upload.{draft.id}.link.{name}", type="url", placeholder="https://"
        )
    return {name: url for name, url in found.items() if url}


def training(draft: Draft) -> dict[str, Any]:
    """What the model was trained on, as far as the person says it."""
    key = f"upload.{draft.id}.training"
    first, second, third = st.columns(3)
    said: dict[str, Any] = {
        "dataset": first.text_input("Data set it was trained on", key=f"{key}.dataset"),
        "n_train": second.number_input("Training rows", 0, value=None, step=1, key=f"{key}.train"),
        "n_test": third.number_input("Test rows", 0, value=None, step=1, key=f"{key}.test"),
    }
    return {name: value for name, value in said.items() if value}


def details(reg: Registry, actor: Actor, draft: Draft, where: Place) -> Details:
    """Everything the person says, below `place`; expanders keep the long parts folded."""
    key, given = f"upload.{draft.id}", about(draft, where)
    cards.section(
        "What goes in and out", "Types, ranges and categories make the playground's form."
    )
    side, sample, measured = beside.files(reg, actor, draft)
    schema = sample or draft.inspection.schema
    origin = "sample" if sample else "file"
    edited = schemas.editor(schema, f"{key}.{origin}.{sample.target if sample else ''}")
    cards.section("How good it is", "Metrics you measured; add a row for each.")
    said = packages.told(draft)
    start = measured or said.metrics
    metrics = schemas.metrics(start, f"{key}.{side.get(beside.METRICS, '')}")
    told = ""
    if not where.model:
        cards.section("Card", "For the person who finds it in a year.")
        told = card(draft, where)
    with st.expander("Where it comes from", expanded=bool(said.parents)):
        urls, trained = links(draft), training(draft)
        parents, relation, elsewhere = kin.choose(reg, actor, key, said.parents)
        trained |= {packages.ELSEWHERE: elsewhere} if elsewhere else {}
    _licensed(reg, actor, where, str(given.get("license", "")), parents)
    return Details(
        model=where.model, name=where.name, card=told, schema=edited, metrics=metrics,
        parameters={**draft.inspection.parameters, **said.parameters}, links=urls,
        training={**said.training, **trained},
        parents=parents, relation=relation, files=side, **given,
    )  # fmt: skip


def _licensed(reg: Registry, actor: Actor, where: Place, said: str, parents: Sequence[str]) -> None:
    """Whether the license fits the parents; a version has that of its model."""
    if where.model and parents:
        said = models.get(reg, actor, where.model).license
    if parents or (said and not where.model):
        licensing.while_chosen(reg, actor, said, parents)


def send(reg: Registry, actor: Actor, draft: Draft, said: Details) -> Version:
    """Publish with progress; the same draft published twice is one version."""
    bar = st.progress(0.0, "Publishing")

    def progress(share: float, message: str) -> None:
        bar.progress(share, text.escape(message[:1].upper() + message[1:]))

    version = publish.publish(reg, actor, draft.id, said, progress)
    bar.empty()
    forget(draft.id)
    return version


def titles(ids: Sequence[str]) -> list[str]:
    """A tab title per draft: the file's name, numbered where two are alike."""
    names = [text.escape(_names().get(i, "Upload"), 40) for i in ids]
    return [f"{n} ({k + 1})" if names.count(n) > 1 else n for k, n in enumerate(names)]
