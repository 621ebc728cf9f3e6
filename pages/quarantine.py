"""/quarantine?show=waiting&version=owner/slug: what a scan held back, and who trusts it."""

from __future__ import annotations

from pages.parts import cards, held, notices, session
from registry import cases
from registry.memory import recalled

reg, actor = session.require("search")

shown = held.state()
with notices.shown():
    found = recalled(cases.find, reg, actor, shown)

about = "Kept, not loaded: these files ask for code that is on no list. You decide."
with cards.header("Quarantine", about):
    held.scan_all(reg, actor)

held.choose()
held.listing(found, shown)

if ref := held.picked(found):
    with notices.shown():
        held.detail(reg, actor, cases.get(reg, actor, ref))
