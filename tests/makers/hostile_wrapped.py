"""Hostile pickles in the wrappings of joblib, NumPy, torch and skops; as `hostile_plain`."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np

from tests.makers import fitted, networks, old_torch
from tests.makers.hostile_plain import called, os_system, system, writing
from tests.makers.hostile_values import new


def _joblib(content: object, compress: Any = 0) -> bytes:
    import joblib

    file = io.BytesIO()
    joblib.dump(content, file, compress=compress)
    return file.getvalue()


# joblib


def behind_an_array(marker: Path) -> bytes:
    """joblib: a call after raw array bytes, where simple scanners stop looking."""
    return _joblib([np.arange(5000.0), system(marker)])


def inside_an_object_array(marker: Path) -> bytes:
    """joblib: a call in the pickle of its own that an object array becomes."""
    return _joblib({"classes_": np.array(["a", system(marker)], dtype=object)})


def behind_an_object_array(marker: Path) -> bytes:
    """joblib: a call after an object array."""
    return _joblib([np.array(["a", None], dtype=object), system(marker)])


def compressed_object_array(marker: Path) -> bytes:
    """joblib, zlib: a call in an object array in a compressed file."""
    return _joblib([np.arange(50.0), np.array([system(marker)], dtype=object)], compress=3)


def zlib_compressed(marker: Path) -> bytes:
    """joblib: a call behind zlib."""
    return zlib.compress(os_system(marker))


def gzip_compressed(marker: Path) -> bytes:
    """joblib: a call behind gzip."""
    return gzip.compress(os_system(marker), mtime=0)


def gzip_of_two_members(marker: Path) -> bytes:
    """joblib: a call in the second member of a gzip file."""
    content = pickle.dumps([fitted.classifier(), system(marker)])
    return gzip.compress(content[:200], mtime=0) + gzip.compress(content[200:], mtime=0)


def bz2_compressed(marker: Path) -> bytes:
    """joblib: a call behind bz2."""
    return bz2.compress(os_system(marker))


def xz_compressed(marker: Path) -> bytes:
    """joblib: a call behind xz."""
    return lzma.compress(os_system(marker))


def lzma_compressed(marker: Path) -> bytes:
    """joblib: a call behind the older lzma."""
    return lzma.compress(os_system(marker), format=lzma.FORMAT_ALONE)


def lz4_compressed(marker: Path) -> bytes:
    """joblib: a call behind lz4."""
    return lz4.frame.compress(os_system(marker))


def lz4_behind_an_array(marker: Path) -> bytes:
    """joblib, lz4: a call after the bytes of an array, several blocks into the stream."""
    numbers = np.random.default_rng(0).random(40_000)
    return _joblib([numbers, system(marker)], compress=("lz4", 3))


def lz4_of_two_frames(marker: Path) -> bytes:
    """joblib: a call in the second frame of an lz4 file, which its loader reads on into."""
    content = pickle.dumps([fitted.classifier(), system(marker)])
    return lz4.frame.compress(content[:200]) + lz4.frame.compress(content[200:])


def lz4_truncated(marker: Path) -> bytes:
    """joblib, lz4: the call is complete, the end mark of the frame is not."""
    return lz4.frame.compress(os_system(marker))[:-2]


def lz4_inflating(marker: Path) -> bytes:
    """joblib, lz4: 64 MB of zeros in 260 KB."""
    return _joblib(np.zeros(8 << 20), compress=("lz4", 9))


def lz4_claimed_size(marker: Path) -> bytes:
    """joblib, lz4: a frame that says it holds 2**60 bytes."""
    content = os_system(marker)
    head = b"\x04\x22\x4d\x18\x68\x40" + struct.pack("<Q", 1 << 60) + b"\x49"
    return head + struct.pack("<I", len(content) | 1 << 31) + content + bytes(4)


def after_the_compressed_end(marker: Path) -> bytes:
    """joblib: bytes behind the compressed stream of an honest model."""
    return _joblib(fitted.classifier(), compress=3) + os_system(marker)


def before_2015(marker: Path) -> bytes:
    """joblib: the layout of before 2015, which follows paths in the file."""
    content = os_system(marker)
    return b"ZF" + f"{len(content):#x}".ljust(19).encode() + zlib.compress(content)


def array_in_another_file(marker: Path) -> bytes:
    """joblib: an array that lies in a file beside this one."""
    wrapper = called("joblib.numpy_pickle_compat", "NDArrayWrapper", str(marker), "ndarray")
    return wrapper[:-1] + b"}b."


def inflating(marker: Path) -> bytes:
    """joblib, zlib: 32 MB of zeros in 32 KB."""
    return _joblib(np.zeros(4 << 20), compress=9)


def array_without_its_numbers(marker: Path) -> bytes:
    """joblib: an array of 2**50 numbers, without the numbers."""
    return _joblib(np.zeros(300)).replace(b"M,\x01\x85", b"\x8a\x07" + bytes(6) + b"\x04\x85", 1)


# NumPy


def npy_of_objects(marker: Path) -> bytes:
    """.npy: an array of objects is a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([system(marker)], dtype=object), allow_pickle=True)
    return file.getvalue()


def npz_of_objects(marker: Path) -> bytes:
    """.npz: one of its arrays is a pickle."""
    file = io.BytesIO()
    np.savez(file, weights=np.ones(3), extra=np.array([system(marker)], dtype=object))
    return file.getvalue()


# torch


def torch_zip(marker: Path) -> bytes:
    """torch: a call in data.pkl."""
    return _torch_zip({"data.pkl": pickle.dumps({"weight": system(marker)}, 2)})


def torch_module(marker: Path) -> bytes:
    """torch: a whole module that torch would rebuild by a function of its own."""
    return _torch_zip({"data.pkl": called("torch.hub", "load", "a/b", "c", protocol=2)})


def torch_second_pickle(marker: Path) -> bytes:
    """torch: a second pickle among the members."""
    honest = pickle.dumps({"epoch": 3}, 2)
    return _torch_zip({"data.pkl": honest, "extra/data.pkl": os_system(marker)})


def torch_weights_are_a_pickle(marker: Path) -> bytes:
    """torch: a storage whose bytes are a pickle."""
    return _torch_zip({"data.pkl": pickle.dumps({"epoch": 3}, 2), "data/0": os_system(marker)})


def torch_bytes_after_the_end(marker: Path) -> bytes:
    """torch: a second pickle behind the first in data.pkl."""
    return _torch_zip({"data.pkl": pickle.dumps({"epoch": 3}, 2) + os_system(marker)})


def torch_attributes_of_python(marker: Path) -> bytes:
    """torch: a layer that says at which address its numbers lie."""
    content = b"\x80\x02" + _layer_with_an_address() + b"."
    return _torch_zip({"data.pkl": content})


def torch_legacy_attributes_of_python(marker: Path) -> bytes:
    """torch before 1.6: the same."""
    return _legacy(b"\x80\x02" + _layer_with_an_address() + b".")


def _layer_with_an_address() -> bytes:
    interface = {"shape": (1,), "typestr": "<i8", "data": (4096, None), "version": 3}
    state = {"_parameters": {}, "_modules": {}, "__array_interface__": interface}
    return new("torch.nn.modules.linear.Identity", state)


def torchscript_constants(marker: Path) -> bytes:
    """TorchScript: a call in constants.pkl."""
    members = {"data.pkl": b"\x80\x02c__torch__\nNet\n)\x81}b.", "code/__torch__.py": b"pass"}
    return _torch_zip({**members, "constants.pkl": os_system(marker)})


def torch_legacy(marker: Path) -> bytes:
    """torch before 1.6: a call in the fourth of its five pickles."""
    return _legacy(pickle.dumps({"weight": system(marker)}, 2))


def torch_legacy_header(marker: Path) -> bytes:
    """torch before 1.6: a call in the table of the machine it was saved on."""
    return _legacy(pickle.dumps({"epoch": 3}, 2), pickle.dumps({"a": system(marker)}, 2))


def torch_legacy_tail(marker: Path) -> bytes:
    """torch before 1.6: a pickle behind the end."""
    return _legacy(pickle.dumps({"epoch": 3}, 2)) + os_system(marker)


def export_with_pickled_weights(marker: Path) -> bytes:
    """torch.export: a weight that is stored as a pickle."""
    with zipfile.ZipFile(networks.torch_export_mlp(marker.parent)) as archive:
        content = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    config = "data/weights/model_weights_config.json"
    content[config] = content[config].replace(b'"use_pickle": false', b'"use_pickle": true')
    content["data/weights/weight_0"] = _torch_zip({"data.pkl": os_system(marker)})
    return _torch_zip(content)


def _torch_zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {"version": b"3\n", **members}.items():
            archive.writestr(f"archive/{name}", content)
    return file.getvalue()


def _legacy(content: bytes, machine: bytes = b"\x80\x02}.") -> bytes:
    """Magic number, protocol, machine, the object, keys of storages."""
    magic, version = pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2)
    return magic + version + machine + content + pickle.dumps([], 2)


# skops


def skops_type(marker: Path) -> bytes:
    """skops: a type off every list."""
    return _skops(
        {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode", **_EMPTY}
    )


def skops_function(marker: Path) -> bytes:
    """skops: a function that is called with every batch."""
    function = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    return _skops({**function, "__id__": 1})


def skops_dotted_type(marker: Path) -> bytes:
    """skops: a path of attributes for a type."""
    name = "LogisticRegression.fit.__globals__"
    module = "sklearn.linear_model._logistic"
    return _skops({"__class__": name, "__module__": module, "__loader__": "TypeNode", "__id__": 1})


def skops_brings_its_trust_list(marker: Path) -> bytes:
    """skops: a file that says what to trust in it."""
    node = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ObjectNode", **_EMPTY}
    return _skops({**node, "trusted": ["subprocess.Popen"]}, {"trusted.json": b"true"})


def skops_object_array(marker: Path) -> bytes:
    """skops: one of its arrays is a pickle."""
    node = {
        "__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode",
        "type": "numpy", "file": "1.npy", "__id__": 1,
    }  # fmt: skip
    return _skops(node, {"1.npy": npy_of_objects(marker)})


def skops_pickle_member(marker: Path) -> bytes:
    """skops: a pickle among the members."""
    node = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    return _skops(
        {**node, "content": '"a"', "is_json": True, "__id__": 1}, {"x.pkl": os_system(marker)}
    )


def _part(loader: str, path: str, mark: int, **more: object) -> dict[str, Any]:
    module, _, name = path.rpartition(".")
    named = {"__class__": name, "__module__": module, "__loader__": loader, "__id__": mark}
    return {**named, **more}


def _text(text: str, mark: int) -> dict[str, Any]:
    return _part("JsonNode", "builtins.str", mark, content=json.dumps(text), is_json=True)


def _dict(mark: int, content: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
    types = _part("ListNode", "builtins.list", mark + 1, content=[key] * len(content))
    return _part("DictNode", "builtins.dict", mark, content=content, key_types=types)


_STR = _part("TypeNode", "builtins.str", 900)


def skops_code_in_a_state(marker: Path) -> bytes:
    """skops: a distribution of SciPy, which runs a text out of its state."""
    state = _dict(10, {"_parse_arg_template": _text(writing(marker), 20)}, _STR)
    path = "scipy.stats._continuous_distns.norm_gen"
    return _skops(_part("ObjectNode", path, 1, content=state))


def skops_attributes_of_python(marker: Path) -> bytes:
    """skops: a table of pandas that takes the dictionary of its attributes from its state."""
    content = {"_typ": _text("dataframe", 20), "__dict__": _dict(21, {}, _STR)}
    state = _dict(10, content, _STR)
    return _skops(_part("ObjectNode", "pandas.core.frame.DataFrame", 1, content=state))


def skops_state_that_is_asked(marker: Path) -> bytes:
    """skops: a state that is no data, which the loader asks for its keys."""
    asked = _part("ObjectNode", "numpy.vectorize", 11, content=_dict(12, {}, _STR))
    return _skops(_part("ObjectNode", "numpy.vectorize", 1, content=asked))


def skops_state_of_pairs(marker: Path) -> bytes:
    """skops: a state of pairs, which become attributes of Python's own."""
    pair = [_text("__array_interface__", 11), _dict(12, {}, _STR)]
    state = _part("ListNode", "builtins.list", 10, content=[_part(*_TUPLE, 14, content=pair)])
    return _skops(_part("ObjectNode", "numpy.vectorize", 1, content=state))


def skops_state_in_text(marker: Path) -> bytes:
    """skops: the same in JSON, of which no name is looked at."""
    state = _part(*_JSON, 10, content='{"__array_interface__": {}}', is_json=True)
    return _skops(_part("ObjectNode", "numpy.vectorize", 1, content=state))


_TUPLE, _JSON = ("TupleNode", "builtins.tuple"), ("JsonNode", "builtins.str")


def _partial_of_getattr() -> dict[str, Any]:
    function = _part("FunctionNode", "numpy._core.numeric._frombuffer", 30)
    arguments = [function, _text("__globals__", 31)]
    content = {
        "func": _part("FunctionNode", "builtins.getattr", 32),
        "args": _part("TupleNode", "builtins.tuple", 33, content=arguments),
        "kwds": _dict(34, {}, _STR),
        "namespace": _dict(36, {}, _STR),
    }
    return _part("PartialNode", "functools.partial", 38, content=content)


def skops_partial(marker: Path) -> bytes:
    """skops: a partial that fetches the globals of a function."""
    return _skops(_partial_of_getattr())


def skops_key_type(marker: Path) -> bytes:
    """skops: the type of a key, which the loader calls with the key, is a function."""
    function = _part("FunctionNode", "numpy.asarray", 40)
    return _skops(_dict(10, {str(marker): _text("", 20)}, function))


def skops_part_in_place_of_another(marker: Path) -> bytes:
    """skops: the type of a key has the number of a function, which takes its place."""
    function = _part("FunctionNode", "numpy.asarray", 40)
    keyed = _dict(10, {str(marker): _text("", 20)}, {**_STR, "__id__": 40})
    return _skops(_part("ListNode", "builtins.list", 1, content=[function, keyed]))


def skops_method(marker: Path) -> bytes:
    """skops: a method by its name alone."""
    path = "sklearn.linear_model._logistic.LogisticRegression"
    content = {"func": "__reduce__", "obj": _part("ObjectNode", path, 2)}
    return _skops(_part("MethodNode", path, 1, content=content))


def skops_list_of_another_type(marker: Path) -> bytes:
    """skops: the type of a list, which the loader calls with what is in it, is a function."""
    return _skops(_part("ListNode", "numpy.asarray", 1, content=[_text(str(marker), 2)]))


_EMPTY = {
    "content": {
        "__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {},
        "key_types": {
            "__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
            "content": [], "__id__": 3,
        },
        "__id__": 2,
    },
    "__id__": 1,
}  # fmt: skip


def _skops(node: dict[str, Any], members: dict[str, bytes] | None = None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        schema = {**node, "protocol": 2, "_skops_version": "0.16.0"}
        archive.writestr("schema.json", json.dumps(schema))
        for name, content in (members or {}).items():
            archive.writestr(name, content)
    return file.getvalue()


WRAPPED: dict[str, tuple[Callable[[Path], bytes], ...]] = {
    ".joblib": (
        behind_an_array, inside_an_object_array, behind_an_object_array, compressed_object_array,
        zlib_compressed, gzip_compressed, gzip_of_two_members, bz2_compressed, xz_compressed,
        lzma_compressed, lz4_compressed, lz4_behind_an_array, lz4_of_two_frames, lz4_truncated,
        lz4_inflating, lz4_claimed_size, after_the_compressed_end, before_2015,
        array_in_another_file, inflating, array_without_its_numbers,
    ),
    ".npy": (npy_of_objects,),
    ".npz": (npz_of_objects,),
    ".pt": (
        torch_zip, torch_module, torch_second_pickle, torch_weights_are_a_pickle,
        torch_bytes_after_the_end, torch_attributes_of_python, torch_legacy_attributes_of_python,
        torchscript_constants, torch_legacy, torch_legacy_header, torch_legacy_tail,
        *old_torch.HOSTILE,
    ),
    ".pt2": (export_with_pickled_weights,),
    ".skops": (
        skops_type, skops_function, skops_dotted_type, skops_brings_its_trust_list,
        skops_object_array, skops_pickle_member, skops_code_in_a_state, skops_partial,
        skops_attributes_of_python, skops_state_that_is_asked,
        skops_state_of_pairs, skops_state_in_text,
        skops_key_type, skops_part_in_place_of_another, skops_method, skops_list_of_another_type,
    ),
}  # fmt: skip
"""Makers by the ending of their files."""
