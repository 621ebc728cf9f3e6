"""Every door, found by its signature `(reg, actor, …)`: strangers see nothing, changes are audited.

A new door is tested by itself. When it takes a parameter not known here, or needs the world
prepared, this file says so.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

import registry
from registry import (
    access,
    accounts,
    aliases,
    codec,
    datasets,
    golden_cases,
    jobs,
    lineage,
    metrics,
    models,
    prediction_log,
    predictions,
    publish,
    results,
    scorings,
    staging,
    tokens,
    trainings,
    trust,
    uploads,
    versions,
    webhooks,
)
from registry.core import Registry, open_registry
from registry.errors import Forbidden, NotFound, NotSignedIn
from registry.records import (
    GUEST,
    Actor,
    AuditFilter,
    Dataset,
    Details,
    Evaluated,
    Evaluation,
    Field,
    Finding,
    Inspection,
    Measured,
    ModelQuery,
    Named,
    Quality,
    Report,
    Role,
    Rule,
    Version,
)
from registry.sandbox.pool import Pool
from registry.settings import Settings
from registry.tables import AuditRow, VersionRow, WebhookRow, new_id
from tests.conftest import PASSWORD

SECRET = "zebrafinch"
"""Part of the name of the private model: a stranger must never read it."""


@dataclass(frozen=True)
class World:
    """A private model of alice with two ready versions, an upload of hers, and three people."""

    reg: Registry
    alice: Actor
    bob: Actor
    admin: Actor
    model: str
    first: Version
    staged_id: str
    email: str
    job_id: str
    dataset_id: str
    evaluation_id: str
    scoring_id: str
    training_id: str
    case_id: str
    prediction_id: str
    token_id: str
    webhook_id: str
    upload_id: str

    @property
    def ref(self) -> str:
        return f"{self.model}@1"


def _row(w: World) -> dict[str, Any]:
    return {f.name: 1.5 for f in w.first.schema.fields} if w.first.schema else {}


def _stream(w: World) -> bytes:
    import pyarrow as pa

    batch, sink = pa.RecordBatch.from_pylist([_row(w)]), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written


ARGUMENTS: dict[str, Callable[[World], Any]] = {
    "body": _stream,
    "alias": lambda w: "staging",
    "artifact_id": lambda w: w.first.artifacts[0].id,
    "blob": lambda w: staging.pointer(w.reg, staging.get(w.reg, w.alice, w.staged_id), w.alice),
    "chosen": lambda w: "",
    "candidate": lambda w: "floor",
    "case_id": lambda w: w.case_id,
    "current": lambda w: PASSWORD,
    "base_ref": lambda w: w.ref,
    "dataset_id": lambda w: w.dataset_id,
    "details": lambda w: Details(model=w.model),
    "disabled": lambda w: True,
    "draft_id": lambda w: w.staged_id,
    "email": lambda w: w.email,
    "evaluation_id": lambda w: w.evaluation_id,
    "expected": lambda w: {"label": "setosa"},
    "feature": lambda w: next(iter(_row(w))),
    "filename": lambda w: "model.joblib",
    "inputs": _row,
    "inspection": lambda w: w.first.inspection,
    "job_id": lambda w: w.job_id,
    "kinds": lambda w: {"x": "number"},
    "level": lambda w: "view",
    "license": lambda w: "MIT",
    "metric": lambda w: "accuracy",
    "metrics": lambda w: {"accuracy": 0.9},
    "model": lambda w: w.model,
    "name": lambda w: f"{SECRET} again",
    "new": lambda w: "quite another pass phrase",
    "other_ref": lambda w: w.ref,
    "parent_ref": lambda w: f"{w.model}@2",
    "prediction_id": lambda w: w.prediction_id,
    "flag": lambda w: "wrong",
    "what": lambda w: "full",
    "password": lambda w: PASSWORD,
    "events": lambda w: ["version.ready"],
    "path": lambda w: "model.joblib",
    "place": lambda w: "folder",
    "permissions": lambda w: ["predict"],
    "query": lambda w: ModelQuery(text=SECRET),
    "reason": lambda w: "read and found harmless",
    "ref": lambda w: w.ref,
    "refs": lambda w: [w.ref],
    "read": lambda w: HELD,
    "report": lambda w: HELD,
    "role": lambda w: "viewer",
    "row": _row,
    "rows": lambda w: [_row(w)],
    "rules": lambda w: [Rule("metric", metric="accuracy_score", value=0.9)],
    "scoring_id": lambda w: w.scoring_id,
    "staged_id": lambda w: w.staged_id,
    "stars": lambda w: 4,
    "target": lambda w: "",
    "task": lambda w: "classification",
    "tensor_name": lambda w: "input",
    "token_id": lambda w: w.token_id,
    "file": lambda w: "model",
    "offset": lambda w: 1,
    "size_bytes": lambda w: 10,
    "upload_id": lambda w: w.upload_id,
    "told": lambda w: {w.ref: ""},
    "tolerance": lambda w: 1e-6,
    "training_id": lambda w: w.training_id,
    "url": lambda w: "https://example.org/LICENSE",
    "username": lambda w: w.bob.username,
    "version_ids": lambda w: [w.first.id],
    "watch": lambda w: None,
    "webhook_id": lambda w: w.webhook_id,
    "when": lambda w: datetime.now(UTC),
    "kind": lambda w: "csv",
    "phrase": lambda w: "not the phrase",
    "wanted": lambda w: AuditFilter(),
    "x": lambda w: next(iter(_row(w))),
    "y": lambda w: list(_row(w))[-1],
}
REFERENCES = frozenset(
    "artifact_id base_ref blob case_id dataset_id draft_id evaluation_id job_id model other_ref "
    "parent_ref path prediction_id ref refs scoring_id staged_id token_id training_id upload_id "
    "webhook_id".split()
)
"""Parameters that name something of alice's."""
FITTING: dict[str, dict[str, Any]] = {
    "accounts.set_disabled": {"username": "carol"},
    "governing.permit": {"username": "carol"},
    "governing.remove": {"username": "leaver"},
    "governing.set_quota": {"quota_mb": 10},
    "aliases.remove": {"alias": "champion"},
    "conversions.convert": {"target": "onnx"},
    "datasets.edit": {"target": "species", "task": "regression"},
    "evaluations.start": {"target": "species"},
    "aliases.rollback": {"alias": "champion"},
    "models.edit": {"description": "another one"},
    "tokens.create": {"name": "a script"},
    "trainings.start": {"target": "species"},
    "versions.edit": {"notes": "looked at again"},
    "webhooks.edit": {"events": ["alias.moved"]},
}
"""Arguments that differ from the above for one door."""


def _two_champions(w: World) -> None:
    for number in (1, 2):
        aliases.move(w.reg, w.alice, f"{w.model}@{number}", "champion")


HELD = Report(
    (Finding("warn", "unusual-name", f"it asks for {SECRET}.Thing"),),
    names=(Named(f"{SECRET}.Thing", "unusual"),),
)


def _hold(w: World) -> None:
    for version in versions.find(w.reg, w.alice, w.model):
        with w.reg.writing() as s:
            row = s.get_one(VersionRow, version.id)
            versions.keep_report_in(row, HELD)
            versions.settle_in(s, row, "quarantined", "waits")


def _refuse(w: World) -> None:
    _hold(w)
    trust.refuse(w.reg, w.alice, w.ref, "not ours")


def _measure(w: World) -> None:
    metrics.log(w.reg, w.alice, w.ref, {"accuracy": 0.8})


def _switch_off(w: World) -> None:
    with w.reg.writing() as s:
        s.get_one(WebhookRow, w.webhook_id).disabled = "it failed"


PREPARED: dict[str, Callable[[World], object]] = {
    "access.unshare": lambda w: access.share(w.reg, w.alice, w.model, w.bob.username, "view"),
    "aliases.remove": _two_champions,
    "aliases.rollback": _two_champions,
    "lineage.unlink": lambda w: lineage.link(w.reg, w.alice, w.ref, f"{w.model}@2"),
    "metrics.remove": _measure,
    "metrics.set_primary": _measure,
    "models.make_private": lambda w: models.publish_to_all(w.reg, w.alice, w.model),
    "models.purge": lambda w: models.trash(w.reg, w.alice, w.model),
    "cases.find": _hold,
    "cases.get": _hold,
    "predictions.unshare": lambda w: predictions.share(w.reg, w.alice, w.prediction_id),
    "rescans.again": _hold,
    "trust.refuse": _hold,
    "trust.trust": _hold,
    "trust.withdraw": _refuse,
    "governing.remove": lambda w: _person(w.reg, "leaver", "author"),
    "models.restore": lambda w: models.trash(w.reg, w.alice, w.model),
    "webhooks.enable": _switch_off,
    "versions.purge": lambda w: versions.trash(w.reg, w.alice, w.ref),
    "versions.restore": lambda w: versions.trash(w.reg, w.alice, w.ref),
}
"""What must have happened before the door makes sense."""
OWN_LOG = frozenset({"predictions", "downloads", "searches"})
"""Logs beside the audit: adding a line is no change (design.md, Logs and audit)."""
NOT_AUDITED = {
    "publish.examine": "a cache of what was read from the actor's own file",
    "staging.remember": "a cache of what was read from the actor's own file",
}
BY_ADMIN = frozenset(
    {
        *("accounts.invite", "accounts.set_disabled", "rescans.everything"),
        *("governing.find", "governing.get", "governing.permit", "governing.remove"),
        *("names.suspicious", "governing.set_quota", "governing.set_role", "quotas.find"),
        *("system.look", "system.reset", "system.verify_audit"),
    }
)
LINE_PER_MODEL = frozenset({"accounts.delete_account", "farewell.clear_models"})
"""Doors over many models: a line for each, and one for the account."""
NOT_RUN_HERE = {
    "datasets.add": "needs an upload that is a table; see tests/registry/evaluation",
    "evaluations.changed_rows": "needs answers that were kept; see tests/registry/evaluation",
    "scoring.look": "needs an upload that is a table; see tests/registry/scoring",
    "scoring.start": "needs an upload that is a table; see tests/registry/scoring",
    "scorings.open_result": "needs a scored file; see tests/registry/scoring",
    **dict.fromkeys(
        ("decoding.picture", "decoding.sound", "decoding.numbers"),
        "need an upload of that kind; see tests/registry/test_decoding.py",
    ),
    "scorecard.with_links": "needs a link to code; see tests/registry",
    "license_checks.behind_link": "needs a server that answers; see tests/registry",
    "license_checks.recognise": "needs an upload that is a license; see tests/registry",
    "metric_files.read": "needs an upload that holds metrics; see tests/registry",
    "system.reset": "ends the world of the other tests; see tests/registry/test_system.py",
    "training.save": "needs candidates that were fitted; see tests/registry/training",
    "trainings.look": "needs an upload that is a table; see tests/registry/training",
    "ratings.rate": "nobody rates a model of their own; see tests/registry/test_ratings.py",
    "imports.start": "needs the operator's folder; see tests/registry",
    "publish.schema_from_sample": "needs an upload that is a table; see tests/registry",
}


def _doors() -> dict[str, Callable[..., Any]]:
    found = {}
    for info in pkgutil.iter_modules(registry.__path__):
        if info.name in {"__main__", "demo"}:
            continue
        module = importlib.import_module(f"registry.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            names = list(inspect.signature(function).parameters)
            ours = function.__module__ == module.__name__ and not name.startswith("_")
            if ours and names[:2] == ["reg", "actor"]:
                found[f"{info.name}.{name}"] = function
    return found


DOORS = _doors()
REFERRING = {
    door: function
    for door, function in DOORS.items()
    if REFERENCES & set(inspect.signature(function).parameters)
}


def _arguments(door: str, w: World) -> dict[str, Any]:
    """What the door needs, and every reference it can take."""
    found: dict[str, Any] = {}
    parameters = list(inspect.signature(DOORS[door]).parameters.values())[2:]
    for parameter in parameters:
        if parameter.default is not parameter.empty and parameter.name not in REFERENCES:
            continue
        assert parameter.name in ARGUMENTS, (
            f"{door} takes `{parameter.name}`, which tests/test_doors.py does not know: add a "
            "value to ARGUMENTS, and to REFERENCES when it names something of a person's"
        )
        found[parameter.name] = ARGUMENTS[parameter.name](w)
    if door.startswith("models.") and "ref" in found:
        found["ref"] = w.model
    return found | FITTING.get(door, {})


@pytest.fixture(scope="module")
def open_reg(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[Registry]:
    home = tmp_path_factory.mktemp("doors")
    tokens.MOST_TOKENS = uploads.MOST = 10_000  # alice has one in every world
    reg = open_registry(
        Settings(
            home=home, min_free_disk_mb=0, uploads_per_hour=10_000, webhooks=True, _env_file=None
        ),
        pool,
    )
    yield reg
    reg.engine.dispose()


@pytest.fixture(scope="module")
def people(open_reg: Registry) -> dict[str, Actor]:
    roles: dict[str, Role] = {
        "alice": "author",
        "bob": "author",
        "carol": "viewer",
        "root-admin": "admin",
    }
    return {name: _person(open_reg, name, role) for name, role in roles.items()}


@pytest.fixture(scope="module")
def make(open_reg: Registry, people: dict[str, Actor], iris_file: Path) -> Callable[..., World]:
    """Makes worlds; rows are written directly and the bytes shared, which takes milliseconds."""
    reg, numbers = open_reg, itertools.count()
    inspection = publish.examine(
        reg, people["alice"], _stage(reg, people["alice"], iris_file)
    ).inspection

    def run(owner: Actor | None = None, name: str = "model") -> World:
        alice, number = owner or people["alice"], next(numbers)
        staged_id = _stage(reg, alice, iris_file)
        stored = _artifact_of(reg, alice, staged_id)
        reg.store.put(staging.path(reg, staged_id), stored[2])
        with reg.writing() as s:
            model = models.create_in(s, alice, name=f"{name} {number}")
            rows = [
                versions.add_in(
                    s,
                    alice,
                    model,
                    draft_id=None,
                    details=Details(),
                    inspection=inspection,
                    stored=[stored],
                    report=Report(),
                )
                for _ in range(2)
            ]
            address = models.address(s, model)
            model.keep_inputs = "full"
            job_id = jobs.submit_in(s, alice, "rescan", rows[0].id, f"{address}@1")
            dataset = datasets.add_in(
                s, alice, staging.row_in(s, alice, staged_id), _table(inspection)
            )
            evaluation_id = _judged_in(s, reg, alice, dataset, rows[0].id)
            file = staging.row_in(s, alice, staged_id)
            scoring_id = scorings.add_in(s, alice, rows[0].id, file).id
            asked = (f"{SECRET} target", "regression", {SECRET: "number"})
            training_id = trainings.add_in(s, alice, file, *asked)
        case = golden_cases.add(reg, alice, address, f"{SECRET} case", {"a": 1}, {"label": "b"})
        for row in rows:
            versions.conclude(reg, row.id, status="ready")
        return World(
            reg=reg,
            alice=alice,
            bob=people["bob"],
            admin=people["root-admin"],
            model=address,
            first=versions.get(reg, alice, f"{address}@1"),
            staged_id=staged_id,
            email=f"new-{number}@example.org",
            job_id=job_id,
            dataset_id=dataset.id,
            evaluation_id=evaluation_id,
            scoring_id=scoring_id,
            training_id=training_id,
            case_id=case.id,
            prediction_id=_asked(reg, alice, rows[0]),
            token_id=tokens.create(reg, alice, "a script", ["predict"])[0].id,
            webhook_id=webhooks.add(reg, alice, "https://a.org/", ["version.ready"], address)[0].id,
            upload_id=_arrived(reg, alice),
        )

    return run


@pytest.fixture(scope="module")
def private(make: Callable[..., World]) -> World:
    """One world for all who are refused: they change nothing."""
    return make(name=SECRET)


@pytest.fixture(scope="module")
def public(make: Callable[..., World]) -> World:
    world = make()
    models.publish_to_all(world.reg, world.alice, world.model)
    return world


def _person(reg: Registry, name: str, role: Role) -> Actor:
    return accounts.create_user(
        reg, username=name, name=name, email=f"{name}@example.org", password=PASSWORD, role=role
    )


def _stage(reg: Registry, actor: Actor, path: Path) -> str:
    with staging.receive(reg, actor, path.name) as incoming:
        incoming.write(path.read_bytes())
        return incoming.finish().id


def _arrived(reg: Registry, actor: Actor) -> str:
    """An upload in parts of which all has arrived."""
    upload = uploads.begin(reg, actor, f"{SECRET}.onnx", 1)
    with uploads.resume(reg, actor, upload.id, 0) as part:
        part.write(b"x")
    return upload.id


def _artifact_of(reg: Registry, actor: Actor, staged_id: str) -> Any:
    with reg.reading() as s:
        row = staging.row_in(s, actor, staged_id)
        return ("model", row.filename, row.digest, row.blake3, row.size_bytes)


def _table(inspection: Inspection) -> dict[str, Any]:
    """Rows of flowers with their species, as a worker tells of them."""
    fields = inspection.schema.fields if inspection.schema else ()
    columns = [codec.dump(field) for field in (*fields, Field("species", "string"))]
    return {"columns": columns, "n_rows": 3, "target": "species", "task": "classification"}


def _asked(reg: Registry, actor: Actor, version: VersionRow) -> str:
    """A prediction of which everything is kept."""
    entry = prediction_log.Entry(
        new_id(), version.model_id, version.id, actor.id, 1, 1.0, "ok",
        inputs=lambda: {"rows": [{SECRET: 1}]}, answer=lambda: {"rows": 1, "outputs": []},
    )  # fmt: skip
    prediction_log.log(reg, entry)
    prediction_log.flush(reg)
    return entry.id


def _judged_in(s: Any, reg: Registry, actor: Actor, dataset: Dataset, version_id: str) -> str:
    """An evaluation that is over."""
    asked = Evaluation(
        new_id(), dataset.id, f"{SECRET}.csv", "species", "classification", "", 0,
        (Evaluated(version_id, ""),), (), datetime.now(UTC),
    )  # fmt: skip
    results.add_in(s, asked, actor.id)
    quality = Quality(3, (Measured("accuracy_score", 0.9),))
    results.conclude_in(s, reg, asked.id, results.Outcome(3, {version_id: quality}, {}, (), ()))
    return asked.id


def _lines(reg: Registry) -> int:
    with reg.reading() as s:
        return s.execute(select(func.count()).select_from(AuditRow)).scalar_one()


def test_there_are_doors() -> None:
    assert len(REFERRING) > 20
    assert {*FITTING, *PREPARED, *NOT_AUDITED, *BY_ADMIN, *LINE_PER_MODEL} <= set(DOORS)


@pytest.mark.parametrize("door", sorted(REFERRING))
def test_a_stranger_finds_nothing(door: str, private: World) -> None:
    _refused(door, private)


@pytest.mark.parametrize("door", sorted(set(PREPARED) & set(REFERRING)))
def test_nor_in_any_other_state_of_the_model(door: str, make: Callable[..., World]) -> None:
    world = make()
    PREPARED[door](world)
    if door not in {"access.unshare", "models.make_private"}:  # there bob may see it
        _refused(door, world)


def _refused(door: str, w: World) -> None:
    before = _lines(w.reg)
    with pytest.raises(NotFound) as refused:
        DOORS[door](w.reg, w.bob, **_as_seen_by(w.bob, door, w))
    assert SECRET not in refused.value.message.replace(w.model, "")
    assert _lines(w.reg) == before


@pytest.mark.parametrize("door", sorted(REFERRING))
def test_a_private_model_looks_like_none_at_all(door: str, private: World) -> None:
    none = replace(private, model=private.model + "-not-there")
    said = []
    for w in (private, none):
        with pytest.raises(NotFound) as refused:
            DOORS[door](w.reg, w.bob, **_as_seen_by(w.bob, door, w))
        said.append(refused.value.message.replace(w.model, "…"))
    assert said[0] == said[1]


@pytest.mark.parametrize("door", sorted(REFERRING))
def test_a_guest_gets_nowhere_even_at_a_public_model(door: str, public: World) -> None:
    with pytest.raises((NotFound, NotSignedIn, Forbidden)):
        DOORS[door](public.reg, GUEST, **_as_seen_by(GUEST, door, public))


@pytest.mark.parametrize("door", sorted(set(DOORS) - set(REFERRING) - BY_ADMIN))
def test_lists_and_counts_do_not_speak_of_it(door: str, private: World) -> None:
    alone = ("accounts.", "farewell.", "license_checks.behind_link", "sessions.", "staging.")
    if door.startswith(alone):
        return  # about the actor alone
    told = DOORS[door](private.reg, private.bob, **_arguments(door, private))
    if door.startswith("audit_lines."):  # other tests gave bob models; their lines speak of cases
        assert private.model not in repr(told)
        return
    assert SECRET not in repr(told)


def _as_seen_by(actor: Actor, door: str, w: World) -> dict[str, Any]:
    """The owner's arguments; a pointer is signed for one person, so it is forged for this one."""
    arguments = _arguments(door, w)
    if "blob" in arguments:
        staged = staging.get(w.reg, w.alice, w.staged_id)
        arguments["blob"] = staging.pointer(w.reg, staged, actor)
    return arguments


@pytest.mark.parametrize("door", sorted(set(DOORS) - set(NOT_RUN_HERE)))
def test_a_change_leaves_one_audit_line_and_a_look_leaves_none(
    door: str, make: Callable[..., World], open_reg: Registry
) -> None:
    leaves = door.startswith(("accounts.", "farewell.", "sessions."))
    world = make(_person(open_reg, door.replace(".", "-"), "author") if leaves else None)
    if prepare := PREPARED.get(door):
        prepare(world)
    arguments = _arguments(door, world)
    written: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        words = statement.replace('"', "").split(maxsplit=3)
        if words[0] in {"INSERT", "UPDATE", "DELETE"}:
            table = words[1] if words[0] == "UPDATE" else words[2]
            if words[0] != "INSERT" or table not in OWN_LOG:
                written.append(table)

    before = _lines(world.reg)
    event.listen(world.reg.engine, "before_cursor_execute", note)
    try:
        DOORS[door](world.reg, world.admin if door in BY_ADMIN else world.alice, **arguments)
    finally:
        event.remove(world.reg.engine, "before_cursor_execute", note)
    changed = set(written) - {"audit"}
    lines = _lines(world.reg) - before
    if door in NOT_AUDITED:
        assert changed, f"{door} changes nothing: take it off the list"
        assert lines == 0
    elif door in LINE_PER_MODEL:
        assert lines >= 1
    else:
        assert lines == bool(changed), f"{door} wrote {sorted(changed)} and {lines} audit lines"


LOOKS = frozenset(
    """
    activity.find advice.will_it_load aliases.at aliases.history asking.several benchmarks.last
    compare.versions gates.check gates.get gates.preview golden_cases.find golden_cases.runs
    golden_cases.tally golden_runs.last keeping.get license_checks.for_parents
    license_checks.for_project license_checks.of_parents lineage.graph models.get predict.state
    predictions.answers predictions.export predictions.find ratings.of_model ratings.rate
    ratings.withdraw scorecard.of_version timings.find timings.latest timings.of_model
    usage.of_model versions.find versions.get what_if.seen
    """.split()
)
"""Doors to somebody else's public model for whoever may look and nothing else; a failure of
`asking.several` is among its answers."""
NEEDS = {
    ("download", "view"): "downloads.link downloads.open_artifact downloads.open_file",
    ("predict", "view"): "predict.predict predict.warm reruns.rerun what_if.attribute "
    "what_if.curve what_if.surface",
    ("predict", "edit"): "benchmarks.start",
    ("upload", "edit"): "aliases.move aliases.remove aliases.rollback checks.again "
    "conversions.convert golden_cases.add golden_cases.edit golden_cases.remove lineage.link "
    "lineage.unlink metrics.log metrics.remove metrics.set_primary models.edit "
    "versions.changed versions.edit",
    ("upload", "manage"): "access.grants access.share access.unshare cases.get gates.edit "
    "keeping.choose models.make_private models.publish_to_all models.transfer rescans.again "
    "trust.refuse trust.trust trust.withdraw",
    ("delete", "edit"): "versions.restore versions.trash",
    ("delete", "manage"): "models.trash versions.purge",
}
"""What it takes to get through, by hand: permission and access to the model."""
NEEDING = [
    (door, permission, level)
    for (permission, level), doors in NEEDS.items()
    for door in doors.split()
]


@pytest.mark.parametrize("door", sorted(REFERRING.keys() - {"scorecard.with_links"}))
def test_who_may_only_look_gets_through_the_doors_that_look(door: str, public: World) -> None:
    nothing_else = frozenset({"predict", "download", "upload", "delete"})
    looker = replace(public.bob, denied=nothing_else)
    arguments = _as_seen_by(looker, door, public)
    if door in LOOKS:
        DOORS[door](public.reg, looker, **arguments)
    else:
        with pytest.raises((Forbidden, NotFound)):
            DOORS[door](public.reg, looker, **arguments)


@pytest.mark.parametrize(("door", "permission", "level"), NEEDING)
def test_an_owner_from_whom_the_permission_was_taken_is_refused(
    door: str, permission: str, level: str, private: World
) -> None:
    owner = replace(private.alice, denied=frozenset({permission}))
    with pytest.raises(Forbidden, match="an administrator has taken this from you"):
        DOORS[door](private.reg, owner, **_arguments(door, private))


@pytest.fixture(scope="module")
def shared(make: Callable[..., World]) -> tuple[World, dict[str, Actor]]:
    """A model, and who has less than what a door needs."""
    world = make()
    dora = _person(world.reg, "dora", "author")
    access.share(world.reg, world.alice, world.model, "bob", "view")
    access.share(world.reg, world.alice, world.model, "dora", "edit")
    return world, {"edit": world.bob, "manage": dora}


@pytest.mark.parametrize(
    ("door", "level"), [(door, level) for door, _, level in NEEDING if level != "view"]
)
def test_less_access_than_a_door_needs_is_refused_with_what_it_needs(
    door: str, level: str, shared: tuple[World, dict[str, Actor]]
) -> None:
    world, less_than = shared
    arguments = _as_seen_by(less_than[level], door, world)
    with pytest.raises(Forbidden, match=f"needs '{level}' access"):
        DOORS[door](world.reg, less_than[level], **arguments)
