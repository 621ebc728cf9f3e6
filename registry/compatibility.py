"""Whether callers of one schema can call another: what would break them, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.comparison import Compatibility
from registry.schema import Field, Output, Schema, Tensor

# A value of the first type may be sent where the second is taken.
# Source: MLflow, "Model Signatures and Input Examples", safe type conversions.
_WIDER = frozenset({("integer", "long"), ("integer", "double"), ("float", "double")})


def between(base: Schema | None, other: Schema | None) -> Compatibility:
    """What happens to those who call `base` when `other` answers instead."""
    if base is None or other is None:
        return Compatibility("unknown")
    reasons = tuple(_reasons(base, other))
    if reasons:
        return Compatibility("breaking", reasons)
    same = (base.fields, base.tensors, base.outputs, base.classes) == (
        other.fields, other.tensors, other.outputs, other.classes,
    )  # fmt: skip
    return Compatibility("same" if same else "compatible")


def _reasons(base: Schema, other: Schema) -> Iterator[str]:
    if base.kind != other.kind:
        words = {"table": "columns", "tensors": "tensors"}
        yield f"takes {words[other.kind]}, not {words[base.kind]}"
    elif base.kind == "table":
        yield from _columns(base.fields, other.fields)
    else:
        yield from _tensors(base.tensors, other.tensors)
    yield from _outputs(base.outputs, other.outputs)
    yield from _classes(base.classes, other.classes)


def _columns(base: Sequence[Field], other: Sequence[Field]) -> Iterator[str]:
    now = {field.name: field for field in other}
    for field in base:
        if field.name not in now:
            yield f"column {field.name!r} is gone"
        else:
            yield from _column(field, now[field.name])
    known = {field.name for field in base}
    for field in other:
        if field.name not in known and not field.nullable and field.default is None:
            yield f"new required column {field.name!r}"


def _column(was: Field, now: Field) -> Iterator[str]:
    if was.type != now.type and (was.type, now.type) not in _WIDER:
        yield f"column {was.name!r} is {now.type}, was {was.type}"
    if was.nullable and not now.nullable and now.default is None:
        yield f"column {was.name!r} may no longer be missing"
    gone = [c for c in was.categories if c not in set(now.categories)]
    if now.categories and (gone or not was.categories):
        said = ", ".join(map(repr, gone[:3])) + (" …" if len(gone) > 3 else "")
        yield f"column {was.name!r} no longer takes " + (said or "any value")


def _tensors(base: Sequence[Tensor], other: Sequence[Tensor]) -> Iterator[str]:
    now = {tensor.name: tensor for tensor in other}
    for tensor in base:
        if tensor.name not in now:
            yield f"tensor {tensor.name!r} is gone"
            continue
        new = now[tensor.name]
        if new.dtype != tensor.dtype:
            yield f"tensor {tensor.name!r} is {new.dtype}, was {tensor.dtype}"
        if not _takes(new.shape, tensor.shape):
            yield f"tensor {tensor.name!r} is {_shape(new.shape)}, was {_shape(tensor.shape)}"
    known = {tensor.name for tensor in base}
    yield from (f"new required tensor {t.name!r}" for t in other if t.name not in known)


def _takes(now: tuple[int, ...], was: tuple[int, ...]) -> bool:
    """Whether every array of the old shape has the new one; -1 is any size."""
    return len(now) == len(was) and all(n in (-1, w) for n, w in zip(now, was, strict=True))


def _outputs(base: Sequence[Output], other: Sequence[Output]) -> Iterator[str]:
    now = {output.name: output for output in other}
    for output in base:
        new = now.get(output.name)
        if new is None:
            yield f"output {output.name!r} is gone"
        elif new.role != output.role:
            yield f"output {output.name!r} is read as {new.role}, was {output.role}"
        elif new.dtype and output.dtype and new.dtype != output.dtype:
            yield f"output {output.name!r} is {new.dtype}, was {output.dtype}"
        elif not _takes(output.shape, new.shape):
            yield f"output {output.name!r} is {_shape(new.shape)}, was {_shape(output.shape)}"


def _classes(base: tuple[str, ...], other: tuple[str, ...]) -> Iterator[str]:
    if base == other:
        return
    gone, new = set(base) - set(other), set(other) - set(base)
    parts = [f"{len(names)} {word}" for names, word in ((gone, "gone"), (new, "new")) if names]
    yield "classes changed: " + (", ".join(parts) or "another order")


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join("any" if size == -1 else str(size) for size in shape) or "one number"
