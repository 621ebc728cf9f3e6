"""Recognises the text of a license by what only that license says; nothing else is read of it.

Source: the texts of the SPDX license list 3.27.
"""

from __future__ import annotations

import re

from registry.license_rules import PROPRIETARY

MOST_BYTES = 200_000
_SPDX = re.compile(r"spdx-license-identifier:\s*([^\n*]{1,200})", re.IGNORECASE)
_BSD = "redistributions in binary form must reproduce the above copyright notice"
_MIT = "permission is hereby granted, free of charge, to any person obtaining a copy of this"
_PHRASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license version 3",)),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3",)),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2.1",)),
    ("GPL-3.0-only", ("gnu general public license version 3",)),
    ("GPL-2.0-only", ("gnu general public license version 2",)),
    ("Apache-2.0", ("apache license version 2.0",)),
    ("MPL-2.0", ("mozilla public license version 2.0",)),
    ("CC-BY-SA-4.0", ("attribution-sharealike 4.0 international",)),
    ("CC-BY-4.0", ("attribution 4.0 international",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("BSD-3-Clause", (_BSD, "may be used to endorse or promote products")),
    ("BSD-2-Clause", (_BSD,)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose",)),
    ("MIT", (_MIT,)),
    (PROPRIETARY, ("all rights reserved", "proprietary")),
)
"""In this order: a longer name before the shorter one that it contains."""
_OTHERS = ("noncommercial", "noderivatives", "commons clause", "openrail", "community license")
"""Texts that look like one of the above and are another."""


def recognise(text: str) -> str:
    """The SPDX id of a license's text, or "" when it is none that is known here.

    The text of the GPL does not say whether later versions will do: it counts as `-only`.
    """
    if named := _SPDX.search(text[:MOST_BYTES]):
        return named[1].strip()
    said = re.sub(r"[\s,;:\"'“”*#=_-]+", " ", text[:MOST_BYTES].casefold())
    head = said[:600]
    if any(other in said for other in _OTHERS[2:]) or any(o in head for o in _OTHERS[:2]):
        return ""
    for name, phrases in _PHRASES:
        wanted = [re.sub(r"[\s,;:\"'*#=_-]+", " ", phrase) for phrase in phrases]
        if wanted[0] in (head if _has_title(name) else said) and all(w in said for w in wanted):
            return name
    return ""


def _has_title(name: str) -> bool:
    """Whether the text begins with its own name: others mention that name further down."""
    return name.startswith(("AGPL", "LGPL", "GPL", "Apache", "MPL", "CC"))
