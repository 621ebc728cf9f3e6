"""A server that is killed while it tells a webhook tells it again when it is back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from registry import accounts, deliveries, models, webhooks
from registry.core import open_registry
from registry.settings import Settings
from tests.browser.conftest import PASSWORD, Server, start_server
from tests.makers.receiving import Receiver, is_signed, receiver

pytestmark = pytest.mark.long


def test_what_was_under_way_and_what_waited_arrives_after_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with receiver() as there:
        given = Settings(home=home, webhooks=True, _env_file=None, standby_workers=False)
        reg = open_registry(given)
        who = {"username": "alice", "name": "Alice", "email": "alice@example.org"}
        alice = accounts.create_user(reg, **who, password=PASSWORD, role="author")
        with reg.writing() as s:
            model = models.address(s, models.create_in(s, alice, name="Iris"))
        hook, secret = webhooks.add(reg, alice, there.url, ["model.edited"], model)
        models.edit(reg, alice, model, description="under way")
        there.silent = True
        first = started(home, there)
        try:
            assert there.came.wait(60)
            under_way = there.got[0][0]["webhook-id"]
            models.edit(reg, alice, model, description="waiting")
        finally:
            first.process.kill()
            first.process.wait()
        models.edit(reg, alice, model, description="while it was dead")
        assert {one.state for one in deliveries.find(reg, alice, hook.id)} == {"waiting"}
        there.silent = False
        second = started(home, there)
        try:
            until = time.monotonic() + 90
            while time.monotonic() < until and states(reg, alice, hook.id) != ["delivered"] * 3:
                time.sleep(0.2)
        finally:
            second.stop()
        assert states(reg, alice, hook.id) == ["delivered"] * 3
        ids = [headers["webhook-id"] for headers, _ in there.got]
        assert set(ids) == {one.id for one in deliveries.find(reg, alice, hook.id)}
        assert ids.count(under_way) >= 2
        assert all(is_signed(headers, body, secret) for headers, body in there.got)
        reg.close()


def started(home: Path, there: Receiver) -> Server:
    return start_server(home, webhooks="1", fetch_allow=there.allow)


def states(reg, actor, webhook_id: str) -> list[str]:
    return [one.state for one in deliveries.find(reg, actor, webhook_id)]
