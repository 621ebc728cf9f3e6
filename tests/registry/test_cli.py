"""`python -m registry`: what an operator does from the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from registry import __main__ as cli
from registry import accounts, versions
from registry.core import open_registry
from registry.demo import filling
from registry.errors import NotSignedIn, RegistryError


@pytest.fixture
def run(settings, pool, monkeypatch, capsys):
    """Run a command on the test's home folder: exit code, output, error output."""
    monkeypatch.setattr(cli, "open_registry", lambda: open_registry(settings, pool))
    monkeypatch.setattr(type(pool), "close", lambda _pool: None)  # shared by all tests

    def command(*arguments):
        code = cli.main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_database_is_made_and_brought_up_to_date(run, settings):
    assert run("migrate")[0] == 0
    assert (settings.home / "vitrine.db").exists()


def test_a_user_is_created_with_a_generated_password(run, reg):
    code, out, _ = run("create-user", "carol", "--email", "carol@example.org", "--generate")
    assert code == 0
    password = out.strip().rpartition(" ")[2]
    assert accounts.sign_in(reg, "carol", password).role == "author"


def test_a_refusal_is_a_sentence_and_an_exit_code(run):
    code, out, err = run("create-user", "x", "--email", "nonsense", "--generate")
    assert (code, out) == (1, "")
    assert err.startswith("Sorry: ")
    assert "Traceback" not in err


def test_a_password_is_reset_with_a_one_time_code(run, reg, alice):
    _, out, _ = run("reset-password", "alice")
    code = out.splitlines()[0].rpartition(" ")[2]
    assert accounts.reset_with(reg, code, "another long password").username == "alice"
    assert run("reset-password", "nobody")[0] == 1


def test_stored_files_are_verified(run, reg, iris):
    assert run("verify")[:2] == (0, "1 stored file checked, 0 damaged.\n")
    place = reg.store.path(iris.artifact.digest)
    place.chmod(0o600)
    place.write_bytes(b"rot")
    code, out, _ = run("verify")
    assert code == 1
    assert iris.artifact.filename in out
    place.unlink()
    assert "missing" in run("verify")[1]


def test_the_audit_chain_is_verified(run, reg, iris):
    code, out, _ = run("verify-audit")
    assert (code, out.splitlines()[0]) == (0, "The audit chain is whole.")
    head = out.strip().rpartition(" ")[2]
    assert run("verify-audit", "--head", head)[0] == 0
    number, _, mac = head.partition(":")
    assert run("verify-audit", "--head", f"{int(number) + 1}:{mac}")[0] == 1


def test_leftovers_are_swept(run, reg):
    (reg.settings.staging_folder / ("0" * 32)).write_bytes(b"half")
    assert run("sweep")[:2] == (0, "Removed 1 files nobody needs.\n")


def test_the_version_needs_no_registry():
    command = [sys.executable, "-m", "registry", "version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Vitrine 0.")


def test_the_demo_user_gets_a_new_password_each_time(reg):
    first, old = filling.sign_up(reg)
    second, new = filling.sign_up(reg)
    assert (first.id, first.role) == (second.id, "admin")
    assert accounts.sign_in(reg, filling.USERNAME, new).id == first.id
    with pytest.raises(NotSignedIn):
        accounts.sign_in(reg, filling.USERNAME, old)


def test_the_demo_publishes_what_the_trainer_hands_over(reg, monkeypatch, iris_file):
    metrics = [{"name": "roc_auc", "value": 0.9}]
    details = {"name": "Breast cancer", "label": "1.0.0", "metrics": metrics}
    made = {"path": str(iris_file), "details": details, "given": None, "public": True}
    trainer = [sys.executable, "-c", f"print('training'); print({json.dumps(made)!r})"]
    monkeypatch.setattr(filling, "trainer", lambda *_: trainer)
    actor, _ = filling.sign_up(reg)
    said = []
    [version] = filling.fill(reg, actor, said.append, check_here=True)
    version = versions.get(reg, actor, version.model)
    assert (version.ref, version.status) == ("demo/breast-cancer@1", "ready")
    assert version.aliases == ("champion",)
    assert said[0] == "training"
    assert "demo/breast-cancer@1" in said[1]


def test_a_trainer_that_fails_is_said(reg, monkeypatch):
    monkeypatch.setattr(
        filling, "trainer", lambda *_: [sys.executable, "-c", "raise SystemExit(3)"]
    )
    actor, _ = filling.sign_up(reg)
    with pytest.raises(RegistryError, match="training"):
        filling.fill(reg, actor, print, check_here=True)


def test_a_taken_port_is_said(run):
    with cli.socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = run("demo", "--serve", "--port", port)
    assert code == 1
    assert "--port" in err
