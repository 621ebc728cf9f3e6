"""Fill a registry with the sample models and sign the demo user up.

Training runs in a process of its own, so that no framework is imported where files are served;
the files it makes go through the ordinary upload walk.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from registry import (
    accounts,
    aliases,
    checks,
    codec,
    datasets,
    gates,
    golden_cases,
    golden_runs,
    models,
    predict,
    publish,
    staging,
    versions,
    wording,
)
from registry.core import Registry
from registry.demo.samples import HELD_OUT, NAMES, Sample
from registry.errors import NotFound, RegistryError
from registry.records import CHAMPION, Actor, Draft, Metric, Rule, Schema, Version

USERNAME = "demo"
_READY_WITHIN_S = 300.0
_FLOOR, _LENIENT = 0.95, 0.5
Say = Callable[[str], None]


def sign_up(reg: Registry) -> tuple[Actor, str]:
    """The demo user (an admin) and a new one-time password; the earlier one stops working."""
    password = secrets.token_urlsafe(12)
    try:
        code = accounts.reset_code(reg, USERNAME)
    except NotFound:
        actor = accounts.create_user(
            reg,
            username=USERNAME,
            name="Demo",
            email="demo@example.org",
            password=password,
            role="admin",
        )
        return actor, password
    return accounts.reset_with(reg, code, password), password


def fill(reg: Registry, actor: Actor, say: Say, *, check_here: bool) -> list[Version]:
    """Train and publish the sample models that are not there yet, and set their champions.

    Args:
        check_here: Check the versions in this process; else wait for the server that does.

    Returns:
        The versions added.
    """
    wanted = [name for name in NAMES if not _exists(reg, actor, name)]
    added: list[Version] = []
    samples: dict[str, Sample] = {}
    with tempfile.TemporaryDirectory(prefix="vitrine-demo-") as folder:
        for sample in _train(Path(folder), wanted, say):
            version = _publish(reg, actor, sample)
            say(f"published {version.ref}: {version.inspection.summary or version.label}")
            if check_here:
                checks.run(reg, version.id)
            added.append(version)
            samples[version.model] = sample
        for model, sample in samples.items():
            if sample.public:
                models.publish_to_all(reg, actor, model)
            _crown(reg, actor, model, say)
            if sample.held_out:
                _guard(reg, actor, model, sample, say)
    return added


def _guard(reg: Registry, actor: Actor, model: str, sample: Sample, say: Say) -> None:
    """Keep the held-out rows as a data set; golden cases and a gate for what comes next."""
    dataset = datasets.add(reg, actor, _staged(reg, actor, sample.held_out))
    datasets.edit(
        reg, actor, dataset.id, sample.given.target if sample.given else "", "classification"
    )
    if models.get(reg, actor, model).champion is None or golden_cases.find(reg, actor, model):
        return
    for n, row in enumerate(sample.cases, 1):
        answer = predict.predict(reg, actor, model, row)
        expected = golden_runs.answer_of(answer.outputs)
        golden_cases.add(reg, actor, model, f"held-out row {n}", row, expected, _LENIENT)
    primary = models.get(reg, actor, model).primary_metric
    rules = (Rule("metric", metric=primary, dataset=HELD_OUT, value=_FLOOR), Rule("golden"))
    gates.edit(reg, actor, model, rules)
    say(f"guarded {model}: {len(sample.cases)} golden cases, {len(rules)} rules at its gate")


def _exists(reg: Registry, actor: Actor, name: str) -> bool:
    slug, _, label = name.partition("@")
    ref = f"{actor.username}/{slug}"
    try:
        found = versions.find(reg, actor, ref) + versions.find(reg, actor, ref, trash=True)
    except NotFound:
        return False
    return label in {version.label for version in found}


def _train(folder: Path, wanted: list[str], say: Say) -> Iterator[Sample]:
    """Samples as the training process finishes them."""
    if not wanted:
        return
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        trainer(folder, wanted), stdout=subprocess.PIPE, text=True, cwd=root
    ) as training:
        assert training.stdout is not None
        for line in training.stdout:
            if line.startswith("{"):
                yield codec.load(Sample, json.loads(line))
            else:
                say(line.strip())
    if training.returncode:
        raise RegistryError("training the sample models failed; see the lines above")


def trainer(folder: Path, wanted: Sequence[str]) -> list[str]:
    """The command that trains samples into a folder."""
    return [sys.executable, "-m", "registry.demo.training", str(folder), *wanted]


def _publish(reg: Registry, actor: Actor, sample: Sample) -> Version:
    staged_id = _staged(reg, actor, sample.path)
    draft = publish.examine(reg, actor, staged_id)
    files = {"sample": _staged(reg, actor, sample.held_out)} if sample.held_out else {}
    details = replace(sample.details, schema=_schema(draft, sample.given), files=files)
    slug = wording.slug_of(details.name)
    if f"{actor.username}/{slug}" in models.editable(reg, actor):
        before = versions.find(reg, actor, f"{actor.username}/{slug}")
        details = replace(
            details,
            model=f"{actor.username}/{slug}",
            parents=tuple(version.ref for version in before[:1]),
            relation="retrained",
        )
    return publish.publish(reg, actor, draft.id, details)


def _staged(reg: Registry, actor: Actor, path: str) -> str:
    with staging.receive(reg, actor, Path(path).name) as incoming:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                incoming.write(block)
        return incoming.finish().id


def _schema(draft: Draft, given: Schema | None) -> Schema | None:
    """What was read from the file, completed as a person would."""
    read = draft.inspection.schema
    if given is None or read is None:
        return given or read
    if read.kind == "table":
        example = given.example or read.example
        return replace(read, target=given.target, target_range=given.target_range, example=example)
    pairs = zip(read.tensors, given.tensors, strict=False)
    tensors = tuple(replace(g, name=r.name, dtype=r.dtype or g.dtype) for r, g in pairs)
    if not tensors:
        return given
    example = dict(zip((t.name for t in tensors), given.example.values(), strict=False))
    outs = tuple(replace(r, role=g.role) for r, g in zip(read.outputs, given.outputs, strict=False))
    return replace(
        read,
        tensors=tensors,
        outputs=outs or given.outputs,
        classes=given.classes,
        target=given.target,
        example=example,
    )


def _crown(reg: Registry, actor: Actor, model: str, say: Say) -> None:
    """Make the version with the best primary metric champion, once it is ready."""
    until = time.monotonic() + _READY_WITHIN_S
    found = versions.find(reg, actor, model)
    while any(v.status == "checking" for v in found) and time.monotonic() < until:
        time.sleep(0.5)
        found = versions.find(reg, actor, model)
    for version in found:
        if version.status == "failed":
            say(f"{version.ref} did not load: {version.failure}")
    name = models.get(reg, actor, model).primary_metric
    measured = {v.number: m for v in found for m in v.metrics if m.name == name}
    ready = [v for v in found if v.status == "ready" and v.number in measured]
    if not ready or any(CHAMPION in v.aliases for v in found):
        return
    best = max(ready, key=lambda v: (_merit(measured[v.number]), v.number))
    reason = f"best {name} on the held-out rows: {measured[best.number].value:.4f}"
    aliases.move(reg, actor, best.ref, CHAMPION, reason)
    say(f"champion of {model}: version {best.number} ({reason})")


def _merit(metric: Metric) -> float:
    return -metric.value if metric.higher_is_better is False else metric.value
