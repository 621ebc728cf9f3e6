"""A real registry for every test: SQLite and a folder under tmp_path, one shared pool.

What costs time is prepared once and copied: a migrated database, and the home with alice's model.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from registry import accounts, checks, passwords, publish, staging, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Metric, Role, Version
from registry.sandbox.pool import Pool, open_pool
from registry.settings import Settings
from tests.makers import models as makers

PASSWORD = "a long enough password"
Publish = Callable[..., Version]
Once = Callable[[str, Callable[[Path], object]], Path]


# Which tests are slow, by where they stand. `frameworks` build models of every kind and load them,
# where the imports take seconds and a gigabyte, or start and kill processes and engines. `screens`
# open pages without a browser; `house` reads the code.
_SLOW = {
    "screens": {"pages"},
    "house": {"test_docs.py", "test_house.py"},
    "frameworks": {
        *("contracts", "evaluation", "formats", "judging", "sandbox", "scanners"),
        *("scoring", "training"),
        *("test_benchmarks.py", "test_cli.py", "test_conversion.py", "test_conversions.py"),
        *("test_corpus.py", "test_packages.py", "test_quarantine.py"),
        *("test_rescans.py", "test_trust.py"),
        *("test_arrow.py", "test_asking.py", "test_description.py", "test_fetching.py"),
        *("test_fetching_tls.py", "test_imports.py", "test_jobs.py", "test_keeping.py"),
        *("test_mlflow_folder.py", "test_predicting.py", "test_webhooks.py", "test_what_if.py"),
    },
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The fast run does not even read the files of the slow ones."""
    wanted = config.getoption("markexpr")
    left_out = [names for mark, names in _SLOW.items() if f"not {mark}" in wanted]
    return True if any(collection_path.name in names for names in left_out) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parts = set(item.path.relative_to(Path(__file__).parent).parts)
        for mark, names in _SLOW.items():
            if "browser" not in parts and names & parts:
                item.add_marker(mark)
                break  # a page's tests may be named as those of what it shows


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """One pool for all tests: ids of versions are random, so tests do not meet in it."""
    home = tmp_path_factory.mktemp("pool")
    pool = open_pool(Settings(home=home, standby_workers=False, _env_file=None))
    yield pool
    pool.close()


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> None:
    """Accounts of tests are guarded by argon2id at its cheapest; its true cost is no subject."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


_COMPILED = LRUCache(5000)


def _share_statements(reg: Registry) -> Registry:
    """Let all registries of a test process share the statements that SQLAlchemy has compiled.

    An engine compiles each statement anew, which took a sixth of the time of the tests; the
    dialect is part of the key, so those of SQLite are made equal here.
    """
    for engine in (reg.engine, reg._watch.engine):
        engine.update_execution_options(compiled_cache=_COMPILED)
    return reg


@pytest.fixture(scope="session", autouse=True)
def _one_dialect() -> None:
    SQLiteDialect_pysqlite.__eq__ = lambda one, other: type(one) is type(other)
    SQLiteDialect_pysqlite.__hash__ = lambda one: hash(type(one))


def _home(folder: Path) -> Settings:
    return Settings(home=folder, min_free_disk_mb=0, _env_file=None)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Makes a folder once for all processes that test together; the others wait for the first."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = root / f"once-{name}", root / f"once-{name}.whole"
        with (root / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def empty_home(once: Once, pool: Pool) -> Path:
    """A home whose database is migrated; tests get copies of it."""
    return once("empty", lambda home: open_registry(_home(home), pool).engine.dispose())


@pytest.fixture(scope="session")
def iris_home(once: Once, empty_home: Path, pool: Pool, iris_file: Path) -> Path:
    """A home with alice and her model; tests that ask for `iris` get copies of it."""

    def make(home: Path) -> None:
        shutil.copytree(empty_home, home, dirs_exist_ok=True)
        reg = open_registry(_home(home), pool)
        alice = _create(reg, "alice")
        metric = Metric("accuracy_score", 0.95)
        _publish(reg, alice, iris_file, name="Iris", metrics=(metric,), tags=("flowers",))
        reg.engine.dispose()

    return once("iris", make)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    prepared = "iris_home" if "iris" in request.fixturenames else "empty_home"
    shutil.copytree(request.getfixturevalue(prepared), tmp_path / "home")
    return _home(tmp_path / "home")


@pytest.fixture
def reg(settings: Settings, pool: Pool) -> Iterator[Registry]:
    reg = _share_statements(open_registry(settings, pool))
    yield reg
    reg.engine.dispose()


@pytest.fixture
def reg_with(settings: Settings, pool: Pool) -> Iterator[Callable[..., Registry]]:
    """Opens the same home with some settings changed."""
    opened: list[Registry] = []

    def open_it(**changes: object) -> Registry:
        opened.append(_share_statements(open_registry(settings.model_copy(update=changes), pool)))
        return opened[-1]

    yield open_it
    for other in opened:
        other.engine.dispose()


def _create(reg: Registry, username: str, role: Role = "author") -> Actor:
    return accounts.create_user(
        reg,
        username=username,
        name=username.title(),
        email=f"{username}@example.org",
        password=PASSWORD,
        role=role,
    )


@pytest.fixture
def new_user(reg: Registry) -> Callable[..., Actor]:
    return partial(_create, reg)


@pytest.fixture
def admin(new_user: Callable[[str, Role], Actor]) -> Actor:
    return new_user("root-admin", "admin")


@pytest.fixture
def alice(request: pytest.FixtureRequest, reg: Registry) -> Actor:
    if "iris" in request.fixturenames:
        return accounts.sign_in(reg, "alice", PASSWORD)
    return _create(reg, "alice")


@pytest.fixture
def bob(new_user: Callable[..., Actor]) -> Actor:
    return new_user("bob")


def _publish(
    reg: Registry, actor: Actor, path: Path, *, check: bool = True, **details: object
) -> Version:
    with staging.receive(reg, actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        staged = incoming.finish()
    draft = publish.examine(reg, actor, staged.id)
    version = publish.publish(reg, actor, draft.id, Details(**details))  # type: ignore[arg-type]
    if check:
        checks.run(reg, version.id)
    return versions.get(reg, actor, version.ref)


@pytest.fixture
def publish_file(reg: Registry) -> Publish:
    """Stage, examine, publish and check a file, as a person and the machine would."""
    return partial(_publish, reg)


@pytest.fixture(scope="session")
def iris_file(once: Once) -> Path:
    (path,) = once("iris-file", makers.sklearn_classifier).iterdir()
    return path


@pytest.fixture
def iris(reg: Registry, alice: Actor) -> Version:
    """Alice's private model `alice/iris`, version 1, ready."""
    version = versions.get(reg, alice, "alice/iris@1")
    reg.pool.drop(version.id)  # every copy has the same id
    return version
