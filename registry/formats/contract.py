"""What a format module offers; mypy holds every module of `FORMATS` to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias

from registry.records import Inspection, Schema

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Inputs: TypeAlias = "pa.Table | dict[str, np.ndarray]"
Outputs: TypeAlias = "dict[str, np.ndarray]"

ALL_COLUMNS = ""
"""Key of the fast path: all columns of a numeric table as one float64 array."""

IMPORTS: dict[str, tuple[str, ...]] = {
    "inspect": (
        *("numpy", "onnx", "h5py", "pandas", "pyarrow.csv", "pyarrow.parquet", "PIL.Image"),
        *("bz2", "gzip", "lzma", "zipfile", "yaml", "importlib.metadata"),
    ),
    "sklearn": (
        *("numpy", "pandas", "pyarrow.pandas_compat", "joblib", "skops.io", "sklearn.pipeline"),
        *("pyarrow.csv", "pyarrow.parquet", "sklearn.metrics", "scipy.stats"),
        *("sklearn.compose", "sklearn.ensemble", "sklearn.linear_model", "sklearn.neighbors"),
        *("sklearn.svm", "sklearn.neural_network", "sklearn.naive_bayes", "sklearn.impute"),
        *("sklearn.cluster", "sklearn.preprocessing", "sklearn.feature_extraction.text"),
        *("sklearn.gaussian_process", "sklearn.model_selection", "sklearn.calibration"),
        *("narwhals.stable.v2._namespace", "narwhals._interchange.dataframe"),
        *("narwhals._pandas_like.dataframe", "narwhals._pandas_like.series"),
        *("narwhals._pandas_like.namespace", "narwhals._pandas_like.selectors"),
    ),
    "onnx": ("numpy", "pandas", "pyarrow.pandas_compat", "onnxruntime"),
    "torch": (
        *("numpy", "torch", "torch.jit", "torch.export", "torch.export.pt2_archive"),
        *("torch._functorch.aot_autograd", "torch.export._trace", "torch._export.db.logging"),
        *("torch.utils.serialization", "torch.fx.experimental.validator", "sympy.tensor.tensor"),
        *("torch._inductor.sizevars",),
    ),
}
"""What each zygote group imports ahead, so that a locked worker need not. None computes."""

WORKER_MODULES: dict[str, tuple[str, ...]] = {
    "sklearn": ("registry.formats.sklearn", "registry.formats.skops", "registry.formats.streams"),
    "onnx": ("registry.formats.onnx", "registry.formats.streams"),
    "torch": (
        "registry.formats.torchscript",
        "registry.formats.torch_export",
        "registry.formats.torch_pickle",
        "registry.formats.streams",
    ),
}
"""Our own modules that a group's worker needs."""


class Format(Protocol):
    """One layout of bytes: how to know it, look into it, load it and ask it."""

    NAME: str
    FRAMEWORK: str
    GROUP: str
    """Zygote group that loads it; "" when nothing here can run it."""
    EXTENSIONS: tuple[str, ...]

    def detect(self, head: bytes, file: BinaryIO) -> bool:
        """Whether the content is of this format. `head` is the first 4 KiB."""

    def inspect(self, file: BinaryIO) -> Inspection:
        """Read what the file says about itself; never executes or unpickles anything.

        Raises:
            BrokenArtifact: The content is damaged or ends early.
        """

    def load_model(
        self, file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()
    ) -> Any:
        """Load the model. Only ever called inside a locked worker.

        Args:
            trusted: Names beyond the allowlist, as `module.name`, that somebody with the right
                to do so trusts for exactly these bytes.

        Raises:
            UnsafeArtifact: It asks for a name that is neither on the allowlist nor trusted.
            NotInstalled: A library that the file needs is missing.
            PredictionFailed: The model cannot be loaded here; the message says why.
        """

    def complete(self, model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
        """Add to `schema` what only the loaded model knows; what is filled in stays."""

    def predict(self, model: Any, inputs: Inputs, schema: Schema) -> Outputs:
        """Ask the model.

        Args:
            inputs: For a table an Arrow table, or, when all columns are numeric without nulls,
                `{ALL_COLUMNS: float64 (n_rows, n_fields)}` in the order of `schema.fields`;
                for tensors name to array.

        Returns:
            Arrays by output name, never of dtype object.
        """
