"""`python -m registry`: what an operator does from the command line."""

from __future__ import annotations

import argparse
import getpass
import secrets
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from registry import accounts, audit, retention, scorings, staging
from registry.core import Registry, open_registry
from registry.demo import filling
from registry.errors import RegistryError
from registry.integrity import damaged
from registry.records import ROLES, Version

_ROOT = Path(__file__).resolve().parent.parent
_UP_WITHIN_S = 90.0
Command = Callable[[Registry, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well."""
    options = _parser().parse_args(arguments)
    if options.run is None:  # needs no registry, so makes none
        return _version()
    try:
        reg = open_registry()
        try:
            return int(options.run(reg, options))
        finally:
            reg.close()
    except RegistryError as refused:
        print(f"Sorry: {refused.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m registry", description="Vitrine, a model registry you can look into."
    )
    commands = parser.add_subparsers(metavar="command", required=True)

    def add(name: str, run: Command | None, words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        return command

    add("migrate", _migrate, "bring the database up to date (the server does it, too)")
    user = add("create-user", _create_user, "make an account; asks for the password")
    user.add_argument("username")
    user.add_argument("--email", required=True)
    user.add_argument("--name", default="")
    user.add_argument("--role", choices=ROLES, default="author")
    user.add_argument("--generate", action="store_true", help="make a password and print it")
    reset = add("reset-password", _reset_password, "print a one-time code for a new password")
    reset.add_argument("username")
    demo = add("demo", _demo, "fill the registry with sample models, trained here")
    demo.add_argument("--serve", action="store_true", help="start the app as well")
    demo.add_argument("--host", default="127.0.0.1")
    demo.add_argument("--port", type=int, default=8501)
    add("verify", _verify, "hash every stored file again")
    chain = add("verify-audit", _verify_audit, "check the chain of audit lines")
    chain.add_argument("--head", default="", help="what an earlier run printed: nothing was cut")
    add("sweep", _sweep, "remove expired uploads and unreferenced files, empty the old trash")
    add("version", None, "print the version of Vitrine")
    return parser


def _migrate(reg: Registry, _options: argparse.Namespace) -> int:
    print(f"The database is up to date: {reg.engine.url.render_as_string()}")
    return 0


def _create_user(reg: Registry, options: argparse.Namespace) -> int:
    password = secrets.token_urlsafe(12) if options.generate else getpass.getpass("Password: ")
    actor = accounts.create_user(
        reg,
        username=options.username,
        name=options.name or options.username,
        email=options.email,
        password=password,
        role=options.role,
    )
    print(f"Created {actor.username} ({actor.role}).")
    if options.generate:
        print(f"Password, shown once: {password}")
    return 0


def _reset_password(reg: Registry, options: argparse.Namespace) -> int:
    code = accounts.reset_code(reg, options.username)
    print(f"Code for {options.username}, good once within 24 hours: {code}")
    print("It is typed on the sign-in page, under “Forgot password”.")
    return 0


def _demo(reg: Registry, options: argparse.Namespace) -> int:
    actor, password = filling.sign_up(reg)
    address = f"http://{options.host}:{options.port}"
    if not options.serve:
        _sum_up(filling.fill(reg, actor, print, check_here=True))
        _introduce("(start it with: make run)", password)
        return 0
    server = _serve(options.host, options.port)
    try:
        _wait_until_up(f"{address}/healthz", server)
        _introduce(address, password)
        _sum_up(filling.fill(reg, actor, print, check_here=False))
        print(f"Vitrine runs at {address}; stop it with Ctrl-C.", flush=True)
        return server.wait()
    finally:
        server.terminate()
        server.wait()


def _sum_up(added: Sequence[Version]) -> None:
    print("All sample models are there." if added else "The sample models were there already.")


def _introduce(where: str, password: str) -> None:
    print(
        f"\nVitrine is ready.\n\n  Address   {where}\n  Username  {filling.USERNAME}\n"
        f"  Password  {password}\n\nThe password is new at every start of the demo.\n",
        flush=True,
    )


def _serve(host: str, port: int) -> subprocess.Popen[bytes]:
    """The server as a child; it ends with us."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as taken:
            raise RegistryError(
                f"{host}:{port} cannot be used ({taken.strerror}); choose another with --port"
            ) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.address", host, "--server.port", str(port), "--server.headless", "true"]
    return subprocess.Popen(command, cwd=_ROOT)


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RegistryError(f"the server ended at once (exit code {server.returncode})")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RegistryError(f"the server did not answer within {_UP_WITHIN_S:.0f} s")


def _verify(reg: Registry, _options: argparse.Namespace) -> int:
    checked, bad = damaged(reg)
    for line in bad:
        print(line)
    print(f"{checked} stored file{'' if checked == 1 else 's'} checked, {len(bad)} damaged.")
    return 1 if bad else 0


def _verify_audit(reg: Registry, options: argparse.Namespace) -> int:
    broken = audit.verify(reg, options.head)
    if broken is not None:
        print(f"The chain breaks at line {broken}.")
        return 1
    print("The audit chain is whole.")
    print(f"Its head, to keep elsewhere and give back with --head: {audit.head(reg) or 'none yet'}")
    return 0


def _sweep(reg: Registry, _options: argparse.Namespace) -> int:
    print(f"Removed {staging.sweep(reg)} files nobody needs.")
    retention.sweep(reg)
    scorings.sweep(reg)
    return 0


def _version() -> int:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    print(f"Vitrine {project['version']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
