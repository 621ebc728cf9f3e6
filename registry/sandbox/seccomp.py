"""seccomp: the system calls that computing needs, and no others. x86_64 and aarch64.

A classic BPF program made by hand; what is not listed answers EPERM.

Source: Documentation/userspace-api/seccomp_filter.rst; call numbers from the kernel's
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h, Linux 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from registry.sandbox import syscalls
from registry.sandbox.syscalls import PR_SET_NAME, PR_SET_VMA

_ARCHITECTURES = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}
"""Machine: AUDIT_ARCH value, number of seccomp()"""

_PLAIN: dict[str, tuple[int, int]] = {  # name: (x86_64, aarch64), -1 where there is none
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "pread64": (17, 67), "recvfrom": (45, 207), "recvmsg": (47, 212), "close": (3, 57),
    "dup": (32, 23), "lseek": (8, 62), "fadvise64": (221, 223),
    "fstat": (5, 80), "newfstatat": (262, 79), "stat": (4, -1), "lstat": (6, -1),
    "statx": (332, 291), "access": (21, -1), "faccessat": (269, 48), "faccessat2": (439, 439),
    "getcwd": (79, 17),
    "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214), "mincore": (27, 232), "membarrier": (324, 283),
    "futex": (202, 98), "futex_wait": (455, 455), "futex_wake": (454, 454),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "sched_getscheduler": (145, 120), "sched_getparam": (143, 121), "getcpu": (309, 168),
    "get_mempolicy": (239, 236), "rseq": (334, 293), "set_robust_list": (273, 99),
    "set_tid_address": (218, 96), "arch_prctl": (158, -1),
    "gettid": (186, 178), "getpid": (39, 172), "getppid": (110, 173), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getrlimit": (97, 163),
    "getrusage": (98, 165), "sysinfo": (99, 179), "uname": (63, 160), "times": (100, 153),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, -1),
    "getrandom": (318, 278), "poll": (7, -1), "ppoll": (271, 73), "select": (23, -1),
    "pselect6": (270, 72), "eventfd2": (290, 19),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128), "exit": (60, 93),
    "exit_group": (231, 94),
}  # fmt: skip
_OPENING = {
    "openat": (257, 56), "open": (2, -1), "getdents64": (217, 61),
    "readlink": (89, -1), "readlinkat": (267, 78),  # of /proc: what others have open
}  # fmt: skip
_ONLINE = {  # no bind, no listen: it asks and is never asked
    "connect": (42, 203), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "shutdown": (48, 210), "getsockname": (51, 204), "getpeername": (52, 205),
    "setsockopt": (54, 208), "getsockopt": (55, 209), "setitimer": (38, 103),
}  # fmt: skip
_FCNTL = (0, 1, 2, 3, 4, 1030, 1034)  # dup, flags, seals; not F_SETOWN: SIGIO could kill others
_IOCTL = (0x5401, 0x5451)  # isatty, close-on-exec
_IOCTL_ONLINE = (0x541B, 0x5421)  # bytes to read, non-blocking
_IPV4, _IPV6 = 2, 10
_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020000

_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_DENY = _ERRNO | errno.EPERM
_LOAD, _RETURN, _IF_EQUAL, _IF_ANY_BIT, _IF_AT_LEAST = 0x20, 0x06, 0x15, 0x45, 0x35
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

Instruction = tuple[int, int, int, int]


def available() -> bool:
    """Whether we have a filter for this machine; the kernel is asked by installing it."""
    return syscalls.LINUX and syscalls.MACHINE in _ARCHITECTURES


def install(*, files: bool, online: bool = False) -> None:
    """Filter this thread's and its future threads' calls for good; no_new_privs must be on.

    Args:
        files: Whether files may be opened at all; False where Landlock cannot say which.
        online: Whether it may ask addresses of the internet; it never takes calls.

    Raises:
        OSError: The kernel refuses.
    """
    code = b"".join(
        struct.pack("<HBBI", *step) for step in program(os.getpid(), files=files, online=online)
    )
    held = syscalls.buffer(code)
    filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    set_mode_filter, sync_threads = 1, 1
    number = _ARCHITECTURES[syscalls.MACHINE][1]
    syscalls.call(number, set_mode_filter, sync_threads, syscalls.buffer(filter_))


def program(pid: int, *, files: bool, online: bool = False) -> list[Instruction]:
    """The filter for one worker: its own pid is the only one it may signal."""
    column = 0 if syscalls.MACHINE == "x86_64" else 1
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[syscalls.MACHINE][0]),
        _give(_KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if syscalls.MACHINE == "x86_64":
        steps += [(_IF_AT_LEAST, 0, 1, 0x40000000), _give(_KILL)]  # the x32 calls
    steps += _conditional(column, pid, online=online)
    calls = _PLAIN | (_OPENING if files else {}) | (_ONLINE if online else {})
    for numbers in calls.values():
        if numbers[column] >= 0:
            steps += [(_IF_EQUAL, 0, 1, numbers[column]), _give(_ALLOW)]
    return [*steps, _give(_DENY)]


def _conditional(column: int, pid: int, *, online: bool) -> list[Instruction]:
    """Calls that depend on an argument. Each block ends in a return, so order is free."""
    clone = [
        *_argument(0), (_IF_ANY_BIT, 2, 0, _CLONE_NEW), (_IF_ANY_BIT, 0, 1, _CLONE_THREAD),
        _give(_ALLOW), _give(_DENY),
    ]  # fmt: skip
    reading_limits = [  # prlimit64(0, which, new = NULL, old): both halves of the pointer
        *_argument(0), (_IF_EQUAL, 0, 5, 0),
        *_argument(2), (_IF_EQUAL, 0, 3, 0),
        *_argument(2, high=True), (_IF_EQUAL, 0, 1, 0),
        _give(_ALLOW), _give(_DENY),
    ]  # fmt: skip
    blocks = {
        (435, 435): [_give(_ERRNO | errno.ENOSYS)],  # clone3 hides its flags: libc takes clone
        (56, 220): clone,
        (302, 261): reading_limits,
        (203, 122): _one_of(0, (0,)),  # sched_setaffinity of the calling thread
        (234, 131): _one_of(0, (pid,)),  # tgkill: abort() of itself
        (157, 167): _one_of(0, (PR_SET_NAME, PR_SET_VMA)),
        (72, 25): _one_of(1, _FCNTL),
        (16, 29): _one_of(1, (*_IOCTL, *(_IOCTL_ONLINE if online else ())), _ERRNO | errno.ENOTTY),
        (41, 198): _one_of(0, (_IPV4, _IPV6) if online else ()),  # socket
    }
    steps: list[Instruction] = []
    for numbers, block in blocks.items():
        steps += [(_IF_EQUAL, 0, len(block), numbers[column]), *block]
    return steps


def _one_of(position: int, values: tuple[int, ...], otherwise: int = _DENY) -> list[Instruction]:
    """Allow when the 32-bit argument at `position` is among `values`."""
    tests = [(_IF_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [*_argument(position), *tests, _give(otherwise), _give(_ALLOW)]


def _argument(position: int, *, high: bool = False) -> list[Instruction]:
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * position + 4 * high)]


def _give(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)
