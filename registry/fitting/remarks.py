"""What a reader of a leaderboard should know: columns that give the answer away, rare classes."""

from __future__ import annotations

import numpy as np

from registry.errors import InvalidInput
from registry.fitting.candidates import LARGE
from registry.fitting.table import MOST_CLASSES, Table
from registry.formats.text import clean
from registry.records import EvaluationTask, Finding

_SAMPLE = 2_000
_PERFECT = 0.999


def folds(n_rows: int) -> int:
    """Parts the rows are split into: fewer when there are many."""
    return 5 if n_rows <= LARGE else 3


def without_rare(table: Table, n_folds: int) -> None:
    """Leave out classes that cannot be in every fold, and say so.

    Raises:
        InvalidInput: There are too many classes, or fewer than two are left.
    """
    names, places, counts = np.unique(table.y, return_inverse=True, return_counts=True)
    target = table.schema.target
    rare = counts < n_folds
    if (~rare).sum() < 2:
        why = f"only {int((~rare).sum())} class of {target} has {n_folds} rows or more"
        raise InvalidInput({"target": f"{why}: add rows, merge classes, or choose regression"})
    if (~rare).sum() > MOST_CLASSES:
        why = f"{target} has {len(names):,} classes, and {MOST_CLASSES} are the most"
        raise InvalidInput({"target": f"{why}: merge some, or choose regression"})
    if rare.any():
        kept = ~rare[places]
        listed = [clean(name, 40) for name in names[rare][:5].tolist()]
        what = f"{int((~kept).sum()):,} rows of {int(rare.sum()):,} rare classes were left out"
        why = f"each has fewer than {n_folds} rows, one per fold: {', '.join(listed)}"
        todo = "add rows of these classes, or merge them"
        table.findings.append(Finding("warn", "rare-classes", what, why, todo))
        table.x, table.y = table.x[kept].reset_index(drop=True), table.y[kept]


def leaks(table: Table, task: EvaluationTask) -> list[Finding]:
    """Columns that tell the answer all alone: most likely they are made of it."""
    step = max(1, len(table.y) // _SAMPLE)
    y = table.y[::step]
    told = []
    for name in table.x.columns:
        kind = table.kinds[str(name)]
        column = table.x[name].iloc[::step]
        if kind != "text" and _alone(column, y, by_level=kind == "category", task=task):
            told.append(str(name))
    why = f"it predicts {table.schema.target} perfectly, all alone"
    todo = "leave it out, unless it is truly known before the answer is"
    return [Finding("warn", "leak", f"{name} may give the answer away", why, todo) for name in told]


def _alone(column: object, y: np.ndarray, *, by_level: bool, task: EvaluationTask) -> bool:
    """Whether few cuts, or levels, of one column explain the answers."""
    import pandas as pd
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if by_level:
        codes, levels = pd.factorize(np.asarray(column, dtype=object))
        if len(levels) > len(y) / 4:
            return False
        shown = np.eye(len(levels) + 1)[codes] if len(levels) <= 60 else codes.reshape(-1, 1)
        leaves = len(levels) + 1
    else:
        values = pd.to_numeric(pd.Series(column), errors="coerce").to_numpy(dtype=float)
        if np.isnan(values).all():
            return False
        shown = np.where(np.isnan(values), np.nanmin(values) - 1, values).reshape(-1, 1)
        leaves = len(np.unique(y)) if task == "classification" else 0
    if task == "classification":
        tree = DecisionTreeClassifier(max_leaf_nodes=max(2, leaves), random_state=0)
    elif by_level:
        tree = DecisionTreeRegressor(max_leaf_nodes=max(2, leaves), random_state=0)
    else:
        return bool(abs(np.corrcoef(shown[:, 0], y)[0, 1]) ** 2 > _PERFECT)
    return bool(tree.fit(shown, y).score(shown, y) > _PERFECT)
