"""Every way out of a worker we can think of, tried from inside it.

`escape` puts the text of this module into a model, so it stands alone: the standard library, and
`TARGETS`, which the model is given. A way counts as shut when the kernel says that it is not
permitted or does not exist; every other outcome, also a mere complaint about an argument, means
that the call got through.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import socket
import struct
import sys

TARGETS: dict = {}
SHUT = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTTY)
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5
BLOCK = ctypes.create_string_buffer(4096)
ZYGOTE = os.getppid()
NEW_THINGS = {  # flags of clone and unshare
    "mounts": 0x20000, "cgroups": 0x2000000, "names": 0x4000000, "ipc": 0x8000000,
    "users": 0x10000000, "processes": 0x20000000, "network": 0x40000000,
}  # fmt: skip
THREAD = 0x10000 | 0x800 | 0x100  # CLONE_THREAD | CLONE_SIGHAND | CLONE_VM


def call(number, *arguments):
    """A system call of x86_64 by its number."""
    ctypes.set_errno(0)
    result = LIBC.syscall(*(ctypes.c_long(n) if isinstance(n, int) else n
                            for n in (number, *arguments)))  # fmt: skip
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def channel():
    """The descriptor on which this worker answers."""
    for fd in range(3, 64):
        try:
            os.fstat(fd)
            return fd
        except OSError:
            pass
    return 3


def artifact():
    """The descriptor of the model, while it is being loaded."""
    for fd in range(channel() + 1, 64):
        try:
            if os.fstat(fd).st_size:
                return fd
        except OSError:
            pass
    raise PermissionError(errno.EPERM, "closed by now")


def far_limit():
    """A new limit at an address whose lower half is zero."""
    place = LIBC.mmap(0x700000000000, 4096, 3, 0x32, -1, 0)
    if place != 0x700000000000:
        raise ValueError("no such place")
    call(302, ZYGOTE, 0, ctypes.c_void_p(place), None)


def reopened(flags):
    """A second descriptor of the model, by the name the kernel gives the first."""
    return os.open(f"/proc/self/fd/{artifact()}", flags)


def by_path_only(path):
    """Open without the right to read, then ask for more through that."""
    fd = os.open(path, os.O_PATH)
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    finally:
        os.close(fd)


def written(write, *arguments):
    """Write through a descriptor; EBADF says that it is not for writing."""
    try:
        write(artifact(), *arguments)
    except OSError as no:
        raise PermissionError(errno.EPERM, "read-only") if no.errno == errno.EBADF else no from no


def raised(which):
    """Python has a ValueError for EPERM here."""
    try:
        resource.setrlimit(which, (-1, -1))
    except ValueError as no:
        raise PermissionError(errno.EPERM, "refused") from no


def ran(status):
    if status:
        raise PermissionError(errno.EPERM, "it did not run")


def looked_up(host):
    try:
        socket.getaddrinfo(host, 80)
    except socket.gaierror as no:
        raise PermissionError(errno.EPERM, "no answer") from no


def files():
    near, precious, secret = TARGETS["near"], TARGETS["precious"], TARGETS["secret"]
    new, web = f"{near}/new", TARGETS["web"]
    package = sys.modules["registry"].__path__[0]
    return {
        "read a secret of the host": lambda: open("/etc/passwd").read(),
        "read the data of the registry": lambda: open(secret).read(),
        "read through a folder": lambda: os.open("precious", 0, dir_fd=os.open(near, 0)),
        "read by way of a bare path": lambda: by_path_only(precious),
        "read by way of .. from what is readable": lambda: open(f"{package}/../pyproject.toml"),
        "read the sources of the tests": lambda: open(TARGETS["tests"]).read(),
        "list the root": lambda: os.listdir("/"),
        "list the data of the registry": lambda: os.listdir(os.path.dirname(secret)),
        "list processes": lambda: os.listdir("/proc"),
        "read the first environment": lambda: open("/proc/self/environ").read(),
        "read its own memory as a file": lambda: open("/proc/self/mem", "rb").read(1),
        "write its own memory as a file": lambda: open("/proc/self/mem", "r+b"),
        "raise its place when memory runs out": lambda: open("/proc/self/oom_score_adj", "w"),
        "read the zygote's environment": lambda: open(f"/proc/{ZYGOTE}/environ").read(),
        "read the zygote's memory": lambda: open(f"/proc/{ZYGOTE}/mem", "rb").read(1),
        "read the server's environment": lambda: open(f"/proc/{web}/environ").read(),
        "read the server's memory": lambda: open(f"/proc/{web}/mem", "rb").read(1),
        "open a file the server has open": lambda: open(f"/proc/{web}/fd/{TARGETS['fd']}"),
        "learn what the server has open": lambda: os.readlink(f"/proc/{web}/fd/{TARGETS['fd']}"),
        "learn where the server stands": lambda: os.readlink(f"/proc/{web}/cwd"),
        "read the command lines of others": lambda: open("/proc/1/cmdline").read(),
        "read tables of the network": lambda: open("/proc/net/tcp").read(),
        "set a switch of the kernel": lambda: open("/proc/sys/kernel/core_pattern", "w"),
        "write messages of the kernel": lambda: open("/dev/kmsg", "w"),
        "open the terminal": lambda: open("/dev/tty", "r+b", buffering=0),
        "open the console": lambda: open("/dev/console", "wb", buffering=0),
        "open /dev/null anew for writing": lambda: open("/dev/null", "w"),
        "write into the random pool": lambda: open("/dev/urandom", "wb"),
        "share memory by a file": lambda: open("/dev/shm/vitrine-escaped", "w"),
        "read control groups": lambda: os.listdir("/sys/fs/cgroup"),
        "create a file": lambda: open(new, "w"),
        "create a file in /tmp": lambda: open("/tmp/vitrine-escaped", "w"),
        "create a file without a name": lambda: os.open(near, os.O_TMPFILE | os.O_RDWR),
        "create a file in the package": lambda: open(f"{package}/x.py", "w"),
        "create a file in a library": lambda: open(f"{os.path.dirname(os.__file__)}/x.py", "w"),
        "append to a file": lambda: open(precious, "a"),
        "overwrite a file": lambda: open(precious, "w"),
        "truncate a file": lambda: os.truncate(precious, 0),
        "make a file of memory": lambda: os.memfd_create("x"),
        "make a folder": lambda: os.mkdir(new),
        "make a pipe with a name": lambda: os.mkfifo(new),
        "make a device": lambda: os.mknod(new, 0o20666, os.makedev(1, 1)),
        "make a link": lambda: os.symlink("/etc/passwd", new),
        "make a hard link": lambda: os.link(precious, new),
        "remove a file": lambda: os.unlink(precious),
        "remove a folder": lambda: os.rmdir(f"{near}/empty"),
        "rename a file": lambda: os.rename(precious, new),
        "change modes": lambda: os.chmod(precious, 0o777),
        "change modes of what is open": lambda: os.fchmod(0, 0o777),
        "change owners": lambda: os.chown(precious, 1, 1),
        "change owners of what is open": lambda: os.fchown(0, 1, 1),
        "change times": lambda: os.utime(precious),
        "set an attribute": lambda: os.setxattr(precious, "user.x", b"1"),
        "read an attribute": lambda: os.getxattr(precious, "user.kept"),
        "list attributes": lambda: os.listxattr(precious),
        "remove an attribute": lambda: os.removexattr(precious, "user.kept"),
        "go elsewhere": lambda: os.chdir("/etc"),
        "change the root": lambda: os.chroot(near),
        "learn of the disk": lambda: os.statvfs(near),
        "flush all disks": lambda: call(162),
    }


def model_file():
    """What the descriptor of the artifact could be good for, besides reading it."""
    return {
        "write into the model": lambda: written(os.write, b"x"),
        "write into the model at a place": lambda: written(os.pwrite, b"x", 0),
        "cut the model short": lambda: os.ftruncate(artifact(), 0),
        "grow the model": lambda: os.posix_fallocate(artifact(), 0, 1 << 20),
        "open the model for writing": lambda: reopened(os.O_RDWR),
        "open the model again": lambda: reopened(os.O_RDONLY),
        "map the model for writing": lambda: mmap.mmap(artifact(), 1, mmap.MAP_SHARED),
        "lock the model": lambda: fcntl.flock(artifact(), fcntl.LOCK_SH | fcntl.LOCK_NB),
        "lock a part of the model": lambda: fcntl.lockf(artifact(), fcntl.LOCK_SH),
        "lease the model": lambda: fcntl.fcntl(artifact(), 1024, 0),
        "be told of writers to the model": lambda: fcntl.fcntl(artifact(), 1026, 2),
        "make the model writable": lambda: os.fchmod(artifact(), 0o666),
        "date the model": lambda: os.utime(artifact()),
        "mark the model": lambda: os.setxattr(artifact(), "user.x", b"1"),
        "send a file into the model": lambda: os.sendfile(artifact(), artifact(), 0, 1),
        "copy within the model": lambda: os.copy_file_range(artifact(), artifact(), 1),
        "clone into the model": lambda: fcntl.ioctl(artifact(), 0x40049409, artifact()),
    }


def processes():
    web, victim = TARGETS["web"], TARGETS["victim"]
    one = (1, 1)
    return {
        "fork": os.fork,
        "fork in a terminal": os.forkpty,
        "start a program": lambda: __import__("subprocess").run(["/bin/true"]),
        "start a program by the shell": lambda: ran(os.system(f"touch {TARGETS['near']}/new")),
        "spawn a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "become a program": lambda: os.execv("/bin/true", ["true"]),
        "stop the zygote": lambda: os.kill(ZYGOTE, signal.SIGSTOP),
        "signal the server": lambda: os.kill(web, signal.SIGURG),
        "end a process of the user": lambda: os.kill(victim, signal.SIGKILL),
        "end everything": lambda: os.kill(-1, signal.SIGURG),
        "signal the server's group": lambda: os.killpg(os.getpgid(web), signal.SIGURG),
        "signal its own group": lambda: os.kill(0, signal.SIGURG),
        "have signals sent to others": lambda: fcntl.fcntl(channel(), fcntl.F_SETOWN, victim),
        "signal by a descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(victim), 9),
        "leave its session": os.setsid,
        "join another group": lambda: os.setpgid(0, 0),
        "slow another process down": lambda: os.setpriority(os.PRIO_PROCESS, victim, 19),
        "slow the server down": lambda: os.setpriority(os.PRIO_PROCESS, web, 19),
        "speed itself up": lambda: os.nice(-5),
        "pin another process": lambda: os.sched_setaffinity(victim, {0}),
        "pin the zygote": lambda: os.sched_setaffinity(ZYGOTE, {0}),
        "pin the server": lambda: os.sched_setaffinity(web, {0}),
        "idle another process": lambda: os.sched_setscheduler(victim, os.SCHED_IDLE,
                                                              os.sched_param(0)),
        "limit another process": lambda: resource.prlimit(victim, resource.RLIMIT_CPU, one),
        "limit the zygote": lambda: resource.prlimit(ZYGOTE, resource.RLIMIT_CPU, one),
        "read limits of another process": lambda: resource.prlimit(victim, resource.RLIMIT_CPU),
        "raise its memory": lambda: raised(resource.RLIMIT_AS),
        "raise its files": lambda: raised(resource.RLIMIT_NOFILE),
        "raise its processor time": lambda: raised(resource.RLIMIT_CPU),
        "change user": lambda: os.setuid(0),
        "change group": lambda: os.setgid(0),
        "change groups": lambda: os.setgroups([0]),
        "wait for others": lambda: os.waitpid(-1, os.WNOHANG),
    }  # fmt: skip


def network():
    here = channel()
    families = {
        "local": (socket.AF_UNIX, socket.SOCK_STREAM), "local packets": (1, socket.SOCK_DGRAM),
        "internet": (socket.AF_INET, socket.SOCK_STREAM), "UDP": (2, socket.SOCK_DGRAM),
        "raw": (2, socket.SOCK_RAW), "IPv6": (10, socket.SOCK_STREAM),
        "IPv6 UDP": (10, socket.SOCK_DGRAM), "netlink": (16, socket.SOCK_RAW),
        "packet": (17, socket.SOCK_RAW), "Bluetooth": (31, socket.SOCK_RAW),
        "kernel crypto": (38, socket.SOCK_SEQPACKET), "virtual machine": (40, socket.SOCK_STREAM),
        "CAN": (29, socket.SOCK_RAW), "XDP": (44, socket.SOCK_RAW), "TIPC": (30, 1),
        "RDS": (21, 5), "key": (15, 3), "SMC": (43, 1), "MPTCP": (2, 1, 262),
    }  # fmt: skip
    ways = {f"make a socket: {name}": (lambda what=what: socket.socket(*what))
            for name, what in families.items()}  # fmt: skip
    return ways | {
        "make a pair of sockets": socket.socketpair,
        "make a pipe": os.pipe,
        "connect": lambda: socket.create_connection(("127.0.0.1", TARGETS["port"]), timeout=1),
        "look up a name": lambda: looked_up("localhost"),
        "connect its channel elsewhere": lambda: call(42, here, BLOCK, 16),
        "bind its channel": lambda: call(49, here, BLOCK, 16),
        "listen on its channel": lambda: call(50, here, 1),
        "accept on its channel": lambda: call(43, here, None, None),
        "set options of its channel": lambda: call(54, here, 1, 8, BLOCK, 4),
        "ask who is at the other end": lambda: call(55, here, 1, 17, BLOCK, BLOCK),
        "half-close its channel": lambda: call(48, here, 1),
        "send by address": lambda: call(44, here, BLOCK, 1, 0, BLOCK, 16),
        "send descriptors": lambda: call(46, here, BLOCK, 0),
        "send many": lambda: call(307, here, BLOCK, 1, 0),
        "type into a terminal": lambda: fcntl.ioctl(0, 0x5412, b"x"),
        "be signalled by its channel": lambda: fcntl.ioctl(here, 0x8901, struct.pack("i", 1)),
    }


def kernel():
    """Calls without a name in Python; each would do harm or reach further than its process."""
    web, victim, pair, here = TARGETS["web"], TARGETS["victim"], (BLOCK, BLOCK), channel()
    calls = {
        "vfork": (58,), "clone a process": (56, 17, 0, 0, 0, 0),
        "clone with shared memory": (56, 0x100 | 17, 0, 0, 0, 0),
        "clone a process the new way": (435, BLOCK, 88), "execveat": (322, -1, BLOCK, 0, 0, 0x1000),
        "trace the zygote": (101, 16, ZYGOTE, 0, 0),
        "seize the victim": (101, 0x4206, victim, 0, 0), "be traced": (101, 0, 0, 0, 0),
        "read memory of others": (310, ZYGOTE, BLOCK, 1, BLOCK, 1, 0),
        "write memory of others": (311, victim, BLOCK, 1, BLOCK, 1, 0), "tkill": (200, victim, 9),
        "tgkill": (234, victim, victim, 9), "tgkill everybody": (234, -1, victim, 0),
        "rt_sigqueueinfo": (129, victim, 9, BLOCK),
        "rt_tgsigqueueinfo": (297, victim, victim, 9, BLOCK), "pidfd_open": (434, web, 0),
        "pidfd_getfd": (438, here, 0, 0), "pidfd_send_signal": (424, here, 9, None, 0),
        "process_madvise": (440, here, BLOCK, 1, 21, 0), "process_mrelease": (448, here, 0),
        "compare processes": (312, ZYGOTE, web, 2, 0, 0),
        "robust list of others": (274, ZYGOTE, *pair),
        "pages of others": (279, ZYGOTE, 0, *pair, BLOCK, 0),
        "migrate others": (256, ZYGOTE, 64, *pair), "sched_setparam": (142, victim, BLOCK),
        "sched_setattr": (314, victim, BLOCK, 0), "ioprio_set": (251, 1, victim, 0x6000),
        "setpgid of others": (109, victim, 0), "survive its parent": (157, 1, 0, 0, 0, 0),
        "become dumpable": (157, 4, 1, 0, 0, 0), "keep capabilities": (157, 8, 1, 0, 0, 0),
        "gain a capability": (157, 47, 2, 21, 0, 0), "bounding set": (157, 24, 21, 0, 0, 0),
        "secure bits": (157, 28, 0, 0, 0, 0), "no_new_privs off": (157, 38, 0, 0, 0, 0),
        "filter by prctl": (157, 22, 2, BLOCK, 0, 0),
        "let others trace": (157, 0x59616D61, -1, 0, 0, 0), "adopt orphans": (157, 36, 1, 0, 0, 0),
        "move its own memory map": (157, 35, 1, BLOCK, 0, 0), "speculate": (157, 53, 0, 1, 0, 0),
        "I/O flusher": (157, 57, 1, 0, 0, 0), "system call dispatch": (157, 59, 0, 0, 0, 0),
        "core scheduling": (157, 62, 1, victim, 0, BLOCK), "another filter": (317, 1, 0, BLOCK),
        "ask about filters": (317, 2, 0, BLOCK), "notify a supervisor": (317, 1, 8, BLOCK),
        "a Landlock of its own": (444, BLOCK, 8, 0), "add to a Landlock": (445, here, 1, BLOCK, 0),
        "restrict itself anew": (446, here, 0), "capset": (126, BLOCK, BLOCK),
        "capget": (125, *pair), "setreuid": (113, 0, 0), "setresuid": (117, 0, 0, 0),
        "setresgid": (119, 0, 0, 0), "setfsuid": (122, 0), "setfsgid": (123, 0),
        "setrlimit": (160, 9, BLOCK), "setns": (308, here, 0), "mount": (165, 0, 0, 0, 0, 0),
        "umount": (166, BLOCK, 0), "pivot_root": (155, *pair), "open_tree": (428, -100, BLOCK, 1),
        "fsopen": (430, BLOCK, 0), "fsmount": (432, here, 0, 0),
        "move_mount": (429, -1, BLOCK, -1, BLOCK, 0),
        "mount_setattr": (442, -1, BLOCK, 0, BLOCK, 32), "statmount": (457, *pair, 0, 0),
        "file handle of a name": (303, -100, BLOCK, BLOCK, BLOCK, 0),
        "open by handle": (304, -100, BLOCK, 0), "openat2": (437, -100, BLOCK, BLOCK, 24),
        "creat": (85, BLOCK, 0o666), "renameat2": (316, -100, *pair, 0),
        "linkat": (265, -100, BLOCK, -100, BLOCK, 0x1000),
        "fchmodat2": (452, -100, BLOCK, 0o777, 0), "inotify": (294, 0), "fanotify": (300, 0, 0),
        "quotactl": (179, 0, BLOCK, 0, BLOCK), "acct": (163, 0), "sync a file system": (306, 0),
        "old statfs": (138, 0, BLOCK), "io_uring_setup": (425, 8, BLOCK),
        "io_uring_enter": (426, here, 1, 0, 0, 0), "io_uring_register": (427, here, 0, 0, 0),
        "io_setup": (206, 8, BLOCK), "bpf": (321, 0, BLOCK, 72), "userfaultfd": (323, 1),
        "perf_event_open": (298, BLOCK, 0, -1, -1, 0), "keyctl": (250, 0, -3, 0, 0, 0),
        "add_key": (248, *pair, 0, 0, -3), "request_key": (249, *pair, 0, 0),
        "memfd_secret": (447, 0), "shmget": (29, 0, 4096, 0o1600), "shmat": (30, 0, 0, 0),
        "semget": (64, 0, 1, 0o1600), "msgget": (68, 0, 0o1600),
        "mq_open": (240, BLOCK, 0o102, 0o600, 0), "mq_unlink": (241, BLOCK),
        "timer_create": (222, 0, BLOCK, BLOCK), "setitimer": (38, 0, BLOCK, 0), "alarm": (37, 0),
        "timerfd": (283, 0, 0), "signalfd": (289, -1, BLOCK, 8, 0), "pause": (34,),
        "splice": (275, 0, 0, here, 0, 1, 0), "tee": (276, 0, here, 1, 0),
        "vmsplice": (278, here, BLOCK, 1, 0), "personality": (135, 0x40000),
        "adjtimex": (159, BLOCK), "clock_adjtime": (305, 0, BLOCK),
        "clock_settime": (227, 0, BLOCK), "settimeofday": (164, 0, 0), "reboot": (169, 0, 0, 0, 0),
        "kexec": (246, 0, 0, 0, 0), "swapon": (167, BLOCK, 0), "swapoff": (168, BLOCK),
        "init_module": (175, BLOCK, 0, BLOCK), "finit_module": (313, 0, BLOCK, 0),
        "delete_module": (176, BLOCK, 0), "syslog": (103, 10, 0, 0), "sethostname": (170, BLOCK, 0),
        "setdomainname": (171, BLOCK, 0), "ioperm": (173, 0, 1, 1), "iopl": (172, 3),
        "modify_ldt": (154, 0, BLOCK, 16), "vhangup": (153,), "lookup_dcookie": (212, 0, BLOCK, 1),
        "mlock": (149, BLOCK, 1), "mlockall": (151, 1), "mbind": (237, BLOCK, 0, 0, 0, 0, 0),
        "set_mempolicy": (238, 0, 0, 0), "pkey_alloc": (330, 0, 0),
        "futex_waitv": (449, BLOCK, 0, 0, 0, 0), "cachestat": (451, 0, BLOCK, BLOCK, 0),
        "epoll": (291, 0), "umask": (95, 0), "uselib": (134, BLOCK), "ustat": (136, 0, BLOCK),
        "sysfs": (139, 3), "old sysctl": (156, BLOCK), "lsm_set_self_attr": (460, 100, BLOCK, 0, 0),
        "map_shadow_stack": (453, 0, 4096, 0),
    }  # fmt: skip
    if os.uname().machine != "x86_64":
        return {}
    ways = {name: (lambda what=what: call(*what)) for name, what in calls.items()}
    ways["limit the zygote from far memory"] = far_limit
    for name, flag in NEW_THINGS.items():
        ways[f"unshare {name}"] = lambda flag=flag: call(272, flag)
        ways[f"clone into new {name}"] = lambda flag=flag: call(56, flag | 17, 0, 0, 0, 0)
        ways[f"a thread in new {name}"] = lambda flag=flag: call(56, THREAD | flag, 0, 0, 0, 0)
    return ways


def attempts():
    return files() | model_file() | processes() | network() | kernel()


def outcome(way):
    """What came of trying: "shut", "open", or an error that means it got through."""
    try:
        way()
    except OSError as no:
        return "shut" if no.errno in SHUT else repr(no)
    except BaseException as no:  # noqa: BLE001  anything at all is told
        return repr(no)
    return "open"


def tried():
    """Outcome of every way, by name."""
    return {name: outcome(way) for name, way in attempts().items()}
