"""Lists that change between two pages: what comes or goes neither repeats nor skips others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from registry import audit, downloads, job_lists, jobs, logins, search, tokens
from registry.core import Registry
from registry.errors import InvalidInput, NotFound
from registry.records import Actor, ModelQuery, Version
from registry.tables import JobRow, ModelRow, VersionRow, new_id, now
from tests.registry.web.conftest import Api, Client, problem


def walked(api: Api, path: str, between: Callable[[], object], key: str, **asked: Any) -> list[Any]:
    """All pages of a list, with a change after the first."""
    seen, cursor = [], ""
    while cursor is not None:
        page = api.ok("GET", path, params={"limit": 2, "cursor": cursor} | asked)
        seen += [item[key] for item in page["items"]]
        if not cursor:
            between()
        cursor = page["next"]
    return seen


def copied(s: Any, row: Any, **other: Any) -> str:
    """One more row like another."""
    kept = {c.key: getattr(row, c.key) for c in type(row).__table__.columns}
    made = type(row)(**(kept | {"id": new_id()} | other))
    s.add(made)
    return str(made.id)


@pytest.fixture
def six(reg: Registry, iris: Version) -> list[str]:
    """Names of six models of alice, b to g."""
    with reg.writing() as s:
        row = s.get_one(ModelRow, iris.model_id)
        names = list("bcdefg")
        for n, name in enumerate(names):
            at = row.created_at + timedelta(seconds=n)
            copied(s, row, name=name, slug=name, created_at=at, updated_at=at, n_versions=n % 2)
        s.flush()
        s.execute(update(ModelRow).where(ModelRow.id == iris.model_id).values(deleted_at=now()))
    return names


@pytest.mark.parametrize("sort", ["name", "created", "updated", "versions", "metric"])
def test_models_come_and_go_between_pages(
    sort: str, api: Api, reg: Registry, six: list[str]
) -> None:
    whole = walked(api, "/models", lambda: None, "slug", sort=sort)
    assert sorted(whole) == six
    gone, left = whole[0], whole[1:]

    def change() -> None:
        with reg.writing() as s:
            row = s.execute(select(ModelRow).where(ModelRow.slug == gone)).scalar_one()
            copied(s, row, slug="new", name=f"{row.name}!"[:1])
            s.execute(delete(ModelRow).where(ModelRow.id == row.id))

    seen = walked(api, "/models", change, "slug", sort=sort)
    assert [slug for slug in seen if slug != "new"] == whole
    assert [slug for slug in seen[1:] if slug != "new"] == left


def test_models_without_a_rating_come_once_each(
    reg: Registry, alice: Actor, six: list[str]
) -> None:
    query = ModelQuery(sort="stars")
    first = search.find_models(reg, alice, query, size=4)
    rest = search.find_models(reg, alice, query, size=4, after=first.last)
    assert sorted(m.slug for m in (*first.items, *rest.items)) == six
    assert rest.last == ()
    with pytest.raises(InvalidInput):
        search.find_models(reg, alice, query, after=(1,))


def test_versions_come_and_go_between_pages(api: Api, reg: Registry, iris: Version) -> None:
    with reg.writing() as s:
        row = s.get_one(VersionRow, iris.id)
        for number in range(2, 7):
            copied(s, row, number=number, draft_id=new_id())

    def change() -> None:
        with reg.writing() as s:
            row = s.get_one(VersionRow, iris.id)
            copied(s, row, number=7, draft_id=new_id())
            s.execute(delete(VersionRow).where(VersionRow.number.in_([6])))

    path = f"/models/{iris.model}/versions"
    assert walked(api, path, change, "number") == [6, 5, 4, 3, 2, 1]


def test_tokens_come_and_go_between_pages(client: Client, reg: Registry, alice: Actor) -> None:
    api = Api(client, logins.open_login(reg, alice).access)
    made = [tokens.create(reg, alice, str(n), ["search"])[0] for n in range(5)]

    def change() -> None:
        tokens.create(reg, alice, "new", ["search"])

    seen = walked(api, "/tokens", change, "id")
    assert seen == [token.id for token in reversed(made)]


def test_audit_lines_come_between_pages(api: Api, reg: Registry, alice: Actor) -> None:
    before = walked(api, "/me/audit", lambda: None, "id")

    def change() -> None:
        with reg.writing() as s:
            audit.record(s, alice, "model.edit", "x")

    assert walked(api, "/me/audit", change, "id") == before
    assert len(before) == len(set(before)) > 0


def submitted(reg: Registry, actor: Actor, n: int) -> list[str]:
    with reg.writing() as s:
        return [jobs.submit_in(s, actor, "check", new_id(), str(k)) for k in range(n)]


def test_jobs_come_and_go_between_pages(api: Api, reg: Registry, alice: Actor, bob: Actor) -> None:
    mine = submitted(reg, alice, 5)
    submitted(reg, bob, 2)

    def change() -> None:
        submitted(reg, alice, 1)
        with reg.writing() as s:
            s.execute(delete(JobRow).where(JobRow.id == mine[-1]))

    assert walked(api, "/jobs", change, "id") == mine[::-1]


def test_a_job_is_found_however_old_and_only_by_who_started_it(
    api: Api, reg: Registry, alice: Actor, bob: Actor
) -> None:
    [old] = submitted(reg, alice, 1)
    submitted(reg, alice, 205)
    assert api.ok("GET", f"/jobs/{old}")["id"] == old
    assert job_lists.get(reg, alice, old).id == old
    with pytest.raises(NotFound):
        job_lists.get(reg, bob, old)
    [others] = submitted(reg, bob, 1)
    assert (
        problem(api("GET", f"/jobs/{others}"), 404)["detail"]
        == (problem(api("GET", f"/jobs/{new_id()}"), 404)["detail"])
    )


def test_a_limit_beside_a_cursor_counts_from_that_page_on(
    client: Client, reg: Registry, alice: Actor
) -> None:
    api = Api(client, logins.open_login(reg, alice).access)
    made = [tokens.create(reg, alice, str(n), ["search"])[0].id for n in range(7)]
    first = api.ok("GET", "/tokens", params={"limit": 1})
    second = api.ok("GET", "/tokens", params={"limit": 3, "cursor": first["next"]})
    third = api.ok("GET", "/tokens", params={"cursor": second["next"]})
    pages = [[item["id"] for item in page["items"]] for page in (first, second, third)]
    assert list(map(len, pages)) == [1, 3, 3]
    assert [one for page in pages for one in page] == made[::-1]


def test_a_list_cut_by_number_takes_a_limit_that_fits_what_came_before(
    api: Api, reg: Registry, alice: Actor, iris: Version
) -> None:
    path = f"/models/{iris.model}/downloads"
    with reg.writing() as s:
        for n in range(7):
            downloads.count_in(s, alice, [iris.artifact.id], str(n))
    whole = api.ok("GET", path)["items"]
    begun = api.ok("GET", path, params={"limit": 4})
    more = api.ok("GET", path, params={"limit": 2, "cursor": begun["next"]})
    assert begun["items"] + more["items"] == whole[:6]
    wrong = api("GET", path, params={"limit": 3, "cursor": begun["next"]})
    assert "the 4 that came before" in problem(wrong, 422)["problems"]["limit"]
