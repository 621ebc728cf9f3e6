"""What code inside a worker can reach: nothing but its own model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.sandbox import limits, seccomp

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[3]

ATTEMPTS = {
    "read a secret of the host": "open('/etc/passwd').read()",
    "list the root": "os.listdir('/')",
    "read the project": f"open({str(ROOT / 'pyproject.toml')!r}).read()",
    "list the project": f"os.listdir({str(ROOT)!r})",
    "read the tests": f"open({str(Path(__file__))!r}).read()",
    "read its parent's environment": "open(f'/proc/{os.getppid()}/environ').read()",
    "read its own first environment": "open('/proc/self/environ').read()",
    "read its parent's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "list processes": "os.listdir('/proc')",
    "write to /tmp": "open('/tmp/vitrine-escaped', 'w')",
    "write to the package": "open(sys.modules['registry'].__path__[0] + '/x.py', 'w')",
    "write to a memory file": "os.memfd_create('x')",
    "make a folder": "os.mkdir('/tmp/vitrine-escaped')",
    "make a link": "os.symlink('/etc/passwd', '/tmp/vitrine-escaped')",
    "remove a file": "os.unlink('/tmp/vitrine-precious')",
    "rename a file": "os.rename('/tmp/vitrine-precious', '/tmp/vitrine-escaped')",
    "change modes": "os.chmod('/tmp/vitrine-precious', 0o777)",
    "change owners": "os.chown('/tmp/vitrine-precious', 1, 1)",
    "change times": "os.utime('/tmp/vitrine-precious')",
    "truncate": "os.truncate('/tmp/vitrine-precious', 0)",
    "make an internet socket": "socket.socket(socket.AF_INET)",
    "make a unix socket": "socket.socket(socket.AF_UNIX)",
    "make a pair of sockets": "socket.socketpair()",
    "connect": "socket.create_connection(('127.0.0.1', 8501), timeout=1)",
    "connect its own socket": "call(42, 3, 0, 0)",
    "send descriptors": "call(46, 3, 0, 0)",
    "fork": "os.fork()",
    "start a program": "__import__('subprocess').run(['/bin/true'])",
    "become a program": "os.execv('/bin/true', ['true'])",
    "kill its parent": "os.kill(os.getppid(), 9)",
    "kill its group": "os.killpg(os.getpgid(os.getppid()), 9)",
    "queue a signal by a descriptor": "__import__('fcntl').fcntl(0, 8, os.getppid())",
    "signal by a process descriptor": "os.pidfd_open(os.getppid())",
    "trace its parent": "call(101, 16, os.getppid(), 0, 0)",
    "read memory of others": "call(310, os.getppid(), 0, 0, 0, 0, 0)",
    "limit its parent": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "limit its parent from far memory": "far_prlimit(os.getppid())",
    "raise its limits": "call(302, 0, 7, struct.pack('QQ', 4096, 4096), None)",
    "become traceable": "call(157, 4, 1, 0, 0, 0)",
    "survive its parent": "call(157, 1, 0, 0, 0, 0)",
    "change identity": "os.setuid(0)",
    "take a new user namespace": "call(272, 0x10000000)",
    "mount": "call(165, 0, 0, 0, 0, 0)",
    "use io_uring": "call(425, 8, 0)",
    "load BPF": "call(321, 0, 0, 0)",
    "use the keyring": "call(250, 0, 0, 0, 0, 0)",
    "watch faults": "call(323, 0)",
    "share memory": "call(29, 0, 4096, 0o1600)",
    "terminal tricks": "__import__('fcntl').ioctl(0, 0x5412, b'x')",
}
BEFORE = """
import ctypes, errno, resource, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if os.uname().machine != 'x86_64':
        raise PermissionError(errno.EPERM, 'numbers of another machine')
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), 'refused')
def far_prlimit(pid):
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5
    place = libc.mmap(0x700000000000 & ~0xFFFFFFFF, 4096, 3, 0x100022, -1, 0)
    if place & 0xFFFFFFFF:
        raise ValueError('no such place')
    call(302, ctypes.c_int(pid), 0, ctypes.c_void_p(place), None)
def outcome(text):
    try:
        eval(text)
    except OSError as no:
        return 'denied' if no.errno in (1, 13, 25, 38) else repr(no)
    except BaseException as no:
        return repr(no)
    return 'done'
"""


@pytest.fixture
def precious():
    path = Path("/tmp/vitrine-precious")
    path.write_text("stays")
    yield path
    path.unlink()


def test_no_way_out_is_open(script, ask, precious):
    version = script(
        f"return np.array([outcome(text) for text in {list(ATTEMPTS.values())!r}])", BEFORE
    )
    outcomes = dict(zip(ATTEMPTS, ask(version).outputs["value"].tolist(), strict=True))
    assert {name: out for name, out in outcomes.items() if out != "denied"} == {}
    assert precious.read_text() == "stays"
    assert not Path("/tmp/vitrine-escaped").exists()


def test_data_and_database_are_out_of_reach(script, ask, tmp_path):
    secret = tmp_path / "home" / "vitrine.db"
    secret.parent.mkdir()
    secret.write_text("secret")
    secret.chmod(0o666)
    attempts = [f"open({str(secret)!r}).read()", f"os.listdir({str(secret.parent)!r})"]
    version = script(f"return np.array([outcome(text) for text in {attempts!r}])", BEFORE)
    assert ask(version).outputs["value"].tolist() == ["denied", "denied"]


def test_a_worker_inherits_nothing(script, ask, monkeypatch):
    monkeypatch.setenv("VITRINE_SECRET_KEY", "hush")
    version = script(
        "def is_open(fd):\n"
        "    try:\n"
        "        return bool(os.fstat(fd))\n"
        "    except OSError:\n"
        "        return False\n"
        "fds = [str(fd) for fd in range(3, 1024) if is_open(fd)]\n"
        "return np.array([' '.join(sorted(os.environ)), str(len(fds))])"
    )
    names, n_descriptors = ask(version).outputs["value"].tolist()
    assert "VITRINE" not in names
    assert set(names.split()) <= {
        *("HOME", "LANG", "PATH", "LC_CTYPE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        *("MKL_NUM_THREADS", "OMP_WAIT_POLICY", "MALLOC_ARENA_MAX", "JOBLIB_MULTIPROCESSING"),
        *("ORT_DISABLE_TELEMETRY", "TORCHINDUCTOR_CACHE_DIR", "KMP_DUPLICATE_LIB_OK"),
        *("KMP_INIT_AT_FORK", "LOKY_MAX_CPU_COUNT"),
    }
    assert n_descriptors == "1"  # its channel


def test_a_worker_cannot_write_into_its_model(script, ask, brisk):
    version = script("return np.array([1.0])")
    path = os.readlink(f"/proc/self/fd/{(fd := version.open())}")
    os.close(fd)
    writable = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(ValueError, match="read-only"):
            brisk.inspect(writable, "model.pkl")
    finally:
        os.close(writable)


def test_a_filter_knows_both_machines(monkeypatch):
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr(seccomp.syscalls, "MACHINE", machine)
        steps = seccomp.program(1234, files=True)
        assert len(steps) < 4096
        for i, (code, yes, no, _) in enumerate(steps):
            assert code == 0x06 or i + 1 + max(yes, no) < len(steps)


def test_the_project_itself_is_not_on_the_list_of_readable_places():
    readable = [Path(path) for path in limits.readable_paths()]
    assert not any(path == ROOT or ROOT.is_relative_to(path) for path in readable)
    assert limits.PACKAGE in readable


def test_x32_calls_end_the_process():
    """Numbers with bit 30 set would reach the same calls under other numbers."""
    if os.uname().machine != "x86_64":
        return
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from registry.sandbox import seccomp, syscalls\n"
        "syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)\n"
        "seccomp.install(files=True)\n"
        "syscalls.call(0x40000000 + 39)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], check=False)
    assert done.returncode == -31  # SIGSYS
