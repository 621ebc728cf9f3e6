"""Files as torch wrote them before 0.2: tar archives of a pickle and two tables, made by hand."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.makers.hostile_plain import os_system, system

_KINDS = {"float32": "Float", "int64": "Long", "float64": "Double", "uint8": "Byte"}
_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."


class _Number:
    """Stands for a tensor."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> str | None:
        return str(value.number) if isinstance(value, _Number) else None


def _pickled(value: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, 2).dump(value)
    return file.getvalue()


def _row(number: int, second: Any, kind: str) -> bytes:
    """(number, second, torch.kind)"""
    parts = [pickle.dumps(value, 2)[2:-1] for value in (number, second)]
    return b"\x80\x02" + b"".join(parts) + f"ctorch\n{kind}\n".encode() + b"\x87."


def members(weights: dict[str, np.ndarray], location: Any = "cpu") -> dict[str, bytes]:
    """The four members that torch wrote of a state dict, the first tensor a view of a storage."""
    storages = pickle.dumps(len(weights), 2)
    tensors = pickle.dumps(len(weights), 2)
    views = []
    for n, array in enumerate(weights.values()):
        key, kind = 94_000_000_000_000 + 1000 * n, _KINDS[array.dtype.name]
        storages += _row(key, location, f"{kind}Storage")
        storages += struct.pack("<q", array.size) + np.ascontiguousarray(array).tobytes()
        used = key + 1 if n == 0 else key
        if n == 0:
            views.append((used, key, 0, array.size))
        tensors += _row(n, used, f"{kind}Tensor") + struct.pack("<i4x", array.ndim)
        steps = [step // array.itemsize for step in np.ascontiguousarray(array).strides]
        tensors += struct.pack(f"<{2 * array.ndim + 1}q", *array.shape, *steps, 0)
    info = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"int": 4}}
    content = OrderedDict((name, _Number(n)) for n, name in enumerate(weights))
    return {
        "sys_info": pickle.dumps(info, 2),
        "pickle": _pickled(content),
        "tensors": tensors,
        "storages": storages + pickle.dumps(views, 2),
    }


def tarred(parts: dict[str, bytes] | list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar as Python 3 writes it, times with their fractions in notes."""
    file = io.BytesIO()
    listed = parts if isinstance(parts, list) else [(_info(n), c) for n, c in parts.items()]
    with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for info, content in listed:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _info(name: str, notes: dict[str, str] | None = None) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime = 1486000000.25
    info.pax_headers = notes or {}
    return info


def _weights() -> dict[str, np.ndarray]:
    return {
        "0.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "0.bias": np.arange(3, dtype=np.float32),
        "steps": np.array([7], dtype=np.int64),
    }


def torch_tar_state_dict(folder: Path) -> Path:
    """In the layout from before torch 0.2."""
    path = folder / "ancient.pt"
    path.write_bytes(tarred(members(_weights())))
    return path


def _honest() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(_info(name), content) for name, content in members(_weights()).items()]


def torch_tar(marker: Path) -> bytes:
    """torch before 0.2, a tar file: a call in its pickle."""
    return tarred({**members(_weights()), "pickle": os_system(marker)})


def torch_tar_header(marker: Path) -> bytes:
    """torch tar: a call in the table of the machine it was saved on."""
    return tarred({**members(_weights()), "sys_info": os_system(marker)})


def torch_tar_table(marker: Path) -> bytes:
    """torch tar: a call in a row of the table of storages."""
    return tarred(members(_weights(), location=system(marker)))


def torch_tar_unknown_reference(marker: Path) -> bytes:
    """torch tar: a tensor that is in no table."""
    return tarred({**members(_weights()), "pickle": _pickled({"a": _Number(2**40)})})


def torch_tar_second_pickle(marker: Path) -> bytes:
    """torch tar: a second pickle behind the first."""
    parts = members(_weights())
    return tarred({**parts, "pickle": parts["pickle"] + os_system(marker)})


def torch_tar_traversal(marker: Path) -> bytes:
    """torch tar: a member whose name leads out of the folder."""
    return tarred([*_honest(), (_info("../../evil"), b"x")])


def torch_tar_link(marker: Path) -> bytes:
    """torch tar: the table of storages is a link to another file."""
    info = _info("storages")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return tarred([*_honest()[:3], (info, b"")])


def torch_tar_twice(marker: Path) -> bytes:
    """torch tar: two pickles of one name, of which some readers take the first."""
    return tarred([*_honest(), (_info("pickle"), os_system(marker))])


def torch_tar_renamed(marker: Path) -> bytes:
    """torch tar: a note that gives a member another name than its header."""
    return tarred([*_honest(), (_info("x" * 120), os_system(marker))])


def torch_tar_size(marker: Path) -> bytes:
    """torch tar: a note that gives a member another size than its header."""
    listed = _honest()
    listed[1] = (_info("pickle", {"size": "4"}), listed[1][1])
    return tarred(listed)


def torch_tar_hidden(marker: Path) -> bytes:
    """torch tar: a pickle behind the end of the archive."""
    return tarred(_honest()) + os_system(marker).ljust(512, b"\0")


def torch_tar_huge(marker: Path) -> bytes:
    """torch tar: a tensor of 2**50 numbers over a storage of twelve."""
    parts = members(_weights())
    parts["tensors"] = parts["tensors"].replace(struct.pack("<q", 4), struct.pack("<q", 2**50), 1)
    return tarred(parts)


def torch_tar_in_a_legacy_file(marker: Path) -> bytes:
    """torch: begins like a file of before 1.6, and is a tar of pickles to torch."""
    info = _info("x")
    info.mtime = 0
    info.size = 0
    head = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    head[: len(_MAGIC)] = _MAGIC
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + 256 + sum(head[156:]))
    return bytes(head) + torch_tar(marker)


HOSTILE: tuple[Callable[[Path], bytes], ...] = (
    torch_tar, torch_tar_header, torch_tar_table, torch_tar_unknown_reference,
    torch_tar_second_pickle, torch_tar_traversal, torch_tar_link, torch_tar_twice,
    torch_tar_renamed, torch_tar_size, torch_tar_hidden, torch_tar_huge,
    torch_tar_in_a_legacy_file,
)  # fmt: skip
