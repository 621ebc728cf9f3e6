"""Accounts in a real browser: what a visitor sees, keeps and loses."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import (
    PASSWORD,
    Server,
    create_admin,
    expect_card,
    expect_no_cookie,
    expect_signed_in,
    fill,
    fill_registration,
    register,
    settle,
    sign_in,
    sign_out,
    start_server,
)

PAGES = "models upload compare playground model account activity jobs home".split()
NEW = "another long pass phrase"
Visit = Callable[..., BrowserContext]


def test_an_anonymous_visitor_of_a_fresh_server_sees_no_page_body(
    server: Server, visit: Visit
) -> None:
    for path in (*PAGES, "", "model?name=alice/iris", "_main", "parts/session"):
        page = visit().new_page()
        page.goto(f"{server.url}/{path}")
        if "_main" in path or "/session" in path:  # no page of ours: nothing is served there
            page.wait_for_timeout(2000)
        else:
            expect(page.get_by_role("button", name="Create administrator")).to_be_visible()
        assert page.locator("h1").count() == 0, path
        assert page.get_by_test_id("stSidebarNav").count() == 0, path
        page.context.close()


def test_from_the_first_visit_to_the_last(server: Server, visit: Visit) -> None:
    page = visit().new_page()
    create_admin(page, server, "ada")
    [cookie] = [c for c in page.context.cookies() if c["name"] == "vitrine-session"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert "vitrine-session" not in page.evaluate("document.cookie")

    page.reload()
    expect_signed_in(page)
    assert page.get_by_role("button", name="Sign in", exact=True).count() == 0

    second = page.context.new_page()
    second.goto(f"{server.url}/account")
    expect(second.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    sign_out(page)
    expect_no_cookie(page)
    second.get_by_role("button", name="Save profile").click()
    expect_card(second)
    page.reload()
    expect_card(page)

    for _ in range(2):  # and once more, in the same tab
        sign_in(page, "ada")
        expect_signed_in(page)
        sign_out(page)
        expect_no_cookie(page)


def test_a_deep_link_survives_signing_in(server: Server, visit: Visit) -> None:
    page = visit().new_page()
    create_admin(page, server, "ada")
    other = visit().new_page()
    other.goto(f"{server.url}/models?text=churn")
    sign_in(other, "ada")
    expect_signed_in(other)
    settle(other)
    assert other.url.startswith(f"{server.url}/models?")
    assert "text=churn" in other.url


def test_a_password_change_signs_the_other_browser_out(server: Server, visit: Visit) -> None:
    create_admin(visit().new_page(), server, "ada")
    here, there = visit().new_page(), visit().new_page()
    register(here, server, "bob")
    there.goto(f"{server.url}/account")
    sign_in(there, "bob")
    expect(there.get_by_role("heading", name="Account", exact=True)).to_be_visible()

    here.goto(f"{server.url}/account")
    fill(here, "Current password", PASSWORD)
    fill(here, "New password", NEW)
    fill(here, "Repeat password", NEW)
    here.get_by_role("button", name="Change password").click()
    expect(here.get_by_text("Your password is changed")).to_be_visible()

    there.get_by_role("button", name="Save profile").click()
    expect_card(there)
    expect(there.get_by_text("Your session has ended")).to_be_visible()
    sign_in(there, "bob")
    expect(there.get_by_text("is not right")).to_be_visible()
    sign_in(there, "bob", NEW)
    expect_signed_in(there)
    here.reload()
    expect_signed_in(here)


def test_of_two_first_visitors_one_becomes_admin(server: Server, visit: Visit) -> None:
    pages: list[Page] = [visit().new_page(), visit().new_page()]
    for page, name in zip(pages, ("ada", "eve"), strict=True):
        page.goto(server.url)
        expect(page.get_by_text("Create the administrator")).to_be_visible()
        fill_registration(page, name)
    for page in pages:
        page.get_by_role("button", name="Create administrator").click()
    for page in pages:  # whoever of the two was quicker
        late = page.get_by_text("Somebody has created the first account already")
        expect(page.get_by_test_id("stSidebarNav").or_(late).first).to_be_visible()
    (admin,) = (page for page in pages if page.get_by_test_id("stSidebarNav").count())
    expect_signed_in(admin)


def test_a_session_outlives_a_restart_of_the_server(server: Server, visit: Visit) -> None:
    page = visit().new_page()
    create_admin(page, server, "ada")
    cookies = page.context.cookies()
    server.stop()
    again = start_server(server.home)
    try:
        later = visit()
        later.add_cookies(cookies)
        fresh = later.new_page()
        fresh.goto(again.url)
        expect_signed_in(fresh)
    finally:
        again.stop()
