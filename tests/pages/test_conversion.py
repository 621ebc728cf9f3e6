"""Make it safe: the dialog on the model page, what it offers, and what the new version shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry import access, conversions, jobs, versions
from registry.core import Registry
from registry.records import Actor, Version
from tests.makers import models as makers

Visit = Callable[..., AppTest]


def labels(tab: AppTest) -> list[str]:
    return [button.label for button in tab.button]


def words(tab: AppTest) -> str:
    parts = [*tab.markdown, *tab.caption, *tab.error, *tab.success]
    return "\n".join(str(part.value) for part in parts)


def opened(visit: Visit, actor: Actor, version: Version) -> AppTest:
    """The dialog on the Versions tab."""
    tab = visit(actor, "model.py", name=version.model, tab="Versions", version=str(version.number))
    return tab.button(key="model.convert").click().run()


def test_the_dialog_offers_the_formats(visit: Visit, alice: Actor, iris: Version) -> None:
    tab = opened(visit, alice, iris)
    assert tab.radio(key="convert.target").options == ["ONNX", "skops"]
    assert not tab.button(key="convert.go").disabled
    assert "new version of this model" in words(tab)


def test_a_conversion_that_failed_says_so_on_the_page(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    job = conversions.convert(reg, alice, iris.ref, "onnx")
    with reg.writing() as s:
        row = jobs.last_in(s, job.kind, iris.id)
        assert row
        row.state, row.message, row.finished_at = "failed", "labels agree on 93%", job.created_at
    tab = visit(alice, "model.py", name=iris.model)
    tab.session_state["conversion.job"] = job.id
    assert "Labels agree on 93" in tab.run().error[0].value
    tab.button(key="conversion.dismiss").click().run()
    assert not tab.error


def test_the_new_version_shows_how_alike_it_is(
    visit: Visit, reg: Registry, alice: Actor, iris: Version
) -> None:
    conversions.convert(reg, alice, iris.ref, "skops")
    conversions.run(reg, iris.id, target="skops")
    tab = visit(alice, "model.py", name=iris.model, version="2")
    shown = "\n".join(table.value.to_csv() for table in tab.table)
    assert "200 rows drawn from the schema" in shown
    assert "Labels agree" in shown
    assert "answers alike" in words(tab)


def test_what_is_not_possible_is_said(
    visit: Visit, alice: Actor, publish_file: Callable[..., Version], tmp_path: Path
) -> None:
    weights = publish_file(alice, makers.torch_state_dict(tmp_path), name="Weights")
    tab = opened(visit, alice, weights)
    assert tab.radio(key="convert.target").options == ["safetensors"]
    assert "weights without a network" in words(tab)


def test_a_quarantined_version_is_told_what_happens(
    visit: Visit, reg: Registry, alice: Actor, publish_file: Callable[..., Version], iris_file: Path
) -> None:
    version = publish_file(alice, iris_file, name="Odd", check=False)
    versions.conclude(reg, version.id, status="quarantined", failure="waits")
    assert "not trusted by that" in words(opened(visit, alice, version))


@pytest.mark.parametrize("level", ["view", "edit"])
def test_it_needs_the_right_to_add_versions(
    visit: Visit, reg: Registry, alice: Actor, bob: Actor, iris: Version, level: str
) -> None:
    access.share(reg, alice, iris.model, bob.username, level)  # type: ignore[arg-type]
    tab = visit(bob, "model.py", name=iris.model, tab="Versions")
    assert tab.button(key="model.convert").disabled == (level == "view")


def test_a_format_without_code_offers_nothing(
    visit: Visit, alice: Actor, publish_file: Callable[..., Version], tmp_path: Path
) -> None:
    graph = publish_file(alice, makers.onnx_classifier(tmp_path), name="Graph")
    tab = visit(alice, "model.py", name=graph.model, tab="Versions")
    assert not {"Make it safe…", "Convert…"} & set(labels(tab))


def test_a_case_in_quarantine_can_be_made_safe_by_who_may_add_versions(
    visit: Visit,
    reg: Registry,
    alice: Actor,
    admin: Actor,
    publish_file: Callable[..., Version],
    tmp_path: Path,
) -> None:
    version = publish_file(alice, makers.torch_own_class(tmp_path), name="Own")
    assert version.status == "quarantined"
    tab = visit(alice, "quarantine.py", version=version.ref)
    tab.button(key="quarantine.convert").click().run()
    assert tab.radio(key="convert.target").options == ["safetensors"]
    other = visit(admin, "quarantine.py", version=version.ref)
    assert other.button(key="quarantine.convert").disabled
