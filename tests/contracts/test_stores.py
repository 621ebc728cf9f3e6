"""What every store promises, over every store that is installed."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest
from blake3 import blake3

from registry.errors import NotInstalled, StoreError
from registry.stores import open_store
from registry.stores.contract import Store

STORES = ("file",)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return {"file": lambda: open_store(f"file://{tmp_path / 'a folder'}")}[request.param]()


@pytest.fixture
def file(tmp_path: Path) -> tuple[Path, str, str]:
    return write(tmp_path / "source", os.urandom(3_000_000))


def write(path: Path, data: bytes) -> tuple[Path, str, str]:
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest(), blake3(data).hexdigest()


def read(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as opened:
        return opened.read()


def test_what_was_put_can_be_opened(store, file):
    source, digest, fast = file
    content = source.read_bytes()
    store.put(source, digest)
    source.unlink()
    assert store.has(digest)
    assert read(store.open(digest, fast)) == content
    assert list(store.digests()) == [digest]


def test_putting_twice_keeps_one(store, file, tmp_path):
    source, digest, fast = file
    store.put(source, digest)
    store.put(source, digest)
    again, _, _ = write(tmp_path / "again", source.read_bytes())
    store.put(again, digest)
    assert list(store.digests()) == [digest]
    assert len(read(store.open(digest, fast))) == 3_000_000


def test_a_descriptor_is_read_only(store, file):
    source, digest, fast = file
    store.put(source, digest)
    fd = store.open(digest, fast)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(fd, b"x")
    os.close(fd)


def test_changed_bytes_are_refused(store, file):
    source, digest, fast = file
    store.put(source, digest)
    os.close(store.open(digest, fast))
    place = store.path(digest)
    place.chmod(0o600)
    with place.open("r+b") as changed:
        changed.write(b"evil")
    with pytest.raises(StoreError, match="have changed"):
        store.open(digest, fast)


def test_missing_bytes_are_refused(store):
    with pytest.raises(StoreError, match="missing"):
        store.open("0" * 64, "0" * 64)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "0" * 63, "A" * 64, "0" * 64 + "/.."])
def test_only_digests_are_addresses(store, file, digest):
    with pytest.raises(StoreError, match="not a SHA-256"):
        store.put(file[0], digest)
    with pytest.raises(StoreError, match="not a SHA-256"):
        store.path(digest)


def test_delete_says_what_it_freed_and_forgives(store, file):
    source, digest, _ = file
    store.put(source, digest)
    source.unlink()
    assert store.delete(digest) == 3_000_000
    assert not store.has(digest)
    assert store.delete(digest) == 0
    assert list(store.digests()) == []


def test_many_put_the_same_at_once(store, tmp_path):
    data = os.urandom(100_000)
    files = [write(tmp_path / str(n), data) for n in range(8)]
    threads = [threading.Thread(target=store.put, args=file[:2]) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(store.digests()) == [files[0][1]]
    assert read(store.open(files[0][1], files[0][2])) == data


def test_a_missing_source_is_an_error(store, tmp_path):
    with pytest.raises(StoreError):
        store.put(tmp_path / "gone", "0" * 64)
    assert not store.has("0" * 64)


def test_there_is_room_and_an_age(store, file):
    source, digest, _ = file
    assert store.free_bytes() > 0
    assert store.age_s(digest) == 0
    store.put(source, digest)
    assert 0 <= store.age_s(digest) < 60


def test_a_folder_is_closed_to_others(tmp_path, file):
    store = open_store(f"file://{tmp_path / 'store'}")
    source, digest, _ = file
    store.put(source, digest)
    place = store.path(digest)
    assert stat.S_IMODE(place.stat().st_mode) == 0o400
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in list(place.parents)[:3]} == {0o700}


def test_another_file_system_is_copied_from(tmp_path, file, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(18, "Invalid cross-device link")

    store = open_store(f"file://{tmp_path / 'store'}")
    source, digest, fast = file
    monkeypatch.setattr(os, "link", refuse)  # what the kernel says across file systems
    store.put(source, digest)
    assert read(store.open(digest, fast)) == source.read_bytes()
    assert [p.name for p in store.path(digest).parent.iterdir()] == [digest]


def test_an_unknown_scheme_is_named():
    with pytest.raises(StoreError, match="ftp"):
        open_store("ftp://example/x")
    with pytest.raises(NotInstalled, match="boto3"):
        open_store("s3://bucket")
