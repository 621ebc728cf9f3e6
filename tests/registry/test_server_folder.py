"""The folder of the server: what lies in it can be imported, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from registry import publish, server_folder, staging
from registry.core import Registry
from registry.errors import Forbidden, NotFound, TooLarge
from registry.records import Actor


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


def test_a_file_is_staged_like_an_upload(offering: Registry, alice: Actor, iris_file: Path) -> None:
    shares: list[float] = []
    staged = server_folder.take(offering, alice, "Iris.joblib", shares.append)
    assert (staged.filename, shares[-1]) == ("Iris.joblib", 1.0)
    assert staging.path(offering, staged.id).read_bytes() == iris_file.read_bytes()
    assert publish.examine(offering, alice, staged.id).inspection.format == "sklearn"


@pytest.mark.parametrize(
    "path",
    ["../outside.txt", "more/../../outside.txt", "/etc/passwd", "link.txt", "out/outside.txt",
     ".hidden", "pipe", "more", "", "more//deep/b.onnx", "nothing", "a\0b", "./Iris.joblib"],
)  # fmt: skip
def test_nothing_else_is_ever_opened(
    offering: Registry, alice: Actor, folder: Path, path: str
) -> None:
    with pytest.raises(NotFound) as refused:
        server_folder.take(offering, alice, path)
    assert str(folder) not in refused.value.message


def test_the_limits_of_uploads_hold(
    reg_with: Callable[..., Registry], alice: Actor, folder: Path
) -> None:
    with (folder / "large.bin").open("wb") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(TooLarge):
        server_folder.take(reg_with(import_folder=str(folder), max_upload_mb=1), alice, "large.bin")


def test_viewers_neither_see_nor_take(offering: Registry, new_user: Callable[..., Actor]) -> None:
    carol = new_user("carol", "viewer")
    with pytest.raises(Forbidden):
        server_folder.find(offering, carol)
    with pytest.raises(Forbidden):
        server_folder.take(offering, carol, "Iris.joblib")


def test_without_the_setting_there_is_nothing(reg: Registry, alice: Actor) -> None:
    assert not server_folder.is_on(reg)
    assert server_folder.find(reg, alice).total == 0
    with pytest.raises(NotFound):
        server_folder.take(reg, alice, "Iris.joblib")
