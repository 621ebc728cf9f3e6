"""The quarantine page and the report wherever a file is looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry import cases, jobs, models, trust, versions
from registry.core import Registry
from registry.records import Actor, Version
from registry.sandbox.limits import Layers
from registry.tables import VersionRow
from tests.makers import held as makers
from tests.pages.test_every_page import shown
from tests.pages.test_upload import dropped

Visit = Callable[..., AppTest]


@pytest.fixture(scope="session")
def custom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return makers.custom_step(tmp_path_factory.mktemp("held"))


@pytest.fixture
def waiting(alice: Actor, publish_file: Callable[..., Version], custom: Path) -> Version:
    """Alice's version with a class that nobody here knows."""
    return publish_file(alice, custom, name="Custom")


def words(tab: AppTest) -> str:
    parts = [*tab.markdown, *tab.caption, *tab.error, *tab.warning, *tab.info, *tab.code]
    return "\n".join(str(part.value).replace("\\", "") for part in parts)


def open_case(visit: Visit, actor: Actor, version: Version, show: str = "waiting") -> AppTest:
    return visit(actor, "quarantine.py", show=show, version=version.ref)


def press(tab: AppTest, key: str) -> AppTest:
    tab.button(key=key).click().run()
    assert not tab.exception
    return tab


def test_the_upload_page_says_that_nothing_is_unusual(
    visit: Visit, alice: Actor, iris_file: Path
) -> None:
    tab, _ = dropped(visit(alice, "upload.py"), "iris.joblib", iris_file.read_bytes())
    assert "Nothing unusual" in words(tab)
    assert "all on the list" in words(tab)


def test_the_upload_page_says_what_is_unusual_and_what_follows(
    visit: Visit, reg: Registry, alice: Actor, custom: Path
) -> None:
    tab, draft_id = dropped(visit(alice, "upload.py"), "own.joblib", custom.read_bytes())
    assert makers.NAMES[0] in words(tab)
    assert "goes into quarantine" in words(tab)
    press(tab, f"upload.{draft_id}.publish")
    assert "v1 is quarantined" in words(tab)
    assert cases.count(reg, alice) == 1
    assert visit(alice, "model.py", name="alice/own").button(key="model.quarantine")


def test_a_refused_file_shows_its_report(
    visit: Visit, reg: Registry, alice: Actor, tmp_path: Path
) -> None:
    content = makers.dangerous(tmp_path).read_bytes()
    tab, _ = dropped(visit(alice, "upload.py"), "bad.pkl", content)
    assert "File refused" in tab.error[0].value
    assert "Refused:" in words(tab)
    assert "system" in words(tab)
    assert models.editable(reg, alice) == []


def test_the_start_page_points_those_there_who_decide(
    visit: Visit, alice: Actor, bob: Actor, admin: Actor, waiting: Version
) -> None:
    for actor in (alice, admin):
        assert "1 version in quarantine" in shown(visit(actor))
    assert "in quarantine" not in shown(visit(bob))


def test_trusting_lists_the_exact_names_and_asks_for_a_reason(
    visit: Visit, reg: Registry, alice: Actor, waiting: Version
) -> None:
    tab = open_case(visit, alice, waiting)
    assert makers.NAMES[0] in words(tab)
    press(tab, "quarantine.trust")
    assert tab.code[0].value == makers.NAMES[0]
    assert tab.text_area(key="quarantine.reason").value == ""
    assert versions.get(reg, alice, waiting.ref).status == "quarantined"


def test_an_admin_decides_without_seeing_the_model(
    visit: Visit, reg: Registry, alice: Actor, admin: Actor, waiting: Version
) -> None:
    tab = open_case(visit, admin, waiting)
    assert "Not shared with you" in words(tab)
    assert not tab.button(key="quarantine.trust").disabled
    trust.refuse(reg, admin, waiting.ref, "nobody knows it")
    assert "nobody knows it" in words(visit(alice, "model.py", name=waiting.model))
    tab = open_case(visit, admin, waiting, "refused")
    assert "nobody knows it" in words(tab)
    assert tab.button(key="quarantine.withdraw")


def test_trust_is_disabled_with_the_reason_for_what_the_scan_refuses(
    visit: Visit, reg: Registry, alice: Actor, waiting: Version
) -> None:
    with reg.writing() as s:
        row = s.get_one(VersionRow, waiting.id)
        assert row.report
        row.report = {**row.report, "complete": False}
    button = open_case(visit, alice, waiting).button(key="quarantine.trust")
    assert button.disabled
    assert "never overruled" in button.help


def test_a_stranger_finds_nothing_there(visit: Visit, bob: Actor, waiting: Version) -> None:
    tab = open_case(visit, bob, waiting)
    assert "Not found" in tab.error[0].value
    assert makers.NAMES[0] not in words(tab)


def test_scanning_again_is_a_job(
    visit: Visit, reg: Registry, alice: Actor, admin: Actor, waiting: Version
) -> None:
    press(open_case(visit, alice, waiting), "quarantine.scan")
    assert [job.kind for job in jobs.find(reg, alice)] == ["rescan"]
    tab = visit(admin, "quarantine.py")
    assert tab.button(key="quarantine.scan_all").disabled
    with reg.writing() as s:
        s.get_one(VersionRow, waiting.id).report = None
    tab = press(visit(admin, "quarantine.py"), "quarantine.scan_all")
    assert tab.title[0].value == "Jobs"
    job = jobs.find(reg, admin)[0]
    press(visit(admin, "jobs.py"), f"jobs.cancel.{job.id}")
    assert jobs.find(reg, admin)[0].message == "cancelled"


def test_the_model_page_keeps_report_and_decisions(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, waiting: Version
) -> None:
    assert "all on the list" in words(visit(alice, "model.py", name=iris.model))
    trust.trust(reg, alice, waiting.ref, waiting.report, "**our** <b>own</b>")
    said = visit(alice, "model.py", name=waiting.model)
    assert "trusted" in words(said)
    assert "<b>" not in "\n".join(str(m.value) for m in said.markdown).replace("\\<", "")


@pytest.mark.parametrize("file", ["home.py", "quarantine.py", "upload.py", "model.py"])
def test_a_weak_fence_is_said_on_every_page(
    file: str, visit: Visit, reg: Registry, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Weak sandbox" not in words(visit(alice, file))
    monkeypatch.setattr(reg.pool.nursery, "_layers", Layers(landlock_abi=0, seccomp=False))
    assert "Weak sandbox" in words(visit(alice, file))
