"""/audit?who=ada&action=model.edit&text=iris&since=2026-01-01&until=2026-02-01&p=2: the audit."""

from __future__ import annotations

from pages.parts import audit_table, cards, filters, notices, session
from registry import activity, audit_lines
from registry.memory import recalled

reg, actor = session.require("search")

whose = "Everything" if activity.sees_all(actor) else "What you did, and models you may see"
place = cards.header("Audit", f"{whose}, line by line. Lines are never changed.")

with notices.shown():
    wanted = audit_table.wanted(recalled(audit_lines.actions, reg, actor))
    found = recalled(audit_lines.find, reg, actor, wanted, page=filters.page())

with place:
    audit_table.export(reg, actor, wanted)
audit_table.listing(found)
