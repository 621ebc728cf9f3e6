"""A model's license is held against its parents' and a project's; a license file is recognised."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from registry import compare, license_checks, lineage, models, staging
from registry.errors import FetchFailed, Forbidden, InvalidInput, NotFound
from registry.records import GUEST

HEADS = {
    "MIT": "MIT License\n\nCopyright (c) 2026 Ada\n\nPermission is hereby granted, free of charge, "
    "to any person obtaining a copy\nof this software",
    "Apache-2.0": "\n                                 Apache License\n"
    "                           Version 2.0, January 2004\n",
    "GPL-3.0-only": "                    GNU GENERAL PUBLIC LICENSE\n"
    "                       Version 3, 29 June 2007\n ... GNU Affero General Public License",
    "LGPL-3.0-only": "GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n ... version 3 "
    "of the GNU General Public License",
    "AGPL-3.0-only": "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007",
    "MPL-2.0": "Mozilla Public License Version 2.0\n==================================\n",
    "CC-BY-SA-4.0": "Creative Commons\n\n# Attribution-ShareAlike 4.0 International\n",
    "CC-BY-4.0": "# Attribution 4.0 International\n",
    "BSD-2-Clause": "Redistributions in binary form must reproduce the above copyright notice,",
    "BSD-3-Clause": "2. Redistributions in binary form must reproduce the above copyright notice, "
    "this list\n3. Neither the name ... may be used to endorse or\npromote products",
    "ISC": "Permission to use, copy, modify, and/or distribute this software for any\npurpose",
    "Unlicense": "This is free and unencumbered software released into the public domain.",
    "LicenseRef-proprietary": "Proprietary and confidential. (c) 2026 Acme. All rights reserved.",
    "MIT OR Apache-2.0": "// SPDX-License-Identifier: MIT OR Apache-2.0\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_the_text_of_a_license_is_recognised(name):
    assert license_checks.known_text(HEADS[name]) == name


@pytest.mark.parametrize(
    "text",
    ["", "a poem", "Attribution-NonCommercial 4.0 International", "LLAMA COMMUNITY LICENSE",
     '"Commons Clause" License Condition\n' + HEADS["Apache-2.0"]],
)  # fmt: skip
def test_another_text_is_not_taken_for_one(text):
    with pytest.raises(InvalidInput):
        license_checks.known_text(text)


def test_a_license_file_is_read_where_it_was_staged(reg, alice):
    with staging.receive(reg, alice, "LICENSE") as incoming:
        incoming.write(HEADS["Apache-2.0"].encode() + b"\xff" * 9)
        staged = incoming.finish()
    assert license_checks.recognise(reg, alice, staged.id) == "Apache-2.0"


@pytest.fixture
def child(reg, alice, iris, publish_file, iris_file):
    """A model under MIT made from alice/iris, which is under GPL-3.0."""
    models.edit(reg, alice, iris.model, license="GPL-3.0-only")
    made = publish_file(alice, iris_file, check=False, name="Child", license="MIT")
    lineage.link(reg, alice, made.ref, iris.ref, "fine-tuned")
    return made


def test_a_parent_that_forbids_it_is_named_with_the_reason(reg, alice, iris, child):
    (found,) = license_checks.of_parents(reg, alice, child.ref)
    assert (found.parent, found.relation) == (iris.ref, "fine-tuned")
    assert found.check.compatible == "no"
    assert "as a whole, under GPL-3.0" in found.check.why


@pytest.fixture
def grandchild(reg, alice, iris, child, publish_file, iris_file):
    """A model under MIT made from the child."""
    made = publish_file(alice, iris_file, check=False, name="Grandchild", license="MIT")
    lineage.link(reg, alice, made.ref, child.ref, "distilled")
    return made


def test_a_grandparent_that_forbids_it_is_named_with_the_way_to_it(
    reg, alice, iris, child, grandchild
):
    parent, grandparent = license_checks.of_parents(reg, alice, grandchild.ref)
    assert (parent.parent, parent.kin, parent.check.compatible) == (child.ref, "parent", "yes")
    assert (grandparent.parent, grandparent.kin) == (iris.ref, "grandparent")
    assert (grandparent.through, grandparent.relation) == ((child.ref,), "fine-tuned")
    assert grandparent.check.compatible == "no"


def test_an_ancestor_by_two_ways_is_named_once_by_the_shorter(reg, alice, iris, child, grandchild):
    lineage.link(reg, alice, grandchild.ref, iris.ref)
    found = license_checks.of_parents(reg, alice, grandchild.ref)
    assert {one.parent: one.through for one in found} == {child.ref: (), iris.ref: ()}


def test_of_a_parent_that_one_may_not_see_neither_name_nor_license_is_said(
    reg, alice, bob, iris, child, grandchild
):
    models.publish_to_all(reg, alice, grandchild.model)
    (found,) = license_checks.of_parents(reg, bob, grandchild.ref)
    assert (found.parent, found.relation, found.through) == ("", "", ())
    assert (found.check.source, found.check.compatible) == ("", "unknown")
    assert "a parent you cannot see" in found.check.why
    with pytest.raises(NotFound):
        license_checks.for_parents(reg, bob, "MIT", [iris.ref])


def test_what_lies_behind_a_hidden_parent_stays_hidden(reg, alice, bob, iris, child, grandchild):
    models.publish_to_all(reg, alice, grandchild.model)
    models.publish_to_all(reg, alice, iris.model)
    (found,) = license_checks.of_parents(reg, bob, grandchild.ref)
    assert iris.ref not in repr(found)


def test_a_long_line_is_walked_to_its_bound_and_the_rest_is_said(reg, alice, child, monkeypatch):
    monkeypatch.setattr(lineage, "MAX_KIN", 1)
    (found,) = license_checks.of_parents(reg, alice, child.ref)
    assert (found.parent, found.check.compatible) == ("", "unknown")
    assert "more than is looked at" in found.check.why


def test_the_parents_of_a_chosen_parent_are_asked_too(reg, alice, iris, child):
    chosen, behind = license_checks.for_parents(reg, alice, "MIT", [child.ref])
    assert (chosen.parent, behind.parent, behind.through) == (child.ref, iris.ref, (child.ref,))
    assert behind.check.compatible == "no"


def test_a_comparison_has_what_parents_make_of_each_license(
    reg, alice, bob, iris, child, grandchild
):
    def row(actor, *refs):
        facts = compare.versions(reg, actor, refs).sections[0]
        return next((one.cells for one in facts.rows if one.name == "License and parents"), None)

    assert row(alice, iris.ref) is None
    assert row(alice, iris.ref, child.ref, grandchild.ref) == (
        None,
        f"not compatible: its parent {iris.ref} is GPL-3.0-only",
        f"not compatible: its grandparent {iris.ref} is GPL-3.0-only",
    )
    models.edit(reg, alice, child.model, license="GPL-3.0-only")
    assert row(alice, child.ref) == ("compatible",)
    models.publish_to_all(reg, alice, grandchild.model)
    (said,) = row(bob, grandchild.ref)
    assert said.startswith("unknown: a parent you cannot see")


def test_a_license_is_checked_while_it_is_chosen(reg, alice, iris, child):
    for said, answer in (("MIT", "no"), ("GPL-3.0-only", "yes"), ("GPLv3", "unknown")):
        (found,) = license_checks.for_parents(reg, alice, said, [iris.ref])
        assert found.check.compatible == answer


def test_a_project_asks_whether_it_may_hold_the_model(reg, alice, child, iris):
    assert license_checks.for_project(reg, alice, child.model, "GPL-2.0-only").compatible == "yes"
    assert license_checks.for_project(reg, alice, iris.model, "MIT").compatible == "no"
    with pytest.raises(InvalidInput) as refused:
        license_checks.for_project(reg, alice, iris.model, "appache-2.0")
    assert "did you mean Apache-2.0?" in refused.value.problems["license"]


def test_a_link_is_fetched_only_where_that_is_on(reg, alice, reg_with, license_server):
    with pytest.raises(FetchFailed, match="VITRINE_FETCH=1"):
        license_checks.behind_link(reg, alice, f"{license_server}/LICENSE")
    port = license_server.rpartition(":")[2]
    on = reg_with(fetch=True, fetch_allow=f"127.0.0.1:{port}")
    for place in ("LICENSE", "raw/HEAD/LICENSE", ""):
        found = license_checks.behind_link(on, alice, f"{license_server}/repo/{place}")
        assert found == "Apache-2.0"
    with pytest.raises(FetchFailed, match="status 404"):
        license_checks.behind_link(on, alice, f"{license_server}/other")
    with pytest.raises(Forbidden):
        license_checks.behind_link(on, GUEST, f"{license_server}/repo")


@pytest.fixture
def license_server():
    """A repository `/repo` that has a license file."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path in ("/repo/LICENSE", "/repo/raw/HEAD/LICENSE")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(HEADS["Apache-2.0"].encode() if found else b"")

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
