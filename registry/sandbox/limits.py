"""The lock-down of one worker: limits, identity, Landlock, seccomp; and what this host offers.

Standard library only. Source: security.md §4 for the order and the list of layers.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from registry.sandbox import landlock, seccomp, syscalls

PACKAGE = Path(__file__).resolve().parent.parent
FIRST_UID = 61000  # one identity per worker where the zygote is root
_SPARE_THREADS = 4096
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/dev/urandom",
)
_OWN = ("/proc/self/maps", "/proc/self/status")  # threadpoolctl reads them


@dataclass(frozen=True)
class Layers:
    """What the kernel gives: version of Landlock (0 = none) and whether seccomp works."""

    landlock_abi: int = 0
    seccomp: bool = False

    @property
    def weak(self) -> bool:
        """Without seccomp neither layer is enough; without Landlock seccomp denies all opens."""
        return not self.seccomp


@dataclass(frozen=True)
class Limits:
    """What one worker may use, beyond what its zygote already does."""

    memory_bytes: int
    cpu_s: int
    threads_max: int = 64


@dataclass(frozen=True)
class Online:
    """What a process that asks addresses may do beyond computing, and no worker may.

    `readable` are the only files; `ports` the only TCP ports, None for all.
    """

    readable: tuple[str, ...]
    ports: frozenset[int] | None


@cache
def readable_paths() -> tuple[str, ...]:
    """Python, its libraries, this package and a little of /proc: all a worker may open.

    Never the folder of the project: only the `registry` package in it.
    """
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {os.path.realpath(sysconfig.get_path(name)) for name in names}
    found.add(os.path.realpath(os.path.join(sys.base_prefix, "lib")))
    found |= {os.path.realpath(path) for path in sys.path if path.endswith(".zip")}
    project = str(PACKAGE.parent)
    found = {path for path in found if os.path.commonpath((path, project)) != path}
    return (*sorted(found), str(PACKAGE), *_SYSTEM)


def shared_identity() -> bool:
    """Whether workers keep the zygote's user: it is not root, or others cannot read Python."""
    if not syscalls.LINUX or os.geteuid() != 0:
        return True
    needed = (sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), str(PACKAGE))
    return not all(_others_can_enter(path) for path in needed)


@cache
def most_threads() -> int:
    """Threads this user may have while its workers share its identity: far from all there can be.

    The kernel counts a user's threads together, so what it has already is added. It does not
    hold the superuser to it.
    """
    mine = 0
    for task in Path("/proc").glob("[0-9]*/task") if syscalls.LINUX else ():
        with contextlib.suppress(OSError):
            found = task.stat()
            mine += (found.st_nlink - 2) * (found.st_uid == os.geteuid())
    return mine + _SPARE_THREADS


def lock_down(
    limits: Limits,
    layers: Layers,
    keep: set[int],
    *,
    uid: int | None,
    parent: int,
    online: Online | None = None,
) -> None:
    """Fence this new process in for good; only then may it read what others wrote.

    Args:
        keep: Descriptors that stay open besides 0, 1 and 2.
        parent: Process id of the zygote, or of whoever started it; this process ends with it.
        uid: Identity to take, or None to keep the zygote's without its capabilities.

    Raises:
        OSError: A layer that should be there could not be raised.
    """
    os.setsid()
    _close_all_but(keep)
    _limit(limits, own_identity=uid is not None)
    if not syscalls.LINUX:
        return
    if len(os.listdir("/proc/self/task")) != 1:
        raise OSError("threads from before the lock would stay outside it")
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of identity clears it
    if os.getppid() != parent:
        raise OSError("the zygote is gone")
    if layers.landlock_abi:
        readable = online.readable if online else (*readable_paths(), *_OWN)
        landlock.restrict(readable, online.ports if online else ())
    if layers.seccomp:
        seccomp.install(files=layers.landlock_abi > 0 or online is not None, online=bool(online))
    _prove(layers, online)


def probe() -> Layers:
    """What really works here. Fences the calling process in: run it in a throw-away child."""
    if not syscalls.LINUX:
        return Layers()
    abi, filtered = landlock.abi(), False
    with contextlib.suppress(OSError):
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    try:
        landlock.restrict(())
        abi = abi if _denied(_open_root) else 0
    except OSError:
        abi = 0
    if seccomp.available():
        with contextlib.suppress(OSError):
            seccomp.install(files=True)
            filtered = _denied(_make_socket)
    return Layers(landlock_abi=abi, seccomp=filtered)


def _close_all_but(keep: set[int]) -> None:
    first = 3
    for fd in sorted(keep):
        if fd > first:  # closerange(3, 0) would close everything
            os.closerange(first, fd)
        first = max(first, fd + 1)
    os.closerange(first, 65536)


def _limit(limits: Limits, *, own_identity: bool) -> None:
    wanted = {
        resource.RLIMIT_AS: _address_space() + limits.memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if syscalls.LINUX:
        most = limits.threads_max if own_identity else most_threads()
        wanted[resource.RLIMIT_NPROC] = most
    for which, most in wanted.items():
        _set_limit(which, most, most)
    _set_limit(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # when memory runs out, workers go before the server


def _set_limit(which: int, soft: int, hard: int) -> None:
    """Lower a limit; an outer one that is lower already stays."""
    present = resource.getrlimit(which)[1]
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    try:
        resource.setrlimit(which, (soft, hard))
    except (OSError, ValueError):
        if syscalls.LINUX:
            raise


def _address_space() -> int:
    if not syscalls.LINUX:
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _prove(layers: Layers, online: Online | None) -> None:
    """Fail closed: what must be denied is tried once."""
    no_files = layers.landlock_abi or (layers.seccomp and not online)
    if no_files and not _denied(_open_root):
        raise OSError("files outside the fence can be opened")
    family = socket.AF_UNIX if online else socket.AF_INET
    if layers.seccomp and not _denied(lambda: socket.socket(family).close()):
        raise OSError("sockets can be made inside the fence")


def _denied(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except PermissionError:
        return True
    return False


def _open_root() -> None:
    os.close(os.open("/", os.O_RDONLY))


def _make_socket() -> None:
    socket.socket().close()


def _others_can_enter(path: str) -> bool:
    place = Path(os.path.realpath(path))
    return all(folder.stat().st_mode & 1 for folder in (place, *place.parents))
