"""A real registry for every test: SQLite and a folder under tmp_path, one shared pool.

What costs time is prepared once and copied: a migrated database, and the home with alice's model.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from registry import accounts, checks, passwords, publish, staging, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Metric, Role, Version
from registry.sandbox.pool import Pool, open_pool
from registry.settings import Settings
from tests.makers import models as makers

PASSWORD = "a long enough password"
Publish = Callable[..., Version]


# Which tests are slow, by where they stand. `frameworks` build models of every kind and load them:
# the imports take seconds and a gigabyte. `screens` open pages without a browser; `house` reads
# the code.
_SLOW = {
    "frameworks": {
        *("contracts", "evaluation", "formats", "judging", "sandbox", "scanners"),
        *("scoring", "training"),
        *("test_benchmarks.py", "test_conversion.py", "test_conversions.py"),
        *("test_corpus.py", "test_packages.py", "test_quarantine.py"),
        *("test_rescans.py", "test_trust.py"),
    },
    "screens": {"pages"},
    "house": {"test_docs.py", "test_house.py"},
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


def _home(folder: Path) -> Settings:
    return Settings(home=folder, min_free_disk_mb=0, _env_file=None)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """A home whose database is migrated; tests get copies of it."""
    home = tmp_path_factory.mktemp("empty") / "home"
    open_registry(_home(home), pool).engine.dispose()
    return home


@pytest.fixture(scope="session")
def iris_home(empty_home: Path, pool: Pool, iris_file: Path) -> Path:
    """A home with alice and her model; tests that ask for `iris` get copies of it."""
    home = empty_home.parent / "iris"
    shutil.copytree(empty_home, home)
    reg = open_registry(_home(home), pool)
    alice = _create(reg, "alice")
    metric = Metric("accuracy_score", 0.95)
    _publish(reg, alice, iris_file, name="Iris", metrics=(metric,), tags=("flowers",))
    reg.engine.dispose()
    return home


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    prepared = "iris_home" if "iris" in request.fixturenames else "empty_home"
    shutil.copytree(request.getfixturevalue(prepared), tmp_path / "home")
    return _home(tmp_path / "home")


@pytest.fixture
def reg(settings: Settings, pool: Pool) -> Iterator[Registry]:
    reg = open_registry(settings, pool)
    yield reg
    reg.engine.dispose()


@pytest.fixture
def reg_with(settings: Settings, pool: Pool) -> Iterator[Callable[..., Registry]]:
    """Opens the same home with some settings changed."""
    opened: list[Registry] = []

    def open_it(**changes: object) -> Registry:
        opened.append(open_registry(settings.model_copy(update=changes), pool))
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
def iris_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return makers.sklearn_classifier(tmp_path_factory.mktemp("iris"))


@pytest.fixture
def iris(reg: Registry, alice: Actor) -> Version:
    """Alice's private model `alice/iris`, version 1, ready."""
    version = versions.get(reg, alice, "alice/iris@1")
    reg.pool.drop(version.id)  # every copy has the same id
    return version
