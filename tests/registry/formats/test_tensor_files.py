"""Files of numbers and text become tensors, and what is none says why."""

from __future__ import annotations

import io

import numpy as np
import pytest

from registry import tensors
from registry.errors import BrokenArtifact, InvalidInput
from registry.formats import decoders
from registry.records import Tensor

TENSORS = {
    "matrix": Tensor("matrix", "float32", (-1, 3)),
    "grid": Tensor("grid", "float32", (-1, 1, 2, 2)),
    "ids": Tensor("ids", "int64", (-1,)),
    "words": Tensor("words", "string", (-1, 1)),
    "one": Tensor("one", "float64", ()),
}


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def headed(kind, shape):
    """A file of a shape that needs no bytes."""
    file = io.BytesIO()
    head = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)
    return file.getvalue()


def read(name, content):
    """As the door does, but for the worker."""
    tensor = TENSORS[name]
    order = {"name": name, "text": tensor.dtype == "string"}
    found = decoders.decode("numbers", io.BytesIO(content), **order)
    array = found["array"]
    return tensors.checked(
        tensor, tensors.from_rows(tensor, array) if found["is_rows"][0] else array
    )


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("matrix", npy(np.arange(6.0).reshape(2, 3)), [[0, 1, 2], [3, 4, 5]]),
        ("matrix", npy(np.asfortranarray(np.arange(6.0).reshape(2, 3))), [[0, 1, 2], [3, 4, 5]]),
        ("matrix", npy(np.arange(3, dtype=">f8")), [[0, 1, 2]]),
        ("matrix", npz(matrix=np.ones((1, 3)), other=np.zeros(2)), [[1, 1, 1]]),
        ("matrix", npz(only=np.ones((1, 3))), [[1, 1, 1]]),
        ("matrix", b"a,b,c\n1,2,3\n4,5.5,-1e3\n", [[1, 2, 3], [4, 5.5, -1000]]),
        ("matrix", b"1;2;3\r\n", [[1, 2, 3]]),
        ("grid", b"1,2,3,4\n5,6,7,8\n", [[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]]),
        ("ids", b"9007199254740993\n2\n", [9007199254740993, 2]),
        ("ids", b"1,2,3\n", [1, 2, 3]),
        ("words", "001\ngrün\n".encode(), [["001"], ["grün"]]),
        ("words", npy(np.array([["a"], ["bc"]])), [["a"], ["bc"]]),
        ("words", npy(np.array([[b"a"], [b"bc"]])), [["a"], ["bc"]]),
        ("one", b"2.5", 2.5),
        ("one", npy(np.float64(7)), 7.0),
    ],
)
def test_files_of_numbers_and_text_become_the_tensor(name, content, expected):
    assert read(name, content).tolist() == expected


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("matrix", npy(np.ones((2, 4))), "expects float32 (N, 3), got float64 (2, 4)"),
        ("ids", npy(np.array([0.5])), "expects int64 (N,), got float64 (1,): it must be whole"),
        ("words", npy(np.ones((2, 1))), "expects text (N, 1), got float64 (2, 1): it must be text"),
    ],
)
def test_another_shape_or_type_is_refused_exactly(name, content, why):
    with pytest.raises(InvalidInput) as refused:
        read(name, content)
    assert why in refused.value.problems[name]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (npy(np.array([{}], dtype=object), allow_pickle=True), "Python objects"),
        (npy(np.ones(3))[:-1], "does not fit its bytes"),
        (npz(a=np.ones(3), b=np.ones(3)), "must be called matrix"),
        (npz(a=np.ones(3))[:-5], "end record"),
        (b"1,2,3\n4,5\n", "line 2 has 2 cells, the first row has 3"),
        (b"1,2,x\n", "line 1: x is no number"),
        (b"a,b,c\n", "no rows"),
        (b"\x00\x01\x02", "neither .npy, .npz nor CSV"),
        (npy(np.ones(3, dtype=np.complex64)), "complex64"),
        (headed("<f4", (10**9, 0)), "its shape is 1,000,000,000 × 0"),
        (headed("<f4", (0, 10**9)), "its shape is 0 × 1,000,000,000"),
        (headed("<U0", (10**9,)), "its shape is 1,000,000,000"),
    ],
)
def test_what_holds_no_numbers_says_why(content, why):
    with pytest.raises(BrokenArtifact) as refused:
        read("matrix", content)
    assert why in refused.value.message
