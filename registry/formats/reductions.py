"""The few calls a dry run understands: those that only carry data. None of them acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from registry.formats import dtypes
from registry.formats.stubs import (
    Array,
    Global,
    Instance,
    Skipped,
    Storage,
    Weight,
    decoded,
    lengths,
)
from registry.formats.weighing import refuse_slow_key

# Source: torch/storage.py, _storage_type_to_dtype_map, 2.13
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_PLAIN = (str, bytes, int, float, bool, type(None), Global, np.generic)


def storage_dtype(name: str) -> str:
    """Type of the numbers in a torch storage class; "" when unknown."""
    return _STORAGES.get(name, "")


def item_size(dtype: str) -> int:
    """Bytes of one number; 1, the least, when the type is unknown."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize if dtype else 1


def key(value: Any) -> Any:
    """A dictionary key that is cheap to hash: nested tuples are replaced by a stub.

    Raises:
        ValueError: The real one would take years to hash.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple) and len(value) < 100 and all(isinstance(v, _PLAIN) for v in value):
        return value
    if isinstance(value, tuple):
        refuse_slow_key(value)
    return value if isinstance(value, Instance) else Instance(value)


def set_dtype_state(dtype: np.dtype, state: Any) -> None:
    """Apply a pickled state to a dtype made by `_dtype`: byte order, fields, item size.

    Raises:
        ValueError: NumPy never writes such a state.
    """
    if not dtypes.fits(dtype, state):
        raise ValueError("a dtype with a state that NumPy never writes")
    set_state: Any = getattr(dtype, "__setstate__")  # noqa: B009  typeshed leaves it out
    set_state(state)


def _dtype(function: Global, args: tuple[Any, ...]) -> Any:
    code = args[0] if args else None
    if isinstance(code, Global):
        code = code.name
    if not isinstance(code, str) or len(code) > 100:
        raise ValueError("a dtype that is not named by text")
    # A copy, always: a state set on NumPy's shared float64 would change it for everybody.
    return np.dtype(code, False, True)


def _reconstruct(function: Global, args: tuple[Any, ...]) -> Any:
    return Array()


def _scalar(function: Global, args: tuple[Any, ...]) -> Any:
    dtype, data = args[0], args[1] if len(args) > 1 else None
    if isinstance(data, str):
        data = data.encode("latin-1")
    values = decoded(data, dtype, (), "C") if isinstance(data, bytes) else None
    return Array(dtype) if values is None else values.item()


def _frombuffer(function: Global, args: tuple[Any, ...]) -> Any:
    data, dtype, shape, order = (*args, "C")[:4]
    sizes = lengths(shape)
    if isinstance(data, Skipped):
        return Array(dtype, sizes)
    return Array(dtype, sizes, decoded(data, dtype, sizes, order))


def _encode(function: Global, args: tuple[Any, ...]) -> Any:
    text, encoding = (*args, "utf-8")[:2]
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8"):
        return Instance(function, args)
    return text.encode(encoding)


def _mapping(function: Global, args: tuple[Any, ...]) -> Any:
    made: dict[Any, Any] = {}
    for pair in args[0] if args and isinstance(args[0], (list, tuple)) else ():
        if isinstance(pair, (list, tuple)) and len(pair) == 2:
            made[key(pair[0])] = pair[1]
    return made


def _set(function: Global, args: tuple[Any, ...]) -> Any:
    items = args[0] if args and isinstance(args[0], (list, tuple)) else ()
    kind: Callable[[Any], Any] = frozenset if function.name == "frozenset" else set
    return kind(map(key, items))


def _bytearray(function: Global, args: tuple[Any, ...]) -> Any:
    if args and isinstance(args[0], (bytes, Skipped)):
        return args[0]
    return Instance(function, args)


def _new(function: Global, args: tuple[Any, ...]) -> Any:
    return Instance(args[0], args[1:]) if args else Instance(function)


def _first(function: Global, args: tuple[Any, ...]) -> Any:
    return args[0] if args else Instance(function)


def _tensor(function: Global, args: tuple[Any, ...]) -> Any:
    storage = args[0]
    if not isinstance(storage, Storage):
        return Weight("", lengths(args[2]))
    offset = args[1] if type(args[1]) is int else -1
    return Weight(storage.dtype, lengths(args[2]), storage, offset, lengths(args[3]))


KNOWN: dict[str, Callable[[Global, tuple[Any, ...]], Any]] = {
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _frombuffer,
    "numpy._core.numeric._frombuffer": _frombuffer,
    "numpy.dtype": _dtype,
    "_codecs.encode": _encode,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": lambda function, args: {},
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda function, args: Instance(function, args) if args else b"",
    "copyreg._reconstructor": _new,
    "copyreg.__newobj__": _new,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._tensor._rebuild_from_type_v2": lambda function, args: (
        _tensor(function, args[2]) if len(args) > 2 and isinstance(args[2], tuple) else Array()
    ),
    "torch.jit._pickle.restore_type_tag": _first,
    "torch.jit._pickle.build_intlist": _first,
    "torch.jit._pickle.build_doublelist": _first,
    "torch.jit._pickle.build_boollist": _first,
    "torch.jit._pickle.build_tensorlist": _first,
}
