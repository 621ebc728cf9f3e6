"""Python's own unpickler over inert stubs: what a file says, with nothing of it done.

Both joblib and this walk use the pure `pickle._Unpickler`, so that they read the same bytes the
same way; only here a name never becomes more than a `Global`, and calling it an `Instance`.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from registry.formats import compressed, guards, names, reductions
from registry.formats.marks import HEAD_BYTES, is_pickle
from registry.formats.seen import Seen
from registry.formats.source import Limits, Source
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
from registry.formats.text import clean
from registry.formats.watch import Watch, watched

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_pickle: Any = pickle  # typeshed leaves out the machine of pure Python
_ANCIENT = {"joblib.numpy_pickle_compat", "sklearn.externals.joblib.numpy_pickle"}
_SHORT = 5  # bytes: too few for a pickle that asks for a name
_MAX_NESTED, _MEMO_SLACK = 5, 1 << 20
DAMAGE = (
    *(*compressed.DAMAGE, pickle.UnpicklingError, struct.error, ArithmeticError),
    *(AttributeError, KeyError, IndexError, TypeError, RecursionError),
    *(MemoryError, AssertionError, NotImplementedError, BufferError, SystemError),
)
"""Whatever reading a damaged pickle raises."""


class DryRun(_pickle._Unpickler):  # type: ignore[misc]
    """The unpickler; `load` returns stubs.

    Args:
        torch: Whether the loader knows torch's references to storages.
        arrays: Whether the loader is joblib's, which reads raw arrays between the opcodes.
        nested: How many pickles this one lies in.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(_pickle._Unpickler.dispatch)

    def __init__(
        self,
        source: Source,
        *,
        torch: bool = False,
        arrays: bool = False,
        seen: Seen | None = None,
        nested: int = 0,
    ) -> None:
        super().__init__(source)
        self.source = source
        self.seen = seen or Seen()
        self._torch, self._arrays, self._nested = torch, arrays, nested
        self.watch = Watch()
        self._called: dict[str, Global] = {}

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
        self.source.opcodes -= opcodes
        self.source.check()

    # Names and calls

    def find_class(self, module: str, name: str) -> Any:
        """Note a name; nothing is imported."""
        if self.proto < 3 and self.fix_imports:
            module, name = names.python_2(module, name)
        found = Global(module, name)
        if module in _ANCIENT and name.endswith("NDArrayWrapper"):
            raise ValueError("arrays in separate files, as joblib wrote them before 2015")
        self.seen.name(found)
        if guards.is_called(found.path):
            found = self._called.setdefault(found.path, found)
            self.watch.add(found)
        return found

    def misplaced(self) -> None:
        """A function that files may call becomes data."""
        self.seen.flaw("function-kept", "a list, a state or an argument")

    def fills(self, target: Any) -> None:
        """Something is put into this."""
        if isinstance(target, Instance) and not guards.is_container(target.cls.path):
            self.seen.flaw("state", target.cls.path)

    def get_extension(self, code: int) -> None:
        self.seen.flaw("old-opcode", "EXT")
        self.append(self.find_class("copyreg", f"extension_{code}"))

    def persistent_load(self, pid: Any) -> Any:
        """Torch's reference to a storage: ("storage", type, key, place, number of elements)."""
        if not self._torch:
            raise pickle.UnpicklingError("it refers to data outside the file")
        if pid[0] == "module":  # a class with its source text, before torch 1.6
            return pid[1]
        kind = pid[1].name if isinstance(pid[1], Global) else "Storage"
        storage = Storage(reductions.storage_dtype(kind), clean(pid[2]), int(pid[4]))
        self.seen.storages[storage.key] = storage.size * reductions.item_size(storage.dtype)
        return storage

    def _call(self, function: Any, args: Any) -> Any:
        """What a class makes empty, or a call that was let through."""
        if not isinstance(function, Global):
            self.seen.flaw("call-of-a-result", "the answer of a call, or plain data")
        else:
            known = reductions.KNOWN.get(function.path)
            if known and isinstance(args, tuple):
                return known(function, args)
        return Instance(function, args)

    def _reduce(self) -> None:
        args, function = self.stack.pop(), self.stack[-1]
        if isinstance(function, Global) and function.path in names.LISTED:
            if function.path not in names.CALLABLE:
                self.seen.flaw("call", f"{function.path}, which files only refer to")
            elif not guards.call(function.path, args):
                self.seen.flaw("call", f"{function.path} with what no library gives it")
            elif self.watch.holds(args[guards.taken(function.path) :]):
                self.misplaced()
        self.stack[-1] = self._call(function, args)

    def _newobj(self) -> None:
        args, cls = self.stack.pop(), self.stack.pop()
        if isinstance(cls, Global) and not guards.call(cls.path, args):
            self.seen.flaw("call", f"{cls.path} with what no library gives it")
        if self.watch.holds(args):
            self.misplaced()
        self.append(self._call(cls, args))

    def _newobj_ex(self) -> None:
        if self.stack.pop():
            self.seen.flaw("call", "a class with named arguments")
        self._newobj()

    def _instantiate(self, klass: Any, args: list[Any]) -> None:
        self.seen.flaw("old-opcode", "INST or OBJ")
        self.append(self._call(klass, tuple(args)))

    def _dup(self) -> None:
        self.seen.flaw("old-opcode", "DUP")
        self.append(self.stack[-1])

    def _put_far(self) -> None:
        self._memoize(struct.unpack("<I", self.read(4))[0])

    def _put_text(self) -> None:
        self._memoize(int(self.readline()[:-1]))

    def _memoize(self, index: int) -> None:
        if not 0 <= index <= 2 * len(self.memo) + _MEMO_SLACK:
            raise ValueError(f"a memo index of {index:,}, for which some loaders make a table")
        self.memo[index] = self.stack[-1]

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, Global):
            self.seen.flaw("state-of-a-class", made.path)
        elif not guards.state(made, state):
            self.seen.flaw("state", made.cls.path if isinstance(made, Instance) else "an object")
        elif self.watch.holds((state, made)):
            self.misplaced()
        if isinstance(made, Array):
            made.build(state)
        elif isinstance(made, np.dtype):
            reductions.set_dtype_state(made, state)
        elif isinstance(made, Instance):
            made.build(state)
            if made.cls.path == WRAPPER:
                if not self._arrays:
                    raise ValueError("an array of joblib where its loader expects none")
                self.stack[-1] = self._array(made.state)

    def _array(self, state: dict[str, Any]) -> Array:
        """What joblib appends behind a wrapper: a nested pickle, or padding and raw bytes."""
        dtype, shape = state["dtype"], lengths(state["shape"])
        if not isinstance(dtype, np.dtype):
            raise ValueError("an array of a type that NumPy does not have")
        if dtype.hasobject:
            inner = DryRun(self.source, seen=self.seen, nested=self._nested)
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
        self._look_into(data)
        return Array(dtype, shape, decoded(data, dtype, shape, state.get("order", "C")))

    # Bytes and containers

    def _bytes(self, size: int) -> None:
        """Keep small bytes, pass over big ones: they are array data."""
        if size > MAX_DECODED_BYTES and self._between_frames():
            head = self.source.read(HEAD_BYTES)
            if not is_pickle(head):
                self.source.skip(size - len(head))
                self.append(Skipped(size))
                return
            data = head + self.source.read(size - len(head))
        else:
            data = self.read(size)
        if len(data) < size:
            raise EOFError
        self._look_into(data)
        self.append(data)

    def _between_frames(self) -> bool:
        frame = self._unframer.current_frame
        if frame and frame.tell() == frame.getbuffer().nbytes:
            frame = self._unframer.current_frame = None
        return frame is None

    def _look_into(self, data: bytes) -> None:
        """Walk bytes that are a pickle themselves: whoever put them there has a loader in mind."""
        if not is_pickle(data[:HEAD_BYTES]) or self._nested >= _MAX_NESTED:
            return
        limits = Limits(10.0, min(self.source.opcodes, 5_000_000))
        inner = DryRun(Source(io.BytesIO(data), limits), torch=True, nested=self._nested + 1)
        with contextlib.suppress(*DAMAGE):  # most bytes that look like a pickle are none
            inner.load()
        for found in inner.seen.globals.values():
            if names.is_plain(found.module, found.name):
                self.seen.flaw("pickle-inside", f"one that asks for {found.path}")
                self.seen.name(found)

    def _short_bytes(self) -> None:
        self._bytes(self.read(1)[0])

    def _binbytes(self) -> None:
        self._bytes(struct.unpack("<I", self.read(4))[0])

    def _binbytes8(self) -> None:
        self._bytes(struct.unpack("<Q", self.read(8))[0])

    def _short_text(self) -> None:
        size = self.read(1)[0]
        data = self.read(size)
        if len(data) < size:
            raise EOFError
        self.append(self._readable(data) if size > _SHORT else str(data, "utf-8", "surrogatepass"))

    def _text(self, size: int) -> None:
        data = self.read(size)
        if len(data) < size:
            raise EOFError
        self.append(self._readable(data))

    def _readable(self, data: bytes) -> str:
        text = str(data, "utf-8", "surrogatepass")
        if data[:2] == b"\xc2\x80" or b"\n" in data:
            self._look_into(text.encode("latin-1", "replace"))
        return text

    def _line_of_text(self) -> None:
        self.load_unicode()
        self._look_into(self.stack[-1].encode("latin-1", "replace"))

    def _bintext(self) -> None:
        self._text(struct.unpack("<I", self.read(4))[0])

    def _bintext8(self) -> None:
        self._text(struct.unpack("<Q", self.read(8))[0])

    def _readonly_buffer(self) -> None:
        """Stubs are read-only anyway."""

    def _put(self, target: Any, items: list[Any]) -> None:
        pairs = zip(items[::2], items[1::2], strict=True)
        if isinstance(target, dict):
            key = reductions.key
            target.update([(k if type(k) is str else key(k), v) for k, v in pairs])
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
        pickle.DUP: _dup,
        pickle.PUT: _put_text,
        pickle.LONG_BINPUT: _put_far,
        pickle.UNICODE: _line_of_text,
        pickle.SHORT_BINUNICODE: _short_text,
        pickle.BINUNICODE: _bintext,
        pickle.BINUNICODE8: _bintext8,
        pickle.SHORT_BINBYTES: _short_bytes,
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
    dispatch = watched({**dispatch, **{o[0]: handler for o, handler in _OWN.items()}})
