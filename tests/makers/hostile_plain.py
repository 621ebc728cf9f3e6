"""Hostile pickles without a wrapping: calls, odd opcodes, names that mislead, bombs.

Each maker takes the path of a marker file and returns bytes that would make it if they were loaded;
the first line of its docstring describes the technique.
"""

from __future__ import annotations

import importlib
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.makers import fitted


class Call:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, self.args


def system(marker: Path) -> Call:
    """The plainest payload."""
    return Call(os.system, f"touch '{marker}'")


def writing(marker: Path) -> str:
    """The same as Python."""
    return f"open({str(marker)!r}, 'w').close()"


def called(module: str, name: str, *args: object, protocol: int = 4) -> bytes:
    """A pickle that calls a name which need not be importable here."""
    if protocol < 4:
        function = f"c{module}\n{name}\n".encode()
    else:
        function = b"\x8c" + bytes([len(module)]) + module.encode()
        function += b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93"
    body = pickle.dumps(args, 2)[2:-1] if args else b")"
    return b"\x80" + bytes([protocol]) + function + body + b"R."


# Calls that a list of bad names would know


def os_system(marker: Path) -> bytes:
    """A call of os.system."""
    return pickle.dumps(system(marker))


def posix_system(marker: Path) -> bytes:
    """The same function by the module it really lives in."""
    return called("posix", "system", f"touch '{marker}'")


def builtins_exec(marker: Path) -> bytes:
    """exec of Python source."""
    return pickle.dumps(Call(exec, writing(marker)))


def builtins_eval_protocol_0(marker: Path) -> bytes:
    """eval, in the oldest protocol, which is text."""
    return pickle.dumps(Call(eval, writing(marker)), protocol=0)


def subprocess_call(marker: Path) -> bytes:
    """A process, in the newest protocol."""
    return called("subprocess", "call", ["touch", str(marker)], protocol=5)


def opened_for_writing(marker: Path) -> bytes:
    """io.open truncates a file."""
    return called("io", "open", str(marker), "w")


def connection(marker: Path) -> bytes:
    """A connection to another host."""
    return called("socket", "create_connection", ("127.0.0.1", 9), 1.0)


# Calls that it might not know


def timeit(marker: Path) -> bytes:
    """timeit runs source."""
    return called("timeit", "timeit", writing(marker))


def profiler(marker: Path) -> bytes:
    """The profiler runs source."""
    return called("cProfile", "run", writing(marker))


def import_by_name(marker: Path) -> bytes:
    """importlib imports whatever is on the path."""
    return called("importlib", "import_module", "antigravity")


def native_library(marker: Path) -> bytes:
    """ctypes loads a native library."""
    return called("ctypes", "CDLL", "libc.so.6")


def logging_configuration(marker: Path) -> bytes:
    """A logging handler that opens a file, by configuration."""
    handler = {"class": "logging.FileHandler", "filename": str(marker)}
    return called("logging.config", "dictConfig", {"version": 1, "handlers": {"h": handler}})


def numpy_saves(marker: Path) -> bytes:
    """A function of NumPy itself that writes."""
    return called("numpy", "savetxt", str(marker), [1.0])


def numpy_maps(marker: Path) -> bytes:
    """A class of NumPy that makes a file."""
    return called("numpy", "memmap", str(marker), "uint8", "w+", 0, 8)


def numpy_imports_os(marker: Path) -> bytes:
    """os reached through a module of NumPy that imports it."""
    return called("numpy.lib._npyio_impl", "os.system", f"touch '{marker}'")


def pandas_reads(marker: Path) -> bytes:
    """A reader of pandas that unpickles a path."""
    return called("pandas", "read_pickle", str(marker))


def joblib_loads(marker: Path) -> bytes:
    """joblib.load of a path."""
    return called("joblib", "load", str(marker))


def torch_in_a_pickle(marker: Path) -> bytes:
    """torch's loader of bytes, inside what looks like a scikit-learn file."""
    return called("torch.storage", "_load_from_bytes", os_system(marker))


def sklearn_helper(marker: Path) -> bytes:
    """A helper of scikit-learn's tests that runs a script in a process."""
    source = writing(marker)
    return called("sklearn.utils._testing", "assert_run_python_script_without_output", source)


def closure(marker: Path) -> bytes:
    """A function carried whole by cloudpickle."""
    text = str(marker)

    def payload() -> None:
        open(text, "w").close()

    cloudpickle: Any = importlib.import_module("cloudpickle")
    written: bytes = cloudpickle.dumps(Call(payload))
    return written


# Names that mislead


def python_2_names(marker: Path) -> bytes:
    """commands.getoutput, which Python 3 maps to subprocess."""
    return called("commands", "getoutput", f"touch '{marker}'", protocol=2)


def python_2_builtins(marker: Path) -> bytes:
    """__builtin__.eval, which Python 3 maps to builtins."""
    return called("__builtin__", "eval", writing(marker), protocol=2)


def dotted_name(marker: Path) -> bytes:
    """A path of attributes: os.path, os.system."""
    return called("os.path", "os.system", f"touch '{marker}'")


def dotted_class(marker: Path) -> bytes:
    """A path of attributes that starts at an honest class."""
    name = "LogisticRegression.fit.__globals__.get"
    return called("sklearn.linear_model._logistic", name, "__builtins__")


def attribute_by_getattr(marker: Path) -> bytes:
    """getattr fetches what may not be named."""
    function = b"cbuiltins\ngetattr\n(cos\n__spec__\nVloader\ntR"
    return b"\x80\x02" + function + b"."


def name_from_a_call(marker: Path) -> bytes:
    """The name to import is the answer of a call."""
    module = b"c_codecs\ndecode\nC\x02os\x85R"
    return b"\x80\x04" + module + b"\x8c\x06system\x93" + _touch(marker) + b"\x85R."


def name_from_the_memo(marker: Path) -> bytes:
    """The parts of the name lie far apart, in the memo."""
    parts = b"\x8c\x06system\x94\x8c\x02os\x94]\x94(h\x00h\x01e"
    return b"\x80\x04" + parts + b"h\x01h\x00\x93" + _touch(marker) + b"\x85R\x86."


def unknown_library(marker: Path) -> bytes:
    """A class of a library that nobody here knows."""
    return b"\x80\x04\x8c\x0bevilpackage\x8c\x05Model\x93)\x81}\x8c\x04pathK\x01sb."


def own_class(marker: Path) -> bytes:
    """A class of somebody's notebook."""
    return b"\x80\x04\x8c\x08__main__\x8c\x05Model\x93)\x81}\x8c\x04pathK\x01sb."


# Opcodes


def _touch(marker: Path) -> bytes:
    command = f"touch '{marker}'".encode()
    return b"X" + struct.pack("<I", len(command)) + command


def inst_opcode(marker: Path) -> bytes:
    """INST, which no Python 3 writes."""
    return b"(S" + repr(f"touch '{marker}'").encode() + b"\nios\nsystem\n."


def obj_opcode(marker: Path) -> bytes:
    """OBJ, which no Python 3 writes."""
    return b"(cos\nsystem\nS" + repr(f"touch '{marker}'").encode() + b"\no."


def extension_opcode(marker: Path) -> bytes:
    """EXT1: a name by its number in a table."""
    return b"\x80\x02\x82\x01)R."


def dup_opcode(marker: Path) -> bytes:
    """DUP, which no Python 3 writes."""
    return b"\x80\x02]2\x86."


def persistent_id(marker: Path) -> bytes:
    """An object that lies outside the file."""
    return b"\x80\x02X\x04\x00\x00\x00evilQ."


def odd_number(marker: Path) -> bytes:
    """A number spelt as only the loader reads it, before a call."""
    return b"(I0x10\ncos\nsystem\n" + _touch(marker) + b"\x85Rl."


def call_of_an_answer(marker: Path) -> bytes:
    """Calls what a call returned: functools.partial(os.system)()."""
    partial = b"cfunctools\npartial\n(cos\nsystem\n" + _touch(marker) + b"tR"
    return b"\x80\x02" + partial + b")R."


def state_for_a_class(marker: Path) -> bytes:
    """BUILD on a class: sets attributes of an honest class for the whole process."""
    honest = b"csklearn.base\nBaseEstimator\n"
    return b"\x80\x02" + honest + b"N}X\x0c\x00\x00\x00__setstate__" + honest + b"s\x86b."


def truncated(marker: Path) -> bytes:
    """The call is complete, the pickle is not."""
    return pickle.dumps([system(marker), "x" * 100])[:-60]


# Content that looks honest


def in_a_list(marker: Path) -> bytes:
    """A call deep inside plain data."""
    return pickle.dumps({"weights": [[1.0, 2.0], [system(marker)]]})


def in_a_model(marker: Path) -> bytes:
    """An honest model with one hostile hyper-parameter."""
    from sklearn.linear_model import LogisticRegression

    return pickle.dumps(LogisticRegression(C=system(marker)))


def in_a_state(marker: Path) -> bytes:
    """A call as the fitted attribute of an honest model."""
    model = fitted.classifier()
    made = type(model)()
    made.__dict__.update({**model.__dict__, "coef_": system(marker)})
    return pickle.dumps(made)


def code_in_a_state(marker: Path) -> bytes:
    """A distribution of SciPy, which runs a text out of its state."""
    from scipy.stats import uniform

    written = pickle.dumps(uniform(), 2)
    start = written.index(b"\ndef _parse_args(") - 4
    size = struct.unpack("<I", written[start : start + 4])[0]
    code = writing(marker).encode()
    text = struct.pack("<I", len(code)) + code
    return written[:start] + text + written[start + 4 + size :]


def maker_of_calls(marker: Path) -> bytes:
    """A listed function of NumPy that calls what it is given."""
    maker = b"cnumpy.random._pickle\n__randomstate_ctor\n("
    return b"\x80\x02" + maker + _touch(marker) + b"cos\nsystem\ntR."


def called_when_asked(marker: Path) -> bytes:
    """A pipeline step that calls os.system with each batch."""
    from sklearn.preprocessing import FunctionTransformer

    return pickle.dumps(FunctionTransformer(os.system, validate=False))


def pickle_in_bytes(marker: Path) -> bytes:
    """A pickle inside bytes that another one loads."""
    return called("pickle", "loads", os_system(marker))


def pickle_in_a_value(marker: Path) -> bytes:
    """A pickle inside bytes, for a loader that comes later."""
    return pickle.dumps({"weights": [1.0], "extra": os_system(marker)})


def pickle_in_text(marker: Path) -> bytes:
    """A pickle inside text, for a loader that comes later."""
    return pickle.dumps({"weights": [1.0], "extra": os_system(marker).decode("latin-1")})


def second_pickle(marker: Path) -> bytes:
    """A second pickle behind an honest one."""
    return pickle.dumps(fitted.classifier()) + os_system(marker)


def bytes_after_the_end(marker: Path) -> bytes:
    """Bytes behind an honest pickle."""
    return pickle.dumps(fitted.classifier()) + b"\x7fELF" + bytes(64)


# Listed names that call what they are given


def newobj_by_copyreg(marker: Path) -> bytes:
    """copyreg's maker of objects makes a partial that fetches the globals of a function."""
    wanted = b"cfunctools\npartial\ncbuiltins\ngetattr\ncnumpy._core.numeric\n_frombuffer\n"
    return b"\x80\x02ccopyreg\n__newobj__\n(" + wanted + b"V__globals__\ntR."


def reconstructor_of_a_size(marker: Path) -> bytes:
    """copyreg's other maker of objects makes 2**40 bytes."""
    size = b"\x8a\x06" + (2**40).to_bytes(6, "little")
    base = b"cbuiltins\nbytes\n"
    return b"\x80\x02ccopyreg\n_reconstructor\n" + base + base + size + b"\x87R."


def index_of_another_class(marker: Path) -> bytes:
    """pandas' maker of indexes makes an object of another class."""
    maker = b"cpandas.core.indexes.base\n_new_Index\ncfunctools\npartial\n}"
    return b"\x80\x02" + maker + b"\x86R."


def masked_array_of_another_class(marker: Path) -> bytes:
    """NumPy's maker of masked arrays makes an object of another class."""
    maker = b"cnumpy.ma.core\n_mareconstruct\n(cfunctools\npartial\ncnumpy\nndarray\nK\x00\x85"
    return b"\x80\x02" + maker + b"VO\ntR."


def values_that_call(marker: Path) -> bytes:
    """A pipeline step that calls functools.partial with each batch."""
    import functools

    from sklearn.preprocessing import FunctionTransformer

    return pickle.dumps(FunctionTransformer(functools.partial, kw_args={"file": str(marker)}))


# Too much of something


def hash_bomb(marker: Path) -> bytes:
    """60 tuples, each twice in the next, as a dictionary key: 2**60 steps to hash."""
    return b"\x80\x04})" + _doubled(b"\x86", 60) + b"Ns."


def _doubled(pair: bytes, times: int) -> bytes:
    steps = (b"q" + bytes([n]) + b"h" + bytes([n]) + pair for n in range(times))
    return b"".join(steps)


def doubled_lists(marker: Path) -> bytes:
    """A hundred lists, each with the one before twice: 2**100 values to whoever walks them."""
    steps = (b"q" + bytes([n]) + b"0](h" + bytes([n]) + b"h" + bytes([n]) + b"e" for n in range(99))
    return b"\x80\x04]" + b"".join(steps) + b"."


def claimed_size(marker: Path) -> bytes:
    """Bytes that say they are 2**60 long."""
    return b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"abc."


def huge_buffer(marker: Path) -> bytes:
    """A bytearray of a number: 2**40 bytes of memory."""
    return called("builtins", "bytearray", 2**40)


def memo_index(marker: Path) -> bytes:
    """A memo index of 2**31, for which some loaders make a table."""
    return b"\x80\x02Nr\xff\xff\xff\x7f."


def deep_nesting(marker: Path) -> bytes:
    """100,000 lists, each in the next."""
    return b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."


PLAIN: tuple[Callable[[Path], bytes], ...] = (
    os_system, posix_system, builtins_exec, builtins_eval_protocol_0, subprocess_call,
    opened_for_writing, connection, timeit, profiler, import_by_name, native_library,
    logging_configuration, numpy_saves, numpy_maps, numpy_imports_os, pandas_reads, joblib_loads,
    torch_in_a_pickle, sklearn_helper, closure, python_2_names, python_2_builtins, dotted_name,
    dotted_class, attribute_by_getattr, name_from_a_call, name_from_the_memo, unknown_library,
    own_class, inst_opcode, obj_opcode, extension_opcode, dup_opcode, persistent_id, odd_number,
    call_of_an_answer, state_for_a_class, truncated, in_a_list, in_a_model, in_a_state,
    code_in_a_state, maker_of_calls,
    called_when_asked, pickle_in_bytes, pickle_in_a_value, pickle_in_text, second_pickle,
    bytes_after_the_end, newobj_by_copyreg, reconstructor_of_a_size, index_of_another_class,
    masked_array_of_another_class, values_that_call, hash_bomb,
    doubled_lists, claimed_size, huge_buffer, memo_index,
    deep_nesting,
)  # fmt: skip
