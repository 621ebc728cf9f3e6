"""Pickles in every wrapping: the names they ask for, and what no honest pickle has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO
from zipfile import ZipFile

from registry.errors import BrokenArtifact
from registry.formats import archives, names, sklearn, skops, torch_pickle, torch_tar
from registry.formats.dry_run import Seen, dry_run_torch
from registry.formats.seen import MAX_GLOBALS
from registry.formats.stubs import Global
from registry.formats.text import clean, finding
from registry.records import Finding, Judgement, Named
from registry.scanners.contract import Look

NAME = "pickles"
FORMATS = ("sklearn", "skops", "torch_pickle", "torchscript")
"""Those in MLflow folders and in torch.export programs are scanned as files of their own."""

_MAX_MEMBER, _MAX_SHOWN = 256 << 20, 10
_OF_TORCH = ("data.pkl", "constants.pkl", "traced_inputs.pkl", ".debug_pkl")
_CODE = "__torch__"  # TorchScript's own types: their code lies in the file, none of it is Python
_RULES: dict[str, tuple[str, str]] = {
    "old-opcode": ("it uses the opcode {}", "No library for Python 3 writes this; attacks do"),
    "call-of-a-result": ("it calls {}", "Libraries only call functions that they name"),
    "call": ("it calls {}", "No library writes such a call; it could do harm while loading"),
    "function-kept": (
        "it keeps a function that files only call in {}",
        "Whoever gets it later calls it with anything",
    ),
    "state-of-a-class": (
        "it changes the class {}",
        "That would change the class for everything else in the process",
    ),
    "state": (
        "it fills {} with what that never holds",
        "Some objects run what they are filled with",
    ),
    "skops-part": (
        "it has what skops never writes: {}",
        "Such a part can run code while it is loaded or when the model answers",
    ),
    "pickle-inside": (
        "a value in it is a pickle itself: {}",
        "It waits there for a loader; model files have no use for it",
    ),
    "bytes-after-the-end": (
        "more bytes follow after the end of {}",
        "No library writes such a file; they hide from whoever reads only the first part",
    ),
}
_TODO = "Save the fitted model itself again, or export it to ONNX, and upload that"


def scan(file: BinaryIO, format: str, look: Look) -> None:
    """Walk every pickle of the file, judge every name, list both.

    Raises:
        BrokenArtifact: One cannot be read to its end.
    """
    walk = _Walk()
    if format == "sklearn":
        walk.add(sklearn.walked(file)[0], "the pickle")
    elif format == "torch_pickle" and (layout := torch_pickle.layout(file)) != "zip":
        for seen in _of_old_torch(file, layout):
            walk.add(seen, "the pickles")
    else:
        with archives.opened(file) as archive:
            walk.archive(archive, format)
    walk.conclude(look)


def _of_old_torch(file: BinaryIO, layout: str) -> list[Seen]:
    if layout == "legacy":
        return torch_pickle.walked_legacy(file)
    tar = torch_tar.walked(file)
    return [tar.seen, *tar.tables]


class _Walk:
    """What all pickles of one file say together."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], Judgement] = {}
        self._broken: dict[tuple[str, str], None] = {}

    def add(self, seen: Seen, where: str, *, script: bool = False) -> None:
        """One walked pickle.

        Args:
            script: Whether it is TorchScript's, which names types of its own.
        """
        self.judge(seen.globals.values(), script=script)
        self._broken |= {(flaw.rule, flaw.what): None for flaw in seen.flaws}
        if seen.trailing:
            self._broken["bytes-after-the-end", where] = None

    def judge(self, asked: Iterable[Global], *, script: bool = False) -> None:
        """Names that were asked for, in whatever way."""
        for name in asked:
            own = script and name.module.split(".")[0] == _CODE and "." not in name.name
            judged = "innocuous" if own else names.judge(name.module, name.name)
            self._names.setdefault((name.module, name.name), judged)
        if len(self._names) > MAX_GLOBALS:
            raise BrokenArtifact(f"the file asks for more than {MAX_GLOBALS:,} names")

    def archive(self, archive: ZipFile, format: str) -> None:
        """The pickles that the format keeps; `zips` refuses all others."""
        if format == "skops":
            asked, odd = skops.asked(archive)
            self.judge(asked)
            self._broken |= {("skops-part", said): None for said in odd}
            return
        for name in archive.namelist():
            if name.endswith(_OF_TORCH):
                seen = dry_run_torch(archives.read(archive, name, _MAX_MEMBER))
                self.add(seen, clean(name), script=format == "torchscript")

    def conclude(self, look: Look) -> None:
        """Names and findings, the worst first."""
        by_judgement: dict[Judgement, list[str]] = {"dangerous": [], "unusual": [], "innocuous": []}
        for (module, name), judged in self._names.items():
            by_judgement[judged].append(clean(f"{module}.{name}"))
        for judged, listed in by_judgement.items():
            look.names |= {name: Named(name, judged) for name in reversed(listed)}
        if by_judgement["dangerous"]:
            look.findings.append(_dangerous(by_judgement["dangerous"]))
        for rule, what in list(self._broken)[:_MAX_SHOWN]:
            said, why = _RULES[rule]
            look.findings.append(finding("block", rule, said.format(what), why, _TODO))
        if by_judgement["unusual"]:
            look.findings.append(_unusual(by_judgement["unusual"]))


def _listed(asked: list[str]) -> str:
    more = f" and {len(asked) - _MAX_SHOWN} more" if len(asked) > _MAX_SHOWN else ""
    return ", ".join(asked[:_MAX_SHOWN]) + more


def _dangerous(asked: list[str]) -> Finding:
    return finding(
        "block",
        "dangerous-name",
        f"the file asks for {_listed(asked)}",
        "Model files have no use for it, and loading them may call it",
        "Do not load this file elsewhere unless you know who made it and why; " + _TODO.lower(),
    )


def _unusual(asked: list[str]) -> Finding:
    script = any(name.startswith(("__main__.", "__mp_main__.")) for name in asked)
    why = (
        "It was defined in a script or notebook, so it is not in the file"
        if script
        else "It belongs to no library that this server knows, and loading may run its code"
    )
    return finding(
        "warn",
        "unusual-name",
        f"the file asks for {_listed(asked)}",
        why,
        "Somebody with the right to do so may trust exactly these names for this file; "
        "exporting to ONNX does without",
    )
