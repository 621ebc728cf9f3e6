"""Which license lets a work go on under which other: one table, each row with its source.

`derived` lists the licenses that a work made from this one may have (fine-tuned, converted, code
copied); `part` those of a project that holds it unchanged and apart. A row speaks of one license;
`licenses.py` takes expressions apart.

Sources, each read for the rows that name it, in November 2026:
- FSF list: "Various Licenses and Comments about Them", gnu.org/licenses/license-list.html, the
  entry of each license;
- FSF matrix: "How are the various GNU licenses compatible with each other?",
  gnu.org/licenses/gpl-faq.html#AllCompatibility, the rows "copy code" and "use a library";
- ASF: "Apache License v2.0 and GPL Compatibility", apache.org/licenses/GPL-compatibility.html;
- CC: "CC BY-SA 4.0 now one-way compatible with GPLv3", creativecommons.org, 8 October 2015, and
  the answers on adapter's licenses in the FAQ of Creative Commons;
- OSADL: license compatibility matrix of 4 November 2024, osadl.org, which has no Creative Commons
  licenses; `tests/registry/test_licenses.py` holds this table against it;
- the texts of the licenses themselves, by section.

Where none of them speaks of a pair, the row follows from the text of the license alone.
"""

from __future__ import annotations

from typing import NamedTuple

PROPRIETARY = "LicenseRef-proprietary"
OR_LATER = {
    "GPL-2.0-or-later": ("GPL-2.0-only", "GPL-3.0-only"),
    "GPL-3.0-or-later": ("GPL-3.0-only",),
    "LGPL-2.1-or-later": ("LGPL-2.1-only", "LGPL-3.0-only"),
    "LGPL-3.0-or-later": ("LGPL-3.0-only",),
    "AGPL-3.0-or-later": ("AGPL-3.0-only",),
}
"""`or later` is a choice between the versions there are."""
_PERMISSIVE = "MIT BSD-2-Clause BSD-3-Clause ISC Unlicense CC0-1.0 Apache-2.0 CC-BY-4.0"
_COPYLEFT = (
    "GPL-2.0-only GPL-3.0-only LGPL-2.1-only LGPL-3.0-only AGPL-3.0-only MPL-2.0 CC-BY-SA-4.0"
)
_ANY = frozenset({*_PERMISSIVE.split(), *_COPYLEFT.split(), PROPRIETARY})


def _only(ids: str) -> frozenset[str]:
    return frozenset(ids.split())


class Rule(NamedTuple):
    """One license: what works under it may become, what it asks for, and who says so."""

    license: str
    derived: frozenset[str]
    part: frozenset[str]
    asks: str
    source: str


RULES: dict[str, Rule] = {
    rule.license: rule
    for rule in (
        Rule("MIT", _ANY, _ANY,
             "its copyright notice and permission text stay with the copy",
             "MIT, second paragraph; FSF list, Expat License; OSADL"),
        Rule("BSD-2-Clause", _ANY, _ANY,
             "its copyright notice, conditions and disclaimer stay with the copy",
             "BSD-2-Clause, conditions 1–2; FSF list, FreeBSD license; OSADL"),
        Rule("BSD-3-Clause", _ANY, _ANY,
             "its notice stays, and the names of its authors endorse nothing",
             "BSD-3-Clause, conditions 1–3; FSF list, Modified BSD license; OSADL"),
        Rule("ISC", _ANY, _ANY,
             "its copyright and permission notice appear in all copies",
             "ISC, first paragraph; FSF list, ISC License; OSADL"),
        Rule("Unlicense", _ANY, _ANY,
             "it asks for nothing",
             "Unlicense, paragraphs 1–3; FSF list, The Unlicense; OSADL"),
        Rule("CC0-1.0", _ANY, _ANY,
             "it asks for nothing, and gives no patent rights",
             "CC0 §2, §4(a); FSF list, CC0"),
        Rule("Apache-2.0", _ANY - _only("GPL-2.0-only LGPL-2.1-only"),
             _ANY - _only("GPL-2.0-only LGPL-2.1-only"),
             "its license, notices and NOTICE file stay, and changes are marked",
             "Apache-2.0 §4; FSF list, Apache License 2.0; ASF; OSADL"),
        Rule("CC-BY-4.0", _ANY, _ANY,
             "author, source, license and changes are named, by whoever has it from you too",
             "CC-BY-4.0 §3(a), §3(a)(4); CC, adapter’s licenses; FSF list, CC BY 4.0"),
        Rule("MPL-2.0",
             _only("MPL-2.0 GPL-2.0-only GPL-3.0-only LGPL-2.1-only LGPL-3.0-only AGPL-3.0-only"),
             _ANY,
             "files made from it stay under MPL-2.0; the (L/A)GPL may be added in a larger work",
             "MPL-2.0 §1.12, §3.1–3.3; FSF list, MPL 2.0; OSADL"),
        Rule("LGPL-2.1-only", _only("LGPL-2.1-only GPL-2.0-only GPL-3.0-only"), _ANY,
             "what is made from it stays under the LGPL or goes under the GPL; what only uses it "
             "lets people replace it",
             "LGPL-2.1 §2, §3, §6; FSF matrix; OSADL"),
        Rule("LGPL-3.0-only", _only("LGPL-3.0-only GPL-3.0-only"), _ANY - _only("GPL-2.0-only"),
             "what is made from it stays under the LGPL or goes under the GPL; what only uses it "
             "lets people replace it",
             "LGPL-3.0 §2, §4; FSF matrix; OSADL"),
        Rule("GPL-2.0-only", _only("GPL-2.0-only"), _only("GPL-2.0-only"),
             "a work that contains it is given, as a whole, under GPL-2.0; lying beside it on one "
             "medium is not containing it",
             "GPL-2.0 §2(b), §2 last paragraph, §6; FSF matrix; OSADL"),
        Rule("GPL-3.0-only", _only("GPL-3.0-only"), _only("GPL-3.0-only AGPL-3.0-only"),
             "a work that contains it is given, as a whole, under GPL-3.0; lying beside it on one "
             "medium is not containing it",
             "GPL-3.0 §5(c), §5 last paragraph, §10, §13; FSF matrix; OSADL"),
        Rule("AGPL-3.0-only", _only("AGPL-3.0-only"), _only("AGPL-3.0-only GPL-3.0-only"),
             "a work that contains it is given under AGPL-3.0, also to those who use it over a "
             "network",
             "AGPL-3.0 §5(c), §13; FSF list, GNU AGPL; OSADL"),
        Rule("CC-BY-SA-4.0", _only("CC-BY-SA-4.0 GPL-3.0-only"), _ANY,
             "what is adapted from it has the same license, or one that Creative Commons calls "
             "compatible",
             "CC-BY-SA-4.0 §3(b); CC, 8 October 2015"),
        Rule(PROPRIETARY, frozenset(), frozenset(),
             "it gives no rights but those that its owner agreed to in writing",
             "no license, no rights: Berne Convention, articles 8, 9 and 12"),
    )
}  # fmt: skip

BECAUSE: dict[tuple[str, str], str] = {
    ("Apache-2.0", "GPL-2.0-only"): (
        "GPL-2.0 allows no further restrictions, and the patent and indemnity clauses of "
        "Apache-2.0 are such (ASF; FSF list)"
    ),
    ("Apache-2.0", "LGPL-2.1-only"): (
        "what is under LGPL-2.1 must be convertible to GPL-2.0, and Apache-2.0 is not "
        "compatible with that (LGPL-2.1 §3; OSADL)"
    ),
    ("GPL-2.0-only", "GPL-3.0-only"): (
        "without the words 'or later', GPL-2.0 and GPL-3.0 each claim the whole (FSF matrix)"
    ),
    ("GPL-3.0-only", "GPL-2.0-only"): (
        "GPL-3.0 asks for more than GPL-2.0 allows to be asked (FSF matrix)"
    ),
    ("LGPL-3.0-only", "GPL-2.0-only"): (
        "LGPL-3.0 asks for more than GPL-2.0 allows to be asked (FSF matrix)"
    ),
}
"""Where the plain words of the table would not explain it."""
