"""Webhooks on pages: off with the reason, made with a secret that is shown once, listed."""

from __future__ import annotations

from registry import deliveries, webhooks


def test_where_webhooks_are_off_the_button_says_so(visit, alice, iris):
    tab = visit(alice, "model.py", name=iris.model, tab="Settings")
    button = tab.button(f"hooks.new.{iris.model}")
    assert button.disabled
    assert "VITRINE" in button.help


def test_the_deliveries_of_a_webhook_are_listed(reg_with, visit, alice, iris):
    on = reg_with(webhooks=True)
    made, _ = webhooks.add(on, alice, "https://example.org/hook", ["alias.moved"], iris.model)
    deliveries.ping(on, alice, made.id)
    tab = visit(alice, "model.py", name=iris.model, tab="Settings")
    assert any("waiting" in one.value and "webhook" in one.value for one in tab.markdown)


def test_the_account_page_has_those_of_the_person(reg_with, visit, alice, iris):
    on = reg_with(webhooks=True)
    webhooks.add(on, alice, "https://example.org/mine", ["alias.moved"])
    tab = visit(alice, "account.py")
    assert any("mine" in one.value for one in tab.markdown)
    tab.button(f"hooks.off.{webhooks.find(on, alice)[0].id}").click().run()
    assert webhooks.find(on, alice) == ()
