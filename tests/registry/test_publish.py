"""The upload walk: examined without being executed, published whole or not at all."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
import threading

import pytest
from sqlalchemy import select

from registry import access, audit, checks, jobs, models, publish, search, staging, versions
from registry.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Rejected,
    StoreError,
)
from registry.records import Details, Inspection, Metric, ModelQuery, Report
from registry.scanners import VERSION
from registry.tables import ArtifactRow, JobRow, StagedRow, VersionRow


def stage(reg, actor, path, filename=""):
    with staging.receive(reg, actor, filename or path.name) as incoming:
        incoming.write(path.read_bytes())
        return incoming.finish()


def names_of(found):
    return {finding.rule for finding in found}


def nothing_kept(reg):
    with reg.reading() as s:
        assert s.execute(select(StagedRow.id)).first() is None
    return list(reg.settings.staging_folder.iterdir()) == []


def test_a_draft_tells_what_is_in_the_file(reg, alice, iris_file):
    draft = publish.examine(reg, alice, stage(reg, alice, iris_file).id)
    assert draft.inspection.framework
    assert draft.inspection.schema is not None
    assert draft.duplicates == ()


def test_examining_twice_asks_the_worker_once(reg, alice, iris_file, monkeypatch):
    staged = stage(reg, alice, iris_file)
    first = publish.examine(reg, alice, staged.id)
    monkeypatch.setattr(type(reg.pool), "inspect", None)
    assert publish.examine(reg, alice, staged.id) == first


def test_what_is_no_model_is_refused_and_not_kept(reg, alice, tmp_path):
    file = tmp_path / "holiday.jpg.pkl"
    file.write_bytes(b"this is no model" * 100)
    staged = stage(reg, alice, file)
    with pytest.raises(Rejected):
        publish.examine(reg, alice, staged.id)
    assert nothing_kept(reg)


def test_publishing_makes_a_whole_version(reg, alice, iris_file):
    staged = stage(reg, alice, iris_file)
    steps = []
    version = publish.publish(
        reg,
        alice,
        staged.id,
        Details(name="Iris", metrics=(Metric("f1", 0.9),), label="1.0.0"),
        lambda share, what: steps.append((share, what)),
    )
    assert (version.ref, version.status, version.label) == ("alice/iris@1", "checking", "1.0.0")
    assert version.artifact.digest == staged.digest
    assert reg.store.has(staged.digest)
    assert [share for share, _ in steps] == sorted(share for share, _ in steps)
    assert steps[-1][0] == 1.0
    assert [job.kind for job in jobs.find(reg, alice)] == ["check"]
    assert nothing_kept(reg)


def test_publishing_a_draft_twice_gives_the_same_version(reg, alice, bob, iris_file):
    staged = stage(reg, alice, iris_file)
    first = publish.publish(reg, alice, staged.id, Details(name="Iris"))
    assert publish.publish(reg, alice, staged.id, Details(name="Iris")) == first
    assert len(versions.find(reg, alice, first.model)) == 1
    with pytest.raises(NotFound):
        publish.publish(reg, bob, staged.id, Details(name="Mine"))


def test_a_double_click_makes_one_version(reg, alice, iris_file):
    staged = stage(reg, alice, iris_file)
    publish.examine(reg, alice, staged.id)
    refs = []

    def click():
        refs.append(publish.publish(reg, alice, staged.id, Details(name="Iris")).ref)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert refs == ["alice/iris@1"] * 4


def test_a_second_file_becomes_the_second_version(reg, alice, iris, publish_file, iris_file):
    second = publish_file(alice, iris_file, model=iris.model, label="2.0.0")
    assert (second.number, second.status) == (2, "ready")
    assert [v.number for v in versions.find(reg, alice, iris.model)] == [2, 1]


def test_the_same_bytes_are_stored_once_and_said(reg, alice, bob, iris, iris_file):
    draft = publish.examine(reg, alice, stage(reg, alice, iris_file).id)
    assert draft.duplicates == (iris.ref,)
    version = publish.publish(reg, alice, draft.id, Details(name="Again"))
    assert "duplicate" in names_of(version.findings)
    assert list(reg.store.digests()) == [iris.artifact.digest]
    other = publish.examine(reg, bob, stage(reg, bob, iris_file).id)
    assert other.duplicates == ()  # another's private model is not spoken of


def test_only_editors_add_versions(reg, alice, bob, iris, iris_file):
    staged = stage(reg, bob, iris_file)
    with pytest.raises(NotFound):
        publish.publish(reg, bob, staged.id, Details(model=iris.model))
    access.share(reg, alice, iris.model, "bob", "view")
    with pytest.raises(Forbidden):
        publish.publish(reg, bob, staged.id, Details(model=iris.model))
    access.share(reg, alice, iris.model, "bob", "edit")
    assert publish.publish(reg, bob, staged.id, Details(model=iris.model)).number == 2


def test_a_refused_detail_leaves_the_draft_to_try_again(reg, alice, iris, iris_file):
    staged = stage(reg, alice, iris_file)
    with pytest.raises(Conflict):
        publish.publish(reg, alice, staged.id, Details(name="Iris"))
    with pytest.raises(InvalidInput):
        publish.publish(reg, alice, staged.id, Details(model=iris.model, label="two"))
    assert publish.publish(reg, alice, staged.id, Details(model=iris.model)).number == 2


def test_files_beside_the_model_come_along(reg, alice, iris_file, tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("scikit-learn==1.9.1\n")
    extra = stage(reg, alice, requirements)
    staged = stage(reg, alice, iris_file)
    details = Details(name="Iris", files={"requirements": extra.id})
    version = publish.publish(reg, alice, staged.id, details)
    assert [(a.kind, a.filename) for a in version.artifacts] == [
        ("model", iris_file.name),
        ("requirements", "requirements.txt"),
    ]
    assert nothing_kept(reg)


def test_a_wrong_kind_of_file_is_refused(reg, alice, iris_file):
    staged, other = stage(reg, alice, iris_file), stage(reg, alice, iris_file, "run.sh")
    with pytest.raises(InvalidInput) as refused:
        publish.publish(
            reg, alice, staged.id, Details(name="Iris", files={"config": other.id, "x": other.id})
        )
    assert set(refused.value.problems) == {"config", "x"}


def test_another_persons_file_cannot_come_along(reg, alice, bob, iris_file):
    staged, other = stage(reg, alice, iris_file), stage(reg, bob, iris_file, "config.yaml")
    with pytest.raises(NotFound):
        publish.publish(reg, alice, staged.id, Details(name="Iris", files={"config": other.id}))


def test_bytes_that_changed_after_the_upload_are_refused(reg, alice, iris_file):
    staged = stage(reg, alice, iris_file)
    publish.examine(reg, alice, staged.id)
    staging.path(reg, staged.id).write_bytes(b"swapped")
    with pytest.raises(StoreError, match="has changed"):
        publish.publish(reg, alice, staged.id, Details(name="Iris"))
    assert search.find_models(reg, alice, ModelQuery()).total == 0


def test_remarks_that_name_other_models_are_for_who_uploaded(reg, alice, bob, iris, iris_file):
    staged = stage(reg, alice, iris_file)
    version = publish.publish(reg, alice, staged.id, Details(name="Iriss"))
    models.publish_to_all(reg, alice, version.model)
    assert {"duplicate", "similar-name"} <= names_of(version.findings)
    seen = versions.get(reg, bob, version.ref)
    assert iris.model not in repr(seen)
    assert names_of(seen.findings) == names_of(seen.inspection.findings) == {"no-license"}


def test_remarks_are_kept_with_the_version(reg, alice, iris, iris_file):
    staged = stage(reg, alice, iris_file)
    version = publish.publish(reg, alice, staged.id, Details(name="Iriss"))
    assert {"no-license", "similar-name"} <= names_of(version.findings)
    licensed = publish.publish(
        reg, alice, stage(reg, alice, iris_file).id, Details(name="Other", license="MIT")
    )
    assert "no-license" not in names_of(licensed.findings)


def test_a_purge_in_between_does_not_take_the_bytes_away(reg, alice, iris, iris_file, monkeypatch):
    staged = stage(reg, alice, iris_file)
    publish.examine(reg, alice, staged.id)
    create = models.create_in

    def purge_first(s, actor, **details):
        reg.store.delete(iris.artifact.digest)  # what a purge of the only other user does
        return create(s, actor, **details)

    monkeypatch.setattr(models, "create_in", purge_first)
    version = publish.publish(reg, alice, staged.id, Details(name="Other"))
    assert reg.store.has(version.artifact.digest)


SAMPLE = "code,age,gone,answer\n001,31,,yes\n002,45,,no\n001,60,,yes\n"


def test_a_sample_table_becomes_a_schema(reg, alice, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_text(SAMPLE)
    schema = publish.schema_from_sample(reg, alice, stage(reg, alice, sample).id, "answer")
    code, age, gone = schema.fields
    assert (code.type, code.categories) == ("string", ("001", "002"))
    assert (age.type, age.minimum, age.maximum) == ("long", 31, 60)
    assert gone.nullable
    assert (schema.target, schema.classes) == ("answer", ("no", "yes"))
    assert set(schema.example) == {"code", "age", "gone"}


def test_a_sample_without_the_target_or_of_a_stranger_is_refused(reg, alice, bob, tmp_path):
    sample = tmp_path / "sample.csv"
    sample.write_text(SAMPLE)
    staged = stage(reg, alice, sample)
    with pytest.raises(InvalidInput) as refused:
        publish.schema_from_sample(reg, alice, staged.id, "price")
    assert "target" in refused.value.problems
    with pytest.raises(NotFound):
        publish.schema_from_sample(reg, bob, staged.id)


def test_checking_again_is_for_editors(reg, alice, bob, iris):
    with pytest.raises(NotFound):
        checks.again(reg, bob, iris.ref)
    assert checks.again(reg, alice, iris.ref).status == "checking"
    checks.run(reg, iris.id)
    assert versions.get(reg, alice, iris.ref).status == "ready"


def test_checking_what_is_gone_does_nothing(reg, alice, iris):
    versions.trash(reg, alice, iris.ref)
    versions.purge(reg, alice, iris.ref)
    checks.run(reg, iris.id)
    checks.run(reg, "0" * 32)


_SCRIPT = textwrap.dedent("""
    import os, random, signal, sys, time
    from pathlib import Path
    from registry import codec, publish, staging
    from registry.core import open_registry
    from registry.records import Actor, Details, Inspection, Report
    from registry.scanners import VERSION
    from registry.settings import Settings

    home, user_id, rounds, seed = sys.argv[1:]
    dice = random.Random(int(seed))
    reg = open_registry(Settings(home=Path(home), min_free_disk_mb=0, uploads_per_hour=10**6,
                                 _env_file=None))
    actor = Actor(user_id, "alice", role="author")
    read = Inspection("onnx", "onnx")
    report = Report(scanners=VERSION)

    def upload(data):
        with staging.receive(reg, actor, "m.onnx") as incoming:
            for start in range(0, len(data), 1 << 18):
                incoming.write(data[start:start + (1 << 18)])
            staged = incoming.finish()
        staging.remember(reg, actor, staged.id, read, report)  # what `examine` does
        publish.publish(reg, actor, staged.id, Details(model="alice/target"))

    started = time.perf_counter()
    with staging.receive(reg, actor, "m.onnx") as incoming:
        incoming.write(b"first")
        first = incoming.finish()
    staging.remember(reg, actor, first.id, read, report)
    publish.publish(reg, actor, first.id, Details(name="target"))
    upload(os.urandom(2_000_000))
    whole = (time.perf_counter() - started) / 1.5
    for _ in range(int(rounds)):
        reg.engine.dispose()
        data = os.urandom(2_000_000)
        child = os.fork()
        if child == 0:
            upload(data)
            os._exit(0)
        time.sleep(dice.random() * whole)
        os.kill(child, signal.SIGKILL)
        print("done" if os.waitpid(child, 0)[1] == 0 else "killed", flush=True)
""")


def kill_and_look(reg, alice, rounds):
    """Kill uploads at random instants, sweep, and look for anything that is not whole."""
    command = [sys.executable, "-c", _SCRIPT, str(reg.settings.home), alice.id, str(rounds)]
    seed = str(random.randrange(1 << 30))
    run = subprocess.run([*command, seed], capture_output=True, text=True, check=True, timeout=300)
    staging.sweep(reg, young_s=0)
    with reg.reading() as s:
        found = s.execute(select(VersionRow).order_by(VersionRow.number)).scalars().all()
        files = s.execute(select(ArtifactRow)).scalars().all()
        drafts = set(s.execute(select(StagedRow.id)).scalars())
        checked = set(s.execute(select(JobRow.subject_id)).scalars())
    assert [v.number for v in found] == list(range(1, len(found) + 1)), seed
    assert {v.id for v in found} == {file.version_id for file in files} == checked, seed
    assert set(reg.store.digests()) == {file.digest for file in files}, seed
    for file in files:
        os.close(reg.store.open(file.digest, file.blake3))
    assert {p.name for p in reg.settings.staging_folder.iterdir()} == drafts, seed
    assert audit.verify(reg) is None, seed
    return run.stdout.split(), len(found)


@pytest.mark.frameworks
def test_killed_at_any_instant_there_is_a_whole_version_or_none(reg, alice):
    fates, n_versions = kill_and_look(reg, alice, 12)
    assert "killed" in fates
    assert n_versions >= 2


@pytest.mark.long
def test_killed_at_any_instant_many_times(reg, alice):
    fates, n_versions = kill_and_look(reg, alice, 400)
    assert fates.count("killed") > 100
    assert n_versions > 20


def test_an_inspection_survives_the_database(reg, alice, iris_file):
    staged = stage(reg, alice, iris_file)
    read = Inspection("onnx", "onnx", details={"a": [1, 2]}, parameters={"b": None})
    staging.remember(reg, alice, staged.id, read, Report(scanners=VERSION))
    assert publish.examine(reg, alice, staged.id).inspection == read
