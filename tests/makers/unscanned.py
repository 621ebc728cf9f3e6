"""A zygote for tests alone: its workers load any file as carelessly as can be, without any scan.

Started in place of `registry/sandbox/zygote.py`, with the same arguments. The loaders of the
libraries take the place of ours: nothing is restricted, every answer is asked and called. The
"trusted names" of a version are the ending of its file and the folder to unpack it to. Loading
always ends in an error; what the file tried on the way is written to stderr, a line each.
"""

# ruff: noqa: BLE001  a hostile file may raise anything, and the next loader shall have it too

import importlib.util
import io
import json
import os
import sys
import zipfile
from pathlib import Path

TELLING = (
    *("os.", "subprocess.", "socket.", "shutil.", "pty.", "ctypes.dlopen", "urllib.", "ftplib."),
    *("signal.", "resource.", "smtplib.", "webbrowser.", "sqlite3.", "pickle.find_class"),
)
QUIET = ("os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.putenv", "os.unsetenv")
HARMLESS = ("numpy", "sklearn", "joblib", "torch", "collections", "_codecs", "scipy", "copyreg")


def told(event, arguments):
    """Audit hook: what is tried, before the fence has a say."""
    if UNPACKING or (event == "pickle.find_class" and arguments[0].partition(".")[0] in HARMLESS):
        return
    writing = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writing or (event.startswith(TELLING) and event not in QUIET):
        os.write(2, f"TRIED {event} {arguments!r}"[:200].encode("utf-8", "replace") + b"\n")


def load_model(file, threads, trusted=frozenset()):
    ending, place = sorted(trusted)  # "." comes before "/"
    loaders = LOADERS.get(ending, LOADERS[""])
    PLACE.append(place)
    sys.addaudithook(told)
    for load in loaders:
        file.seek(0)
        try:
            ask(load(file))
        except Exception as no:
            os.write(2, f"ENDED {load.__name__} {no!r}"[:200].encode("utf-8", "replace") + b"\n")
    raise RuntimeError(f"{len(loaders)} loaders have had it")


def ask(made):
    """Use what came of a file in every way a program would."""
    import numpy as np

    rows = np.zeros((1, 4))
    for use in ("predict", "transform", "predict_proba", "__call__", "forward"):
        try:
            getattr(made, use)(rows)
        except Exception as no:
            del no
    repr(made)


def by_joblib(file):
    import joblib

    return joblib.load(file)


def by_pickle(file):
    import pickle

    made = []
    while True:
        try:
            made.append(pickle.load(file))
        except EOFError:
            return made


def by_numpy(file):
    import numpy as np

    made = np.load(file, allow_pickle=True)
    return [made[name] for name in made.files] if hasattr(made, "files") else made


def by_torch(file):
    import torch

    return torch.load(file, weights_only=False)


def by_torchscript(file):
    import torch

    made = torch.jit.load(file)
    return made(torch.zeros(1, 4))


def by_export(file):
    import torch

    made = torch.export.load(io.BytesIO(file.read())).module()
    return made(torch.zeros(1, 4))


def by_skops(file):
    from skops import io as skops_io

    data = file.read()
    return skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))


def by_onnx(file):
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(file.read())
    feed = {i.name: np.zeros([d if isinstance(d, int) else 1 for d in i.shape], np.float32)
            for i in session.get_inputs()}  # fmt: skip
    return session.run(None, feed)


def by_hdf5(file):
    import h5py

    archive = h5py.File(file, "r")
    return [archive[name][()] for name in _names(archive)]


def _names(group):
    for name in group:
        try:
            member = group[name]
        except Exception as no:
            os.write(2, f"ENDED {name} {no!r}"[:200].encode("utf-8", "replace") + b"\n")
            continue
        if hasattr(member, "keys"):
            yield from (f"{name}/{below}" for below in _names(member))
        else:
            yield name


def by_safetensors(file):
    from safetensors.numpy import load

    return load(file.read())


def by_unpacking(file):
    UNPACKING.append(1)  # what is tried now is our doing
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(PLACE[0])
    finally:
        UNPACKING.clear()


def by_reading(file):
    return file.read()


PLACE, UNPACKING = [], []
PICKLES, ZIPS = (by_joblib, by_pickle), (by_unpacking,)
LOADERS = {
    ".pkl": PICKLES, ".joblib": PICKLES, ".npy": (by_numpy,), ".npz": (by_numpy, *ZIPS),
    ".pt": (by_torch, by_torchscript, by_pickle, *ZIPS), ".pt2": (by_export, by_torch, *ZIPS),
    ".skops": (by_skops, *ZIPS), ".onnx": (by_onnx,), ".h5": (by_hdf5,), ".keras": (*ZIPS,),
    ".safetensors": (by_safetensors,), ".zip": ZIPS, "": (by_reading, *PICKLES),
}  # fmt: skip


def main():
    place = Path(__file__).resolve().parents[2] / "registry" / "sandbox" / "zygote.py"
    spec = importlib.util.spec_from_file_location("zygote", place)
    zygote = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zygote)
    zygote._adopt_package()

    orders = json.loads(sys.argv[2])
    if not all(orders["layers"].values()):
        sys.exit("not without a fence")
    import joblib  # noqa: F401  what the hook would tell of importing it is not the file's doing

    from registry import formats

    for name in ("sklearn", "torch_pickle", "onnx"):
        formats.get(name).load_model = load_model
    zygote.Zygote(int(sys.argv[1]), orders).serve()


if __name__ == "__main__":
    main()
