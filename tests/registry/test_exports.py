"""Versions leave as one zip: chosen parts, counted, checked on the way, for who may have them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from registry import access, downloads, exports, models, publish, staging, usage, versions
from registry.core import Registry
from registry.errors import Forbidden, InvalidInput, NotFound, StoreError
from registry.records import Actor, Details, Metric, Version

Publish = Callable[..., Version]


def taken(bundle: exports.Bundle) -> zipfile.ZipFile:
    data = b"".join(bundle.blocks)
    assert len(data) == bundle.size_bytes
    return zipfile.ZipFile(io.BytesIO(data))


def stage(reg: Registry, actor: Actor, name: str, data: bytes) -> str:
    with staging.receive(reg, actor, name) as incoming:
        incoming.write(data)
        return incoming.finish().id


@pytest.fixture
def full(reg: Registry, alice: Actor, iris_file: Path, iris: Version) -> Version:
    """Version 2, with a file of every kind and everything said."""
    files = {
        "config": stage(reg, alice, "settings.yaml", b"depth: 3\n"),
        "config:2": stage(reg, alice, "Settings.yaml", b"depth: 4\n"),
        "requirements": stage(reg, alice, "requirements.txt", b"scikit-learn\n"),
        "sample": stage(reg, alice, "rows.csv", b"a,b\n1,2\n"),
        "card": stage(reg, alice, "README.md", b"# Uploaded\n"),
        "license": stage(reg, alice, "LICENSE", b"MIT\n"),
    }
    draft = stage(reg, alice, iris_file.name, iris_file.read_bytes())
    publish.examine(reg, alice, draft)
    metric = Metric("f1_score", 0.9, dataset="holdout")
    said = Details(model=iris.model, files=files, metrics=(metric,), parents=(iris.ref,))
    version = publish.publish(reg, alice, draft, said)
    models.edit(reg, alice, iris.model, license="MIT", card="# Iris\n\nFlowers.", task="regression")
    return versions.get(reg, alice, version.ref)


def test_a_package_holds_every_file_with_card_and_manifest(
    reg: Registry, alice: Actor, full: Version
) -> None:
    bundle = exports.open_export(reg, alice, full.ref)
    assert bundle.filename == "iris-v2.zip"
    archive = taken(bundle)
    assert archive.namelist() == [
        "README.md", "vitrine.json", f"weights/{full.artifact.filename}", "README (2).md",
        "config/Settings.yaml", "config/settings (2).yaml", "LICENSE", "requirements.txt",
        "data/rows.csv",
    ]  # fmt: skip
    assert archive.read("README (2).md") == b"# Uploaded\n"
    assert archive.read("README.md").endswith(b"# Iris\n\nFlowers.\n")


def test_the_manifest_says_digests_schema_metrics_aliases_and_parents(
    reg: Registry, alice: Actor, full: Version, iris: Version
) -> None:
    archive = taken(exports.open_export(reg, alice, full.ref))
    told = json.loads(archive.read("vitrine.json"))
    for file in told["files"]:
        data = archive.read(file["path"])
        assert (file["sha256"], file["size_bytes"]) == (
            hashlib.sha256(data).hexdigest(),
            len(data),
        )
    assert len(told["files"]) == len(full.artifacts)
    assert told["metrics"][0]["dataset"] == "holdout"
    assert told["schema"]["fields"]
    assert told["lineage"]["parents"] == [iris.ref]
    assert (told["version"]["ref"], told["model"]["license"]) == (full.ref, "MIT")


@pytest.mark.parametrize(
    ("parts", "beside"),
    [
        (["weights"], ["weights/"]),
        (["config", "data"], ["config/", "config/", "data/"]),
        (["card"], ["README (2).md", "LICENSE"]),
        (["requirements"], ["requirements.txt"]),
    ],
)
def test_only_the_parts_asked_for_leave(
    reg: Registry, alice: Actor, full: Version, parts: list[str], beside: list[str]
) -> None:
    names = taken(exports.open_export(reg, alice, full.ref, "package", parts)).namelist()[2:]
    assert len(names) == len(beside)
    assert all(name.startswith(start) for name, start in zip(names, beside, strict=True))


def test_parts_that_a_version_lacks_are_said(reg: Registry, alice: Actor, iris: Version) -> None:
    with pytest.raises(InvalidInput, match="no such files"):
        exports.open_export(reg, alice, iris.ref, "package", ["data"])
    with pytest.raises(InvalidInput, match="weights"):
        exports.open_export(reg, alice, iris.ref, "package", ["everything"])


def test_the_same_version_leaves_as_the_same_bytes(
    reg: Registry, alice: Actor, full: Version
) -> None:
    one, two = (b"".join(exports.open_export(reg, alice, full.ref).blocks) for _ in range(2))
    assert one == two


def test_a_zip_is_one_download_of_each_of_its_files(
    reg: Registry, alice: Actor, full: Version
) -> None:
    taken(exports.open_export(reg, alice, full.ref))
    taken(exports.open_export(reg, alice, full.ref, "package", ["weights"]))
    found = versions.get(reg, alice, full.ref)
    assert found.artifact.downloads == 2
    assert {a.downloads for a in found.artifacts if a.kind != "model"} == {1}
    use = usage.of_model(reg, alice, full.model)
    assert (use.downloads[-1], sum(use.downloads)) == (2, 2)
    assert [(v.number, v.downloads) for v in use.versions] == [(2, 2), (1, 0)]
    assert use.versions[0].last_downloaded_at is not None
    page = downloads.history(reg, alice, full.model)
    assert (page.total, [line.what for line in page.items]) == (2, ["package", "package"])
    assert page.items[0].filenames == (full.artifact.filename,)
    assert set(page.items[1].filenames) == {a.filename for a in full.artifacts}


def test_who_downloaded_is_told_to_managers_only(
    reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    access.share(reg, alice, iris.model, "bob", "edit")
    taken(exports.open_export(reg, bob, iris.ref))
    assert [line.by for line in downloads.history(reg, alice, iris.model).items] == ["bob"]
    with pytest.raises(Forbidden):
        downloads.history(reg, bob, iris.model)
    assert usage.of_model(reg, bob, iris.model).downloads[-1] == 1


def test_strangers_find_nothing(reg: Registry, bob: Actor, iris: Version) -> None:
    for door in (exports.open_export, exports.link):
        with pytest.raises(NotFound):
            door(reg, bob, iris.ref)


def test_changed_bytes_do_not_leave(reg: Registry, alice: Actor, iris: Version) -> None:
    place = reg.store.path(iris.artifact.digest)  # type: ignore[attr-defined]
    place.chmod(0o600)
    place.write_bytes(b"swapped")
    with pytest.raises(StoreError):
        exports.open_export(reg, alice, iris.ref)


def test_bytes_that_change_on_the_way_break_the_zip_off(
    reg: Registry, alice: Actor, iris: Version
) -> None:
    bundle = exports.open_export(reg, alice, iris.ref)
    place = reg.store.path(iris.artifact.digest)  # type: ignore[attr-defined]
    place.chmod(0o600)
    place.write_bytes(bytes(iris.artifact.size_bytes))
    with pytest.raises(StoreError, match="changed"):
        b"".join(bundle.blocks)


def test_a_link_gives_the_zip_without_signing_in_for_a_while(
    reg: Registry, alice: Actor, bob: Actor, iris: Version
) -> None:
    access.share(reg, alice, iris.model, "bob", "view")
    token = exports.link(reg, bob, iris.model, "package", ["weights"])
    names = taken(exports.open_link(reg, token)).namelist()
    assert names[2:] == [f"weights/{iris.artifact.filename}"]
    access.unshare(reg, alice, iris.model, "bob")
    with pytest.raises(NotFound):
        exports.open_link(reg, token)
    object.__setattr__(reg, "settings", reg.settings.model_copy(update={"link_expiry_s": -1}))
    with pytest.raises(Forbidden, match="expired"):
        exports.open_link(reg, token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_a_forged_link_is_not_found(reg: Registry, token: str) -> None:
    with pytest.raises(NotFound):
        exports.open_link(reg, token)


def test_a_hub_repository_has_the_card_with_its_metadata_on_top(
    reg: Registry, alice: Actor, full: Version
) -> None:
    archive = taken(exports.open_export(reg, alice, full.ref, "hub"))
    assert full.artifact.filename in archive.namelist()
    _, front, body = archive.read("README.md").decode().split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["license"] == "mit"
    assert told["tags"] == ["flowers"]
    assert told["library_name"] == "sklearn"
    assert told["pipeline_tag"] == "tabular-regression"
    (entry,) = told["model-index"]
    (result,) = entry["results"]
    assert (entry["name"], result["task"]["type"]) == ("Iris", "tabular-regression")
    assert result["dataset"] == {"name": "holdout", "type": "holdout"}
    assert result["metrics"][0]["type"] == "f1"
    assert result["metrics"][0]["value"] == 0.9
    assert body.strip() == "# Iris\n\nFlowers."
