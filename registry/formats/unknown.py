"""Says what a file that is no known model looks like, and what to upload instead."""

from __future__ import annotations

from pathlib import PurePath

from registry.formats.text import clean, refusal

_ACCEPTED = (
    "Upload a joblib, pickle, skops, ONNX, TorchScript, torch.export, safetensors, Keras, "
    "TensorFlow, TFLite or TensorRT file"
)
_NUMBERS = (
    "Save the fitted model itself, with joblib or as safetensors; bring sample rows as CSV or "
    "Parquet, which unlike .npy never hold a pickle"
)
_MARKS: tuple[tuple[bytes, int, str, str], ...] = (
    (b"version https://git-lfs", 0, "a Git LFS pointer, not the file itself",
     "Run git lfs pull and upload the file it brings"),
    (b"\x7fELF", 0, "a Linux program or library", _ACCEPTED),
    (b"MZ", 0, "a Windows program or library", _ACCEPTED),
    (b"\xcf\xfa\xed\xfe", 0, "a macOS program or library", _ACCEPTED),
    (b"\x93NUMPY", 0, "a NumPy array, not a model", _NUMBERS),
    (b"PAR1", 0, "a Parquet table, not a model", "Use it as the sample of a model"),
    (b"GGUF", 0, "a GGUF language model, which Vitrine does not keep yet",
     "Upload its safetensors instead"),
    (b"binf", 0, "an XGBoost binary model, a layout XGBoost gave up",
     "Save the scikit-learn wrapper with joblib"),
    (b"%PDF", 0, "a PDF document", _ACCEPTED),
    (b"\x89PNG", 0, "a picture", _ACCEPTED),
    (b"\xff\xd8\xff", 0, "a picture", _ACCEPTED),
    (b"GIF8", 0, "a picture", _ACCEPTED),
    (b"7z\xbc\xaf", 0, "a 7z archive", "Unpack it and upload the model file inside"),
    (b"Rar!", 0, "a RAR archive", "Unpack it and upload the model file inside"),
    (b"ustar", 257, "a tar archive", "Unpack it and upload the model file inside"),
    (b"\x1f\x8b", 0, "a gzip archive with no pickle in it",
     "Unpack it and upload the model file inside"),
    (b"BZh", 0, "a bzip2 archive with no pickle in it",
     "Unpack it and upload the model file inside"),
    (b"\xfd7zXZ", 0, "an xz archive with no pickle in it",
     "Unpack it and upload the model file inside"),
    (b"\x04\x22\x4d\x18", 0, "an lz4 stream with no pickle in it",
     "Unpack it and upload the model file inside"),
    (b"PK", 0, "a zip archive without a model that Vitrine knows",
     "Unpack it and upload the model file inside"),
    (b"<!doctype html", 0, "a web page: perhaps a download that asked for a login",
     "Download the file again and look at its size"),
    (b"<html", 0, "a web page: perhaps a download that asked for a login",
     "Download the file again and look at its size"),
    (b'{"learner"', 0, "an XGBoost JSON model",
     "Save the scikit-learn wrapper (XGBClassifier, XGBRegressor) with joblib"),
    (b"tree\nversion=", 0, "a LightGBM text model",
     "Save the scikit-learn wrapper (LGBMClassifier, LGBMRegressor) with joblib"),
)  # fmt: skip


def describe(head: bytes, filename: str) -> str:
    """The refusal for a file that starts with `head`."""
    name = clean(PurePath(filename).name, 80) or "the file"
    if _is_npz(head):
        looks = f"{name} looks like NumPy arrays in an archive (.npz), not a model"
        return refusal(looks, "It holds no model to read", _NUMBERS)
    for mark, at, looks, todo in _MARKS:
        if head[at : at + len(mark)].lower() == mark.lower():
            return refusal(f"{name} looks like {looks}", "It holds no model to read", todo)
    if _is_text(head):
        return refusal(f"{name} is text", "Model files are binary", _ACCEPTED)
    return refusal(
        f"{name} is in no format that Vitrine knows",
        "Its first bytes match none: it may be damaged, encrypted, or not a model",
        _ACCEPTED,
    )


def _is_npz(head: bytes) -> bool:
    """An archive whose first member is an array."""
    length = int.from_bytes(head[26:28], "little")
    return head.startswith(b"PK\x03\x04") and head[30 : 30 + length].endswith(b".npy")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return not any(ord(c) < 9 or 13 < ord(c) < 32 for c in text)
