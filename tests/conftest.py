"""A real registry for every test: SQLite and a folder under tmp_path, one shared pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry import accounts, checks, publish, staging, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Metric, Role, Version
from registry.sandbox.pool import Pool, open_pool
from registry.settings import Settings
from tests.makers import models as makers

PASSWORD = "a long enough password"
Publish = Callable[..., Version]


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """One pool for all tests: version ids are random, so tests never meet in it."""
    home = tmp_path_factory.mktemp("pool")
    pool = open_pool(Settings(home=home, standby_workers=False, _env_file=None))
    yield pool
    pool.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", min_free_disk_mb=0, _env_file=None)


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


@pytest.fixture
def new_user(reg: Registry) -> Callable[[str, Role], Actor]:
    def create(username: str, role: Role = "author") -> Actor:
        return accounts.create_user(
            reg,
            username=username,
            name=username.title(),
            email=f"{username}@example.org",
            password=PASSWORD,
            role=role,
        )

    return create


@pytest.fixture
def admin(new_user: Callable[[str, Role], Actor]) -> Actor:
    return new_user("root-admin", "admin")


@pytest.fixture
def alice(new_user: Callable[..., Actor]) -> Actor:
    return new_user("alice")


@pytest.fixture
def bob(new_user: Callable[..., Actor]) -> Actor:
    return new_user("bob")


@pytest.fixture
def publish_file(reg: Registry) -> Publish:
    """Stage, examine, publish and check a file, as a person and the machine would."""

    def run(actor: Actor, path: Path, *, check: bool = True, **details: object) -> Version:
        with staging.receive(reg, actor, path.name) as incoming:
            incoming.write(path.read_bytes())
            staged = incoming.finish()
        draft = publish.examine(reg, actor, staged.id)
        version = publish.publish(reg, actor, draft.id, Details(**details))  # type: ignore[arg-type]
        if check:
            checks.run(reg, version.id)
        return versions.get(reg, actor, version.ref)

    return run


@pytest.fixture(scope="session")
def iris_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return makers.sklearn_classifier(tmp_path_factory.mktemp("iris"))


@pytest.fixture
def iris(publish_file: Publish, alice: Actor, iris_file: Path) -> Version:
    """Alice's private model `alice/iris`, version 1, ready."""
    return publish_file(
        alice, iris_file, name="Iris", metrics=(Metric("accuracy_score", 0.95),), tags=("flowers",)
    )
