"""Downloads: verified, counted, by who may, or by a signed link for a while."""

from __future__ import annotations

import os

import pytest

from registry import access, accounts, downloads, versions
from registry.errors import Forbidden, NotFound, StoreError


def read(opened):
    with os.fdopen(opened.fd, "rb") as file:
        return file.read()


def with_settings(reg, **changed):
    object.__setattr__(reg, "settings", reg.settings.model_copy(update=changed))


def test_the_bytes_are_those_that_were_uploaded(reg, alice, iris, iris_file):
    opened = downloads.open_artifact(reg, alice, iris.artifact.id)
    assert (opened.filename, opened.digest) == (iris_file.name, iris.artifact.digest)
    assert opened.size_bytes == iris_file.stat().st_size
    assert read(opened) == iris_file.read_bytes()


def test_downloads_are_counted(reg, alice, iris):
    assert iris.artifact.downloads == 0
    for _ in range(2):
        read(downloads.open_artifact(reg, alice, iris.artifact.id))
    found = versions.get(reg, alice, iris.ref).artifact
    assert found.downloads == 2
    assert found.last_downloaded_at is not None


def test_a_strangers_file_is_not_found(reg, bob, admin, iris):
    for stranger in (bob, admin):
        with pytest.raises(NotFound) as hidden:
            downloads.open_artifact(reg, stranger, iris.artifact.id)
        with pytest.raises(NotFound) as absent:
            downloads.open_artifact(reg, stranger, "0" * 32)
        assert hidden.value.message == absent.value.message
        with pytest.raises(NotFound):
            downloads.link(reg, stranger, iris.artifact.id)


def test_trashed_files_are_not_found(reg, alice, iris):
    versions.trash(reg, alice, iris.ref)
    with pytest.raises(NotFound):
        downloads.open_artifact(reg, alice, iris.artifact.id)


def test_changed_bytes_are_not_sent(reg, alice, iris):
    place = reg.store.path(iris.artifact.digest)
    place.chmod(0o600)
    place.write_bytes(b"swapped")
    with pytest.raises(StoreError):
        downloads.open_artifact(reg, alice, iris.artifact.id)


def test_a_link_downloads_without_signing_in(reg, alice, iris, iris_file):
    token = downloads.link(reg, alice, iris.artifact.id)
    assert read(downloads.open_link(reg, token)) == iris_file.read_bytes()
    assert versions.get(reg, alice, iris.ref).artifact.downloads == 1


def test_a_link_ends_by_itself(reg, alice, iris):
    token = downloads.link(reg, alice, iris.artifact.id)
    with_settings(reg, link_expiry_s=-1)
    with pytest.raises(Forbidden, match="expired"):
        downloads.open_link(reg, token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "WyJhIiwiYiJd.aaaaaa.bbbbbbbbbbbb"])
def test_a_forged_link_is_not_found(reg, token):
    with pytest.raises(NotFound):
        downloads.open_link(reg, token)


def test_a_link_gives_no_more_than_its_maker_has(reg, alice, bob, admin, iris):
    access.share(reg, alice, iris.model, "bob", "view")
    token = downloads.link(reg, bob, iris.artifact.id)
    read(downloads.open_link(reg, token))
    access.unshare(reg, alice, iris.model, "bob")
    with pytest.raises(NotFound):
        downloads.open_link(reg, token)
    access.share(reg, alice, iris.model, "bob", "view")
    accounts.set_disabled(reg, admin, "bob", True)
    with pytest.raises(NotFound):
        downloads.open_link(reg, token)
