"""The license on pages: a parent that forbids it, and a project that asks."""

from __future__ import annotations

from pages.parts import text
from registry import lineage, models


def test_the_model_page_says_that_a_parent_forbids_its_license(
    visit, reg, alice, iris, publish_file, iris_file
):
    models.edit(reg, alice, iris.model, license="GPL-3.0-only")
    child = publish_file(alice, iris_file, check=False, name="Child", license="MIT")
    lineage.link(reg, alice, child.ref, iris.ref)
    tab = visit(alice, "model.py", name=child.model)
    said = [one.value for one in tab.markdown]
    assert any("Not compatible" in one and "GPL" in one for one in said)
    tab = visit(alice, "model.py", name=child.model, tab="Lineage")
    assert any("Not compatible" in one.value for one in tab.markdown)


def test_a_grandparent_that_forbids_it_is_named_with_the_way_to_it(
    visit, reg, alice, iris, publish_file, iris_file
):
    models.edit(reg, alice, iris.model, license="GPL-3.0-only")
    child = publish_file(alice, iris_file, check=False, name="Child", license="MIT")
    last = publish_file(alice, iris_file, check=False, name="Last", license="MIT")
    lineage.link(reg, alice, child.ref, iris.ref)
    lineage.link(reg, alice, last.ref, child.ref)
    for tab in ("Overview", "Lineage"):
        said = [one.value for one in visit(alice, "model.py", name=last.model, tab=tab).markdown]
        (line,) = [one for one in said if "grandparent" in one]
        assert "Not compatible" in line
        assert f"{text.escape(iris.ref)} (by {text.escape(child.ref)})" in line


def test_an_odd_license_says_which_it_could_be(visit, reg, alice, iris):
    models.edit(reg, alice, iris.model, license="apache 2")
    tab = visit(alice, "model.py", name=iris.model)
    assert any("did you mean Apache" in one.value for one in tab.markdown)
