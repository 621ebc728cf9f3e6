"""torch.save files (.pt, .pth): weights alone, checkpoints, or a whole module."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from registry.errors import BrokenArtifact, PredictionFailed
from registry.formats import (
    archives,
    names,
    restricted,
    runtime,
    tars,
    torch_run,
    torch_tar,
    torch_zip,
    torchscript,
)
from registry.formats.dry_run import Seen, dry_run_many
from registry.formats.stubs import Global, Instance, Weight
from registry.formats.text import clean, plain, refusal
from registry.records import Inspection, Schema

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "torch_pickle"
FRAMEWORK = "PyTorch"
GROUP = "torch"
EXTENSIONS = (".pt", ".pth", ".bin", ".ckpt")

# Source: torch/serialization.py, MAGIC_NUMBER: what files before torch 1.6 start with
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
WEIGHTS_ALONE = (
    "a state dict holds weights without the network: export the model with torch.jit.script, "
    "torch.jit.trace or torch.export and upload that"
)
_OWN_CLASS = (
    "a whole module needs its Python class {name}, which is not in the file: export the model with "
    "torch.jit.script, torch.jit.trace or torch.export and upload that"
)
_ENDS_EARLY = refusal(
    "the torch file ends early", "Some of its weights are missing", "Save it again, upload it whole"
)


def detect(head: bytes, file: BinaryIO) -> bool:
    """A torch zip without code, or the layouts from before torch 1.6 and before 0.2."""
    if head.startswith(_LEGACY) or torch_tar.is_torch_tar(head):
        return True
    listed = archives.names(head, file)
    return archives.folder(listed, "data.pkl") is not None


def inspect(file: BinaryIO) -> Inspection:
    """Walk the pickle with inert stubs; the numbers themselves are never read."""
    seen, details = _walk(file)
    root = seen.root
    if isinstance(root, Instance):
        return _module(root, seen, details)
    if not any(True for _ in torch_zip.weights(root)):
        return _other(root, seen, details)
    return _weights(root, seen, details)


def _walk(file: BinaryIO) -> tuple[Seen, dict[str, Any]]:
    if layout(file) == "tar":
        return torch_tar.walked(file).seen, {"layout": "tar, before torch 0.2"}
    if layout(file) == "legacy":
        return walked_legacy(file)[3], {"layout": "before torch 1.6"}
    with archives.opened(file) as archive:
        folder = archives.folder(archive.namelist(), "data.pkl") or ""
        return torch_zip.pickle_inside(archive, folder), {"layout": "zip"}


def layout(file: BinaryIO) -> Literal["zip", "tar", "legacy"]:
    """How the file is laid out, asked in torch's own order; the file is back at its start then.

    A file can begin like a legacy one and be a tar to torch, which then loads other pickles.
    """
    file.seek(0)
    head = file.read(tars.BLOCK)
    file.seek(0)
    if archives.is_zip(head):
        return "zip"
    return "tar" if tars.is_tar(head) else "legacy" if head.startswith(_LEGACY) else "zip"


def walked_legacy(file: BinaryIO) -> list[Seen]:
    """The five pickles of the old layout: magic, protocol, machine, object, keys of storages.

    Raises:
        BrokenArtifact: One is damaged, or storages are missing behind them.
    """
    found = dry_run_many(file, 5)
    at, content = file.tell(), found[3]
    left = file.seek(0, os.SEEK_END) - at
    needed = sum(8 + size for size in content.storages.values())
    if left < needed:
        raise BrokenArtifact(_ENDS_EARLY)
    content.trailing = left > needed
    return found


def _base(root: object, seen: Seen, details: dict[str, Any]) -> dict[str, Any]:
    asked = list(seen.globals.values())
    return {
        "details": {
            **details,
            "tensors": torch_zip.shapes(root),
            "globals": [clean(n.path) for n in asked[:1000]],
        },
        "libraries": dict.fromkeys(
            [p for p in runtime.libraries(n.module for n in asked) if p != "torch"], ""
        ),
        "n_parameters": torch_zip.total(root),
    }


def _weights(root: object, seen: Seen, details: dict[str, Any]) -> Inspection:
    """A state dict, or a checkpoint that has one among other things."""
    base = _base(root, seen, details)
    tensors = list(torch_zip.weights(root))
    beside = {}
    if isinstance(root, dict):
        beside = {
            clean(k): plain(v)
            for k, v in list(root.items())[:200]
            if isinstance(v, (int, float, str, bool)) and isinstance(k, str)
        }
    is_checkpoint = isinstance(root, dict) and any(not isinstance(v, Weight) for v in root.values())
    kind = "checkpoint" if is_checkpoint else "state dict"
    n = base["n_parameters"]
    return Inspection(
        NAME,
        FRAMEWORK,
        summary=f"{kind}: {len(tensors)} tensors" + (f", {n:,} parameters" if n else ""),
        class_name=kind,
        parameters=beside,
        runnable=False,
        why_not_runnable=torch_tar.WHY if "tar" in details["layout"] else WEIGHTS_ALONE,
        **base,
    )


def _module(root: Instance, seen: Seen, details: dict[str, Any]) -> Inspection:
    """A whole module: runs when every class in it is torch's own."""
    base = _base(root, seen, details)
    foreign = [n for n in seen.globals.values() if not _is_torch_own(n)]
    name = clean(root.cls.path)
    n = base["n_parameters"]
    why = _OWN_CLASS.format(name=clean(foreign[0].path)) if foreign else ""
    why = why or (torch_tar.WHY if "tar" in details["layout"] else "")
    return Inspection(
        NAME,
        FRAMEWORK,
        summary=f"whole module {clean(root.cls.name)}" + (f", {n:,} parameters" if n else ""),
        class_name=name,
        schema=None if why else torchscript.schema_of(root, "", []),
        runnable=not why,
        why_not_runnable=why,
        **base,
    )


def _other(root: object, seen: Seen, details: dict[str, Any]) -> Inspection:
    return Inspection(
        NAME,
        FRAMEWORK,
        summary=f"a torch file with a {type(root).__name__.lower()} and no tensors",
        runnable=False,
        why_not_runnable="it holds no network: export the model with torch.jit or torch.export",
        **_base(root, seen, details),
    )


def _is_torch_own(name: Global) -> bool:
    """A layer of torch itself, or what rebuilds its weights."""
    return names.judge(name.module, name.name) == "innocuous"


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Load a whole module made of torch's own layers; torch's safe loader gets exactly those.

    Raises:
        PredictionFailed: It holds anything else.
        UnsafeArtifact: It does what no library writes.
    """
    torch = torch_run.prepare(threads)
    legacy = layout(file) == "legacy"
    walked = walked_legacy(file) if legacy else [_walk(file)[0]]
    root = walked[3 if legacy else 0].root
    asked = [name for seen in walked for name in seen.globals.values()]
    foreign = [n for n in asked if not _is_torch_own(n)]
    if foreign or not isinstance(root, Instance):
        why = _OWN_CLASS.format(name=clean(foreign[0].path)) if foreign else WEIGHTS_ALONE
        raise PredictionFailed(why)
    _refuse_flaws(walked)
    layers = [_layer(n) for n in asked if n.module.startswith("torch.nn.")]
    file.seek(0)
    try:
        with torch.serialization.safe_globals(layers):
            return torch.load(file, map_location="cpu", weights_only=True).eval()
    except (RuntimeError, ValueError, OSError, BrokenArtifact) as wrong:
        raise PredictionFailed("torch cannot load this file", clean(wrong, 2000)) from None


def _refuse_flaws(walked: list[Seen]) -> None:
    """Hold the load to what the scan is held to: torch's safe loader looks at names alone."""
    for seen in walked:
        if flaw := next(iter(seen.flaws), None):
            raise restricted.unsafe([], f"the file breaks a rule ({flaw.rule}): {flaw.what}")
        if seen.trailing:
            raise restricted.unsafe([], "more bytes follow after the end of the pickle")


def _layer(name: Global) -> Any:
    """A layer of torch, or a function that one refers to, by its exact name.

    Raises:
        PredictionFailed: This torch has no such thing.
    """
    try:
        return getattr(importlib.import_module(name.module), name.name)
    except (ImportError, AttributeError):
        raise PredictionFailed(f"this torch has no {clean(name.path)}") from None


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Find an input size that works and learn the outputs from one call."""
    return torch_run.complete(model, schema)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """The module's outputs by name."""
    return torch_run.predict(model, inputs, schema)
