"""The folder of the server: what lies in it can be imported, and nothing else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from registry import accounts, governing, imports, jobs, publish, server_folder, staging
from registry.core import Registry
from registry.errors import BrokenArtifact, Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from registry.records import Actor, Staged
from registry.tables import AuditRow

_stat = os.stat


@pytest.fixture
def folder(tmp_path: Path, iris_file: Path) -> Path:
    """Files, a hidden one, links out of it and a pipe."""
    folder = tmp_path / "offered"
    (folder / "more" / "deep").mkdir(parents=True)
    (folder / "Iris.joblib").write_bytes(iris_file.read_bytes())
    (folder / "more" / "deep" / "b.onnx").write_bytes(b"onnx")
    (folder / ".hidden").write_bytes(b"secret")
    (tmp_path / "outside.txt").write_bytes(b"secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with suppress(PermissionError):  # not for everybody: the path is refused all the same
        os.mknod(folder / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    return folder


@pytest.fixture
def offering(reg_with: Callable[..., Registry], folder: Path) -> Registry:
    return reg_with(import_folder=str(folder))


def test_plain_files_are_listed_by_their_path_in_the_folder(
    offering: Registry, alice: Actor, folder: Path
) -> None:
    page = server_folder.find(offering, alice)
    assert [file.path for file in page.items] == ["Iris.joblib", "more/deep/b.onnx"]
    assert page.items[1].size_bytes == 4
    assert str(folder) not in repr(page)


def test_the_list_comes_in_pages_and_can_be_narrowed(offering: Registry, alice: Actor) -> None:
    second = server_folder.find(offering, alice, page=2, size=1)
    assert ([f.path for f in second.items], second.total) == (["more/deep/b.onnx"], 2)
    assert [f.path for f in server_folder.find(offering, alice, "IRIS").items] == ["Iris.joblib"]


def imported(reg: Registry, actor: Actor, path: str) -> Staged:
    """The file as its job leaves it; no engine runs here."""
    asked = imports.start(reg, actor, "folder", path)
    imports.run(reg, asked.id)
    return staging.get(reg, actor, asked.id)


def test_a_file_is_staged_like_an_upload(offering: Registry, alice: Actor, iris_file: Path) -> None:
    staged = imported(offering, alice, "Iris.joblib")
    assert staged.filename == "Iris.joblib"
    assert staging.path(offering, staged.id).read_bytes() == iris_file.read_bytes()
    assert publish.examine(offering, alice, staged.id).inspection.format == "sklearn"


def test_an_import_is_a_job_of_its_person(offering: Registry, alice: Actor, bob: Actor) -> None:
    asked = imports.start(offering, alice, "folder", "more/deep/b.onnx")
    assert (asked.state, asked.path) == ("queued", "more/deep/b.onnx")
    (job,) = jobs.find(offering, alice)
    assert (job.kind, job.subject) == ("import", "folder/more/deep/b.onnx")
    with offering.reading() as s:
        lines = s.execute(select(AuditRow.subject).where(AuditRow.action == "import.start"))
        assert lines.scalars().all() == [job.subject]
    assert imports.find(offering, bob) == ()
    jobs.cancel(offering, alice, job.id)
    assert [found.message for found in imports.find(offering, alice)] == ["cancelled"]


def test_a_job_that_was_killed_after_it_staged_the_file_does_nothing_more(
    offering: Registry, alice: Actor
) -> None:
    staged = imported(offering, alice, "Iris.joblib")
    imports.run(offering, staged.id)
    assert staging.get(offering, alice, staged.id) == staged


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    offering: Registry, alice: Actor, folder: Path
) -> None:
    asked = imports.start(offering, alice, "folder", "Iris.joblib")
    for change in (b"more", b""):
        with server_folder.reading(offering, "Iris.joblib") as (_, blocks):
            next(blocks)
            with (folder / "Iris.joblib").open("ab") as file:
                file.write(change)
                os.utime(file.fileno())
            with pytest.raises(Conflict, match="changed"):
                list(blocks)
    assert imports.find(offering, alice) == (asked,)


def test_what_was_listed_and_is_gone_is_said_by_the_job(
    offering: Registry, alice: Actor, folder: Path
) -> None:
    asked = imports.start(offering, alice, "folder", "Iris.joblib")
    (folder / "Iris.joblib").unlink()
    with pytest.raises(NotFound, match="no such file"):
        imports.run(offering, asked.id)


def test_whoever_may_not_upload_any_more_imports_nothing_more(
    offering: Registry, alice: Actor, admin: Actor
) -> None:
    asked = imports.start(offering, alice, "folder", "Iris.joblib")
    governing.permit(offering, admin, "alice", ["search", "predict"])
    with pytest.raises(Forbidden, match="upload"):
        imports.run(offering, asked.id)


def test_whoever_is_locked_out_imports_nothing_more(
    offering: Registry, alice: Actor, admin: Actor
) -> None:
    asked = imports.start(offering, alice, "folder", "Iris.joblib")
    accounts.set_disabled(offering, admin, alice.username, disabled=True)
    with pytest.raises(Forbidden):
        imports.run(offering, asked.id)


@pytest.mark.parametrize(
    "path",
    ["../outside.txt", "more/../../outside.txt", "/etc/passwd", "link.txt", "out/outside.txt",
     ".hidden", "pipe", "more", "", "more//deep/b.onnx", "nothing", "a\0b", "./Iris.joblib",
     "device", "\udce4.onnx"],
)  # fmt: skip
def test_nothing_else_is_ever_opened(
    offering: Registry, alice: Actor, folder: Path, path: str
) -> None:
    with pytest.raises(NotFound) as refused:
        imports.start(offering, alice, "folder", path)
    assert str(folder) not in refused.value.message
    with pytest.raises(NotFound), server_folder.reading(offering, path):
        pass


def test_a_file_that_became_a_link_after_it_was_listed_is_not_followed(
    offering: Registry, alice: Actor, folder: Path, tmp_path: Path
) -> None:
    asked = imports.start(offering, alice, "folder", "more/deep/b.onnx")
    (folder / "more").rename(folder / "moved")
    (folder / "more").symlink_to(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.onnx").write_bytes(b"secret")
    with pytest.raises(NotFound):
        imports.run(offering, asked.id)


def test_the_limits_of_uploads_hold(
    reg_with: Callable[..., Registry], alice: Actor, folder: Path
) -> None:
    reg = reg_with(import_folder=str(folder), max_upload_mb=1)
    with (folder / "large.bin").open("wb") as file:
        file.truncate((1 << 20) + 1)
    (folder / "empty.bin").touch()
    with pytest.raises(TooLarge):
        imports.start(reg, alice, "folder", "large.bin")
    with pytest.raises(BrokenArtifact, match="empty"):
        imports.start(reg, alice, "folder", "empty.bin")
    with pytest.raises(InvalidInput, match="380"):
        imports.start(reg, alice, "folder", "x" * 400)


def test_nobody_asks_for_very_many_at_once(offering: Registry, alice: Actor) -> None:
    for _ in range(imports.MOST_OPEN):
        imports.start(offering, alice, "folder", "Iris.joblib")
    with pytest.raises(Conflict, match="under way"):
        imports.start(offering, alice, "folder", "Iris.joblib")


def test_viewers_neither_see_nor_take(offering: Registry, new_user: Callable[..., Actor]) -> None:
    carol = new_user("carol", "viewer")
    with pytest.raises(Forbidden):
        server_folder.find(offering, carol)
    with pytest.raises(Forbidden):
        imports.start(offering, carol, "folder", "Iris.joblib")


def test_without_the_setting_there_is_nothing(reg: Registry, alice: Actor) -> None:
    assert not server_folder.is_on(reg)
    assert server_folder.find(reg, alice).total == 0
    with pytest.raises(NotFound):
        imports.start(reg, alice, "folder", "Iris.joblib")


_SCRIPT = """
import sys, time
from registry import imports, jobs
from registry.core import open_registry
from registry.settings import Settings
from registry.sandbox.pool import open_pool
home, folder = sys.argv[1:]
settings = Settings(home=home, import_folder=folder, min_free_disk_mb=0, standby_workers=False)
reg = open_registry(settings, open_pool(settings))
jobs.launch(reg, {imports.KIND: imports.run})
print("started", flush=True)
time.sleep(60)
"""


@pytest.mark.long
def test_an_import_killed_half_way_is_whole_after_the_next_start(
    offering: Registry, alice: Actor, folder: Path
) -> None:
    with (folder / "large.bin").open("wb") as file:
        file.truncate(450 << 20)
        file.write(b"the end")
    asked = imports.start(offering, alice, "folder", "large.bin")
    command = [sys.executable, "-c", _SCRIPT, str(offering.settings.home), str(folder)]

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.02)

    with subprocess.Popen(command) as first:
        until(lambda: 0 < imports.find(offering, alice)[0].progress < 1)
        first.kill()
    (found,) = imports.find(offering, alice)
    assert (found.state, found.progress < 1) == ("running", True)
    with subprocess.Popen(command) as second:
        until(lambda: imports.find(offering, alice)[0].state == "done")
        second.kill()
    staged = staging.get(offering, alice, asked.id)
    assert staging.path(offering, staged.id).read_bytes() == (folder / "large.bin").read_bytes()
    assert [file.name for file in offering.settings.staging_folder.iterdir()] == [staged.id]


def test_a_folder_of_thousands_is_listed_in_order_and_none_is_looked_at_twice(
    offering: Registry, alice: Actor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3000):
        (folder / "more" / f"{n:04}.onnx").touch()
    asked: list[object] = []
    monkeypatch.setattr(os, "stat", lambda *a, **k: asked.append(a) or _stat(*a, **k))
    page = server_folder.find(offering, alice, "more/", page=300, size=10)
    assert page.items[0].path == "more/2990.onnx"
    assert (page.total, len(asked)) == (3001, 10)
