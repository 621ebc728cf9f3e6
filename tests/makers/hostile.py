"""Hostile pickles. Each would leave a marker file behind if anything in it were executed.

`HOSTILE` maps a name to a function `(marker) -> bytes`; nothing here touches the marker itself.
"""

from __future__ import annotations

import bz2
import io
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.makers import models


class _Call:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, self.args


def _system(marker: Path) -> _Call:
    import os

    return _Call(os.system, f"touch '{marker}'")


def _writing(marker: Path) -> str:
    return f"open({str(marker)!r}, 'w').close()"


def os_system(marker: Path) -> bytes:
    return pickle.dumps(_system(marker))


def builtins_exec(marker: Path) -> bytes:
    return pickle.dumps(_Call(exec, _writing(marker)))


def builtins_eval_protocol_0(marker: Path) -> bytes:
    return pickle.dumps(_Call(eval, _writing(marker)), protocol=0)


def subprocess_call(marker: Path) -> bytes:
    import subprocess

    return pickle.dumps(_Call(subprocess.call, ["touch", str(marker)]), protocol=5)


def old_python_names(marker: Path) -> bytes:
    """`commands.getoutput`, which Python 3 maps to `subprocess`."""
    command = f"touch '{marker}'".encode()
    return b"ccommands\ngetoutput\n(S" + repr(command.decode()).encode() + b"\ntR."


def inst_opcode(marker: Path) -> bytes:
    command = repr(f"touch '{marker}'").encode()
    return b"(S" + command + b"\nios\nsystem\n."


def obj_opcode(marker: Path) -> bytes:
    command = repr(f"touch '{marker}'").encode()
    return b"(cos\nsystem\nS" + command + b"\no."


def nested_in_a_list(marker: Path) -> bytes:
    return pickle.dumps({"weights": [[1.0, 2.0], [_system(marker)]]})


def nested_pickle(marker: Path) -> bytes:
    """A pickle that loads another one."""
    return pickle.dumps(_Call(pickle.loads, os_system(marker)))


def inside_an_object_array(marker: Path) -> bytes:
    """joblib writes object arrays as a pickle of their own, behind the first."""
    import joblib

    file = io.BytesIO()
    joblib.dump({"classes_": np.array(["a", _system(marker)], dtype=object)}, file)
    return file.getvalue()


def behind_an_array(marker: Path) -> bytes:
    """The call comes after raw array bytes, where simple scanners stop looking."""
    import joblib

    file = io.BytesIO()
    joblib.dump([np.arange(5000.0), _system(marker)], file)
    return file.getvalue()


def compressed(marker: Path) -> bytes:
    return zlib.compress(os_system(marker))


def compressed_bz2(marker: Path) -> bytes:
    return bz2.compress(os_system(marker))


def truncated(marker: Path) -> bytes:
    """The call is complete, the pickle is not: a loader would run it before it notices."""
    return pickle.dumps([_system(marker), "x" * 100])[:-60]


def setstate(marker: Path) -> bytes:
    """A state whose keys are set on a real class of scikit-learn, one of them a call."""
    model = models.classifier()
    state = {**model.__dict__, "coef_": _system(marker)}
    made = type(model)()
    made.__dict__.update(state)
    return pickle.dumps(made)


def in_a_model(marker: Path) -> bytes:
    """An honest model with one hostile hyper-parameter."""
    from sklearn.linear_model import LogisticRegression

    return pickle.dumps(LogisticRegression(C=_system(marker)))


def after_the_end(marker: Path) -> bytes:
    return pickle.dumps(models.classifier()) + os_system(marker)


def extension_opcode(marker: Path) -> bytes:
    return b"\x80\x02\x82\x01)R."


def dotted_name(marker: Path) -> bytes:
    """A path of attributes that ends at a function: `os.path.os.system`."""
    command = f"touch '{marker}'".encode()
    name = b"\x8c\x07os.path\x8c\x09os.system\x93"
    return b"\x80\x04" + name + b"\x8c" + bytes([len(command)]) + command + b"\x85R."


def persistent_id(marker: Path) -> bytes:
    return b"\x80\x02X\x04\x00\x00\x00evilQ."


HOSTILE: dict[str, Callable[[Path], bytes]] = {
    maker.__name__: maker
    for maker in (
        os_system,
        builtins_exec,
        builtins_eval_protocol_0,
        subprocess_call,
        old_python_names,
        inst_opcode,
        obj_opcode,
        nested_in_a_list,
        nested_pickle,
        inside_an_object_array,
        behind_an_array,
        compressed,
        compressed_bz2,
        truncated,
        setstate,
        in_a_model,
        after_the_end,
        extension_opcode,
        dotted_name,
        persistent_id,
    )
}

RUNS = tuple(
    name for name in HOSTILE if name not in ("after_the_end", "extension_opcode", "persistent_id")
)
"""Those that really leave the marker when a plain loader gets them."""


# Files that execute nothing but ask for too much


def hash_bomb() -> bytes:
    """60 tuples, each twice in the next, as a dictionary key: 2**60 steps to hash."""
    nested = b")" + b"".join(b"2\x86" for _ in range(60))
    return b"\x80\x04}" + nested + b"Ns."


def claims_of_size() -> bytes:
    """Bytes that say they are 2**60 long."""
    return b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"abc."


def memo_bomb() -> bytes:
    """A memo index of 2**31, for which some loaders make a table."""
    return b"\x80\x02Nr\xff\xff\xff\x7f."


def array_bomb() -> bytes:
    """A joblib array of 2**50 numbers, without the numbers."""
    import joblib

    file = io.BytesIO()
    joblib.dump(np.zeros(300), file)
    content = file.getvalue()
    return content.replace(b"M,\x01\x85", b"\x8a\x07" + bytes(6) + b"\x04\x85", 1)


def deep_nesting() -> bytes:
    """100,000 lists, each in the next."""
    return b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."


def self_reference() -> bytes:
    """An estimator whose steps hold itself."""
    return pickle.dumps(models.pipeline())[:-1] + b"}\x8c\x05stepsh\x00sb."


BOMBS: dict[str, Callable[[], bytes]] = {
    maker.__name__: maker
    for maker in (hash_bomb, claims_of_size, memo_bomb, array_bomb, deep_nesting)
}
