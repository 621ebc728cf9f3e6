"""What a scan holds back: quarantined, decided by those who may, loaded only while trusted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from registry import (
    access,
    audit,
    cases,
    checks,
    decisions,
    jobs,
    models,
    predict,
    publish,
    staging,
    trust,
    versions,
)
from registry.core import open_registry
from registry.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    UnsafeArtifact,
)
from registry.records import Details, Finding, Named, Report
from registry.sandbox.pool import Pool
from registry.tables import AuditRow, StagedRow, TrustRow, VersionRow
from tests.makers import held as makers

FOUND = Finding("warn", "unusual-name", "it asks for acme.Thing", "why", "what to do")
HELD = Report((FOUND,), True, (Named("acme.Thing", "unusual"), Named("numpy.dtype", "innocuous")))
REFUSED = Report((Finding("block", "dangerous", "it asks for os.system"),))


@pytest.fixture(scope="session")
def custom(tmp_path_factory):
    return makers.custom_step(tmp_path_factory.mktemp("held"))


@pytest.fixture
def waiting(reg, alice, publish_file, iris_file):
    """Alice's version whose report holds it back, though it would load."""
    return hold(reg, alice, publish_file(alice, iris_file, name="Held", check=False), HELD)


def hold(reg, actor, version, report):
    why = decisions.waits_for(report)
    versions.conclude(reg, version.id, status="quarantined", failure=why, report=report)
    return versions.get(reg, actor, version.ref)


def report_is(reg, version, report):
    """What a rescan writes."""
    with reg.writing() as s:
        versions.keep_report_in(s.get_one(VersionRow, version.id), report)


def actions(reg):
    with reg.reading() as s:
        people = select(AuditRow.action).where(AuditRow.actor != "system")
        return list(s.execute(people.order_by(AuditRow.id.desc())).scalars())


def status(reg, actor, version):
    return versions.get(reg, actor, version.ref).status


def test_an_unknown_class_is_quarantined_at_once_and_not_checked(reg, alice, custom, publish_file):
    version = publish_file(alice, custom, name="Custom")
    assert version.status == "quarantined"
    assert version.report.unusual == makers.NAMES
    assert makers.NAMES[0] in version.failure
    assert "manages the model" in version.failure
    assert jobs.find(reg, alice) == []
    assert makers.NAMES[0] in version.why_no_predictions


def test_what_is_trusted_is_checked_and_says_why_it_fails(reg, alice, custom, publish_file):
    version = publish_file(alice, custom, name="Custom")
    trust.trust(reg, alice, version.ref, version.report, "our own package")
    checks.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert version.status == "failed"
    assert makers.PACKAGE in version.failure


def test_a_refused_file_is_not_kept_and_brings_its_report(reg, alice, tmp_path):
    file = makers.dangerous(tmp_path)
    with staging.receive(reg, alice, file.name) as incoming:
        incoming.write(file.read_bytes())
        staged = incoming.finish()
    with pytest.raises(UnsafeArtifact) as refused:
        publish.examine(reg, alice, staged.id)
    assert refused.value.report.verdict == "refuse"
    assert not staging.path(reg, staged.id).exists()
    with reg.reading() as s:
        assert s.get(StagedRow, staged.id) is None


def test_the_report_of_a_clean_file_is_kept(iris):
    assert iris.report.verdict == "clean"
    assert iris.report.names
    assert iris.status == "ready"


def test_trusting_exactly_the_names_lets_it_be_checked(reg, alice, waiting):
    case = trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    assert (case.status, case.state) == ("checking", "trusted")
    assert [job.kind for job in jobs.find(reg, alice, only_open=True)] == ["check", "check"]
    checks.run(reg, waiting.id)
    version = versions.get(reg, alice, waiting.ref)
    assert version.status == "ready"
    decision = version.decisions[0]
    assert (decision.by, decision.reason, decision.names) == (
        "alice",
        "written by us",
        HELD.unusual,
    )
    assert decision.digest == version.artifact.digest
    assert versions.spec(reg, alice, version.ref)[1].trusted == HELD.unusual
    assert actions(reg)[0] == "version.trust"


@pytest.mark.parametrize(
    "read",
    [
        Report(),
        replace(HELD, names=(*HELD.names, Named("acme.Other", "unusual"))),
        replace(HELD, names=()),
        replace(HELD, findings=()),
        replace(HELD, findings=(replace(FOUND, what="it asks for something else"),)),
        replace(HELD, findings=(FOUND, Finding("warn", "odd-file", "it is odd"))),
    ],
)
def test_what_says_something_else_than_the_report_that_was_read_is_not_trusted(
    reg, alice, waiting, read
):
    with pytest.raises(InvalidInput) as refused:
        trust.trust(reg, alice, waiting.ref, read, "because")
    assert set(refused.value.problems) == {"report"}
    assert status(reg, alice, waiting) == "quarantined"


def test_a_reason_is_required(reg, alice, waiting):
    for decide in (
        lambda why: trust.trust(reg, alice, waiting.ref, HELD, why),
        lambda why: trust.refuse(reg, alice, waiting.ref, why),
    ):
        for reason in ("", "  ", "x" * 1001):
            with pytest.raises(InvalidInput) as refused:
                decide(reason)
            assert set(refused.value.problems) == {"reason"}
    with reg.reading() as s:
        assert s.execute(select(TrustRow.id)).first() is None


def test_what_the_scan_refuses_is_never_trusted(reg, alice, admin, waiting):
    hold_again = Report((*REFUSED.findings, FOUND), True, HELD.names)
    report_is(reg, waiting, hold_again)
    for actor in (alice, admin):
        with pytest.raises(Conflict, match="never"):
            trust.trust(reg, actor, waiting.ref, HELD, "please")
    assert cases.get(reg, alice, waiting.ref).why_no_trust


def test_only_what_is_quarantined_is_decided(reg, alice, iris):
    with pytest.raises(Conflict):
        trust.trust(reg, alice, iris.ref, iris.report, "why not")
    with pytest.raises(Conflict):
        trust.refuse(reg, alice, iris.ref, "no")
    with pytest.raises(Conflict):
        trust.withdraw(reg, alice, iris.ref, "no")


def test_a_check_never_loads_what_nobody_trusts(reg, alice, waiting):
    checks.again(reg, alice, waiting.ref)
    checks.run(reg, waiting.id)
    assert status(reg, alice, waiting) == "quarantined"
    assert reg.pool.state(waiting.id) == "cold"


def test_trust_is_lost_when_the_report_asks_for_other_names(reg, alice, waiting):
    trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    report_is(reg, waiting, Report((FOUND,), True, (Named("acme.Other", "unusual"),)))
    assert versions.spec(reg, alice, waiting.ref)[1].trusted == ()
    checks.run(reg, waiting.id)
    assert status(reg, alice, waiting) == "quarantined"


def trusted_names(reg, actor, version):
    return versions.spec(reg, actor, version.ref)[1].trusted


def test_trust_is_lost_when_the_report_has_a_finding_that_nobody_read(reg, alice, waiting):
    odd, news = Finding("warn", "odd-file", "it is odd"), Finding("warn", "odd-file", "and odder")
    report_is(reg, waiting, replace(HELD, findings=(FOUND, odd)))
    both = versions.get(reg, alice, waiting.ref).report
    trust.trust(reg, alice, waiting.ref, both, "odd, and ours")
    assert trusted_names(reg, alice, waiting) == HELD.unusual
    report_is(reg, waiting, replace(HELD, findings=(FOUND, news)))
    assert trusted_names(reg, alice, waiting) == ()
    report_is(reg, waiting, HELD)
    assert trusted_names(reg, alice, waiting) == HELD.unusual, "what was read covers what is left"


def test_a_decision_from_before_findings_were_kept_goes_by_its_names(reg, alice, waiting):
    trust.trust(reg, alice, waiting.ref, HELD, "ours")
    with reg.writing() as s:
        s.execute(select(TrustRow)).scalar_one().findings = None
    report_is(reg, waiting, replace(HELD, findings=(replace(FOUND, what="put otherwise"),)))
    assert trusted_names(reg, alice, waiting) == HELD.unusual


def test_trust_never_reaches_another_version_with_the_same_names(
    reg, alice, waiting, publish_file, iris_file
):
    trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    other = publish_file(alice, iris_file, model=waiting.model, check=False)
    other = hold(reg, alice, other, HELD)
    assert versions.spec(reg, alice, other.ref)[1].trusted == ()


def test_a_refused_version_stays_stored_and_never_predicts(reg, alice, waiting):
    case = trust.refuse(reg, alice, waiting.ref, "not ours")
    assert (case.status, case.state) == ("failed", "refused")
    checks.again(reg, alice, waiting.ref)
    checks.run(reg, waiting.id)
    version = versions.get(reg, alice, waiting.ref)
    assert version.status == "failed"
    assert version.failure == "alice refused it: not ours"
    with pytest.raises(Conflict, match="not ours"):
        predict.warm(reg, alice, waiting.ref)
    assert reg.store.has(version.artifact.digest)


def test_a_refusal_can_be_reconsidered(reg, alice, waiting):
    trust.refuse(reg, alice, waiting.ref, "not ours")
    case = trust.withdraw(reg, alice, waiting.ref, "it was ours")
    assert (case.status, case.state) == ("quarantined", "waiting")
    trust.trust(reg, alice, waiting.ref, HELD, "found the source")
    checks.run(reg, waiting.id)
    assert status(reg, alice, waiting) == "ready"
    kinds = [d.decision for d in versions.get(reg, alice, waiting.ref).decisions]
    assert kinds == ["trusted", "withdrawn", "refused"]


def test_withdrawn_trust_ends_the_worker_and_the_predictions(reg, alice, waiting):
    trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    checks.run(reg, waiting.id)
    assert reg.pool.state(waiting.id) == "warm"
    trust.withdraw(reg, alice, waiting.ref, "the author left")
    assert reg.pool.state(waiting.id) == "cold"
    with pytest.raises(Conflict, match="quarantine"):
        predict.warm(reg, alice, waiting.ref)


def test_a_check_under_way_does_not_undo_the_quarantine(reg, alice, waiting):
    versions.conclude(reg, waiting.id, status="ready")
    assert status(reg, alice, waiting) == "quarantined"


class Overtaken(Pool):
    """A pool in which somebody decides while a check is about to load."""

    def check(self, spec):
        self.meanwhile()
        return super().check(spec)


@pytest.fixture
def overtaken(reg, settings, pool):
    """Runs a check during which something happens; gives the state of its worker afterwards."""
    slow = Overtaken(settings.model_copy(update={"standby_workers": False}), pool.nursery)
    other = open_registry(settings, slow)

    def run(version, meanwhile):
        slow.meanwhile = meanwhile
        checks.run(other, version.id)
        return slow.state(version.id)

    yield run
    for worker in slow.states():
        slow.drop(worker.version_id)
    other.engine.dispose()


def test_a_check_does_not_undo_a_refusal_that_came_meanwhile(reg, alice, waiting, overtaken):
    def refuse():
        trust.withdraw(reg, alice, waiting.ref, "wait")
        trust.refuse(reg, alice, waiting.ref, "not ours")

    trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    assert overtaken(waiting, refuse) == "cold"
    version = versions.get(reg, alice, waiting.ref)
    assert (version.status, version.failure) == ("failed", "alice refused it: not ours")


@pytest.mark.parametrize(("refused", "status"), [(False, "quarantined"), (True, "failed")])
def test_a_check_that_was_asked_for_again_meanwhile_does_not_bring_trust_back(
    reg, alice, waiting, overtaken, refused, status
):
    def decide():
        trust.withdraw(reg, alice, waiting.ref, "wait")
        if refused:
            trust.refuse(reg, alice, waiting.ref, "not ours")
        checks.again(reg, alice, waiting.ref)

    trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    assert overtaken(waiting, decide) == "cold"
    assert versions.get(reg, alice, waiting.ref).status == status


def test_a_refusal_ends_a_worker_that_was_loaded_meanwhile(reg, alice, waiting):
    reg.pool.check(versions.spec(reg, alice, waiting.ref)[1])
    assert reg.pool.state(waiting.id) == "warm"
    trust.refuse(reg, alice, waiting.ref, "not ours")
    assert reg.pool.state(waiting.id) == "cold"


def test_a_manager_decides_and_an_editor_does_not(reg, alice, bob, waiting):
    access.share(reg, alice, waiting.model, "bob", "edit")
    with pytest.raises(Forbidden):
        trust.trust(reg, bob, waiting.ref, HELD, "I say so")
    assert cases.count(reg, bob) == 0
    access.share(reg, alice, waiting.model, "bob", "manage")
    assert cases.count(reg, bob) == 1
    assert trust.trust(reg, bob, waiting.ref, HELD, "I say so").opens


def test_an_admin_decides_without_a_grant_and_sees_nothing_else(reg, alice, admin, waiting):
    case = cases.get(reg, admin, waiting.ref)
    assert (case.ref, case.owner, case.opens) == (waiting.ref, "alice", False)
    for look in (versions.get, predict.warm, models.get):
        with pytest.raises(NotFound):
            look(reg, admin, waiting.ref)
    assert trust.trust(reg, admin, waiting.ref, HELD, "asked alice").state == "trusted"
    with reg.reading() as s:
        line = s.execute(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).scalar_one()
    assert (line.actor, line.action, line.subject) == ("root-admin", "version.trust", waiting.ref)
    assert line.detail["reason"] == "asked alice"
    assert audit.verify(reg) is None


def test_an_admin_finds_no_version_that_was_never_held_back(reg, admin, iris):
    said = set()
    for ref in (iris.ref, "alice/nothing@1", f"{iris.model}@9"):
        with pytest.raises(NotFound) as refused:
            cases.get(reg, admin, ref)
        said.add(refused.value.message.replace(ref.partition("@")[0], "…"))
    assert len(said) == 1


def test_the_list_is_for_those_who_decide(reg, alice, bob, admin, new_user, waiting, iris):
    for actor in (alice, admin):
        assert [case.ref for case in cases.find(reg, actor).items] == [waiting.ref]
        assert cases.find(reg, actor, "trusted").total == 0
    for actor in (bob, new_user("vera", "viewer")):
        assert cases.find(reg, actor).total == 0
    trust.trust(reg, alice, waiting.ref, HELD, "written by us")
    assert cases.count(reg, admin) == 0
    assert [case.ref for case in cases.find(reg, admin, "trusted").items] == [waiting.ref]
    trust.withdraw(reg, admin, waiting.ref, "wait")
    trust.refuse(reg, admin, waiting.ref, "no")
    assert cases.find(reg, alice, "trusted").total == 0
    assert [case.ref for case in cases.find(reg, alice, "refused").items] == [waiting.ref]


def test_trash_hides_the_case(reg, alice, admin, waiting):
    versions.trash(reg, alice, waiting.ref)
    assert cases.count(reg, admin) == 0
    with pytest.raises(NotFound):
        cases.get(reg, admin, waiting.ref)


def test_a_version_from_before_the_scans_is_scanned_before_it_is_loaded(
    reg, alice, publish_file, iris_file
):
    version = publish_file(alice, iris_file, name="Old", check=False)
    with reg.writing() as s:
        s.get_one(VersionRow, version.id).report = None
    checks.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert version.status == "ready"
    assert version.report.complete


def test_a_draft_read_by_older_scanners_is_read_again(reg, alice, iris_file):
    with staging.receive(reg, alice, iris_file.name) as incoming:
        incoming.write(iris_file.read_bytes())
        staged = incoming.finish()
    draft = publish.examine(reg, alice, staged.id)
    staging.remember(reg, alice, staged.id, draft.inspection, Report(scanners="0"))
    assert publish.examine(reg, alice, staged.id).report == draft.report
    assert publish.publish(reg, alice, staged.id, Details(name="New")).report == draft.report


def test_what_the_load_refuses_although_the_scan_did_not_is_held_back(
    reg, alice, custom, publish_file
):
    version = publish_file(alice, custom, name="Overlooked", check=False)
    report_is(reg, version, Report((), True, (Named("numpy.dtype", "innocuous"),)))
    with reg.writing() as s:
        versions.settle_in(s, s.get_one(VersionRow, version.id), "checking")
    checks.run(reg, version.id)
    version = versions.get(reg, alice, version.ref)
    assert version.status == "quarantined"
    assert makers.NAMES[0] in version.failure
    assert {named.name for named in version.report.names} == {"numpy.dtype", *makers.NAMES}


@pytest.mark.parametrize("ending", [".joblib", ".skops"])
def test_what_only_the_load_can_know_is_held_back_and_says_why(
    reg, alice, tmp_path, publish_file, ending
):
    version = publish_file(alice, makers.replacing(tmp_path, "predict", ending), name="Replacing")
    assert version.status == "quarantined"
    assert "in the place of LogisticRegression.predict" in version.failure
