"""What surrounds a worker: its descriptors, its environment, its filter. See also test_escape."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.sandbox import limits, seccomp

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[3]


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
