"""Webhooks are told, signed, what happened to models their person may see; again when they fail."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from registry import access, accounts, aliases, deliveries, gates, jobs, models, versions, webhooks
from registry.core import open_registry
from registry.errors import Conflict, Forbidden, GateClosed, InvalidInput, NotFound, RateLimited
from registry.records import Rule
from registry.tables import DeliveryRow, JobRow, WebhookRow, now
from tests.makers.receiving import is_signed, receiver

EVERYTHING = list(webhooks.EVENTS)


@pytest.fixture
def there():
    with receiver() as here:
        yield here


@pytest.fixture
def hooked(settings, pool, there, reg):
    """The test's registry with webhooks on, and the receiver's address permitted."""
    changes = {"webhooks": True, "fetch_allow": there.allow, "fetch_timeout_s": 5.0}
    on = open_registry(settings.model_copy(update=changes), pool)
    yield on
    on.engine.dispose()


def tell(reg) -> list[str]:
    """What the job loop does: collect, then each try that is due; the events."""
    deliveries.collect(reg)
    return again(reg)


def again(reg) -> list[str]:
    with reg.reading() as s:
        rows = s.execute(select(DeliveryRow).where(DeliveryRow.state == "waiting")).scalars()
        waiting = [(row.id, row.event) for row in rows]
    for delivery_id, _ in waiting:
        deliveries.deliver(reg, delivery_id)
    return [event for _, event in waiting]


def hook(reg, actor, there, model="", events=EVERYTHING):
    return webhooks.add(reg, actor, there.url, events, model)


def test_a_moved_alias_is_told_signed(hooked, alice, iris, there):
    _, secret = hook(hooked, alice, there, iris.model)
    aliases.move(hooked, alice, iris.ref, "champion", "the best so far")
    assert tell(hooked) == ["alias.moved"]
    ((headers, body),) = there.got
    assert is_signed(headers, body, secret)
    assert not is_signed(headers, body + b" ", secret)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    said = json.loads(body)
    assert said["data"] == {"model": iris.model, "by": "alice", "alias": "champion",
                            "from": None, "to": 1, "reason": "the best so far"}  # fmt: skip


def test_what_a_model_goes_through_is_told_in_order(hooked, alice, there, publish_file, iris_file):
    hook(hooked, alice, there)
    made = publish_file(alice, iris_file, name="Other", license="MIT")
    assert tell(hooked) == ["version.added", "version.ready"]
    gates.edit(hooked, alice, made.model, [Rule("metric", metric="f1", value=0.9)])
    with pytest.raises(GateClosed):
        aliases.move(hooked, alice, made.ref, "champion")
    versions.trash(hooked, alice, made.ref)
    models.trash(hooked, alice, made.model)
    assert tell(hooked) == ["gate.refused", "version.trashed", "model.trashed"]
    data = [json.loads(body)["data"] for _, body in there.got]
    assert data[2]["alias"] == "champion"
    assert ["f1" in said for said in data[2]["failed"]] == [True]
    assert data[0] == {"model": made.model, "version": 1, "by": "alice"}


def test_what_happened_before_is_not_told(hooked, alice, iris, there):
    models.edit(hooked, alice, iris.model, description="before")
    hook(hooked, alice, there, iris.model)
    assert tell(hooked) == []


def test_nothing_is_lost_when_the_process_was_killed_before_it_told(
    hooked, settings, pool, alice, iris, there
):
    hook(hooked, alice, there, iris.model)
    models.edit(hooked, alice, iris.model, description="after")
    hooked.engine.dispose()
    on = open_registry(hooked.settings, pool)
    assert deliveries.collect(on) == 1
    assert deliveries.collect(on) == 0
    on.engine.dispose()


def test_only_the_events_and_the_model_that_were_chosen(
    hooked, alice, iris, there, publish_file, iris_file
):
    hook(hooked, alice, there, iris.model, ["version.ready"])
    publish_file(alice, iris_file, name="Other")
    aliases.move(hooked, alice, iris.ref, "champion")
    assert tell(hooked) == []


def test_who_loses_access_is_told_no_more(hooked, alice, bob, iris, there):
    access.share(hooked, alice, iris.model, "bob", "view")
    hook(hooked, bob, there)
    models.edit(hooked, alice, iris.model, description="seen")
    assert tell(hooked) == ["model.edited"]
    models.edit(hooked, alice, iris.model, description="told too late")
    deliveries.collect(hooked)
    access.unshare(hooked, alice, iris.model, "bob")
    models.edit(hooked, alice, iris.model, description="unseen")
    tell(hooked)
    assert len(there.got) == 1
    assert "unseen" not in repr(there.got)


def test_a_former_manager_and_a_disabled_person_are_told_no_more(
    hooked, alice, bob, admin, iris, there
):
    access.share(hooked, alice, iris.model, "bob", "manage")
    hook(hooked, bob, there, iris.model)
    access.share(hooked, alice, iris.model, "bob", "edit")
    models.edit(hooked, alice, iris.model, description="1")
    assert tell(hooked) == []
    hook(hooked, alice, there, iris.model)
    models.edit(hooked, alice, iris.model, description="2")
    deliveries.collect(hooked)
    accounts.set_disabled(hooked, admin, "alice", disabled=True)
    again(hooked)
    assert there.got == []


def test_a_failed_try_is_repeated_later_and_later(hooked, alice, iris, there):
    made, _ = hook(hooked, alice, there, iris.model)
    there.status, there.answer = 500, b"<b>no</b>" + b"x" * 5000
    models.edit(hooked, alice, iris.model, description="new")
    tell(hooked)
    (told,) = deliveries.find(hooked, alice, made.id)
    assert (told.state, told.tries, told.answered) == ("waiting", 1, 500)
    assert len(told.said) == 200
    for _ in range(5):
        again(hooked)
    (told,) = deliveries.find(hooked, alice, made.id)
    assert (told.state, told.tries) == ("failed", 6)
    assert len({headers["webhook-id"] for headers, _ in there.got}) == 1
    with hooked.reading() as s:
        rows = s.execute(select(JobRow).where(JobRow.kind == "webhook")).scalars()
        waits = [row.not_before - row.created_at for row in rows if row.not_before]
    assert [round(wait.total_seconds()) for wait in waits] == [10, 60, 600, 3600, 21600]


def test_what_fails_for_long_is_switched_off_with_the_reason(hooked, alice, iris, there):
    made, _ = hook(hooked, alice, there, iris.model)
    there.status = 500
    with hooked.writing() as s:
        s.get_one(WebhookRow, made.id).failures = deliveries.MOST_FAILURES - 1
    models.edit(hooked, alice, iris.model, description="new")
    tell(hooked)
    (now_off,) = webhooks.find(hooked, alice, iris.model)
    assert now_off.disabled == "20 tries in a row failed"
    with pytest.raises(Conflict, match="20 tries"):
        deliveries.ping(hooked, alice, made.id)
    models.edit(hooked, alice, iris.model, description="missed")
    assert webhooks.enable(hooked, alice, made.id).disabled == ""
    assert tell(hooked) == []


def test_one_that_is_gone_is_switched_off_at_once(hooked, alice, iris, there):
    made, _ = hook(hooked, alice, there, iris.model)
    there.status = 410
    deliveries.ping(hooked, alice, made.id)
    again(hooked)
    assert webhooks.find(hooked, alice, iris.model)[0].disabled == "it answered 410 Gone"


def test_nobody_is_flooded_with_tests(hooked, alice, iris, there):
    made, _ = hook(hooked, alice, there, iris.model)
    for _ in range(10):
        deliveries.ping(hooked, alice, made.id)
    with pytest.raises(RateLimited, match="10 links a minute"):
        deliveries.ping(hooked, alice, made.id)
    assert len(deliveries.find(hooked, alice, made.id)) == 10


def test_a_redirect_is_not_followed(hooked, alice, iris, there):
    made, _ = hook(hooked, alice, there, iris.model)
    there.status = 307
    deliveries.ping(hooked, alice, made.id)
    again(hooked)
    (told,) = deliveries.find(hooked, alice, made.id)
    assert told.state == "failed"
    assert "a redirect, which is not followed" in told.said


def test_an_inner_address_that_is_not_listed_is_never_asked(reg_with, alice, iris, there):
    on = reg_with(webhooks=True)
    made, _ = hook(on, alice, there, iris.model)
    deliveries.ping(on, alice, made.id)
    again(on)
    assert "not on the public internet" in deliveries.find(on, alice, made.id)[0].said
    assert there.got == []


def test_nobody_else_changes_or_sees_a_webhook(hooked, alice, bob, iris, there):
    models.publish_to_all(hooked, alice, iris.model)
    for made, _ in (hook(hooked, alice, there), hook(hooked, alice, there, iris.model)):
        for door in (webhooks.remove, webhooks.enable, deliveries.ping, deliveries.find):
            with pytest.raises(NotFound):
                door(hooked, bob, made.id)
    assert webhooks.find(hooked, bob) == ()
    with pytest.raises(Forbidden):
        webhooks.add(hooked, bob, there.url, EVERYTHING, iris.model)


def test_the_secret_is_nowhere_in_the_database(hooked, settings, alice, iris, there):
    _, secret = hook(hooked, alice, there, iris.model)
    hooked.engine.dispose()
    kept = b"".join(path.read_bytes() for path in settings.home.glob("vitrine.db*"))
    assert there.url.encode() in kept
    assert secret.removeprefix("whsec_").encode() not in kept


def test_an_address_or_event_that_is_none_is_refused(hooked, reg, alice, there):
    with pytest.raises(InvalidInput) as refused:
        webhooks.add(hooked, alice, "http://me:secret@a.org/", ["version.sold"])
    assert set(refused.value.problems) == {"url", "events"}
    with pytest.raises(Conflict, match="VITRINE_WEBHOOKS=1"):
        webhooks.add(reg, alice, there.url, EVERYTHING)


def test_the_engine_delivers_within_moments(hooked, alice, iris, there):
    hook(hooked, alice, there, iris.model)
    jobs.launch(hooked, {deliveries.KIND: deliveries.deliver}, (), (deliveries.collect,))
    try:
        models.edit(hooked, alice, iris.model, description="now")
        assert there.came.wait(20)
    finally:
        jobs.stop()
    assert there.types == ["model.edited"]


def test_old_deliveries_are_forgotten(hooked, alice, iris, there):
    made, _ = hook(hooked, alice, there, iris.model)
    deliveries.ping(hooked, alice, made.id)
    again(hooked)
    with hooked.writing() as s:
        s.execute(select(DeliveryRow)).scalar_one().created_at = now() - timedelta(days=31)
    deliveries.sweep(hooked)
    assert deliveries.find(hooked, alice, made.id) == ()
