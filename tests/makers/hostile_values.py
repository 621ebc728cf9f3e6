"""Hostile pickles of listed names alone, which turn the loader or listed code on their own values.

As `hostile_plain`: each maker takes the path of a marker file and returns bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from tests.makers.hostile_plain import writing

_NUMPY_CALLS = "numpy.transpose"
"""Calls the method of that name of what it gets, with one argument."""


class _Name(str):
    """A reference to a name, as `module.name`."""


def _code(value: object) -> bytes:
    """Opcodes that push a value; bytes are opcodes already."""
    match value:
        case bytes():
            return value
        case _Name():
            module, _, name = value.rpartition(".")
            return f"c{module}\n{name}\n".encode()
        case str():
            text = value.encode()
            return b"X" + struct.pack("<I", len(text)) + text
        case None:
            return b"N"
        case int():
            return b"J" + struct.pack("<i", value)
        case tuple():
            return b"(" + b"".join(map(_code, value)) + b"t"
        case list():
            return b"](" + b"".join(map(_code, value)) + b"e"
        case dict():
            return b"}(" + b"".join(_code(k) + _code(v) for k, v in value.items()) + b"u"
    raise TypeError(type(value))


def _call(path: str, *args: object) -> bytes:
    return _code(_Name(path)) + _code(args) + b"R"


def new(path: str, state: object) -> bytes:
    """Opcodes that make an object without arguments and fill it."""
    return _code(_Name(path)) + b")\x81" + _code(state) + b"b"


def _with(**values: object) -> bytes:
    """An object with these attributes."""
    return new("numpy.vectorize", values)


def _empty() -> bytes:
    return _code(_Name("numpy.vectorize")) + b")\x81"


def _key(*keys: str) -> bytes:
    return _call("operator.itemgetter", *keys)


def _first() -> bytes:
    return _code(_Name("operator.itemgetter")) + b"(J\x00\x00\x00\x00tR"


def _later(function: bytes, argument: object) -> bytes:
    """A partial: function(argument)."""
    named = _Name(_NUMPY_CALLS)
    state = (named, (), {"a": _with(transpose=function), "axes": argument}, None)
    return _call("functools.partial", named) + _code(state) + b"b"


def _now(function: bytes, argument: object) -> bytes:
    """Calls function(argument) while the file is loaded, and drops what comes of it."""
    return _with(__setstate__=function) + _code(argument) + b"b0"


def _attribute(prepare: bytes, evaluate: bytes) -> bytes:
    """A function of x: getattr(evaluate(a), b), where (a, b) is prepare(x)."""
    pairs = [("_prepare_x", prepare), ("_evaluate", evaluate), ("_finish_y", _GETATTR)]
    hidden = _with(items=_later(_first(), [pairs]))
    return _code(_Name("scipy.interpolate._interpolate.interp1d")) + b")\x81" + hidden + b"b"


_GETATTR = _Name("builtins.getattr")


def _stored(function: bytes, argument: object, place: bytes) -> bytes:
    """A dictionary whose missing values are function(argument), kept in the memo."""
    made = _call("collections.defaultdict", _later(function, argument))
    return made + b"q" + place + b"0"


def code_by_listed_names(marker: Path) -> bytes:
    """Fetches exec with getattr and itemgetter, kept as values of honest classes, and calls it."""
    function = _Name("sklearn.metrics._classification.accuracy_score")
    builtins, exec_, asked = b"\x01", b"\x02", [([function], "__builtins__")]
    return b"".join(
        (
            b"\x80\x04",
            _stored(_attribute(_first(), _first()), asked, builtins),
            b"h" + builtins + _code("then") + _code("__call__") + b"s0",
            _stored(_attribute(_key("all", "then"), _key("exec")), b"h" + builtins, exec_),
            _now(_key("all"), b"h" + builtins),
            _now(_key("transpose"), b"h" + exec_),
            _empty() + b"h" + exec_ + b"bq\x030",
            _with(__setstate__=_partial_of(b"h\x03")) + _code(writing(marker)) + b"b.",
        )
    )


def _partial_of(value: bytes) -> bytes:
    named = _Name(_NUMPY_CALLS)
    return _call("functools.partial", named) + _code((named, (value,), {}, None)) + b"b"


def function_in_a_list(marker: Path) -> bytes:
    """Keeps getattr in a list, for whoever takes it out."""
    return b"\x80\x04" + _code([_GETATTR]) + b"."


def function_in_a_later_argument(marker: Path) -> bytes:
    """Fills the arguments of a partial with getattr after they were looked at."""
    named = _Name(_NUMPY_CALLS)
    state = _code((named, (), b"}q\x01", None))
    partial = _call("functools.partial", named) + state + b"b"
    return b"\x80\x04" + partial + b"h\x01" + _code("axes") + _code(_GETATTR) + b"s0."


def setstate_in_a_state(marker: Path) -> bytes:
    """Gives an object a __setstate__ of its own, which the loader calls with the next state."""
    return b"\x80\x04" + _now(_key(str(marker)), {str(marker): 1}) + b"N."


def class_in_a_state(marker: Path) -> bytes:
    """A table of pandas that takes its class from its state."""
    state = {"_typ": "dataframe", "__class__": _Name("numpy.vectorize")}
    return b"\x80\x04" + new("pandas.core.frame.DataFrame", state) + b"."


def address_in_a_state(marker: Path) -> bytes:
    """An object that says at which address its numbers lie."""
    interface = {"shape": (1,), "typestr": "<i8", "data": (4096, None), "version": 3}
    return b"\x80\x04" + _with(__array_interface__=interface) + b"."


def state_that_is_asked(marker: Path) -> bytes:
    """A state that is no data: the loader calls its items."""
    state = _with(items=_later(_first(), [[("__class__", 1)]]))
    return b"\x80\x04" + _empty() + state + b"b."


def slots_that_are_asked(marker: Path) -> bytes:
    """The second half of a state is no data: what its items say is set, one by one."""
    slots = _with(items=_later(_first(), [[("__class__", 1)]]))
    return b"\x80\x04" + _empty() + _code((None, slots)) + b"b."


def append_of_its_own(marker: Path) -> bytes:
    """Appends to an object whose append is a value of the file."""
    return b"\x80\x04" + _with(append=_key(str(marker))) + _code({str(marker): 1}) + b"a."


def add_of_its_own(marker: Path) -> bytes:
    """Adds to an object whose add is a value of the file."""
    return b"\x80\x04" + _with(add=_key(str(marker))) + b"(" + _code({str(marker): 1}) + b"\x90."


def keys_of_its_own(marker: Path) -> bytes:
    """Makes a dictionary of an object whose keys is a value of the file."""
    asked = _with(keys=_later(_first(), [[str(marker)]]))
    return b"\x80\x04" + _call("collections.OrderedDict", asked) + b"."


def named_arguments(marker: Path) -> bytes:
    """Makes a partial with arguments by name, which nobody looked at."""
    cls = _Name("functools.partial")
    args = (_Name(_NUMPY_CALLS),)
    return b"\x80\x04" + _code(cls) + _code(args) + _code({"axes": str(marker)}) + b"\x92."


def address_of_a_booster(marker: Path) -> bytes:
    """LightGBM: a number where the file keeps the model, which would become an address."""
    return b"\x80\x04" + new("lightgbm.basic.Booster", {"_handle": 4096}) + b"."


def booster_without_a_model(marker: Path) -> bytes:
    """XGBoost: nothing where the file keeps the model, which is the address 0."""
    return b"\x80\x04" + new("xgboost.core.Booster", {"handle": None}) + b"."


def class_in_a_row(marker: Path) -> bytes:
    """A column of pandas that takes its class from the third place of its state."""
    row = (_call("numpy.dtype", "f8"), _array(), [("__class__", _Name("numpy.vectorize"))])
    return b"\x80\x04" + new("pandas.arrays.NumpyExtensionArray", row) + b"."


def attributes_in_a_compiled_state(marker: Path) -> bytes:
    """The same among the arguments of Cython's maker of objects."""
    cls = _Name("pandas.arrays.NumpyExtensionArray")
    row = (_call("numpy.dtype", "f8"), _array(), {"__array_interface__": 4096})
    path = "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked"
    return b"\x80\x04" + _call(path, cls, 0, row) + b"."


def _array() -> bytes:
    return _call("numpy._core.multiarray._reconstruct", _Name("numpy.ndarray"), (0,), "b")


VALUES: tuple[Callable[[Path], bytes], ...] = (
    code_by_listed_names, function_in_a_list, function_in_a_later_argument, setstate_in_a_state,
    class_in_a_state, address_in_a_state, state_that_is_asked, slots_that_are_asked,
    append_of_its_own, add_of_its_own, keys_of_its_own, named_arguments,
    address_of_a_booster, booster_without_a_model,
    class_in_a_row, attributes_in_a_compiled_state,
)  # fmt: skip
