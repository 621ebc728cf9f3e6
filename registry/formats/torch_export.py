"""torch.export programs (.pt2): a graph as JSON with its weights, run by torch.export."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO

from registry.errors import BrokenArtifact, PredictionFailed
from registry.formats import archives, arrays, runtime, torch_run
from registry.formats.stubs import product
from registry.formats.text import clean
from registry.records import Inspection, Output, Schema, Tensor

if TYPE_CHECKING:
    from registry.formats.contract import Inputs, Outputs

NAME = "torch_export"
FRAMEWORK = "PyTorch"
GROUP = "torch"
EXTENSIONS = (".pt2",)

_MAX_GRAPH = 128 << 20
_OLD = "serialized_exported_program.json"
# Source: torch/_export/serde/schema.py, ScalarType, schema 8.20
_DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32",
    8: "float64", 10: "complex64", 11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16",
}  # fmt: skip
_DAMAGE = (KeyError, TypeError, AttributeError, IndexError, ValueError)


def detect(head: bytes, file: BinaryIO) -> bool:
    """A zip with torch.export's graph, in today's layout or that before torch 2.8."""
    return _graph_name(archives.names(head, file)) != ""


def _graph_name(listed: list[str]) -> str:
    """The member that holds the graph, or ""."""
    if archives.folder(listed, "archive_format") is not None:
        graphs = sorted(n for n in listed if re.fullmatch(r"([^/]+/)?models/[^/]+\.json", n))
        named = [n for n in graphs if n.endswith("models/model.json")]
        return (named or graphs or [""])[0]
    return next((n for n in listed if n == _OLD or n.endswith("/" + _OLD)), "")


def inspect(file: BinaryIO) -> Inspection:
    """Read inputs, outputs, their shapes and the count of parameters from the graph."""
    with archives.opened(file) as archive:
        program = archives.read_json(archive, _graph_name(archive.namelist()), _MAX_GRAPH)
    try:
        return _described(program)
    except _DAMAGE as wrong:
        raise BrokenArtifact(
            f"the torch.export graph cannot be read ({clean(repr(wrong), 100)}): export it again"
        ) from None


def _described(program: dict[str, Any]) -> Inspection:
    module = program["graph_module"]
    graph, signature = module["graph"], module["signature"]
    values = graph["tensor_values"]
    schema = _schema(module, signature, values)
    n = _n_parameters(signature, values)
    version = clean(program.get("torch_version", ""), 50)
    nodes = graph["nodes"]
    return Inspection(
        NAME,
        FRAMEWORK,
        framework_version=version,
        summary=f"torch.export graph, {len(nodes)} operations"
        + (f", {n:,} parameters" if n else ""),
        class_name=_class_name(nodes),
        task=arrays.task_of(schema.tensors, schema.outputs),
        details={
            "opset": _counts(program.get("opset_version")),
            "schema version": _counts(program.get("schema_version")),
            "n_nodes": len(nodes),
        },
        libraries={"torch": version.partition("+")[0]} if version else {},
        n_parameters=n,
        schema=schema,
        findings=tuple(runtime.mismatch("torch", version.partition("+")[0])),
    )


def _counts(value: object) -> dict[str, int]:
    pairs = list(value.items())[:20] if isinstance(value, dict) else []
    return {clean(k): v for k, v in pairs if isinstance(v, int)}


def _class_name(nodes: list[Any]) -> str:
    """The exported module's class, which the stack of the first operation begins with."""
    for node in nodes[:50]:
        stack = str(node.get("metadata", {}).get("nn_module_stack", "")).split(";")[0]
        if stack.count(",") >= 2:
            return clean(stack.rpartition(",")[2])
    return ""


def _schema(module: dict[str, Any], signature: dict[str, Any], values: dict[str, Any]) -> Schema:
    inputs = [
        spec["user_input"]["arg"]["as_tensor"]["name"]
        for spec in signature["input_specs"]
        if "as_tensor" in spec.get("user_input", {}).get("arg", {})
    ]
    shown = _argument_names(module, inputs)
    tensors = arrays.hinted(
        [Tensor(s, *_meta(values[name])) for s, name in zip(shown, inputs, strict=True)]
    )
    picture = any(t.image for t in tensors)
    outputs = []
    for n, spec in enumerate(s for s in signature["output_specs"] if "user_output" in s):
        tensor = spec["user_output"]["arg"].get("as_tensor")
        if tensor:
            dtype, shape = _meta(values[tensor["name"]])
            name = "output" if n == 0 else f"output_{n}"
            role = arrays.role_of(tensor["name"], dtype, shape, picture=picture)
            outputs.append(Output(name, role, dtype, shape))
    return Schema("tensors", tensors=tensors, outputs=tuple(outputs),
                  example=arrays.example(tensors))  # fmt: skip


def _argument_names(module: dict[str, Any], inputs: list[str]) -> list[str]:
    """Names as the forward spells them, where there are as many."""
    called = (module.get("module_call_graph") or [{}])[0].get("signature") or {}
    names = called.get("forward_arg_names") or []
    return [clean(n) for n in (names if len(names) == len(inputs) else inputs)]


def _meta(value: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    """(type, shape) of a tensor; a size that is an expression becomes -1."""
    sizes = [size.get("as_int") for size in value["sizes"]]
    shape = tuple(size if type(size) is int and 0 <= size < 2**40 else -1 for size in sizes)
    return _DTYPES.get(value["dtype"], "float32"), shape


def _n_parameters(signature: dict[str, Any], values: dict[str, Any]) -> int | None:
    names = [
        spec["parameter"]["arg"]["name"] for spec in signature["input_specs"] if "parameter" in spec
    ]
    return sum(abs(product(_meta(values[name])[1])) for name in names) or None


def load_model(file: BinaryIO, threads: int, trusted: frozenset[str] = frozenset()) -> Any:
    """Load with torch.export; its cache folder must exist (TORCHINDUCTOR_CACHE_DIR).

    Raises:
        PredictionFailed: torch refuses the file.
    """
    torch = torch_run.prepare(threads)
    from torch import export

    file.seek(0)
    try:
        return export.load(file).module()
    except (RuntimeError, AssertionError, ValueError) as wrong:
        raise PredictionFailed("torch cannot load this file", clean(wrong, 2000)) from None
    finally:
        torch.set_grad_enabled(False)


def complete(model: Any, inspection: Inspection, schema: Schema | None) -> Schema | None:
    """Learn outputs from one call where the graph did not name them."""
    return torch_run.complete(model, schema)


def predict(model: Any, inputs: Inputs, schema: Schema) -> Outputs:
    """The program's outputs by name."""
    return torch_run.predict(model, inputs, schema)
