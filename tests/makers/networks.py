"""Builders of tiny torch files: `name(folder) -> path`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


@cache
def mlp() -> Any:
    import torch

    torch.manual_seed(0)
    layers = (torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    return torch.nn.Sequential(*layers).eval()


@cache
def cnn() -> Any:
    """Digits: 8 × 8 gray pictures to ten scores."""
    import torch

    torch.manual_seed(0)
    layers = (
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(144, 10),
    )
    return torch.nn.Sequential(*layers).eval()


def torchscript_mlp(folder: Path) -> Path:
    """Scripted, so that the file says nothing of its inputs but the code."""
    return _scripted(folder, "mlp.pt", mlp())


def torchscript_cnn(folder: Path) -> Path:
    return _scripted(folder, "cnn.pt", cnn())


def torchscript_traced(folder: Path) -> Path:
    import torch

    path = folder / "traced.pt"
    with quiet():
        torch.jit.trace(cnn(), torch.zeros(2, 1, 8, 8)).save(str(path))
    return path


def _scripted(folder: Path, name: str, module: Any) -> Path:
    import torch

    with quiet():
        torch.jit.script(module).save(str(folder / name))
    return folder / name


def torch_export_cnn(folder: Path) -> Path:
    return _exported(folder, "cnn.pt2", cnn(), (2, 1, 8, 8))


def torch_export_mlp(folder: Path) -> Path:
    return _exported(folder, "mlp.pt2", mlp(), (2, 4))


_EXPORTED: dict[str, bytes] = {}


def _exported(folder: Path, name: str, module: Any, shape: tuple[int, ...]) -> Path:
    import torch

    path = folder / name
    if name in _EXPORTED:
        path.write_bytes(_EXPORTED[name])
        return path
    batch = torch.export.Dim("batch", min=1, max=4096)
    with quiet():
        program = torch.export.export(
            module, (torch.zeros(shape),), dynamic_shapes=({0: batch},), strict=False
        )
        torch.export.save(program, path)
    _EXPORTED[name] = path.read_bytes()
    return path


def torch_state_dict(folder: Path) -> Path:
    return _saved(folder, "weights.pt", cnn().state_dict())


def torch_checkpoint(folder: Path) -> Path:
    return _saved(folder, "epoch3.ckpt", {"model": mlp().state_dict(), "epoch": 3, "loss": 0.25})


def torch_legacy_state_dict(folder: Path) -> Path:
    """In the layout from before torch 1.6."""
    import torch

    path = folder / "legacy.pth"
    torch.save(mlp().state_dict(), path, _use_new_zipfile_serialization=False)
    return path


def torch_whole_module(folder: Path) -> Path:
    """Made of torch's own layers only, so that it can run."""
    return _saved(folder, "whole.pt", mlp())


def torch_own_class(folder: Path) -> Path:
    """A whole module of a class that is not in the file."""
    module = OwnNetwork.build()
    return _saved(folder, "own.pt", module)


class OwnNetwork:
    """Makes a module of a class of ours."""

    @staticmethod
    def build() -> Any:
        import torch

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = torch.nn.Linear(2, 2)

        Network.__module__, Network.__qualname__ = "mine.networks", "Network"
        _pretend_module("mine.networks", Network=Network)
        return Network()


def _recurrent() -> Any:
    import torch

    inner = torch.nn.TransformerEncoderLayer(8, 2, 16)
    return torch.nn.Sequential(torch.nn.Embedding(10, 8), torch.nn.LSTM(8, 4), inner).state_dict()


def _training() -> Any:
    """A checkpoint with the optimizer and its schedule."""
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(module.parameters())
    with torch.enable_grad():
        module(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    return {
        "epoch": 7,
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "loss": torch.tensor(0.5),
    }


def _layers() -> Any:
    """A whole module made of many of torch's own layers."""
    import torch

    nn = torch.nn
    body = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout()]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(36, 10), nn.Softmax(1)).eval()


def _types() -> Any:
    """Tensors of many types, one quantized to half the bits, one sparse view of another."""
    import torch

    types = (torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.complex64, torch.uint8)
    found: dict[str, Any] = {str(kind): torch.ones(2, 3).to(kind) for kind in types}
    return {**found, "view": found["torch.int64"][0], "size": found["torch.int64"].shape}


CONTENTS: dict[str, Callable[[], Any]] = {
    "weights": lambda: cnn().state_dict(),
    "recurrent": _recurrent,
    "training": _training,
    "layers": _layers,
    "types": _types,
}
"""What people hand to `torch.save`."""


def _pretend_module(name: str, **content: Any) -> None:
    """Make a module of that name importable, as pickle insists on while saving."""
    import sys
    import types

    for part in (name.partition(".")[0], name):
        sys.modules.setdefault(part, types.ModuleType(part))
    vars(sys.modules[name]).update(content)


def _saved(folder: Path, name: str, content: Any) -> Path:
    import torch

    torch.save(content, folder / name)
    return folder / name


class quiet(warnings.catch_warnings):  # noqa: N801  used like a function
    """torch warns that its own formats will be replaced."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
