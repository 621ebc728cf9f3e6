"""Keras: the configuration may name layers of Keras, and nothing that runs or reads files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from registry.formats import keras
from registry.formats.text import clean, finding
from registry.records import Finding
from registry.scanners import keras_names as names
from registry.scanners.contract import Look

NAME = "keras"
FORMATS = ("keras",)

_MAX_PARTS = 1_000_000
_OWN = (None, "", "builtins", "__main__")
_EXTRAS = ("keras_hub", "keras_nlp", "keras_cv", "tensorflow_addons", "tf_keras")


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Walk every part of every configuration in the file.

    Raises:
        BrokenArtifact: It cannot be read, or is larger than any model.
    """
    for config in keras.configurations(file):
        look.findings.extend(dict.fromkeys(_walked(config)))


def _walked(config: Any) -> Iterator[Finding]:
    stack, left = [config], _MAX_PARTS
    while stack:
        value, left = stack.pop(), left - 1
        if left < 0:
            raise keras.too_large()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
            if "class_name" in value:
                yield from _part(value)
            yield from _paths(value)


def _part(part: dict[str, Any]) -> Iterator[Finding]:
    """A thing that Keras makes: by class, or looks up: a function."""
    name, module = part["class_name"], part.get("module")
    if not isinstance(name, str) or not isinstance(module, str | None):
        yield _code("a part whose class is no name", "keras-config")
        return
    shown = clean(f"{module}.{name}" if module else name)
    if name in names.CODE:
        yield _code(f"a part of class {clean(name)}, which holds {names.CODE[name]}", "keras-code")
    elif name == "function":
        yield from _function(part.get("config"), module)
    elif name in names.VALUES:
        return
    elif module not in _OWN and not _is_keras(module):
        if module.partition(".")[0] in _EXTRAS:
            yield _custom(shown)
        else:
            yield _code(f"the class {shown}, which is not Keras's", "keras-module")
    elif not module or module in _OWN:
        if name.rpartition(">")[2] not in names.LAYERS | names.OTHERS or ">" in name:
            yield _custom(shown)
    elif not name.isidentifier():
        yield _code(f"the name {shown}, which is no class", "keras-module")


def _is_keras(module: str | None) -> bool:
    """A package of Keras that is made from configurations."""
    top, *parts = (module or "").split(".")
    parts = [part for part in parts if part not in ("src", "keras", "api", "_v2", "python")]
    known = top in ("keras", "tensorflow", "tf_keras")
    return known and (not parts or parts[0] in names.PARTS)


def _function(config: Any, module: str | None) -> Iterator[Finding]:
    name = config if isinstance(config, str) else clean(config)
    shown = clean(f"{module}.{name}" if module else name)
    inside = module in (None, "", "builtins") or (
        _is_keras(module) and "." in (module or "") and _is_function_module(module or "")
    )
    if not inside and module != "__main__":
        yield _code(f"the function {shown}", "keras-function")
    elif name not in names.FUNCTIONS:
        yield _custom(shown)


def _is_function_module(module: str) -> bool:
    return any(part in ("activations", "losses", "metrics") for part in module.split("."))


def _paths(part: dict[str, Any]) -> Iterator[Finding]:
    """Settings that make Keras open a file when the model is made."""
    for key in ("vocabulary", "vocabulary_file", "idf_weights_file", "proto"):
        value = part.get(key)
        if isinstance(value, str) and value:
            yield _code(f"a {key} that is the path {clean(value)}", "keras-path")


def _code(what: str, rule: str) -> Finding:
    return finding(
        "block",
        rule,
        f"the configuration asks for {what}",
        "Loading the model elsewhere would run code or read files of whoever loads it",
        "Build the model from layers of Keras alone and save it again, or export it to ONNX",
    )


def _custom(shown: str) -> Finding:
    return finding(
        "warn",
        "keras-custom",
        f"the configuration names {shown}, which is not Keras's own",
        "Whoever loads the model needs that code, and it is not in the file",
        "Trust it only if you know who made the file, or export the model to ONNX",
    )
