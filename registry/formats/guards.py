"""Calls and states that are innocuous only with the right content, for stubs and for real objects.

A name on the allowlist is not enough where the function calls what it is given, or where an
object's state is turned into code: SciPy's distributions `exec` a text out of their state.
"""

from __future__ import annotations

import inspect
import re
from collections import OrderedDict
from collections.abc import Callable
from itertools import chain
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from registry.formats import dtypes, names
from registry.formats.stubs import Array, Global, Instance, Skipped

_BASES = frozenset(
    f"builtins.{name}"
    for name in ("object", "dict", "list", "tuple", "set", "frozenset", "str", "bytes", "int",
                 "float", "complex")
)  # fmt: skip
_CONTAINERS = _BASES | {"collections.OrderedDict"}
_FILLED = _CONTAINERS | {
    "collections.Counter", "collections.defaultdict", "collections.deque",
    "sklearn.utils.Bunch", "sklearn.utils._bunch.Bunch",
}  # fmt: skip
_DESCRIBE = ("__doc__", "__name__", "__overloads__", "__constants__")  # the last two are torch's
_INERT = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, tuple, list, set, frozenset),
    *(np.ndarray, np.dtype, Array, Skipped),
)
_DISTRIBUTION = re.compile(r"scipy\.stats\._(continuous|discrete)_distns\.\w+_gen")
_INDEX = re.compile(r"pandas\.(core\.indexes\.\w+\.)?\w*Index")
_PARTIAL = "functools.partial"
# Where these keep the address of native memory once they are loaded, files keep the model itself:
# no number, which would become an address, and not nothing, which would be the address 0.
_NATIVE: dict[str, Callable[[dict[Any, Any]], bool]] = {
    "xgboost.core.Booster": lambda given: _is_model(given.get("handle")),
    "lightgbm.basic.Booster": lambda given: type(given.get("_handle", given.get("handle"))) is str,
}
_METHODS = frozenset(
    ("_entropy", "_cdf_single", "_ppf_single", "_mom0_sc", "_mom1_sc", "_mom_integ0", "_mom_integ1")
)
# Source: scipy/stats/_distn_infrastructure.py, parse_arg_template, 1.17 (the same since 1.6)
_TEMPLATE = """
def _parse_args(self, {0} {1}):
    return ({0}), {2}

def _parse_args_rvs(self, {0} {1}, size=None):
    return self._argcheck_rvs({0} {2}, size=size)

def _parse_args_stats(self, {0} {1}, moments='mv'):
    return ({0}), {2}, moments
"""
_HEADER = re.compile(r"\ndef _parse_args\(self, ((?:[A-Za-z_]\w*, )*) loc=0(, scale=1)?\):\n")


def call(path: str, args: Any) -> bool:
    """Whether a listed function may be called with these arguments.

    Args:
        args: A tuple of stubs, or of real objects.
    """
    check = _CALLS.get(path)
    return isinstance(args, tuple) and (check is None or check(args))


def state(made: Any, given: Any) -> bool:
    """Whether an object may be given this state by BUILD."""
    if isinstance(made, np.dtype):
        return dtypes.fits(made, given)
    if not _is_plain(made, given) or _holds_calls(given):
        return False
    if _DISTRIBUTION.fullmatch(_kind(made)):
        return type(given) is dict and _is_template(given.get("_parse_arg_template"))
    if _kind(made) == _PARTIAL:
        return isinstance(given, tuple) and len(given) == 4 and _partial(given[:1])
    native = _NATIVE.get(_kind(made))
    return native is None or (type(given) is dict and native(given))


def _is_plain(made: Any, given: Any) -> bool:
    """Whether a state is data through and through: loaders ask other objects for their `items`.

    Names with two underscores belong to Python: `__class__` changes what an object is, and
    `__setstate__` what is called with its next state.
    """
    is_pair = isinstance(given, tuple) and len(given) == 2
    if is_pair and not _is_bit_generator(made):
        parts = given
    else:
        parts = (given,)
        if isinstance(given, tuple) and not _is_row(made, given):
            return False
    return all(_is_attributes(p) if isinstance(p, dict) else type(p) in _INERT for p in parts)


def _is_row(made: Any, given: tuple[Any, ...]) -> bool:
    """Whether a state by places sets no attributes of Python's own; pandas sets those in its third.

    Source: pandas/_libs/arrays.pyx, NDArrayBacked.__setstate__, 3.0.
    """
    named = (name for part in given if isinstance(part, dict) for name in part)
    if any(isinstance(name, str) and not is_attribute(name) for name in named):
        return False
    arrays = len(given) == 3 and any(isinstance(p, (np.ndarray, Array)) for p in given[:2])
    return not (arrays and _kind(made).startswith("pandas.")) or _is_attributes(given[2])


def _is_attributes(part: Any) -> bool:
    if type(part) not in (dict, OrderedDict):
        return False
    return all(type(name) is str and is_attribute(name) for name in part)


def is_attribute(name: str) -> bool:
    """Whether objects are filled with attributes of this name: not with Python's own."""
    return not name.startswith("__") or name in _DESCRIBE


def shadows(made: Any, given: Any) -> str:
    """The method of a real object that a state would replace with something else to call, or ""."""
    parts = given if isinstance(given, tuple) and len(given) == 2 else (given,)
    for name, value in chain.from_iterable(p.items() for p in parts if isinstance(p, dict)):
        known = inspect.getattr_static(type(made), name, None) if callable(value) else None
        if hasattr(type(known), "__get__") or callable(known):
            return f"{type(made).__name__}.{name}"
    return ""


def calls(value: Any) -> bool:
    """Whether a value is a function that files may call: it has no business among the data."""
    return is_called(_name(value))


def is_called(path: str) -> bool:
    """Whether this name is of such a function; containers are called by many."""
    return path in names.CALLABLE and path not in _CONTAINERS


def is_container(path: str) -> bool:
    """Whether files put items into objects of this class; of a foreign one, nobody knows."""
    return path in _FILLED or path not in names.LISTED


def taken(path: str) -> int:
    """How many of a function's first arguments may be functions of that kind."""
    return _TAKEN.get(path, 0)


def _holds_calls(given: Any, depth: int = 0) -> bool:
    """Whether what an object is filled with, down to some depth, has such functions in it."""
    parts = given.values() if isinstance(given, dict) else given
    if depth > 3 or not isinstance(given, (dict, list, tuple)) or len(given) > 1000:
        return calls(given)
    return any(_holds_calls(part, depth + 1) for part in parts)


def has_state(path: str) -> bool:
    """Whether the state of a class's objects is looked at, because some of it acts."""
    return path in ("numpy.dtype", _PARTIAL) or bool(_DISTRIBUTION.fullmatch(path))


def _is_model(given: Any) -> bool:
    """Whether it is bytes, as they are or as a stub."""
    if isinstance(given, Instance):
        return given.cls.path == "builtins.bytearray"
    return isinstance(given, (bytearray, bytes, Skipped))


def _is_template(text: Any) -> bool:
    found = _HEADER.match(text) if isinstance(text, str) else None
    if not found:
        return False
    location = ("loc=0, scale=1", "loc, scale") if found[2] else ("loc=0", "loc, 1")
    return bool(text == _TEMPLATE.format(found[1], *location))


def _name(value: Any) -> str:
    """The name a value is a reference to, or ""."""
    if isinstance(value, Global):
        return value.path
    if isinstance(value, np.ufunc):
        return f"numpy.{value.__name__}"
    if isinstance(value, (type, FunctionType, BuiltinFunctionType, type(np.mean))):
        return f"{value.__module__}.{value.__qualname__}"
    return ""


def _kind(value: Any) -> str:
    """The name of an object's class."""
    return value.cls.path if isinstance(value, Instance) else _name(type(value))


def _encode(args: tuple[Any, ...]) -> bool:
    plain = bool(args) and isinstance(args[0], str)
    return plain and args[1:] in ((), ("latin1",), ("latin-1",), ("utf-8",))


def _bytearray(args: tuple[Any, ...]) -> bool:
    if len(args) == 2:
        return isinstance(args[0], str) and args[1] == "latin-1"
    return all(isinstance(part, (bytes, bytearray, Skipped)) for part in args)


def _getattr(args: tuple[Any, ...]) -> bool:
    fits = len(args) == 2 and bool(_DISTRIBUTION.fullmatch(_kind(args[0])))
    return fits and isinstance(args[1], str) and args[1] in _METHODS


def _newobj(args: tuple[Any, ...]) -> bool:
    """A class that its own guard lets be made like this."""
    return bool(args) and bool(_name(args[0])) and call(_name(args[0]), args[1:])


def _newobj_ex(args: tuple[Any, ...]) -> bool:
    return (
        len(args) == 3
        and not args[2]
        and isinstance(args[1], tuple)
        and _newobj((args[0], *args[1]))
    )


def _reconstructor(args: tuple[Any, ...]) -> bool:
    """A class, one of the bases, and what the object is as a value of that base."""
    if len(args) != 3 or _name(args[1]) not in _BASES:
        return False
    base, given = _name(args[1]).removeprefix("builtins."), args[2]
    if base == "object":
        return given is None and _newobj(args[:1])
    fits = type(given).__name__ == base or _kind(given) == f"builtins.{base}"
    return (fits or (base == "bytes" and isinstance(given, Skipped))) and _newobj((args[0], given))


def _index(args: tuple[Any, ...]) -> bool:
    return bool(args) and bool(_INDEX.fullmatch(_name(args[0])))


def _of(prefix: str) -> Callable[[tuple[Any, ...]], bool]:
    """A check that the first argument is a class of one library."""
    return lambda args: bool(args) and _name(args[0]).startswith(prefix)


def _compiled(check: Callable[[tuple[Any, ...]], bool]) -> Callable[[tuple[Any, ...]], bool]:
    """A check of Cython's makers: a state among their arguments has no attributes in it."""

    def fits(args: tuple[Any, ...]) -> bool:
        plain = len(args) == 3 and isinstance(args[2], (tuple, type(None)))
        return plain and check(args) and not any(isinstance(p, dict) for p in args[2] or ())

    return fits


def _masked(args: tuple[Any, ...]) -> bool:
    return len(args) == 4 and all(_name(cls).startswith("numpy.") for cls in args[:2])


def _default(args: tuple[Any, ...]) -> bool:
    """Nothing, or a maker of values that is not a function which files may call."""
    return not args or (len(args) == 1 and (args[0] is None or not calls(args[0])))


def _parameter(args: tuple[Any, ...]) -> bool:
    return len(args) == 4 and state(None, args[3])


def _partial(args: tuple[Any, ...]) -> bool:
    """A function that may be referred to; it is called with other values than it was made for."""
    named = _name(args[0]) if len(args) == 1 else ""
    return named in names.LISTED and named not in names.CALLABLE


def _random(args: tuple[Any, ...]) -> bool:
    """A bit generator by name, class or itself, then nothing but NumPy's own maker of them."""
    first = not args or isinstance(args[0], str) or _is_bit_generator(args[0])
    return first and all(_name(a) == "numpy.random._pickle.__bit_generator_ctor" for a in args[1:])


def _is_bit_generator(value: Any) -> bool:
    return any(name.startswith("numpy.random._") for name in (_name(value), _kind(value)))


def _items(args: tuple[Any, ...]) -> bool:
    return not args or (len(args) == 1 and isinstance(args[0], (list, tuple, set, frozenset)))


def _pairs(args: tuple[Any, ...]) -> bool:
    """Nothing, or plain pairs: another object would be asked for its `keys`."""
    return not args or (len(args) == 1 and type(args[0]) in (list, tuple, dict))


def _queue(args: tuple[Any, ...]) -> bool:
    return not args or (type(args[0]) in (list, tuple) and len(args) < 3)


def _empty_array(args: tuple[Any, ...]) -> bool:
    return len(args) == 3 and args[1] in ((0,), (), 0)


def _tensor_subclass(args: tuple[Any, ...]) -> bool:
    inner = _name(args[0]) if len(args) == 4 else ""
    fits = inner.startswith("torch._utils._rebuild_") and inner in names.CALLABLE
    return fits and call(inner, args[2]) and state(None, args[3])


_TAKEN = {
    "copyreg.__newobj__": 1,
    "copyreg.__newobj_ex__": 1,
    "copyreg._reconstructor": 1,
    "numpy.random._pickle.__bit_generator_ctor": 2,
    "numpy.random._pickle.__generator_ctor": 2,
    "numpy.random._pickle.__randomstate_ctor": 2,
    "torch._tensor._rebuild_from_type_v2": 1,
    "sklearn._loss._loss.__pyx_unpickle_CyHalfMultinomialLoss": 1,
}
_CALLS: dict[str, Callable[[tuple[Any, ...]], bool]] = {
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda args: not args,
    "builtins.getattr": _getattr,
    "builtins.set": _items,
    "builtins.frozenset": _items,
    "collections.Counter": _pairs,
    "collections.OrderedDict": _pairs,
    "collections.defaultdict": _default,
    "collections.deque": _queue,
    "copyreg.__newobj__": _newobj,
    "copyreg.__newobj_ex__": _newobj_ex,
    "copyreg._reconstructor": _reconstructor,
    _PARTIAL: _partial,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy.ma.core._mareconstruct": _masked,
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": _compiled(_of("numpy.random.")),
    "numpy.random._pickle.__bit_generator_ctor": _random,
    "numpy.random._pickle.__generator_ctor": _random,
    "numpy.random._pickle.__randomstate_ctor": _random,
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": _compiled(_of("pandas.")),
    "pandas.core.indexes.base._new_Index": _index,
    "pandas.core.indexes.datetimes._new_DatetimeIndex": _index,
    **{
        f"sklearn.{module}.newObj": _of("sklearn.")
        for module in (
            "metrics._dist_metrics",
            "neighbors._ball_tree",
            "neighbors._kd_tree",
            "neighbors._dist_metrics",
            "neighbors.ball_tree",
            "neighbors.dist_metrics",
            "neighbors.kd_tree",
        )
    },
    "sklearn._loss._loss.__pyx_unpickle_CyHalfMultinomialLoss": _compiled(_of("sklearn.")),
    "torch._tensor._rebuild_from_type_v2": _tensor_subclass,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
