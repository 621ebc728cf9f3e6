"""The docs keep their word. `python -m tests.test_docs` writes the settings table anew."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

from registry.settings import Settings
from tests import docker_steps
from tests.house_rules import ROOT
from tools import permissions

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OPERATIONS = ROOT / "docs/operations.md"
_BETWEEN = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def settings_table() -> str:
    """Every setting with its default and description, as Markdown."""
    lines = ["| variable | default | what |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} has no description"
        choices = _choices(field)
        what = field.description.rstrip(".") + (f": {', '.join(choices)}." if choices else ".")
        default = str(field.default).lower() if field.annotation is bool else field.default
        shown = f"`{default}`" if default != "" else ""
        lines.append(f"| `VITRINE_{name.upper()}` | {shown} | {what} |")
    return "\n".join(lines) + "\n"


def _choices(field: FieldInfo) -> list[str]:
    literal = get_origin(field.annotation) is Literal
    return [f"`{choice}`" for choice in get_args(field.annotation)] if literal else []


def test_the_settings_table_is_the_settings() -> None:
    found = _BETWEEN.search(OPERATIONS.read_text())
    assert found
    assert found[0] == settings_table(), "run: python -m tests.test_docs"


def test_the_page_of_permissions_is_the_policy_table() -> None:
    assert permissions.PAGE.read_text() == permissions.page(), "run: python -m tools.permissions"


def test_every_make_command_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for code in re.findall(r"`make ([a-z]+)|^make ([a-z]+)", page.read_text(), re.MULTILINE):
            assert "".join(code) in targets, f"{page.name}: make {''.join(code)}"


def test_every_registry_command_in_the_docs_exists() -> None:
    known = set(re.findall(r'\badd\("([a-z-]+)"', (ROOT / "registry/__main__.py").read_text()))
    said = {
        command
        for page in PAGES
        for command in re.findall(r"python -m registry ([a-z-]+)", page.read_text())
    }
    said |= set(re.findall(r"^\| `([a-z-]+)` \| ", OPERATIONS.read_text(), re.MULTILINE))
    assert said
    assert said <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in {_anchor(title) for title in titles}, f"{page.name}: no {target}"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text()
    for page in (ROOT / "docs/decisions").glob("[0-9]*.md"):
        assert f"({page.name})" in listed


def test_every_word_of_the_house_names_something_in_the_code() -> None:
    text = (ROOT / "docs/architecture.md").read_text().partition("## Words")[2]
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    names = [re.findall(r"`([\w.]+)`", row[4]) for row in rows[1:]]
    assert len(names) > 15
    for (name,) in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(f"registry.{module}"), attribute), name


def test_every_import_in_the_readme_works() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    imports = [line for line in code.splitlines() if line.startswith(("from ", "import "))]
    exec("\n".join(imports), {})
    compile(code, "README.md", "exec")


def test_the_floors_in_the_docs_name_what_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    table = text.partition("## Floors")[2].partition("## Reading")[0]
    for line in table.splitlines():
        for name in re.findall(r"`([\w./*]+)`", line.split("|")[2] if line[:1] == "|" else ""):
            found = [
                *ROOT.glob(name),
                *ROOT.glob(f"registry/{name}"),
                *ROOT.glob(f"registry/{name}.py"),
            ]
            assert found, name


def test_what_must_be_pinned_exactly_is() -> None:
    text = (ROOT / "requirements.txt").read_text()
    assert "torch==2.13.0\n" in text
    assert "+cpu" not in text
    assert "streamlit-authenticator==0.4.2\n" in text


def test_the_dockerfile_runs_as_nobody_and_says_how_it_feels() -> None:
    steps = docker_steps.instructions((ROOT / "Dockerfile").read_text())
    words = [word for word, _ in steps]
    assert words.index("USER") < words.index("CMD")
    assert dict(steps)["USER"].split(":")[0] not in {"0", "root"}
    assert "/healthz" in dict(steps)["HEALTHCHECK"]
    assert json.loads(dict(steps)["CMD"])[:3] == ["streamlit", "run", "app.py"]
    assert "/data" in dict(steps)["VOLUME"]


def test_no_page_tells_where_it_was_written() -> None:
    for page in PAGES:
        assert not re.search(r"/(home|root|work|Users)/\w", page.read_text()), page.name


if __name__ == "__main__":
    OPERATIONS.write_text(_BETWEEN.sub(lambda _: settings_table(), OPERATIONS.read_text()))
