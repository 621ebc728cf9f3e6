"""Opens a page as a signed-in person, on the test's own registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from pages.parts import cookie
from registry import accounts
from registry.core import Registry
from registry.records import Actor
from registry.web import handle
from tests.house_rules import ROOT

Visit = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _no_search_for_components(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each AppTest reads the metadata of every installed package for components: 0.8 s for none."""
    find = "discover_and_register_components"
    monkeypatch.setattr(BidiComponentManager, find, lambda *_, **__: None)


@pytest.fixture
def visit(reg: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """`visit(alice, "models.py", q="iris")`: the page as she sees it in a new tab."""

    def open_page(actor: Actor, file: str = "home.py", **asked: Any) -> AppTest:
        handle.use(reg)
        token = accounts.redeem(reg, accounts.open_session(reg, actor)[1])
        monkeypatch.setattr(cookie, "token", lambda: token)
        tab = AppTest.from_file(ROOT / "pages/_main.py", default_timeout=20)
        tab.query_params.update({k: [v] if isinstance(v, str) else v for k, v in asked.items()})
        tab = tab.run() if file == "home.py" else tab.switch_page(file).run()
        assert not tab.exception
        return tab

    yield open_page
    handle.use(None)
