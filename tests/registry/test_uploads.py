"""Uploads in parts: what arrived stays, through kills too, until it is a file like any other."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from registry import governing, staging, uploads
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, NotFound, QuotaExceeded, TooLarge
from registry.records import Actor, Staged
from registry.tables import UploadRow, now


def send(reg: Registry, actor: Actor, upload_id: str, offset: int, data: bytes) -> None:
    with uploads.resume(reg, actor, upload_id, offset) as part:
        part.write(data)


def test_parts_become_a_staged_file_of_the_same_id(reg: Registry, alice: Actor) -> None:
    content = bytes(range(256)) * 5000
    upload = uploads.begin(reg, alice, "../my model.onnx", len(content))
    for start in range(0, len(content), 500_000):
        send(reg, alice, upload.id, start, content[start : start + 500_000])
    assert uploads.get(reg, alice, upload.id).is_whole
    staged = uploads.finish(reg, alice, upload.id)
    assert (staged.id, staged.filename) == (upload.id, "my model.onnx")
    assert staged.digest == hashlib.sha256(content).hexdigest()
    assert staging.path(reg, staged.id).read_bytes() == content
    assert list(reg.settings.uploads_folder.iterdir()) == []
    assert uploads.finish(reg, alice, upload.id) == staged
    assert uploads.get(reg, alice, upload.id).received_bytes == len(content)


@pytest.mark.frameworks
def test_what_arrived_before_a_kill_is_gone_on_with(reg: Registry, alice: Actor) -> None:
    upload = uploads.begin(reg, alice, "m.onnx", 3_000_000)
    code = (
        "import os, sys\n"
        "from registry import accounts, uploads\n"
        "from registry.core import open_registry\n"
        "from registry.settings import Settings\n"
        "reg = open_registry(Settings(home=sys.argv[1], min_free_disk_mb=0, _env_file=None))\n"
        "alice = accounts.sign_in(reg, 'alice', 'a long enough password')\n"
        "part = uploads.resume(reg, alice, sys.argv[2], 0)\n"
        "part.write(b'x' * 1_234_567)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    home = str(reg.settings.home)
    done = subprocess.run([sys.executable, "-c", code, home, upload.id], check=False)
    assert done.returncode == -9
    assert uploads.get(reg, alice, upload.id).received_bytes == 1_234_567
    send(reg, alice, upload.id, 1_234_567, b"x" * (3_000_000 - 1_234_567))
    assert uploads.finish(reg, alice, upload.id).size_bytes == 3_000_000


def test_an_offset_that_is_not_so_changes_nothing(reg: Registry, alice: Actor) -> None:
    upload = uploads.begin(reg, alice, "m.onnx", 10)
    send(reg, alice, upload.id, 0, b"12345")
    for offset in (0, 4, 6, 10**15):
        with pytest.raises(Conflict, match="5 bytes are here"):
            uploads.resume(reg, alice, upload.id, offset)
    with pytest.raises(Conflict, match="5 bytes"):
        uploads.finish(reg, alice, upload.id)
    assert uploads.get(reg, alice, upload.id).received_bytes == 5


def test_one_part_at_a_time_and_no_more_than_announced(reg: Registry, alice: Actor) -> None:
    upload = uploads.begin(reg, alice, "m.onnx", 10)
    with uploads.resume(reg, alice, upload.id, 0) as part:
        with pytest.raises(Conflict, match="another part"):
            uploads.resume(reg, alice, upload.id, 0)
        with pytest.raises(TooLarge):
            part.write(b"x" * 11)
        part.write(b"x" * 10)
        part.undo()
    assert uploads.get(reg, alice, upload.id).received_bytes == 0


def test_an_upload_is_nobody_elses(reg: Registry, alice: Actor, bob: Actor) -> None:
    upload = uploads.begin(reg, alice, "m.onnx", 10)
    for ask in (
        lambda: uploads.get(reg, bob, upload.id),
        lambda: uploads.resume(reg, bob, upload.id, 0),
        lambda: uploads.finish(reg, bob, upload.id),
        lambda: uploads.discard(reg, bob, upload.id),
    ):
        with pytest.raises(NotFound):
            ask()
    uploads.discard(reg, alice, upload.id)
    with pytest.raises(NotFound):
        uploads.get(reg, alice, upload.id)


def test_what_is_announced_has_bounds(reg: Registry, alice: Actor) -> None:
    with pytest.raises(Forbidden):
        uploads.begin(reg, replace(alice, denied=frozenset({"upload", "predict"})), "m.onnx", 10)
    with pytest.raises(TooLarge):
        uploads.begin(reg, alice, "m.onnx", reg.settings.max_upload_bytes + 1)
    with pytest.raises(BrokenArtifact):
        uploads.begin(reg, alice, "m.onnx", 0)
    for _ in range(uploads.MOST):
        uploads.begin(reg, alice, "m.onnx", 10)
    with pytest.raises(Conflict, match="under way"):
        uploads.begin(reg, alice, "m.onnx", 10)


def test_finished_twice_at_once_it_is_one_file(reg: Registry, alice: Actor) -> None:
    upload = uploads.begin(reg, alice, "m.onnx", 2_000_000)
    send(reg, alice, upload.id, 0, b"x" * 2_000_000)
    ready = threading.Barrier(4)

    def finish(_: int) -> Staged:
        ready.wait()
        return uploads.finish(reg, alice, upload.id)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(finish, range(4)))) == 1
    assert staging.path(reg, upload.id).read_bytes() == b"x" * 2_000_000


def test_what_is_announced_in_all_fits_into_the_quota(
    reg: Registry, alice: Actor, admin: Actor
) -> None:
    governing.set_quota(reg, admin, "alice", quota_mb=1)
    first = uploads.begin(reg, alice, "m.onnx", 600 << 10)
    with pytest.raises(QuotaExceeded):
        uploads.begin(reg, alice, "m.onnx", 600 << 10)
    uploads.discard(reg, alice, first.id)
    whole = uploads.begin(reg, alice, "m.onnx", 1 << 20)
    send(reg, alice, whole.id, 0, b"x" * (1 << 20))
    assert uploads.finish(reg, alice, whole.id).size_bytes == 1 << 20


def test_a_sweep_takes_what_is_over_and_strays_alone(reg: Registry, alice: Actor) -> None:
    old, new = (uploads.begin(reg, alice, "m.onnx", 10) for _ in range(2))
    with reg.writing() as s:
        s.get_one(UploadRow, old.id).created_at = now() - timedelta(hours=25)
    (reg.settings.uploads_folder / "stray").write_bytes(b"x")
    assert uploads.sweep(reg) == 2
    assert [file.name for file in reg.settings.uploads_folder.iterdir()] == [new.id]
    assert uploads.get(reg, alice, new.id).received_bytes == 0
