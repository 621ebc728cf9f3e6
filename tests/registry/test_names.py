"""Names that people take for others: by characters, separators and slips of the finger."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from registry import activity, models, names
from registry.confusing import key_of, likeness
from registry.core import Registry
from registry.errors import Forbidden
from registry.records import Actor, Version
from registry.tables import AuditRow


@pytest.mark.parametrize(
    ("name", "other", "why"),
    [
        ("Iris", "Ir\u0456s", "look-alike characters"),  # a Cyrillic i
        ("model", "rnodel", "look-alike characters"),
        ("resnet-50", "resnet-5o", "look-alike characters"),
        ("paypal", "paypa1", "look-alike characters"),
        ("Café", "Cafe", "look-alike characters"),
        ("churn-model", "churn_model", "only separators differ"),
        ("churn model", "ChurnModel", "only separators differ"),
        ("Iris", "IRIS", "the same name"),
        ("ＩＲＩＳ", "iris", "the same name"),
        ("iris", "irris", "nearly the same letters"),
        ("churn", "chrun", "nearly the same letters"),
        ("sentiment", "sentimnts", "nearly the same letters"),
    ],
)
def test_names_that_are_easily_mistaken_say_why(name: str, other: str, why: str) -> None:
    assert likeness(name, other) == likeness(other, name) == why


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("resnet-18", "resnet-50"),
        ("churn v1", "churn v2"),
        ("iris", "wine"),
        ("cat", "car"),
        ("sentiment", "segments"),
        ("日本", "中国"),
    ],
)
def test_names_that_are_told_apart_are_left_alone(name: str, other: str) -> None:
    assert likeness(name, other) is None


def test_a_key_is_the_same_for_all_that_look_the_same() -> None:
    assert {key_of(n) for n in ("Ir\u0456s 0", "IRIS-o", "i_r_i_s O")} == {"iriso"}
    assert key_of("- -") == ""


@pytest.fixture
def create(reg: Registry) -> Callable[..., str]:
    def make(owner: Actor, name: str, visibility: str = "private") -> str:
        alike = [one.ref for one in models.similar(reg, owner, name)]
        with reg.writing() as s:
            row = models.create_in(
                s,
                owner,
                name=name,
                visibility=visibility,
                similar=alike,  # type: ignore[arg-type]
            )
            return f"{owner.username}/{row.slug}"

    return make


def details(reg: Registry, action: str) -> list[object]:
    with reg.reading() as s:
        rows = s.execute(select(AuditRow).where(AuditRow.action == action)).scalars()
        return [row.detail.get("similar") for row in rows]


def test_a_warning_speaks_only_of_what_the_actor_may_see(
    reg: Registry, alice: Actor, bob: Actor, create: Callable[..., str]
) -> None:
    create(alice, "Secret churn")
    public = create(alice, "Public churn", "public")
    assert models.similar(reg, bob, "Secret chum") == ()
    assert [(one.ref, one.why) for one in models.similar(reg, bob, "Public-churn")] == [
        (public, "only separators differ")
    ]


def test_a_name_like_another_is_in_the_audit_at_creation_and_at_renaming(
    reg: Registry, alice: Actor, bob: Actor, create: Callable[..., str]
) -> None:
    iris = create(alice, "Iris", "public")
    fake = create(bob, "Iri\u0455")  # a Cyrillic s
    models.edit(reg, bob, fake, name="Flowers")
    models.edit(reg, bob, fake, name="I-ris")
    assert details(reg, "model.create") == [None, [iris]]
    assert details(reg, "model.edit")[0] is None
    assert iris in details(reg, "model.edit")[1]  # type: ignore[operator]


def test_whom_a_model_is_public_to_is_not_told_which_private_models_it_resembles(
    reg: Registry, alice: Actor, bob: Actor, create: Callable[..., str]
) -> None:
    create(alice, "Zebrafinch")
    shown = create(alice, "Zebrafinches", "public")
    assert "similar" in activity.find(reg, alice, model=shown).items[0].detail
    assert "similar" not in activity.find(reg, bob, model=shown).items[0].detail


def test_administrators_see_pairs_over_all_models_with_sizes_the_worst_first(
    reg: Registry, alice: Actor, iris: Version, admin: Actor, bob: Actor, create: Callable[..., str]
) -> None:
    for name in ("Iri\u0455", "Irris", "Wine", "wi-ne", "Resnet 18", "Resnet 50"):
        create(bob, name)
    pairs = [(p.older, p.newer, p.why) for p in names.suspicious(reg, admin)]
    assert pairs == [
        ("alice/iris", "bob/iri", "look-alike characters"),
        ("bob/wine", "bob/wi-ne", "only separators differ"),
        ("alice/iris", "bob/irris", "nearly the same letters"),
    ]
    assert names.suspicious(reg, admin)[0].older_bytes == iris.size_bytes
    with pytest.raises(Forbidden):
        names.suspicious(reg, bob)
