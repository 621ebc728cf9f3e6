"""The upload page: from a dropped file to a version, and every way it can go wrong."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry import models, versions
from registry.core import Registry
from registry.records import Actor, Version

Visit = Callable[..., AppTest]
CSV = b"length,colour,visits,kind\n1.5,red,001,a\n2.5,blue,002,b\n,red,003,a\n"


def dropped(tab: AppTest, name: str, content: bytes) -> tuple[AppTest, str]:
    """The tab after a model file was dropped, and the id of the draft."""
    tab.file_uploader(key="upload.drop").upload(name, content).run()
    assert not tab.exception
    return tab, tab.query_params["draft"]


def words(tab: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*tab.markdown, *tab.caption, *tab.error])


@pytest.fixture
def draft(visit: Visit, alice: Actor, iris_file: Path) -> tuple[AppTest, str]:
    """Alice's upload page with the iris model dropped on it."""
    return dropped(visit(alice, "upload.py"), "flowers.joblib", iris_file.read_bytes())


def test_it_teaches_while_there_is_nothing(visit: Visit, alice: Actor) -> None:
    assert "Drop a file" in words(visit(alice, "upload.py"))


def test_a_dropped_file_becomes_a_new_model(
    draft: tuple[AppTest, str], reg: Registry, alice: Actor
) -> None:
    tab, draft_id = draft
    key = f"upload.{draft_id}"
    assert tab.text_input(key=f"{key}.name").value == "flowers"
    assert "sklearn" in tab.table[0].value.to_csv()
    tab.text_input(key=f"{key}.name").set_value("My flowers")
    tab.text_input(key=f"{key}.label").set_value("1.0.0")
    tab.text_input(key=f"{key}.notes").set_value("the first")
    tab.run()
    assert models.editable(reg, alice) == [], "nothing is published before the button"
    tab.button(key=f"{key}.publish").click().run()
    assert tab.title[0].value == "My flowers"
    version = versions.get(reg, alice, "alice/my-flowers@1")
    assert (version.label, version.notes) == ("1.0.0", "the first")
    assert version.schema is not None


def test_an_error_loses_nothing(draft: tuple[AppTest, str], reg: Registry, alice: Actor) -> None:
    tab, draft_id = draft
    key = f"upload.{draft_id}"
    tab.text_input(key=f"{key}.name").set_value("Kept name")
    tab.text_input(key=f"{key}.label").set_value("not a version").run()
    tab.button(key=f"{key}.publish").click().run()
    assert "semantic version" in tab.error[0].value
    assert tab.text_input(key=f"{key}.name").value == "Kept name"
    tab.text_input(key=f"{key}.label").set_value("2.0.0").run()
    tab.button(key=f"{key}.publish").click().run()
    assert versions.get(reg, alice, "alice/kept-name@1").label == "2.0.0"


def test_a_reload_finds_the_draft_again(
    draft: tuple[AppTest, str], visit: Visit, alice: Actor
) -> None:
    again = visit(alice, "upload.py", draft=draft[1])
    assert again.text_input(key=f"upload.{draft[1]}.name").value == "flowers"


def test_a_new_version_of_a_model(
    visit: Visit, reg: Registry, alice: Actor, iris: Version, iris_file: Path
) -> None:
    tab = visit(alice, "upload.py", model=iris.model)
    tab, draft_id = dropped(tab, "again.joblib", iris_file.read_bytes())
    assert tab.selectbox(key=f"upload.{draft_id}.model").value == iris.model
    assert "same bytes" in words(tab)
    tab.button(key=f"upload.{draft_id}.publish").click().run()
    assert [v.number for v in versions.find(reg, alice, iris.model)] == [2, 1]


def test_a_similar_name_is_pointed_out(
    visit: Visit, alice: Actor, iris: Version, iris_file: Path
) -> None:
    tab, draft_id = dropped(visit(alice, "upload.py"), "Irıs.joblib", iris_file.read_bytes())
    tab.text_input(key=f"upload.{draft_id}.name").set_value("Iriss").run()
    assert "Easily mistaken for" in words(tab)


def test_a_file_that_is_no_model_is_refused_and_can_be_put_away(visit: Visit, alice: Actor) -> None:
    tab, draft_id = dropped(visit(alice, "upload.py"), "bad.txt", b"just words, no model\n" * 9)
    assert "File refused" in tab.error[0].value
    assert "File refused" in tab.run().error[0].value, "said again at the next run"
    tab.button(key=f"upload.{draft_id}.discard").click().run()
    assert not tab.error
    assert "draft" not in tab.query_params or not tab.query_params["draft"]


def test_a_sample_proposes_the_schema(
    draft: tuple[AppTest, str], reg: Registry, alice: Actor
) -> None:
    tab, draft_id = draft
    key = f"upload.{draft_id}"
    tab.file_uploader(key=f"{key}.sample").upload("rows.csv", CSV, "text/csv").run()
    assert not tab.error
    tab.selectbox(key=f"{key}.target").set_value("kind").run()
    tab.text_input(key=f"{key}.name").set_value("Sampled").run()
    tab.button(key=f"{key}.publish").click().run()
    schema = versions.get(reg, alice, "alice/sampled@1").schema
    assert schema is not None
    fields = {field.name: field for field in schema.fields}
    assert set(fields) == {"length", "colour", "visits"}
    assert fields["length"].nullable
    assert set(fields["colour"].categories) == {"red", "blue"}


def test_of_a_package_of_several_models_one_is_chosen(
    visit: Visit, alice: Actor, iris_file: Path
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("a.joblib", "b*c*.joblib"):
            archive.writestr(name, iris_file.read_bytes())
    tab, draft_id = dropped(visit(alice, "upload.py"), "both.zip", made.getvalue())
    assert "Which model?" in tab.error[0].value
    which = f"upload.{draft_id}.which"
    tab.radio(key=f"{which}.radio").set_value("b*c*.joblib").run()
    tab.button(key=f"{which}.take").click().run()
    assert not tab.error
    shown = "\n".join(table.value.to_csv() for table in tab.table)
    assert "Left out,a" in shown
    assert tab.text_input(key=f"upload.{tab.query_params['draft']}.name").value == "both"


def test_a_package_fills_the_form(
    visit: Visit, reg: Registry, alice: Actor, iris_file: Path
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("f/model.joblib", iris_file.read_bytes())
        archive.writestr("f/README.md", "# Flowers <b>x</b>")
        archive.writestr("f/requirements.txt", "scikit-learn==1.9.1")
        archive.writestr("f/odd.png", "picture")
    tab, draft_id = dropped(visit(alice, "upload.py"), "flowers.zip", made.getvalue())
    key = f"upload.{draft_id}"
    shown = "\n".join(table.value.to_csv() for table in tab.table)
    assert all(name in shown for name in ("README", "requirements", "odd"))
    assert tab.text_input(key=f"{key}.name").value == "flowers"
    assert tab.text_area(key=f"{key}.card").value == "# Flowers <b>x</b>"
    assert "from the package" in words(tab)
    tab.text_input(key=f"{key}.name").set_value("Packed").run()
    tab.button(key=f"{key}.publish").click().run()
    version = versions.get(reg, alice, "alice/packed@1")
    assert {a.kind for a in version.artifacts} == {"model", "card", "requirements"}
    assert not staging_left(reg)


def test_a_package_with_a_shell_script_is_refused(
    visit: Visit, alice: Actor, iris_file: Path
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("model.joblib", iris_file.read_bytes())
        archive.writestr("train.sh", "echo")
    tab, _ = dropped(visit(alice, "upload.py"), "flowers.zip", made.getvalue())
    assert "File refused" in tab.error[0].value
    assert "train" in words(tab)


def test_a_discarded_package_leaves_nothing(
    visit: Visit, reg: Registry, alice: Actor, iris_file: Path
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("model.joblib", iris_file.read_bytes())
        archive.writestr("config.json", "{}")
    tab, draft_id = dropped(visit(alice, "upload.py"), "flowers.zip", made.getvalue())
    assert len(staging_left(reg)) == 2
    tab.button(key=f"upload.{draft_id}.discard").click().run()
    assert not staging_left(reg)


def staging_left(reg: Registry) -> list[Path]:
    return list(reg.settings.staging_folder.iterdir())


def test_a_viewer_may_not_upload(visit: Visit, new_user: Callable[..., Actor]) -> None:
    tab = visit(new_user("vera", "viewer"), "upload.py")
    assert "Not allowed" in tab.error[0].value
    assert not tab.file_uploader
