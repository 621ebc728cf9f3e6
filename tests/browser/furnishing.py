"""A home with Ada's account and models of hers, made before a server opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from registry import accounts, checks, publish, staging, versions
from registry.core import Registry, open_registry
from registry.records import Actor, Details, Version
from registry.settings import Settings
from tests.browser.conftest import PASSWORD

_DETAILS = ("name", "model", "metrics", "parameters")


class Home(NamedTuple):
    """The doors of a home, and who goes through them."""

    reg: Registry
    ada: Actor

    def add(self, path: Path, sample: Path | None = None, **given: Any) -> Version:
        """Publish a file and check it; of `given`, what is no detail changes its schema."""
        details = {name: given.pop(name) for name in _DETAILS if name in given}
        files = {"sample": self._staged(sample)} if sample else {}
        draft = publish.examine(self.reg, self.ada, self._staged(path))
        if given:
            schema = given.pop("schema", None) or draft.inspection.schema
            details["schema"] = replace(schema, **given)
        version = publish.publish(self.reg, self.ada, draft.id, Details(**details, files=files))
        checks.run(self.reg, version.id)
        checked = versions.get(self.reg, self.ada, version.ref)
        assert checked.status == "ready", checked
        return checked

    def _staged(self, path: Path) -> str:
        with staging.receive(self.reg, self.ada, path.name) as incoming:
            incoming.write(path.read_bytes())
            return incoming.finish().id


@contextmanager
def furnished(folder: Path) -> Iterator[Home]:
    """A new home whose administrator is ada."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        home=folder,
        standby_workers=False,
        benchmark_uploads=False,
        min_free_disk_mb=0,
        _env_file=None,
    )
    reg = open_registry(settings)
    ada = accounts.create_user(
        reg, username="ada", name="Ada", email="ada@example.org", password=PASSWORD, role="admin"
    )
    yield Home(reg, ada)
    reg.close()
