"""One hostile model that tries every way of `probe`, and the stage on which it does.

    python -m tests.makers.escape <user id> <mode>     the same in a process of another user

prints `{"user": …, "tried": number of ways, "open": {way: outcome}, "touched": [what changed]}`.
Workers of user 0 get an identity of their own each.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from registry.records import Field, Inspection, Output, Schema
from registry.sandbox.contract import ModelSpec
from registry.sandbox.limits import Layers
from registry.sandbox.nursery import Nursery
from registry.sandbox.pool import GROUPS, Pool
from registry.settings import Settings
from tests.makers import probe
from tests.makers.scripted import TRUSTED, scripted

CANNOT = "this machine lets no other user try"
ROOT = Path(__file__).parents[2]
_MODEL = """
import json, threading

def moment(name, into):
    into.update({f"{name}: {way}": out for way, out in tried().items()})

FOUND = {}
moment("loading", FOUND)

class Model:
    def predict(self, rows):
        found = dict(FOUND)
        thread = threading.Thread(target=moment, args=("in a thread", found))
        thread.start()
        thread.join()
        moment("predicting", found)
        return [json.dumps(found)]
"""
MODES = {"both layers": None, "seccomp alone": Layers(landlock_abi=0, seccomp=True)}
_SCHEMA = Schema(kind="table", fields=(Field("x", "double"),), outputs=(Output("value", "value"),))


@dataclass
class Stage:
    """What there is to reach from inside, and what it looked like before."""

    folder: Path
    victim: subprocess.Popen[bytes]
    listener: socket.socket
    held: int
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def targets(self) -> dict[str, Any]:
        return {
            "near": str(self.folder),
            "precious": str(self.folder / "precious"),
            "secret": str(self.folder / "home" / "vitrine.db"),
            "tests": __file__,
            "web": os.getpid(),
            "victim": self.victim.pid,
            "fd": self.held,
            "port": self.listener.getsockname()[1],
        }

    def look(self) -> dict[str, Any]:
        """Everything outside that a way out could have changed."""
        found: dict[str, Any] = {
            str(path.relative_to(self.folder)): (
                (stat := path.lstat()).st_mode,
                stat.st_uid,
                stat.st_nlink,
                stat.st_mtime_ns,
                path.read_bytes() if path.is_file() else sorted(os.listdir(path)),
                os.listxattr(path),
            )
            for path in (self.folder, *self.folder.rglob("*"))
        }
        found["shared"] = [
            name
            for place in ("/tmp", "/dev/shm", str(ROOT / "registry"), os.path.dirname(os.__file__))
            for name in os.listdir(place)
            if name == "x.py" or name.startswith("vitrine-escaped")
        ]
        for name, pid in (("server", os.getpid()), ("victim", self.victim.pid)):
            found[name] = (
                os.sched_getaffinity(pid),
                os.getpriority(os.PRIO_PROCESS, pid),
                os.sched_getscheduler(pid),
                Path(f"/proc/{pid}/limits").read_text(),
            )
        found["victim runs"] = self.victim.poll() is None
        try:
            self.listener.accept()
            found["connected"] = True
        except BlockingIOError:
            found["connected"] = False
        return found

    def touched(self) -> list[str]:
        """Names of what is not as it was."""
        now = self.look()
        return sorted(
            k for k in now.keys() | self.before.keys() if now.get(k) != self.before.get(k)
        )


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Files open to everybody, a process to hurt, a port to connect to."""
    for name in ("home", "empty"):
        (folder / name).mkdir()
    for name in ("precious", "home/vitrine.db"):
        (folder / name).write_text("stays")
    for path in (folder, *folder.iterdir(), folder / "home" / "vitrine.db"):
        path.chmod(0o777)
    os.setxattr(folder / "precious", "user.kept", b"1")
    with (
        subprocess.Popen(["sleep", "600"]) as victim,
        socket.create_server(("127.0.0.1", 0)) as listener,
        (folder / "precious").open() as held,
    ):
        listener.setblocking(False)
        made = Stage(folder, victim, listener, held.fileno())
        made.before = made.look()
        try:
            yield made
        finally:
            victim.kill()


def escape(folder: Path, targets: dict[str, Any]) -> ModelSpec:
    """A version of the hostile model, a pickle in `folder`."""
    source = Path(probe.__file__).read_text()
    path = scripted(folder, f"{source}\nTARGETS = {targets!r}\n{_MODEL}", "escape.pkl")
    inspection = Inspection(format="sklearn", framework="sklearn")
    return ModelSpec(
        "escape",
        "sklearn",
        "",
        lambda: os.open(path, os.O_RDONLY),
        _SCHEMA,
        inspection,
        trusted=TRUSTED,
    )


def outcomes(pool: Pool, version: ModelSpec) -> dict[str, str]:
    """What came of every way, by moment and way."""
    answer = pool.predict(version, {"": np.zeros((1, 1))})
    found: dict[str, str] = json.loads(answer.outputs["value"][0])
    return found


def attempt(pool: Pool, folder: Path) -> dict[str, Any]:
    """Set the stage in `folder`, let the model loose on it, and say what came of it."""
    place = folder / "stage"
    place.mkdir()
    with stage(place) as here:
        found = outcomes(pool, escape(folder, here.targets))
        return {
            "tried": len(found),
            "processes": _most_processes(pool.states()[-1].pid),
            "open": {way: out for way, out in found.items() if out != "shut"},
            "touched": here.touched(),
        }


def _most_processes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return int(next(line.split()[2] for line in lines if line.startswith("Max processes")))


def roomy(home: Path) -> Settings:
    """Settings of a pool that does not hurry."""
    return Settings(home=home / "none", predict_timeout_s=60, standby_workers=False, _env_file=None)


def _become(uid: int, mode: str) -> None:
    """Start `_run` anew as that user, without capabilities unless it is 0."""
    _let_everybody_in([Path(sys.base_prefix), Path(sys.prefix), ROOT])
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(sys.executable, [sys.executable, "-m", "tests.makers.escape", "run", mode])


def _let_everybody_in(places: list[Path]) -> None:
    """Show Python and the project at their places to other users, in mounts of our own."""
    closed = {
        next((p for p in reversed(place.resolve().parents) if not p.stat().st_mode & 1), None)
        for place in places
    } - {None}
    if not closed:
        return
    new_mounts = 0x20000
    if ctypes.CDLL(None, use_errno=True).unshare(new_mounts):
        sys.exit(f"{CANNOT}: {sorted(map(str, closed))} shut others out, and no mounts of our own")
    _mount("--make-rprivate", "/")
    aside = Path(tempfile.mkdtemp(dir="/dev/shm"))
    for i, place in enumerate(places):
        (aside / str(i)).mkdir()
        _mount("--bind", str(place.resolve()), str(aside / str(i)))
    for folder in closed:
        _mount("-t", "tmpfs", "-o", "mode=755", "none", str(folder))
    for i, place in enumerate(places):
        if any(place.resolve().is_relative_to(str(folder)) for folder in closed):
            place.resolve().mkdir(parents=True)
            _mount("--bind", str(aside / str(i)), str(place.resolve()))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _run(mode: str) -> None:
    with tempfile.TemporaryDirectory(prefix="vitrine-stage-") as folder:
        os.chmod(folder, 0o755)
        pool = Pool(roomy(Path(folder)), Nursery(GROUPS, 1, MODES[mode]))
        told = attempt(pool, Path(folder))
        pool.close()
    print(json.dumps({"user": os.geteuid(), **told}))


if __name__ == "__main__":
    if sys.argv[1] == "run":
        _run(sys.argv[2])
    else:
        _become(int(sys.argv[1]), sys.argv[2])
