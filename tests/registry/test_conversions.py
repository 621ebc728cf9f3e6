"""Conversions: a version becomes a new one whose file carries no code, and answers alike."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sqlalchemy import select

from registry import (
    access,
    checks,
    conversions,
    jobs,
    parity,
    predict,
    publish,
    staging,
    trust,
    versions,
)
from registry.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PredictionFailed,
    UnsafeArtifact,
)
from registry.records import Details, Finding, Named, Report
from registry.tables import ArtifactRow, ParentRow, StagedRow, VersionRow
from tests.makers import fitted, held
from tests.makers import models as makers


def converted(reg, actor, version, target):
    """The new version, as the job makes it."""
    conversions.convert(reg, actor, version.ref, target)
    conversions.run(reg, version.id, target=target)
    child = versions.find(reg, actor, version.model)[0]
    assert child.number > version.number
    return child


def facts(version):
    return version.inspection.details["conversion"]


def content(reg, version):
    """The bytes of a version's model file, made by us."""
    with reg.reading() as s:
        row = s.execute(
            select(ArtifactRow).where(
                ArtifactRow.version_id == version.id, ArtifactRow.kind == "model"
            )
        ).scalar_one()
    with os.fdopen(reg.store.open(row.digest, row.blake3), "rb") as file:
        return file.read()


def staged(reg, actor, path):
    with staging.receive(reg, actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        return incoming.finish()


@pytest.fixture
def pipeline(publish_file, alice, tmp_path):
    """A Pipeline with a ColumnTransformer on a frame with text and gaps."""
    return publish_file(alice, makers.sklearn_pipeline(tmp_path), name="Customers")


LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("make", "target"),
    [
        (makers.sklearn_histogram, "onnx"),
        (makers.sklearn_text, "onnx"),
        pytest.param(makers.sklearn_cluster, "skops", marks=LONG),
        (makers.torchscript_cnn, "onnx"),
        pytest.param(makers.sklearn_classifier, "skops", marks=LONG),
        pytest.param(makers.sklearn_forest, "onnx", marks=LONG),
        pytest.param(makers.sklearn_unnamed, "onnx", marks=LONG),
        pytest.param(makers.sklearn_regressor, "onnx", marks=LONG),
        pytest.param(makers.sklearn_cluster, "onnx", marks=LONG),
        pytest.param(makers.sklearn_several_targets, "onnx", marks=LONG),
        pytest.param(makers.sklearn_pipeline, "skops", marks=LONG),
        pytest.param(makers.sklearn_histogram, "skops", marks=LONG),
        pytest.param(makers.skops_pipeline, "onnx", marks=LONG),
        pytest.param(makers.torchscript_mlp, "onnx", marks=LONG),
        pytest.param(makers.torchscript_traced, "onnx", marks=LONG),
        pytest.param(makers.torch_whole_module, "onnx", marks=LONG),
    ],
)
def test_a_file_with_code_becomes_one_without_that_answers_alike(
    reg, alice, publish_file, tmp_path, make, target
):
    version = publish_file(alice, make(tmp_path), name="Model")
    child = converted(reg, alice, version, target)
    assert child.inspection.format == target
    assert facts(child)["largest difference"] <= conversions.TOLERANCE[target]
    checks.run(reg, child.id)
    assert versions.get(reg, alice, child.ref).status == "ready"
    rows = version.schema.example if version.schema.tensors else [version.schema.example]
    one, two = (predict.predict(reg, alice, ref, rows) for ref in (version.ref, child.ref))
    for role in ("label", "probabilities", "value"):
        if first := one.output(role):
            second = two.output(role)
            if role == "label":
                assert list(map(str, first.values)) == list(map(str, second.values))
            else:
                np.testing.assert_allclose(
                    np.ravel(first.values), np.ravel(second.values), rtol=1e-3, atol=1e-4
                )


def test_the_child_says_where_it_comes_from_and_takes_the_same_rows(reg, alice, pipeline):
    child = converted(reg, alice, pipeline, "onnx")
    assert child.parents == (pipeline.ref,)
    assert "Converted from v1" in child.notes
    assert child.schema.fields == pipeline.schema.fields
    assert child.schema.classes == pipeline.schema.classes
    assert {finding.rule for finding in child.findings} >= {"parity", "gaps-in-text"}
    with reg.reading() as s:
        link = s.execute(select(ParentRow).where(ParentRow.child_id == child.id)).scalar_one()
    assert link.relation == "converted"
    checks.run(reg, child.id)
    gaps = [{"age": None, "city": None, "tenure": 3, "plan": "free"}]
    answers = [predict.predict(reg, alice, v.ref, gaps).output("label") for v in (pipeline, child)]
    assert answers[0].values == answers[1].values


def test_the_figures_are_those_of_a_direct_computation(reg, alice, pipeline):
    import onnxruntime
    import pandas as pd

    child = converted(reg, alice, pipeline, "onnx")
    frame = pd.DataFrame(parity.drawn(pipeline.schema))
    for name in ("city", "plan"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), np.nan)
    expected = fitted.pipeline().predict_proba(frame)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the sum over trees depends on how they are shared out
    session = onnxruntime.InferenceSession(content(reg, child), options)
    feed = {
        n: frame[[n]].fillna("").to_numpy(object)
        if n in ("city", "plan")
        else frame[[n]].to_numpy(np.float32)
        for n in frame.columns
    }
    label, shares = session.run(None, feed)
    apart = np.abs(expected - shares).max()
    assert facts(child)["largest difference"] == pytest.approx(apart, rel=1e-6)
    agree = np.mean(label == fitted.pipeline().predict(frame))
    assert facts(child)["label agreement"] == agree == 1.0
    assert facts(child)["n_rows"] == len(frame) == parity.N_ROWS


@pytest.mark.parametrize(
    "make",
    [
        makers.torch_state_dict,
        makers.torch_checkpoint,
        makers.torch_legacy_state_dict,
        makers.torch_tar_state_dict,
        pytest.param(makers.torch_own_class, marks=LONG),
        pytest.param(makers.torchscript_cnn, marks=LONG),
    ],
)
def test_weights_become_safetensors_with_every_byte_kept(reg, alice, publish_file, tmp_path, make):
    import safetensors.numpy

    version = publish_file(alice, make(tmp_path), name="Weights", check=False)
    versions.conclude(reg, version.id, status="ready")
    child = converted(reg, alice, version, "safetensors")
    tensors = safetensors.numpy.load(content(reg, child))
    assert len(tensors) == facts(child)["n_rows"] == len(version.inspection.details["tensors"])
    assert (facts(child)["largest difference"], facts(child)["tolerance"]) == (0.0, 0.0)
    assert child.inspection.n_parameters == version.inspection.n_parameters


def test_rows_of_the_sample_file_are_asked_and_a_difference_publishes_nothing(reg, alice, tmp_path):
    """Two numbers that 32 bit cannot tell apart, and a model that does."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    x = np.array([[2.0**24], [2.0**24 + 1]] * 30)
    model = HistGradientBoostingRegressor(max_iter=50, min_samples_leaf=2).fit(x, x[:, 0] - 2.0**24)
    sample = tmp_path / "rows.csv"
    sample.write_text("x0\n16777216\n16777217\n")
    draft = staged(reg, alice, makers.joblib_file(tmp_path, model))
    extra = {"sample": staged(reg, alice, sample).id}
    version = publish.publish(reg, alice, draft.id, Details(name="Fine", files=extra))
    checks.run(reg, version.id)
    conversions.convert(reg, alice, version.ref, "onnx")
    with pytest.raises(Conflict, match=r"answers differently.* 2 rows of the sample file"):
        conversions.run(reg, version.id, target="onnx")
    assert len(versions.find(reg, alice, version.model)) == 1
    with reg.reading() as s:
        assert s.execute(select(StagedRow)).first() is None
    assert list(reg.settings.staging_folder.iterdir()) == []
    assert facts(converted(reg, alice, version, "skops"))["checked"] == "rows of the sample file"


@pytest.fixture
def odd(reg, alice, publish_file, iris_file):
    """A quarantined version that would load."""
    version = publish_file(alice, iris_file, name="Odd", check=False)
    found = Finding("warn", "unusual-name", "it asks for acme.Thing")
    report = Report((found,), True, (Named("acme.Thing", "unusual"),))
    versions.conclude(reg, version.id, status="quarantined", failure="waits", report=report)
    return versions.get(reg, alice, version.ref)


@pytest.mark.parametrize("target", ["onnx", "safetensors"])
def test_what_was_refused_since_is_not_converted(reg, alice, publish_file, tmp_path, target):
    make = {"onnx": makers.sklearn_classifier, "safetensors": makers.torch_state_dict}[target]
    version = publish_file(alice, make(tmp_path), name="Refused", check=False)
    versions.conclude(reg, version.id, status="quarantined", failure="waits")
    conversions.convert(reg, alice, version.ref, target)
    trust.refuse(reg, alice, version.ref, "not ours")
    with pytest.raises(Conflict, match="alice refused it: not ours"):
        conversions.run(reg, version.id, target=target)
    with pytest.raises(InvalidInput, match="alice refused it"):
        conversions.convert(reg, alice, version.ref, target)
    why = {t.format: t.why_not for t in conversions.targets(versions.get(reg, alice, version.ref))}
    assert why[target] == "alice refused it: not ours"


def test_what_does_not_load_by_now_is_not_converted(reg, alice, iris):
    conversions.convert(reg, alice, iris.ref, "onnx")
    checks.again(reg, alice, iris.ref)
    with pytest.raises(Conflict, match="being checked"):
        conversions.run(reg, iris.id, target="onnx")


def test_who_lost_the_right_meanwhile_gets_no_conversion(reg, alice, bob, iris):
    access.share(reg, alice, iris.model, "bob", "edit")
    conversions.convert(reg, bob, iris.ref, "onnx")
    access.share(reg, alice, iris.model, "bob", "view")
    with pytest.raises(Forbidden):
        conversions.run(reg, iris.id, target="onnx")
    access.unshare(reg, alice, iris.model, "bob")
    with pytest.raises(NotFound):
        conversions.run(reg, iris.id, target="onnx")
    assert len(versions.find(reg, alice, iris.model)) == 1


def test_a_quarantined_version_is_converted_and_stays_quarantined(reg, alice, odd):
    child = converted(reg, alice, odd, "onnx")
    checks.run(reg, child.id)
    assert versions.get(reg, alice, child.ref).status == "ready"
    assert versions.get(reg, alice, odd.ref).status == "quarantined"
    with pytest.raises(Conflict):
        predict.predict(reg, alice, odd.ref, [child.schema.example])
    with reg.reading() as s:
        assert versions.spec_in(s, reg, s.get(VersionRow, odd.id)).trusted == ()
    assert not [worker for worker in reg.pool.states() if odd.id in worker.version_id]


def test_its_unusual_names_are_trusted_for_the_conversion_alone(reg, alice, publish_file, tmp_path):
    """The loader is let through to the name, and finds that nobody has it."""
    version = publish_file(alice, held.custom_step(tmp_path), name="Custom")
    assert version.status == "quarantined"
    conversions.convert(reg, alice, version.ref, "onnx")
    with pytest.raises(PredictionFailed, match="needs the module acme"):
        conversions.run(reg, version.id, target="onnx")
    assert [v.number for v in versions.find(reg, alice, version.model)] == [1]
    assert list(reg.settings.staging_folder.iterdir()) == []
    with pytest.raises(UnsafeArtifact), reg.reading() as s:
        reg.pool.check(versions.spec_in(s, reg, s.get(VersionRow, version.id)))


def test_weights_of_a_class_nobody_has_are_taken_out_without_it(reg, alice, publish_file, tmp_path):
    version = publish_file(alice, makers.torch_own_class(tmp_path), name="Own")
    assert version.status == "quarantined"
    child = converted(reg, alice, version, "safetensors")
    checks.run(reg, child.id)
    assert versions.get(reg, alice, child.ref).status == "ready"


def test_asked_again_it_is_the_same_job_and_the_same_version(reg, alice, iris):
    first = conversions.convert(reg, alice, iris.ref, "skops")
    assert conversions.convert(reg, alice, iris.ref, "skops").id == first.id
    for _ in range(2):
        conversions.run(reg, iris.id, target="skops")
    found = versions.find(reg, alice, iris.model)
    assert [v.number for v in found] == [2, 1]
    versions.trash(reg, alice, found[0].ref)
    with reg.writing() as s:
        jobs.last_in(s, conversions.kind("skops"), iris.id).finished_at = found[0].created_at
    assert conversions.convert(reg, alice, iris.ref, "skops").id != first.id


def test_what_a_try_that_was_cut_off_left_behind_is_replaced(reg, alice, iris):
    job = conversions.convert(reg, alice, iris.ref, "skops")
    with staging.receive(reg, alice, "half.skops", made_by=job.id) as incoming:
        incoming.write(b"half a file that is much longer than nothing")
        incoming.finish()
    conversions.run(reg, iris.id, target="skops")
    child = versions.find(reg, alice, iris.model)[0]
    assert child.inspection.format == "skops"
    assert list(reg.settings.staging_folder.iterdir()) == []


def test_only_who_may_add_versions_may_convert(reg, alice, bob, iris):
    with pytest.raises(NotFound):
        conversions.convert(reg, bob, iris.ref, "onnx")
    access.share(reg, alice, iris.model, "bob", "view")
    with pytest.raises(Forbidden):
        conversions.convert(reg, bob, iris.ref, "onnx")


def test_what_cannot_be_converted_says_why(reg, alice, iris, publish_file, tmp_path):
    with pytest.raises(InvalidInput, match="cannot become"):
        conversions.convert(reg, alice, iris.ref, "safetensors")
    weights = publish_file(alice, makers.torch_state_dict(tmp_path), name="Weights")
    with pytest.raises(InvalidInput, match="weights without a network"):
        conversions.convert(reg, alice, weights.ref, "onnx")
    onnx = publish_file(alice, makers.onnx_classifier(tmp_path), name="Graph")
    assert conversions.targets(onnx) == ()


def test_a_part_without_a_converter_is_named(reg, alice, publish_file, tmp_path):
    from sklearn.cluster import MeanShift

    model = MeanShift(bandwidth=2).fit(fitted.iris()[0].to_numpy()[:40])
    version = publish_file(alice, makers.joblib_file(tmp_path, model), name="Shift")
    conversions.convert(reg, alice, version.ref, "onnx")
    with pytest.raises(PredictionFailed, match=r"cannot be converted to onnx.*MeanShift"):
        conversions.run(reg, version.id, target="onnx")


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path):
    import torch

    from registry.errors import BrokenArtifact
    from registry.formats import convert_weights

    path = tmp_path / "short.pt"
    torch.save({"w": torch.arange(6.0)}, path)
    data = path.read_bytes()
    long = data.replace(b"K\x06\x85", b"K\x60\x85")  # the shape in the pickle
    assert long != data
    _, pieces = convert_weights.to_safetensors(_recounted(long), 1 << 20)
    with pytest.raises(BrokenArtifact, match="beyond its storage"):
        b"".join(pieces)


def _recounted(data):
    """A zip whose checksums are those of what was changed in it."""
    import zipfile

    source = zipfile.ZipFile(io.BytesIO(data))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for info in source.infolist():
            start = info.header_offset + 30 + len(info.filename.encode())
            start += int.from_bytes(
                data[info.header_offset + 28 : info.header_offset + 30], "little"
            )
            target.writestr(info.filename, data[start : start + info.file_size])
    return made


_SCRIPT = """
import sys
from pathlib import Path
from registry import conversions
from registry.core import open_registry
from registry.settings import Settings
reg = open_registry(Settings(home=Path(sys.argv[1]), min_free_disk_mb=0, _env_file=None))
reg.pool.nursery.litter("sklearn")
print("begun", flush=True)
conversions.run(reg, sys.argv[2], target="onnx")
print("done", flush=True)
"""


@pytest.mark.long
def test_killed_at_any_instant_there_is_one_child_or_none(reg, alice, pipeline):
    conversions.convert(reg, alice, pipeline.ref, "onnx")
    command = [sys.executable, "-c", _SCRIPT, str(reg.settings.home), pipeline.id]
    for wait_s in (0.2, 0.6, 0.9, 1.2, 1.5, 2.0):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "begun\n"
            time.sleep(wait_s)
            process.send_signal(signal.SIGKILL)
        assert len(versions.find(reg, alice, pipeline.model)) in (1, 2)
    conversions.run(reg, pipeline.id, target="onnx")
    staging.sweep(reg, young_s=0)
    child, _ = versions.find(reg, alice, pipeline.model)
    assert child.inspection.format == "onnx"
    assert list(reg.settings.staging_folder.iterdir()) == []
    with reg.reading() as s:
        kept = set(s.execute(select(ArtifactRow.digest)).scalars())
    assert set(reg.store.digests()) == kept
