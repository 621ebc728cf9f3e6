"""What formats that nothing here can run share: they are read, stored and compared, not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from registry.errors import PredictionFailed
from registry.records import Inspection, Schema

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

_WHY = "this format is stored and described, but cannot run here"


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Refuse.

    Raises:
        PredictionFailed: Always.
    """
    raise PredictionFailed(_WHY)


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Nothing is loaded, so nothing is added."""
    return schema


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """Refuse.

    Raises:
        PredictionFailed: Always.
    """
    raise PredictionFailed(_WHY)
