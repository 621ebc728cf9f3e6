"""Calls and states that are innocuous only with the right content, for stubs and for real objects.

A name on the allowlist is not enough where the function calls what it is given, or where an
object's state is turned into code: SciPy's distributions `exec` a text out of their state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from registry.formats import dtypes, names
from registry.formats.stubs import Global, Instance, Skipped

_BASES = frozenset(
    f"builtins.{name}"
    for name in ("object", "dict", "list", "tuple", "set", "frozenset", "str", "bytes", "int",
                 "float", "complex")
)  # fmt: skip
_DISTRIBUTION = re.compile(r"scipy\.stats\._(continuous|discrete)_distns\.\w+_gen")
_PARTIAL = "functools.partial"
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
    slots = given[1] if isinstance(given, tuple) and len(given) == 2 else None
    if isinstance(slots, dict) and any(str(name).startswith("__") for name in slots):
        return False  # they are set one by one: __class__ would change what the object is
    if isinstance(made, np.dtype):
        return dtypes.fits(made, given)
    if _DISTRIBUTION.fullmatch(_kind(made)):
        return type(given) is dict and _is_template(given.get("_parse_arg_template"))
    if _kind(made) == _PARTIAL:
        return isinstance(given, tuple) and len(given) == 4 and _partial(given[:1])
    return True


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


def _reconstructor(args: tuple[Any, ...]) -> bool:
    return len(args) == 3 and bool(_name(args[0])) and _name(args[1]) in _BASES


def _partial(args: tuple[Any, ...]) -> bool:
    """A function that may be referred to; it is called with other values than it was made for."""
    return len(args) == 1 and _name(args[0]) in names.LISTED - names.CALLABLE


def _random(args: tuple[Any, ...]) -> bool:
    """A bit generator by name, class or itself, then nothing but NumPy's own maker of them."""
    first = not args or isinstance(args[0], str) or _is_bit_generator(args[0])
    return first and all(_name(a) == "numpy.random._pickle.__bit_generator_ctor" for a in args[1:])


def _is_bit_generator(value: Any) -> bool:
    return any(name.startswith("numpy.random._") for name in (_name(value), _kind(value)))


def _items(args: tuple[Any, ...]) -> bool:
    return not args or (len(args) == 1 and isinstance(args[0], (list, tuple, set, frozenset)))


def _empty_array(args: tuple[Any, ...]) -> bool:
    return len(args) == 3 and args[1] in ((0,), (), 0)


def _tensor_subclass(args: tuple[Any, ...]) -> bool:
    return bool(args) and _name(args[0]).startswith("torch._utils._rebuild_")


_CALLS: dict[str, Callable[[tuple[Any, ...]], bool]] = {
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda args: not args,
    "builtins.getattr": _getattr,
    "builtins.set": _items,
    "builtins.frozenset": _items,
    "copyreg.__newobj__": lambda args: bool(args) and bool(_name(args[0])),
    "copyreg._reconstructor": _reconstructor,
    _PARTIAL: _partial,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy.random._pickle.__bit_generator_ctor": _random,
    "numpy.random._pickle.__generator_ctor": _random,
    "numpy.random._pickle.__randomstate_ctor": _random,
    "torch._tensor._rebuild_from_type_v2": _tensor_subclass,
}
