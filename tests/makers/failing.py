"""Models that pass every check and fail later, by the rows they get: real crashes, real hangs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib

from tests.makers import fitted
from tests.makers.networks import quiet

NOWHERE = 1 << 40


def crashing_tree(folder: Path) -> Path:
    """A fitted tree with a damaged node: flowers with wide petals lead the worker out of memory."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(*fitted.iris())
    state: Any = tree.tree_.__getstate__()
    right = state["nodes"]["right_child"]
    damaged = right[right[0]]
    state["nodes"]["left_child"][damaged] = right[damaged] = NOWHERE
    tree.tree_.__setstate__(state)
    path = folder / "crashing.joblib"
    joblib.dump(tree, path)
    return path


def stuck_above(folder: Path, n_rows: int) -> Path:
    """A network that answers up to `n_rows` rows at once and never ends with more."""
    import torch

    class Stuck(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.most = n_rows

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n = x.size(0)
            while n > self.most:
                n = n + 1
            return x[:, 0]

    return _scripted(folder, f"stuck{n_rows}.pt", Stuck())


def slow(folder: Path, n_steps: int) -> Path:
    """A network that thinks for a while over every batch, however small."""
    import torch

    class Slow(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = n_steps

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nothing = x[:1, 0] * 0.0
            for _ in range(self.steps):
                nothing = nothing * 0.0
            return x[:, 0] + nothing

    return _scripted(folder, "slow.pt", Slow())


def _scripted(folder: Path, name: str, module: Any) -> Path:
    import torch

    with quiet():
        torch.jit.script(module.eval()).save(str(folder / name))
    return folder / name


RAISE, HUNGER, HANG = 100.0, 200.0, 300.0
"""What the first number of the input has to exceed for `moody` to fail in this way."""


def moody(folder: Path) -> Path:
    """A network of four numbers that raises, wants 40 GB or never ends, by the first of them."""
    import torch

    class Moody(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            said = x.sum(dim=1)
            mood = float(x[0, 0])
            if mood > 300.0:
                n = 0
                while n >= 0:
                    n = (n + 1) % 1000
                said = said + n
            elif mood > 200.0:
                said = said + torch.zeros([10000000000]).sum()
            elif mood > 100.0:
                raise ValueError("this is more than I was made for")
            return said

    return _scripted(folder, "moody.pt", Moody())
