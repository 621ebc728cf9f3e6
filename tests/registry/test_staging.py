"""Receiving files: hashed on the way, capped, locked while they come, swept when left behind."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest
from blake3 import blake3
from sqlalchemy import update

from registry import audit, filenames, publish, staging
from registry.errors import (
    BrokenArtifact,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    StorageFull,
    TooLarge,
)
from registry.records import GUEST
from registry.tables import StagedRow, now

DATA = b"some bytes of a model" * 1000


def stage(reg, actor, data=DATA, filename="model.joblib"):
    with staging.receive(reg, actor, filename) as incoming:
        incoming.write(data)
        return incoming.finish()


def files(reg):
    return sorted(file.name for file in reg.settings.staging_folder.iterdir())


def with_settings(reg, **changed):
    object.__setattr__(reg, "settings", reg.settings.model_copy(update=changed))


def test_a_file_is_hashed_on_the_way(reg, alice):
    with staging.receive(reg, alice, "model.joblib") as incoming:
        for start in range(0, len(DATA), 7):
            incoming.write(DATA[start : start + 7])
        staged = incoming.finish()
    assert staged.digest == hashlib.sha256(DATA).hexdigest()
    assert staged.size_bytes == len(DATA)
    assert staging.path(reg, staged.id).read_bytes() == DATA
    with reg.reading() as s:
        assert s.get(StagedRow, staged.id).blake3 == blake3(DATA).hexdigest()


def test_only_its_owner_can_get_it(reg, alice, bob, admin):
    staged = stage(reg, alice)
    assert staging.get(reg, alice, staged.id) == staged
    for stranger in (bob, admin):
        with pytest.raises(NotFound):
            staging.get(reg, stranger, staged.id)
        with pytest.raises(NotFound):
            staging.discard(reg, stranger, staged.id)


def test_discarding_removes_row_and_file(reg, alice):
    staged = stage(reg, alice)
    staging.discard(reg, alice, staged.id)
    assert files(reg) == []
    with pytest.raises(NotFound):
        staging.get(reg, alice, staged.id)


def test_a_broken_off_upload_leaves_nothing(reg, alice):
    def break_off():
        with staging.receive(reg, alice, "x.onnx") as incoming:
            incoming.write(DATA)
            assert len(files(reg)) == 1
            raise ConnectionError

    with pytest.raises(ConnectionError):
        break_off()
    assert files(reg) == []


def test_an_empty_file_is_refused(reg, alice):
    with pytest.raises(BrokenArtifact, match="empty"):
        stage(reg, alice, b"")
    assert files(reg) == []


def test_a_file_above_the_limit_is_refused_while_it_comes(reg, alice):
    with_settings(reg, max_upload_mb=1)
    incoming = staging.receive(reg, alice, "big.pt")
    incoming.write(b"x" * (1 << 20))
    with pytest.raises(TooLarge, match="limit of 1 MB"):
        incoming.write(b"x")
    assert files(reg) == []


def test_a_full_disk_is_said_before_anything_is_written(reg, alice):
    with_settings(reg, min_free_disk_mb=1 << 40)
    with pytest.raises(StorageFull):
        staging.receive(reg, alice, "x")
    assert files(reg) == []


def test_too_many_uploads_in_an_hour_have_to_wait(reg, alice, bob):
    with_settings(reg, uploads_per_hour=2)
    waiting = staging.receive(reg, alice, "third")
    stage(reg, alice)
    staging.discard(reg, alice, stage(reg, alice).id)  # throwing away does not reset the count
    with pytest.raises(RateLimited) as refused:
        stage(reg, alice)
    assert 3500 < refused.value.retry_after_s <= 3600
    waiting.write(DATA)
    with pytest.raises(RateLimited):  # begun in time, finished too late
        waiting.finish()
    stage(reg, bob)


def test_who_may_neither_publish_nor_predict_uploads_nothing(reg, new_user):
    vera = new_user("vera", "viewer")
    for actor in (GUEST, replace(vera, denied=frozenset({"predict"}))):
        with pytest.raises(Forbidden):
            staging.receive(reg, actor, "x")


def test_a_viewers_file_can_be_answered_but_not_published(reg, new_user):
    vera = new_user("vera", "viewer")
    staged = stage(reg, vera)
    with pytest.raises(Forbidden):
        publish.examine(reg, vera, staged.id)


def test_staging_is_audited(reg, alice):
    stage(reg, alice)
    assert audit.verify(reg) is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\iris.pkl", "iris.pkl"),
        ("/abs/x.onnx", "x.onnx"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("a\x00b\nc.pt", "abc.pt"),
        ("  ..hidden. ", "hidden"),
        ("café.pt", unicodedata.normalize("NFC", "café.pt")),
        ("", "file"),
        ("..", "file"),
        ("\u200b", "file"),
        ("ok name (1).joblib", "ok name (1).joblib"),
    ],
)
def test_names_are_cleaned(given, kept):
    assert filenames.clean(given) == kept


def test_a_long_name_keeps_its_extension():
    name = filenames.clean("é" * 400 + ".safetensors")
    assert name.endswith("é.safetensors")
    assert len(name.encode()) <= 255


def test_names_are_never_paths(reg, alice, tmp_path):
    staged = stage(reg, alice, filename="../../../escaped.pkl")
    assert files(reg) == [staged.id]
    assert staged.filename == "escaped.pkl"
    assert not list(tmp_path.rglob("escaped*"))


def test_a_pointer_stands_for_the_file(reg, alice, bob):
    staged = stage(reg, alice)
    pointer = staging.pointer(reg, staged, alice)
    assert len(pointer) < 300
    assert staging.from_pointer(reg, alice, pointer) == staged
    with pytest.raises(InvalidInput, match="somebody else"):
        staging.from_pointer(reg, bob, pointer)


@pytest.mark.parametrize(
    "blob",
    [b"", b"{}", b"[1]", b'{"vitrine": "x"}', b'{"vitrine": 1}', b"\xff\xfe", b"x" * 9999],
)
def test_forged_pointers_are_refused(reg, alice, blob):
    with pytest.raises(InvalidInput):
        staging.from_pointer(reg, alice, blob)


def test_an_old_pointer_is_refused(reg, alice):
    pointer = staging.pointer(reg, stage(reg, alice), alice)
    with_settings(reg, staged_h=-1)
    with pytest.raises(InvalidInput, match="too long ago"):
        staging.from_pointer(reg, alice, pointer)


def test_a_sweep_leaves_running_uploads_and_drafts_alone(reg, alice):
    staged = stage(reg, alice)
    with staging.receive(reg, alice, "coming.pt") as incoming:
        incoming.write(DATA)
        assert staging.sweep(reg) == 0
        second = incoming.finish()
    assert files(reg) == sorted([staged.id, second.id])
    assert staging.sweep(reg, young_s=0) == 0


def test_a_sweep_removes_what_a_crash_left(reg, alice):
    (reg.settings.staging_folder / ("0" * 32)).write_bytes(b"half a file")
    assert staging.sweep(reg) == 1
    assert files(reg) == []


def test_a_sweep_removes_expired_uploads(reg, alice):
    staged = stage(reg, alice)
    with reg.writing() as s:
        s.execute(update(StagedRow).values(created_at=now() - timedelta(hours=25)))
    assert staging.sweep(reg) == 1
    assert files(reg) == []
    with pytest.raises(NotFound):
        staging.get(reg, alice, staged.id)


def test_a_sweep_removes_old_artifacts_that_nobody_refers_to(reg, alice, iris):
    source = reg.settings.staging_folder / "loose"
    source.write_bytes(DATA)
    digest = hashlib.sha256(DATA).hexdigest()
    reg.store.put(source, digest)
    os.unlink(source)
    assert staging.sweep(reg) == 0  # too young: a publish may be about to refer to it
    assert staging.sweep(reg, young_s=0) == 1
    assert list(reg.store.digests()) == [iris.artifact.digest]
