"""Scanning stored files again: what is worse is held back, what is clean goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from registry import (
    aliases,
    cases,
    checks,
    codec,
    jobs,
    predict,
    rescans,
    scanners,
    trust,
    versions,
)
from registry.core import open_registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, StoreError
from registry.records import Finding, Named, Report
from registry.sandbox.pool import Pool
from registry.tables import ArtifactRow, VersionRow
from tests.makers import held as makers

OLD = Report(scanners="0")
HELD = Report((Finding("warn", "odd", "it is odd"),), True, (Named("a.B", "unusual"),), "0")


@pytest.fixture(scope="session")
def custom(tmp_path_factory):
    return makers.custom_step(tmp_path_factory.mktemp("held"))


@pytest.fixture
def unknown(reg, alice, publish_file, custom):
    """A version that asks for an unknown class, from before anybody looked for that."""
    version = publish_file(alice, custom, name="Custom", check=False)
    report_is(reg, version, OLD, "ready")
    return version


def report_is(reg, version, report, status=None):
    with reg.writing() as s:
        row = s.get_one(VersionRow, version.id)
        versions.keep_report_in(row, report)
        if status:
            versions.settle_in(s, row, status)


def test_what_is_worse_now_is_quarantined_and_says_why(reg, alice, unknown):
    aliases.move(reg, alice, unknown.ref, "champion")
    rescans.run(reg, unknown.id)
    version = versions.get(reg, alice, unknown.model)
    assert (version.status, version.aliases) == ("quarantined", ("champion",))
    assert version.report.scanners == scanners.VERSION
    with pytest.raises(Conflict, match=r"acme_models\.Doubler"):
        predict.predict(reg, alice, unknown.model, [{}])
    assert cases.count(reg, alice) == 1


def test_its_warm_worker_goes(reg, alice, iris, unknown):
    predict.warm(reg, alice, iris.ref)
    assert reg.pool.state(iris.id) == "warm"
    with reg.writing() as s:  # as if the scanners saw in this file what they see in the other
        files = {a.version_id: a for a in s.execute(select(ArtifactRow)).scalars()}
        files[iris.id].digest = files[unknown.id].digest
        files[iris.id].blake3 = files[unknown.id].blake3
    rescans.run(reg, iris.id)
    assert versions.get(reg, alice, iris.ref).status == "quarantined"
    assert reg.pool.state(iris.id) == "cold"


def test_what_is_clean_now_is_checked(reg, alice, iris):
    report_is(reg, iris, HELD, "quarantined")
    rescans.run(reg, iris.id)
    assert versions.get(reg, alice, iris.ref).status == "checking"
    checks.run(reg, iris.id)
    assert versions.get(reg, alice, iris.ref).status == "ready"


def test_what_stays_clean_only_gets_its_new_report(reg, alice, iris):
    report_is(reg, iris, OLD)
    rescans.run(reg, iris.id)
    version = versions.get(reg, alice, iris.ref)
    assert (version.status, version.report) == ("ready", iris.report)


def test_trust_holds_while_the_file_asks_for_the_same(reg, alice, publish_file, custom):
    version = publish_file(alice, custom, name="Custom")
    trust.trust(reg, alice, version.ref, version.report, "ours")
    rescans.run(reg, version.id)
    assert versions.get(reg, alice, version.ref).status == "checking"
    assert versions.spec(reg, alice, version.ref)[1].trusted == makers.NAMES


def test_trust_is_withdrawn_when_it_asks_for_more(reg, alice, publish_file, custom):
    version = publish_file(alice, custom, name="Custom")
    report_is(reg, version, HELD)
    trust.trust(reg, alice, version.ref, HELD, "ours")
    rescans.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert version.status == "quarantined"
    assert [(d.decision, d.by) for d in version.decisions] == [
        ("withdrawn", "system"),
        ("trusted", "alice"),
    ]


def test_trust_is_withdrawn_when_the_scan_points_out_something_new(
    reg, alice, publish_file, custom
):
    version = publish_file(alice, custom, name="Custom")
    report = replace(version.report, findings=HELD.findings)
    report_is(reg, version, report)
    trust.trust(reg, alice, version.ref, report, "ours")
    rescans.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert (version.status, version.decisions[0].decision) == ("quarantined", "withdrawn")


def test_trust_is_withdrawn_when_it_asks_for_less(reg, alice, publish_file, custom):
    version = publish_file(alice, custom, name="Custom")
    more = (*version.report.names, Named("acme_models.Other", "unusual"))
    report = replace(version.report, names=more)
    report_is(reg, version, report)
    trust.trust(reg, alice, version.ref, report, "ours")
    rescans.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert (version.status, version.decisions[0].decision) == ("quarantined", "withdrawn")


def test_a_persons_refusal_outlives_a_clean_report(reg, alice, iris):
    report_is(reg, iris, HELD, "quarantined")
    trust.refuse(reg, alice, iris.ref, "not ours")
    rescans.run(reg, iris.id)
    assert versions.get(reg, alice, iris.ref).failure == "alice refused it: not ours"
    trust.withdraw(reg, alice, iris.ref, "it is")
    assert versions.get(reg, alice, iris.ref).status == "checking"


def test_all_outdated_versions_are_scanned_and_the_rest_left_alone(
    reg, alice, admin, iris, unknown, publish_file, iris_file
):
    other = publish_file(alice, iris_file, model=iris.model)
    report_is(reg, other, OLD)
    assert rescans.outdated(reg) == 2
    rescans.run(reg, rescans.ALL)
    assert rescans.outdated(reg) == 0
    assert versions.get(reg, alice, unknown.ref).status == "quarantined"
    assert versions.get(reg, alice, other.ref).status == "ready"


def test_missing_bytes_stop_one_but_not_all(reg, alice, unknown, iris):
    report_is(reg, iris, OLD)
    reg.store.delete(unknown.artifact.digest)
    with pytest.raises(StoreError):
        rescans.run(reg, unknown.id)
    rescans.run(reg, rescans.ALL)
    assert versions.get(reg, alice, iris.ref).report.scanners == scanners.VERSION
    assert rescans.outdated(reg) == 1


@pytest.fixture
def hasty(settings, pool):
    """The same home on a server that gives no scan the time it takes."""
    few = {"standby_workers": False, "inspect_timeout_s": 0}
    reg = open_registry(settings, Pool(settings.model_copy(update=few), pool.nursery))
    yield reg
    reg.engine.dispose()


def test_a_scan_that_is_cut_off_takes_no_version_out(reg, alice, hasty, iris):
    report_is(reg, iris, OLD)
    with pytest.raises(BrokenArtifact, match="last report stands"):
        rescans.run(hasty, iris.id)
    rescans.run(hasty, rescans.ALL)
    version = versions.get(reg, alice, iris.ref)
    assert (version.status, version.report) == ("ready", OLD)
    assert rescans.outdated(reg) == 1


@pytest.mark.parametrize("before", [None, Report(complete=False)])
def test_a_scan_that_is_cut_off_is_no_pass_without_a_report_from_before(
    reg, alice, hasty, iris, before
):
    with reg.writing() as s:
        s.get_one(VersionRow, iris.id).report = before and codec.dump(before)
    rescans.run(hasty, iris.id)
    version = versions.get(reg, alice, iris.ref)
    assert (version.status, version.report.verdict) == ("quarantined", "refuse")


def test_only_an_admin_scans_everything_and_once_at_a_time(reg, alice, admin):
    with pytest.raises(Forbidden):
        rescans.everything(reg, alice)
    rescans.everything(reg, admin)
    with pytest.raises(Conflict):
        rescans.everything(reg, admin)


def test_the_owner_scans_one_again(reg, alice, unknown):
    job_id = rescans.again(reg, alice, unknown.ref)
    job = jobs.find(reg, alice, only_open=True)[0]
    assert (job.id, job.kind, job.subject) == (job_id, "rescan", unknown.ref)


def test_asked_twice_it_is_scanned_once(reg, alice, admin, unknown):
    job_id = rescans.again(reg, alice, unknown.ref)
    assert rescans.again(reg, alice, unknown.ref) == job_id
    jobs.cancel(reg, alice, job_id)
    assert rescans.again(reg, alice, unknown.ref) != job_id
