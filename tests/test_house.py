"""The house keeps its rules, and every rule is seen to catch a violation planted on purpose."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata

import pytest

from registry.formats.contract import IMPORTS
from tests import house_rules as rules
from tests.house_rules import ROOT, RULES, Source

Rule = Callable[[Source], Iterator[str]]
PAGE = '"""/x: look."""\nreg, actor = session.require("search")\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    assert [sentence for source in rules.sources() for sentence in rule(source)] == []


PLANTS: list[tuple[Rule, str, str]] = [
    (rules.only_settings_read_the_environment, "registry/x.py", "import os\nos.environ['A']"),
    (rules.only_settings_read_the_environment, "pages/x.py", "from os import getenv"),
    (rules.only_formats_and_sandbox_unpickle, "registry/x.py", "import pickle"),
    (
        rules.only_formats_and_sandbox_unpickle,
        "registry/sandbox/pool.py",
        "from pickle import loads",
    ),
    (rules.only_formats_and_sandbox_unpickle, "app.py", "import joblib\njoblib.load('m')"),
    (rules.only_formats_and_sandbox_unpickle, "registry/x.py", "torch.load('m')"),
    (rules.frameworks_are_imported_inside_functions, "registry/formats/x.py", "import torch"),
    (rules.frameworks_are_imported_inside_functions, "pages/x.py", "from sklearn import svm"),
    (rules.tables_are_written_by_their_owner, "registry/x.py", "s.add(VersionRow(number=1))"),
    (rules.tables_are_written_by_their_owner, "registry/x.py", "s.execute(delete(AuditRow))"),
    (
        rules.tables_are_written_by_their_owner,
        "registry/x.py",
        "def f(s, actor):\n    row = models.for_action(s, actor, 'a', 'b')\n    row.card = ''",
    ),
    (
        rules.tables_are_written_by_their_owner,
        "registry/x.py",
        "def f(s):\n    row = s.get(UserRow, 1)\n    s.delete(row)",
    ),
    (rules.nothing_is_too_long, "registry/x.py", "\n" * 401),
    (rules.nothing_is_too_long, "registry/x.py", "def f():\n" + "    1\n" * 50),
    (rules.nothing_is_too_long, "pages/x.py", "\n" * 121),
    (rules.nothing_is_too_long, "pages/x.py", "def f():\n" + "    1\n" * 15),
    (rules.pages_only_read_call_and_render, "pages/x.py", "try:\n    1\nfinally:\n    2"),
    (rules.pages_only_read_call_and_render, "pages/x.py", "from sqlalchemy import select"),
    (rules.pages_only_read_call_and_render, "pages/x.py", "import threading"),
    (rules.pages_only_read_call_and_render, "pages/x.py", "@st.cache_data()\ndef f(): ..."),
    (rules.pages_only_read_call_and_render, "pages/x.py", "st.markdown('<style>a{}</style>')"),
    (rules.pages_only_read_call_and_render, "pages/x.py", "f('SELECT a FROM b')"),
    (rules.pages_begin_with_the_permission, "pages/x.py", PAGE.replace("/x: look.", "Look.")),
    (rules.pages_begin_with_the_permission, "pages/x.py", PAGE.replace("session.require", "who")),
    (
        rules.pages_begin_with_the_permission,
        "pages/x.py",
        PAGE.replace("reg,", "models.totals()\nreg,"),
    ),
    (rules.caches_know_their_actor, "pages/parts/x.py", "@st.cache_data\ndef f(name): ..."),
    (rules.errors_are_named, "registry/x.py", "try:\n    f()\nexcept Exception:\n    1"),
    (rules.errors_are_named, "pages/parts/x.py", "try:\n    f()\nexcept:\n    1"),
    (rules.public_things_say_what_they_are, "registry/x.py", "x = 1"),
    (rules.public_things_say_what_they_are, "registry/x.py", '"""X."""\ndef f(): ...'),
    (rules.nothing_is_left_undone, "registry/x.py", "x = 1  # TO" + "DO: later"),
    (rules.nothing_is_left_undone, "registry/x.py", "raise NotImplemented" + "Error"),
    (rules.private_names_stay_home, "registry/x.py", "from registry.audit import _mac"),
    (rules.nobody_imports_the_app, "registry/x.py", "from app import app"),
]


@pytest.mark.parametrize(("rule", "path", "code"), PLANTS)
def test_a_planted_violation_is_caught(rule: Rule, path: str, code: str) -> None:
    assert list(rule(Source(path, code)))


def test_every_rule_has_a_plant() -> None:
    assert {rule for rule, *_ in PLANTS} == set(RULES)


def test_a_proper_page_breaks_no_rule() -> None:
    page = Source("pages/x.py", PAGE)
    assert [sentence for rule in RULES for sentence in rule(page)] == []


def test_every_table_names_its_owner_and_the_owner_exists() -> None:
    texts = [file.read_text() for file in (ROOT / "registry/tables").glob("*.py")]
    nodes = [node for text in texts for node in ast.parse(text).body]
    rows = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    assert set(rules.owners()) == {name for name in rows if name.endswith("Row")}
    for row, owners in rules.owners().items():
        for owner in owners:
            assert (ROOT / f"registry/{owner}.py").exists(), f"{row}: no module {owner}"


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_worker_carries_no_database_and_no_web() -> None:
    loaded = _python(
        "import sys, registry.sandbox.worker, registry.formats as f\n"
        "[f.get(name) for name in f.FORMATS]\n"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    banned = {"sqlalchemy", "alembic", "streamlit", "starlette", "dbos", "pydantic_settings"}
    assert banned.isdisjoint(loaded.split())


def _required(file: str = "requirements.txt") -> dict[str, set[str]]:
    """Heading of a list of requirements to the distributions under it."""
    parts: dict[str, set[str]] = {}
    heading = ""
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("# "):
            heading = line[2:]
        elif line:
            name, _, version = line.partition("==")
            assert version, f"{line} is not pinned"
            parts.setdefault(heading, set()).add(_plain(name))
    return parts


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _distributions(names: Iterable[str]) -> set[str]:
    """Who brings the modules of these names."""
    known = metadata.packages_distributions()
    return {_plain(d) for name in names for d in known.get(name.split(".")[0], [])[:1]}


def _imports(*places: str) -> set[str]:
    """Distributions that the code there imports, also inside functions."""
    found: set[str] = set()
    for path in (path for place in places for path in ROOT.glob(place)):
        for node in ast.walk(ast.parse(path.read_text())):
            found.update(rules.imported(node))
    return _distributions(found)


def test_requirements_list_what_is_imported_and_nothing_else() -> None:
    parts = _required()
    ours = _imports("app.py", "registry/**/*.py", "pages/**/*.py")
    ours |= _distributions(name for names in IMPORTS.values() for name in names)
    tests = _imports("tests/**/*.py", "benchmarks/**/*.py")
    optional = set().union(*_required("requirements-s3.txt").values())
    assert ours - optional == parts["imported"]
    tools = {"mypy", "ruff", "import-linter", "pytest-xdist"}
    faster = parts["not imported, but the server is faster with them"]
    assert tests - ours - faster - optional == parts["tests and checks"] - tools


def test_tables_have_no_export_of_their_own() -> None:
    """Streamlit's writes cells as they are: a file called `=1+1` becomes a formula in a sheet."""
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    assert settings["client"]["disableDataExport"] is True


def test_requirements_are_complete() -> None:
    """What the named distributions need is named too, so that an install is the same next year."""
    listed = set().union(*_required().values())
    for name in sorted(listed):
        for line in metadata.requires(name) or []:
            if "extra ==" not in line and ";" not in line:
                needed = _plain(re.match(r"[\w.-]+", line)[0])  # type: ignore[index]
                assert needed in listed, f"{name} needs {needed}"
