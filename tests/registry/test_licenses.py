"""SPDX expressions are read, held against each other by the table, and guessed when mistyped."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import licenses
from registry.errors import InvalidInput
from registry.license_rules import OR_LATER, PROPRIETARY, RULES

OF_G7 = (
    "MIT Apache-2.0 BSD-2-Clause BSD-3-Clause GPL-2.0-only GPL-3.0-only LGPL-2.1-only "
    "LGPL-3.0-only MPL-2.0 ISC CC-BY-4.0 CC-BY-SA-4.0 Unlicense"
).split()


@pytest.mark.parametrize(
    ("source", "target", "derived", "part"),
    [
        ("MIT", "GPL-3.0-only", "yes", "yes"),
        ("MIT", PROPRIETARY, "yes", "yes"),
        ("GPL-3.0-only", "MIT", "no", "no"),
        ("GPL-2.0-only", "GPL-3.0-only", "no", "no"),
        ("GPL-2.0-or-later", "GPL-3.0-only", "yes", "yes"),
        ("GPL-3.0-only", "GPL-2.0-or-later", "yes", "yes"),
        ("Apache-2.0", "GPL-2.0-only", "no", "no"),
        ("Apache-2.0", "GPL-3.0-only", "yes", "yes"),
        ("LGPL-3.0-only", "MIT", "no", "yes"),
        ("LGPL-2.1-only", "GPL-2.0-only", "yes", "yes"),
        ("LGPL-3.0-only", "GPL-2.0-only", "no", "no"),
        ("MPL-2.0", "Apache-2.0", "no", "yes"),
        ("MPL-2.0", "LGPL-2.1-only", "yes", "yes"),
        ("CC-BY-SA-4.0", "GPL-3.0-only", "yes", "yes"),
        ("GPL-3.0-only", "CC-BY-SA-4.0", "no", "no"),
        ("CC-BY-SA-4.0", "CC-BY-4.0", "no", "yes"),
        ("CC-BY-4.0", "MIT", "yes", "yes"),
        (PROPRIETARY, "MIT", "no", "no"),
        (PROPRIETARY, PROPRIETARY, "unknown", "unknown"),
        ("EUPL-1.2", "MIT", "unknown", "unknown"),
    ],
)
def test_one_license_goes_into_another_as_its_text_says(source, target, derived, part):
    assert licenses.check(source, target, "derived").compatible == derived
    assert licenses.check(source, target, "part").compatible == part


def test_every_pair_of_the_known_licenses_has_an_answer_with_its_source():
    for source, target in product(OF_G7, OF_G7):
        found = licenses.check(source, target)
        assert found.compatible in ("yes", "no")
        assert found.rule or source == target
        assert found.why


def test_whoever_copies_unchanged_may_at_least_what_whoever_changes_may():
    assert [name for name, rule in RULES.items() if not rule.derived <= rule.part | {name}] == []


def test_of_a_choice_one_branch_will_do_and_the_lost_one_is_named():
    assert licenses.check("GPL-3.0-only OR MIT", "Apache-2.0").compatible == "yes"
    found = licenses.check("GPL-3.0-only", "MIT OR GPL-3.0-only")
    assert found.compatible == "yes"
    assert found.warnings == ("Only as GPL-3.0-only: the choice of MIT falls away",)


def test_of_several_licenses_at_once_all_must_go():
    found = licenses.check("MIT AND GPL-3.0-only", "Apache-2.0")
    assert found.compatible == "no"
    assert found.source == "MIT AND GPL-3.0-only"
    assert "GPL-3.0-only asks that" in found.why


def test_a_work_of_several_licenses_takes_what_one_part_takes_with_all_the_others():
    assert licenses.check("GPL-3.0-only", "MIT AND GPL-3.0-only").compatible == "yes"
    assert licenses.check("GPL-2.0-only", "Apache-2.0 AND GPL-2.0-only").compatible == "no"


def test_an_exception_is_not_read_so_the_answer_is_unknown():
    source = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert licenses.check(source, "MIT").compatible == "unknown"
    assert licenses.check(source, "GPL-2.0-only").compatible == "yes"


def test_what_must_be_kept_is_a_warning():
    found = licenses.check("Apache-2.0", "MIT")
    assert found.warnings == ("Its license, notices and NOTICE file stay, and changes are marked",)


def test_no_license_is_no_permission():
    found = licenses.check("", "MIT")
    assert found.compatible == "unknown"
    assert "all rights are reserved" in found.why


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("apache 2", "Apache-2.0"),
        ("GPLv3", "GPL-3.0-only"),
        ("the MIT licence", "MIT"),
        ("bsd", "BSD-2-Clause"),
        ("Creative-Commons-Attribution", None),
    ],
)
def test_a_mistyped_id_says_which_it_could_mean(typed, meant):
    assert (licenses.suggestions(typed) or (None,))[0] == meant
    with pytest.raises(InvalidInput) as refused:
        licenses.parse(typed)
    assert (meant or "LicenseRef-") in refused.value.message


def test_old_ids_and_any_case_are_understood():
    assert licenses.check("gpl-3.0", "GPL-3.0+").source == "GPL-3.0-only"
    assert licenses.check("mit", "proprietary").target == PROPRIETARY


@given(st.text(max_size=80) | st.lists(st.sampled_from(["(", ")", "AND", "OR", "WITH", "MIT", "+"]))
       .map(" ".join))  # fmt: skip
def test_whatever_is_typed_is_read_or_refused_in_words(typed):
    found = licenses.check(typed, "MIT")
    assert found.compatible in ("yes", "no", "unknown")
    assert found.why


def test_later_versions_are_in_the_table():
    assert {name for each in OR_LATER.values() for name in each} <= set(RULES)


OF_OSADL = """
    MIT            y y y y y y y y y y y
    BSD-2-Clause   y y y y y y y y y y y
    BSD-3-Clause   y y y y y y y y y y y
    ISC            y y y y y y y y y y y
    Unlicense      y y y y y y y y y y y
    Apache-2.0     y y y y y y y n y n y
    MPL-2.0        n n n n n n y y y y y
    LGPL-2.1-only  n n n n n n n y n y y
    LGPL-3.0-only  n n n n n n n n y n y
    GPL-2.0-only   n n n n n n n n n y n
    GPL-3.0-only   n n n n n n n n n n y
"""
"""Whether what is under the row may be copied into what is under the column, in the same order.

Source: OSADL license compatibility matrix, 4 November 2024 (CC-BY-4.0, Open Source Automation
Development Lab), the rows of these licenses. LGPL-2.1 to GPL-2.0 is "check dependency" there: it
must first be put under GPL-2.0, as section 3 of the LGPL allows.
"""
OF_FSF = """
    GPL-2.0-only       y/y y/y n/n n/n n/n n/n
    GPL-2.0-or-later   y/y y/y y/y n/n n/n n/n
    GPL-3.0-or-later   n/n y/y y/y n/n n/n n/n
    LGPL-2.1-only      y/y y/y y/y y/y y/y n/y
    LGPL-2.1-or-later  y/y y/y y/y y/y y/y y/y
    LGPL-3.0-or-later  n/n y/y y/y n/y y/y y/y
"""
"""Whether the row may be copied into the column, and used by it as a library; in the same order.

"OK if you convert" is n here: the result then has another license than the column.

Source: gnu.org/licenses/gpl-faq.html#AllCompatibility, rows "copy code" and "use a library".
"""


def test_the_table_says_of_copying_what_the_matrix_of_osadl_says():
    rows = [line.split() for line in OF_OSADL.split("\n") if line.strip()]
    names = [name for name, *_ in rows]
    assert {
        (source, target): said
        for source, *cells in rows
        for target, said in zip(names, cells, strict=True)
    } == {
        (source, target): licenses.check(source, target).compatible[0]
        for source, target in product(names, names)
    }


def test_the_table_says_of_the_gnu_licenses_what_the_matrix_of_the_fsf_says():
    rows = [line.split() for line in OF_FSF.split("\n") if line.strip()]
    for source, *cells in rows:
        for (target, *_), said in zip(rows, cells, strict=True):
            copied, used = (licenses.check(source, target, use) for use in ("derived", "part"))
            ours = f"{copied.compatible[0]}/{used.compatible[0]}"
            assert (source, target, ours) == (source, target, said)


def test_what_only_fits_a_later_version_says_which_choice_falls_away():
    found = licenses.check("GPL-3.0-only", "GPL-2.0-or-later")
    assert found.warnings[-1] == "Only as GPL-3.0-only: the choice of GPL-2.0-only falls away"
