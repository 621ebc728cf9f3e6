"""Loads pickles for real, with nothing but the names on the allowlist; inside a worker only.

The same list, guards and opcodes as the scan, enforced once more by the machine that acts: what a
scan overlooks is not loaded.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterable
from typing import Any, BinaryIO, ClassVar

import numpy as np

from registry.errors import UnsafeArtifact
from registry.formats import compressed, guards, names
from registry.formats.machine import WRAPPER
from registry.formats.text import clean, finding
from registry.formats.watch import Watch, watched
from registry.records import Named, Report

_pickle: Any = pickle  # typeshed leaves out the machine of pure Python
_MAX_NAMED = 50


class _Refused(Exception):
    """The file asks for something that it does not get."""

    def __init__(self, what: str, name: str = "") -> None:
        super().__init__(what)
        self.name = name


def load(file: BinaryIO, trusted: frozenset[str]) -> Any:
    """Load a pickle as plain pickle or joblib writes it, compressed or not.

    Args:
        trusted: Exact names beyond the allowlist, as `module.name`.

    Raises:
        UnsafeArtifact: It asks for a name that is neither listed nor trusted, or for a call or a
            state that no library writes.
    """
    stream, _ = compressed.inflated(file)
    try:
        made = _Restricted(stream, trusted).load()
        if stream.read(1):
            raise _Refused("more bytes follow after the end of the pickle")
        return made
    except _Refused as refused:
        raise unsafe([refused.name] if refused.name else [], str(refused)) from None


def unsafe(refused: Iterable[str], what: str = "") -> UnsafeArtifact:
    """The error for a file that asks for names which may not be loaded.

    Args:
        refused: Names as `module.name`.
        what: What it does, where it is not only a name.
    """
    listed = [clean(name) for name in refused][:_MAX_NAMED]
    judged = tuple(Named(n, names.judge(*names.split(n))) for n in listed)
    said = what or f"the file asks for {', '.join(listed[:5])}"
    why = "It is neither on the list of what model files consist of nor trusted for this file"
    todo = "Save the fitted model itself again, or export it to ONNX, and upload that"
    return UnsafeArtifact(Report((finding("block", "refused", said, why, todo),), True, judged))


_OLD = (pickle.INST, pickle.OBJ, pickle.DUP, pickle.EXT1, pickle.EXT2, pickle.EXT4)


class _Restricted(_pickle._Unpickler):  # type: ignore[misc]
    """Python's own unpickler, restricted, with what joblib's array wrapper reads from.

    Args:
        arrays: Whether raw arrays of joblib may lie between the opcodes.
    """

    np, mmap_mode = np, None

    dispatch: ClassVar[dict[int, Any]] = dict(_pickle._Unpickler.dispatch)

    def __init__(self, file: BinaryIO, trusted: frozenset[str], *, arrays: bool = True) -> None:
        super().__init__(file)
        self.file_handle = file
        self._trusted, self._arrays = trusted, arrays
        self._found: dict[int, tuple[Any, set[str]]] = {}
        """What names were found, by identity: the thing, and the names it was asked for by."""
        self.watch = Watch()

    def find_class(self, module: str, name: str) -> Any:
        real = names.python_2(module, name) if self.proto < 3 else (module, name)
        path = ".".join(real)
        if not names.may_load(*real, self._trusted):
            raise _Refused(f"the file asks for {path}", path)
        found = super().find_class(module, name)
        self._found.setdefault(id(found), (found, set()))[1].add(path)
        if guards.is_called(path):
            self.watch.add(found)
        return found

    def misplaced(self) -> None:
        """A function that files may call is to become data."""
        raise _Refused("the file keeps a function for later that files only call")

    def fills(self, target: Any) -> None:
        """Something is to be put into this."""
        if not isinstance(target, (list, dict, set, deque)):
            raise _Refused(f"the file fills a {type(target).__name__} like a list")

    def _reduce(self) -> None:
        args, function = self.stack[-1], self.stack[-2]
        paths = self._found.get(id(function), (None, set[str]()))[1]
        if not paths & (names.CALLABLE | self._trusted):
            raise _Refused(f"the file calls {_shown(function, paths)}")
        if not all(guards.call(path, args) for path in paths):
            raise _Refused(f"the file calls {_shown(function, paths)} with odd arguments")
        if any(self.watch.holds(args[guards.taken(path) :]) for path in paths):
            self.misplaced()
        self.load_reduce()

    def _newobj(self) -> None:
        cls, args = self.stack[-2:]
        self._made(cls, args, {})
        self.load_newobj()

    def _newobj_ex(self) -> None:
        self._made(*self.stack[-3:])
        self.load_newobj_ex()

    def _made(self, cls: Any, args: Any, named: Any) -> None:
        paths = self._found.get(id(cls), (None, set[str]()))[1]
        odd = bool(named) or not all(guards.call(path, args) for path in paths)
        if not paths or odd or self.watch.holds(args):
            raise _Refused(f"the file makes {_shown(cls, paths)} as no library does")

    def _build(self) -> None:
        state, made = self.stack[-1], self.stack[-2]
        if id(made) in self._found or isinstance(made, type):
            raise _Refused(f"the file changes {_shown(made, set())}")
        if not guards.state(made, state):
            raise _Refused(f"the file fills a {type(made).__name__} with what it never holds")
        if self.watch.holds((state,)) or self.watch.holds((made,)):
            self.misplaced()
        if shadowed := guards.shadows(made, state):
            raise _Refused(f"the file puts something else in the place of {shadowed}")
        self.load_build()
        if f"{type(made).__module__}.{type(made).__qualname__}" == WRAPPER:
            self.stack[-1] = self._array(made)

    def _array(self, wrapper: Any) -> Any:
        if not self._arrays:
            raise _Refused("the file has an array where its loader expects none")
        if wrapper.dtype.hasobject:
            made = type(self)(self.file_handle, self._trusted, arrays=False).load()
            if not isinstance(made, np.ndarray):
                raise _Refused("the file has something else in the place of an array")
            return made
        return wrapper.read(self, ensure_native_byte_order=True)

    def _old(self) -> None:
        raise _Refused("the file uses an opcode that no Python 3 writes")

    dispatch |= {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _newobj,
        pickle.NEWOBJ_EX[0]: _newobj_ex,
        pickle.BUILD[0]: _build,
        **dict.fromkeys((code[0] for code in _OLD), _old),
    }
    dispatch = watched(dispatch)


def _shown(value: Any, paths: set[str]) -> str:
    return ", ".join(sorted(paths)) or f"a {type(value).__name__} that it does not name"
