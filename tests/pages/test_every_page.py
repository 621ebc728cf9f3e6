"""Every page, found by its file and opened by the address in its docstring."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import cookie
from registry import accounts, models, staging
from registry.core import Registry
from registry.records import Actor, Version
from registry.web import handle
from tests.house_rules import ROOT

FILES = sorted(p.name for p in (ROOT / "pages").glob("[a-z]*.py"))
SECRET = "zebrafinch"
Open = Callable[..., AppTest]


def query(file: str, ref: str, staged_id: str = "") -> dict[str, list[str]]:
    """The query of the page's docstring, with real things in place of the examples."""
    text = (ROOT / "pages" / file).read_text()
    said = re.match(r"/[a-z]*(?:\?(\S*?))?: ", ast.get_docstring(ast.parse(text)) or "")
    assert said, f"{file}: the docstring is not an address"
    values = parse_qs((said[1] or "").replace("owner/slug", ref))
    return {k: [staged_id if v == "id" else v for v in vs] for k, vs in values.items()}


@pytest.fixture
def open_as(reg: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens one page in a new tab of a signed-in person."""

    def open_page(actor: Actor, file: str, asked: dict[str, list[str]]) -> AppTest:
        handle.use(reg)
        token = accounts.redeem(reg, accounts.open_session(reg, actor)[1])
        monkeypatch.setattr(cookie, "token", lambda: token)
        tab = AppTest.from_file(ROOT / "pages/_main.py", default_timeout=20)
        tab.query_params.update(asked)
        return tab.switch_page(file).run() if file != "home.py" else tab.run()

    yield open_page
    handle.use(None)


def shown(tab: AppTest) -> str:
    """All that the tab shows, as one text."""
    return "\n".join(str(getattr(element, "proto", "")) for element in tab._tree)


@pytest.fixture
def secret(reg: Registry, alice: Actor, iris: Version) -> Version:
    models.edit(reg, alice, iris.model, description=SECRET, card=SECRET, tags=(SECRET,))
    return iris


@pytest.fixture
def draft_id(reg: Registry, alice: Actor, iris_file: Path) -> str:
    with staging.receive(reg, alice, f"{SECRET}.joblib") as incoming:
        incoming.write(iris_file.read_bytes())
        return incoming.finish().id


@pytest.mark.parametrize("file", FILES)
def test_it_opens_for_the_owner_and_tells_a_stranger_nothing(
    file: str, secret: Version, draft_id: str, alice: Actor, bob: Actor, open_as: Open
) -> None:
    asked = query(file, secret.model, draft_id)
    mine = open_as(alice, file, asked)
    assert not mine.exception
    theirs = open_as(bob, file, asked)
    assert not theirs.exception
    assert SECRET not in shown(theirs)
    if file == "model.py":
        assert SECRET in shown(mine)
        assert "Not found" in shown(theirs)


@pytest.mark.parametrize("file", FILES)
def test_an_anonymous_visitor_gets_the_card_only(
    file: str, secret: Version, reg: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle.use(reg)
    monkeypatch.setattr(cookie, "token", lambda: "")
    monkeypatch.setattr(cookie, "is_local", lambda: True)
    tab = AppTest.from_file(ROOT / "pages/_main.py", default_timeout=20)
    tab.query_params.update(query(file, secret.model))
    tab = tab.switch_page(file).run() if file != "home.py" else tab.run()
    handle.use(None)
    assert SECRET not in shown(tab)
    assert [button.label for button in tab.button if button.label == "Sign in"]


_VISIT = """
import json, sys
from streamlit.testing.v1 import AppTest
from pages.parts import cookie
from registry import predict, versions
from registry.records import Actor
from registry.web import handle

token, files, ref, actor = json.loads(sys.stdin.read())
cookie.token = lambda: token
for file, asked in files.items():
    tab = AppTest.from_file("pages/_main.py", default_timeout=30)
    tab.query_params.update(asked)
    tab = tab.switch_page(file).run() if file != "home.py" else tab.run()
    assert not tab.exception, (file, tab.exception)
reg, me = handle.get(), Actor(**actor)
row = {field.name: 1.5 for field in versions.get(reg, me, ref).schema.fields}
predict.predict(reg, me, ref, [row])
reg.close()
print(*{name.split(".")[0] for name in sys.modules})
"""


@pytest.mark.frameworks
def test_the_web_process_never_imports_a_framework(
    reg: Registry, iris: Version, alice: Actor
) -> None:
    """A fresh process opens every page and predicts once; the frameworks stay outside."""
    token = accounts.redeem(reg, accounts.open_session(reg, alice)[1])
    files = {file: query(file, iris.model) for file in FILES}
    actor = {"id": alice.id, "username": alice.username, "role": alice.role}
    done = subprocess.run(
        [sys.executable, "-c", _VISIT],
        input=json.dumps([token, files, iris.model, actor]),
        env={**os.environ, "VITRINE_HOME": str(reg.settings.home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    loaded = done.stdout.splitlines()[-1].split()
    assert "streamlit" in loaded
    assert {"torch", "sklearn", "onnxruntime", "onnx", "skops"}.isdisjoint(loaded)
