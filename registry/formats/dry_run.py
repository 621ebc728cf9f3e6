"""Reads a pickle without executing it: the loader's own machine over inert stubs.

Both joblib and this walk use Python's pure `pickle._Unpickler`, so that they read the same bytes
the same way; only here a name never becomes more than a `Global`, and calling it an `Instance`.
"""

from __future__ import annotations

import _compat_pickle
import io
import pickle
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

import numpy as np

from registry.errors import BrokenArtifact
from registry.formats import compressed, reductions
from registry.formats.stubs import (
    MAX_DECODED_BYTES,
    MAX_KEPT,
    Array,
    Global,
    Instance,
    Skipped,
    Storage,
    decoded,
    lengths,
    product,
)
from registry.formats.text import clean, refusal

MAX_GLOBALS = 10_000
_BLOCK = 1 << 20
_pickle: Any = pickle  # typeshed leaves out the machine of pure Python
_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_ANCIENT = {"joblib.numpy_pickle_compat", "sklearn.externals.joblib.numpy_pickle"}
_DAMAGE = (
    *(*compressed.DAMAGE, pickle.UnpicklingError, struct.error, ArithmeticError),
    *(AttributeError, KeyError, IndexError, TypeError, RecursionError),
    *(MemoryError, AssertionError, NotImplementedError, BufferError, SystemError),
)


@dataclass
class Limits:
    """How much of a file is read before the walk stops without an answer."""

    seconds: float = 12.0
    opcodes: int = 40_000_000


@dataclass
class Seen:
    """What a dry run saw.

    Attributes:
        root: The pickled object, made of stubs and plain data; None when not complete.
        globals: Names the file asks for, as `module.name`, each once, in order.
        complete: Whether the end of the pickle was reached within the limits.
        trailing: Whether more bytes follow the pickle.
        storages: Bytes of each torch storage that tensors refer to, by its key.
    """

    root: Any = None
    globals: dict[str, Global] = field(default_factory=dict)
    protocol: int = 0
    complete: bool = True
    trailing: bool = False
    opcodes: int = 0
    storages: dict[str, int] = field(default_factory=dict)


class _Stopped(Exception):
    """A limit was reached."""


def dry_run(file: BinaryIO, *, limits: Limits | None = None) -> Seen:
    """Walk a pickle as plain pickle or joblib writes it, from the present position.

    Raises:
        BrokenArtifact: It is damaged or ends early.
    """
    machine = DryRun(_Source(file, limits or Limits()))
    try:
        machine.seen.root = machine.load()
        machine.seen.trailing = bool(machine.source.read(1))
    except _Stopped:
        machine.seen.complete = False
    except _DAMAGE as damage:
        raise BrokenArtifact(_explained(damage)) from None
    machine.seen.protocol = machine.proto
    return machine.seen


def dry_run_many(file: BinaryIO, count: int) -> list[Seen]:
    """Walk `count` pickles that follow each other, as old torch files do.

    Raises:
        BrokenArtifact: One is damaged or missing.
    """
    source, found = _Source(file, Limits()), []
    try:
        for _ in range(count):
            machine = DryRun(source, torch=True)
            machine.seen.root = machine.load()
            found.append(machine.seen)
    except _Stopped:
        raise BrokenArtifact(_explained(TimeoutError("too large to read"))) from None
    except _DAMAGE as damage:
        raise BrokenArtifact(_explained(damage)) from None
    return found


def dry_run_torch(data: bytes) -> Seen:
    """Walk the `data.pkl` of a torch zip file.

    Raises:
        BrokenArtifact: It is damaged.
    """
    return dry_run_many(io.BytesIO(data), 1)[0]


def _explained(damage: BaseException) -> str:
    early = isinstance(damage, EOFError) or "exhausted" in str(damage) or "truncated" in str(damage)
    what = "the pickle ends early" if early else "the pickle is damaged"
    why = "Part of the file is missing" if early else f"Reading it stopped at: {clean(damage)}"
    return refusal(what, why, "Save the model again and upload the whole file")


class _Source:
    """The file, read in bounded blocks, with the time left kept in mind."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file = file
        self.opcodes = limits.opcodes
        self._deadline = time.monotonic() + limits.seconds
        self.readline = self._line

    def check(self) -> None:
        if time.monotonic() > self._deadline or self.opcodes < 0:
            raise _Stopped

    def read(self, size: int) -> bytes:
        if size <= _BLOCK:
            return self._file.read(size)
        parts = []
        while size > 0:
            self.check()
            part = self._file.read(min(size, _BLOCK))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over bytes.

        Raises:
            EOFError: There are fewer.
        """
        while size > 0:
            self.check()
            part = self._file.read(min(size, _BLOCK))
            if not part:
                raise EOFError("array data ends early")
            size -= len(part)

    def _line(self) -> bytes:
        return self._file.readline(_BLOCK)


class DryRun(_pickle._Unpickler):  # type: ignore[misc]
    """The unpickler; `load` returns stubs."""

    dispatch: ClassVar[dict[int, Any]] = dict(_pickle._Unpickler.dispatch)

    def __init__(self, source: _Source, *, torch: bool = False, seen: Seen | None = None) -> None:
        super().__init__(source)
        self.source = source
        self.seen = seen or Seen()
        self._torch = torch

    def load(self) -> Any:
        self._unframer = _pickle._Unframer(self._file_read, self._file_readline)
        self.read, self.readline = self._unframer.read, self._unframer.readline
        self.readinto = self._unframer.readinto
        self.metastack: list[list[Any]] = []
        self.stack: list[Any] = []
        self.append = self.stack.append
        self.proto = 0
        read, dispatch = self.read, self.dispatch
        try:
            while True:
                for _ in range(50_000):
                    key = read(1)
                    if not key:
                        raise EOFError
                    dispatch[key[0]](self)
                self._count(50_000)
        except _pickle._Stop as stop:
            return stop.value

    def _count(self, opcodes: int) -> None:
        self.seen.opcodes += opcodes
        self.source.opcodes -= opcodes
        self.source.check()

    # Names and calls

    def find_class(self, module: str, name: str) -> Any:
        """Note a name; nothing is imported."""
        if self.proto < 3 and self.fix_imports:
            if (module, name) in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[(module, name)]
            else:
                module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        found = Global(module, name)
        if module in _ANCIENT and name.endswith("NDArrayWrapper"):
            raise ValueError("arrays in separate files, as joblib wrote them before 2015")
        if len(self.seen.globals) < MAX_GLOBALS:
            self.seen.globals.setdefault(clean(found.path), found)
        return found

    def get_extension(self, code: int) -> None:
        self.append(self.find_class("copyreg", f"extension_{code}"))

    def persistent_load(self, pid: Any) -> Any:
        """Torch's reference to a storage: ("storage", type, key, place, number of elements)."""
        if not self._torch:
            raise pickle.UnpicklingError("it refers to data outside the file")
        kind = pid[1].name if isinstance(pid[1], Global) else "Storage"
        storage = Storage(reductions.storage_dtype(kind), clean(pid[2]), int(pid[4]))
        self.seen.storages[storage.key] = storage.size * reductions.item_size(storage.dtype)
        return storage

    def _call(self, function: Any, args: Any) -> Any:
        if isinstance(function, Global):
            known = reductions.KNOWN.get(function.path)
            if known and isinstance(args, tuple):
                return known(function, args)
        return Instance(function, args)

    def _reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def _newobj(self) -> None:
        args = self.stack.pop()
        self.append(self._call(self.stack.pop(), args))

    def _newobj_ex(self) -> None:
        self.stack.pop()
        self._newobj()

    def _instantiate(self, klass: Any, args: list[Any]) -> None:
        self.append(self._call(klass, tuple(args)))

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, Array):
            made.build(state)
        elif isinstance(made, np.dtype):
            reductions.set_dtype_state(made, state)
        elif isinstance(made, Instance):
            made.build(state)
            if made.cls.path == _WRAPPER:
                self.stack[-1] = self._array(made.state)

    def _array(self, state: dict[str, Any]) -> Array:
        """What joblib appends behind a wrapper: a nested pickle, or padding and raw bytes."""
        dtype, shape = state["dtype"], lengths(state["shape"])
        if not isinstance(dtype, np.dtype):
            raise ValueError("an array of a type that NumPy does not have")
        if dtype.hasobject:
            inner = DryRun(self.source, seen=self.seen)
            root = inner.load()
            return root if isinstance(root, Array) else Array(dtype, shape)
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = self.source.read(1)
            self.source.skip(padding[0])
        size = product(shape) * dtype.itemsize
        if size > MAX_DECODED_BYTES:
            self.source.skip(size)
            return Array(dtype, shape)
        data = self.source.read(size)
        if len(data) < size:
            raise EOFError("array data ends early")
        return Array(dtype, shape, decoded(data, dtype, shape, state.get("order", "C")))

    # Bytes and containers

    def _bytes(self, size: int) -> None:
        """Keep small bytes, pass over big ones: they are array data."""
        if size > MAX_DECODED_BYTES and not self._unframer.current_frame:
            self.source.skip(size)
            self.append(Skipped(size))
            return
        data = self.read(size)
        if len(data) < size:
            raise EOFError
        self.append(data)

    def _binbytes(self) -> None:
        self._bytes(struct.unpack("<I", self.read(4))[0])

    def _binbytes8(self) -> None:
        self._bytes(struct.unpack("<Q", self.read(8))[0])

    def _readonly_buffer(self) -> None:
        """Stubs are read-only anyway."""

    def _put(self, target: Any, items: list[Any]) -> None:
        pairs = zip(items[::2], items[1::2], strict=True)
        if isinstance(target, dict):
            target.update((reductions.key(k), v) for k, v in pairs)
        elif isinstance(target, Instance):
            target.pairs.extend(list(pairs)[: MAX_KEPT - len(target.pairs)])

    def _dict(self) -> None:
        made: dict[Any, Any] = {}
        self._put(made, self.pop_mark())
        self.append(made)

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put(self.stack[-1], [key, value])

    def _setitems(self) -> None:
        items = self.pop_mark()
        self._put(self.stack[-1], items)

    def _frozenset(self) -> None:
        self.append(frozenset(map(reductions.key, self.pop_mark())))

    def _additems(self) -> None:
        items, target = self.pop_mark(), self.stack[-1]
        if isinstance(target, set):
            target.update(map(reductions.key, items))
        elif isinstance(target, Instance):
            target.extend(items)

    _OWN: ClassVar[dict[bytes, Callable[[Any], None]]] = {
        pickle.REDUCE: _reduce,
        pickle.NEWOBJ: _newobj,
        pickle.NEWOBJ_EX: _newobj_ex,
        pickle.BUILD: _build,
        pickle.BINBYTES: _binbytes,
        pickle.BINBYTES8: _binbytes8,
        pickle.BYTEARRAY8: _binbytes8,
        pickle.READONLY_BUFFER: _readonly_buffer,
        pickle.DICT: _dict,
        pickle.SETITEM: _setitem,
        pickle.SETITEMS: _setitems,
        pickle.FROZENSET: _frozenset,
        pickle.ADDITEMS: _additems,
    }
    dispatch.update({opcode[0]: handler for opcode, handler in _OWN.items()})
