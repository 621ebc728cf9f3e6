"""The process that workers are forked from: it imports, and never computes.

Started by file path with `python -I` and an almost empty environment, so that neither the folder
of the project nor a secret is ever inside. Ends when its control socket closes, and its workers
with it.

    python -I zygote.py probe               prints the layers this host has, as JSON
    python -I -S zygote.py fetch            asks one address, see fetcher.py
    python -I zygote.py <fd> <orders as JSON>
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
import warnings
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from registry.sandbox import wire

_AT_FIRST_USE = (
    *("encodings.cp437", "encodings.idna", "encodings.latin_1", "encodings.utf_16"),
    "pyarrow.vendored.version",
)
# skops walks through scikit-learn, whose shims import torch: 3 s and 240 MB for nothing
_KEPT_OUT = {"sklearn": ("torch",)}


def main() -> None:
    """Answer a probe of this kernel, ask an address, or serve forks until the socket closes."""
    _adopt_package()
    if sys.argv[1] == "probe":
        from registry.sandbox import limits

        sys.stdout.write(json.dumps(vars(limits.probe())))
    elif sys.argv[1] == "fetch":
        from registry.sandbox import fetcher

        fetcher.main()
    else:
        Zygote(int(sys.argv[1]), json.loads(sys.argv[2])).serve()


def _adopt_package() -> None:
    """Make `registry` importable from its own folder, with nothing beside it."""
    folder = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        "registry", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError("the registry package is incomplete")
    package: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules["registry"] = package
    spec.loader.exec_module(package)
    warnings.simplefilter("ignore")


class _Keeper(MetaPathFinder):
    """Says of some packages that they are not installed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is kept out", name=fullname)


class Zygote:
    """One group's frameworks, imported and frozen, ready to be forked."""

    def __init__(self, control_fd: int, orders: dict[str, Any]) -> None:
        from registry.sandbox import limits
        from registry.sandbox.wire import Channel

        self.channel = Channel(socket.socket(fileno=control_fd))
        self.group: str = orders["group"]
        self.threads: int = orders["threads"]
        self.layers = limits.Layers(**orders["layers"])
        self.own_identity = not limits.shared_identity()
        limits.readable_paths(), limits.most_threads()  # worked out once, not in every worker
        self.workers: dict[int, int] = {}
        """Process id to slot; a slot gives an identity of its own where we are root."""

    def serve(self) -> NoReturn:
        """Import, say so, then fork and end workers until the web process is gone."""
        from registry.sandbox import wire

        try:
            self._prepare()
            while True:
                message = self.channel.receive(mapped=0)
                order = json.loads(message.head)
                if order.pop("order") == "fork":
                    answer = self._fork(message, order)
                else:
                    answer = self._end(order["pid"])
                self.channel.send(wire.DONE, json.dumps(answer).encode())
        except wire.Closed:
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(1)  # never the clean-up of what only was imported

    def _prepare(self) -> None:
        from registry import formats, scanners
        from registry.formats import contract
        from registry.sandbox import wire

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        started, missing = time.perf_counter(), []
        known = (*formats.FORMATS, "samples", "rows", "pictures", "warmup")
        ours = [f"registry.formats.{name}" for name in known]
        ours += [f"registry.scanners.{name}" for name in scanners.SCANNERS]
        tempfile.tempdir = "/nonexistent"  # libraries ask for one while they are imported
        theirs = (*contract.IMPORTS[self.group], *_AT_FIRST_USE)
        keeper = _Keeper(_KEPT_OUT.get(self.group, ()))
        sys.meta_path.insert(0, keeper)
        for name in ("registry.sandbox.worker", *ours, *theirs):
            self._leave_if_alone()
            try:
                importlib.import_module(name)
            except Exception as failed:  # noqa: BLE001  a broken library must not take ours along
                missing.append(name)
                sys.stderr.write(f"zygote {self.group}: {name}: {failed}\n")
        sys.meta_path.remove(keeper)  # a model that needs it may still import it
        _warm()
        gc.collect()
        gc.freeze()
        told = {"import_s": time.perf_counter() - started, "missing": missing}
        self.channel.send(wire.DONE, json.dumps(told).encode())

    def _leave_if_alone(self) -> None:
        """Between imports, notice that the web process has ended."""
        if select.select([self.channel.sock], [], [], 0)[0]:
            os._exit(0)

    def _fork(self, message: wire.Message, order: dict[str, Any]) -> dict[str, Any]:
        from registry.sandbox import limits, worker

        channel_fd, errors_fd = message.fds
        slot = next(n for n in range(len(self.workers) + 1) if n not in self.workers.values())
        uid = limits.FIRST_UID + slot if self.own_identity else None
        zygote, pid = os.getpid(), os.fork()
        if pid == 0:
            self.channel.sock.detach()
            worker.run(
                channel_fd,
                errors_fd,
                limits.Limits(**order),
                self.layers,
                uid=uid,
                parent=zygote,
                threads=self.threads,
            )
        for fd in message.fds:
            os.close(fd)
        self.workers[pid] = slot
        return {"pid": pid}

    def _end(self, pid: int) -> dict[str, Any]:
        """Kill a worker unless it has ended already; how it ended, as `waitpid` has it."""
        if self.workers.pop(pid, None) is None:
            return {"status": None}
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return {"status": os.waitpid(pid, 0)[1]}


def _warm() -> None:
    """What is slow the first time and touches no thread pool."""
    from registry import codec
    from registry.records import Checked, Inspection, Schema

    codec.load(Schema, codec.dump(Schema(kind="table")))
    codec.load(Inspection, codec.dump(Inspection(format="", framework="")))
    codec.dump(Checked(None))
    parallel: Any = sys.modules.get("sklearn.utils.parallel")
    if parallel is not None:
        with contextlib.suppress(AttributeError):
            parallel._get_threadpool_controller()  # reads the map of loaded libraries


if __name__ == "__main__":
    main()
