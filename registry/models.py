"""Models: named things that have versions. Owns `models` and `tags`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Boolean, ColumnElement, bindparam, delete, or_, select
from sqlalchemy.orm import Session

from registry import artifacts, audit, names, policy, quotas, wording
from registry.confusing import key_of
from registry.core import Registry
from registry.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry.records import LEVELS, Actor, Level, Lookalike, Model, Visibility
from registry.shelf import as_models
from registry.tables import (
    AliasRow,
    GrantRow,
    ModelRow,
    ParentRow,
    TagRow,
    UserRow,
    VersionRow,
    now,
)

MAX_TAGS, MAX_TEXT = 30, 100_000


def visible_to(actor: Actor, *, trash: bool = False) -> ColumnElement[bool]:
    """The SQL condition for models the actor may see; with `trash`, those in the trash."""
    granted = select(GrantRow.model_id).where(GrantRow.user_id == actor.id)
    mine = ModelRow.owner_id == actor.id
    if trash:
        managed = granted.where(GrantRow.level == "manage")
        return ModelRow.deleted_at.is_not(None) & or_(mine, ModelRow.id.in_(managed))
    if "search" not in policy.permissions(actor) or actor.is_guest:
        return ModelRow.id.is_(None)
    seen = or_(mine, ModelRow.visibility == "public", ModelRow.id.in_(granted))
    return ModelRow.deleted_at.is_(None) & seen


def for_action(s: Session, actor: Actor, action: str, ref: str) -> ModelRow:
    """The row of the model named by `owner/slug` (a version part is ignored).

    Raises:
        NotFound: No such model, or the actor may not even see it.
        Forbidden: The actor may see it but not do `action`.
    """
    owner, _, slug = ref.partition("@")[0].strip().partition("/")
    trash = action in ("model.restore", "model.purge")
    asked: dict[str, Any] = {"owner": owner, "slug": slug, "actor_id": actor.id}
    asked["any"] = policy.without_level(actor, action)
    row, granted = s.execute(_BY_ADDRESS, asked).one_or_none() or (None, None)
    level = _level(actor, row, granted) if row else None
    seen = row is not None and (
        _sees(actor, row, level, trash=trash)
        or (policy.without_level(actor, action) and row.deleted_at is None)
    )
    if row is None or not seen:
        raise NotFound(no_such(ref))
    if why := policy.why_not(actor, level, action):
        raise Forbidden(why)
    return row


def no_such(ref: str) -> str:
    """The same words for a model that is not there and one that is not shared."""
    return f"there is no model {ref.partition('@')[0]!r}, or it is not shared with you"


# Built once: on the way to every prediction, building a statement costs more than running it.
_BY_ADDRESS = (
    select(ModelRow, GrantRow.level)
    .join(UserRow, UserRow.id == ModelRow.owner_id)
    .outerjoin(
        GrantRow,
        (GrantRow.model_id == ModelRow.id) & (GrantRow.user_id == bindparam("actor_id")),
    )
    .where(UserRow.username == bindparam("owner"), ModelRow.slug == bindparam("slug"))
    # here too: reading what is not shared takes longer than finding nothing, which would tell
    .where(or_(ModelRow.owner_id == bindparam("actor_id"), ModelRow.visibility == "public",
               GrantRow.level.is_not(None), bindparam("any", type_=Boolean)))
)  # fmt: skip


def level_of(s: Session, actor: Actor, row: ModelRow) -> Level | None:
    """What the actor may do with this model."""
    grant = s.get(GrantRow, (row.id, actor.id))
    return _level(actor, row, grant.level if grant else None)


def _level(actor: Actor, row: ModelRow, granted: str | None) -> Level | None:
    if row.owner_id == actor.id:
        return "manage"
    levels = [cast("Level", granted)] if granted else []
    if row.visibility == "public":
        levels.append("view")
    return max(levels, key=LEVELS.index, default=None)


def _sees(actor: Actor, row: ModelRow, level: Level | None, *, trash: bool) -> bool:
    """What `visible_to` says in SQL, of one row."""
    if trash:
        return row.deleted_at is not None and level == "manage"
    # Of the person: a token that only predicts need not search to be told why it may not more.
    may_search = not actor.is_guest and "search" in policy.held(actor)
    return row.deleted_at is None and level is not None and may_search


def address(s: Session, row: ModelRow) -> str:
    """`owner/slug` of a row."""
    owner = s.execute(select(UserRow.username).where(UserRow.id == row.owner_id)).scalar_one()
    return f"{owner}/{row.slug}"


def create_in(
    s: Session,
    actor: Actor,
    *,
    name: str,
    description: str = "",
    card: str = "",
    task: str = "",
    license: str = "",
    tags: Sequence[str] = (),
    visibility: Visibility = "private",
    similar: Sequence[str] = (),
) -> ModelRow:
    """Add a model owned by the actor, inside the caller's transaction.

    Args:
        similar: Addresses of models with names like this one, for the audit.

    Raises:
        InvalidInput: The name, a tag or a text does not fit.
        Conflict: The actor has a model of that address already.
        Forbidden: The actor's role may not upload.
    """
    if why := policy.why_not(actor, None, "model.create"):
        raise Forbidden(why)
    name = wording.clean_name(name)
    slug = wording.slug_of(name)
    taken = s.execute(
        select(ModelRow.deleted_at).where(ModelRow.owner_id == actor.id, ModelRow.slug == slug)
    ).first()
    if taken:
        where = " in your trash: restore or purge it" if taken.deleted_at else ""
        raise Conflict(
            f"you already have a model at {actor.username}/{slug}{where}. "
            "Choose another name, or add this file as a new version of it."
        )
    row = ModelRow(owner_id=actor.id, slug=slug, name=name, visibility=visibility)
    row.name_key = key_of(name)
    _write_texts(row, description=description, card=card, task=task, license=license)
    s.add(row)
    s.flush()
    _write_tags(s, row, tags)
    told = {"visibility": visibility} | ({"similar": list(similar)} if similar else {})
    audit.record(s, actor, "model.create", f"{actor.username}/{slug}", model_id=row.id, **told)
    return row


def get(reg: Registry, actor: Actor, ref: str) -> Model:
    """One model, with its card.

    Raises:
        NotFound: No such model, or the actor may not see it.
    """
    with reg.reading() as s:
        return _record(s, actor, for_action(s, actor, "model.read", ref))


def edit(
    reg: Registry,
    actor: Actor,
    ref: str,
    *,
    name: str | None = None,
    description: str | None = None,
    card: str | None = None,
    task: str | None = None,
    license: str | None = None,
    tags: Sequence[str] | None = None,
    primary_metric: str | None = None,
) -> Model:
    """Change what is said about a model; None leaves a field alone. The address stays.

    Raises:
        InvalidInput: A value does not fit.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not edit it.
    """
    alike = [one.ref for one in similar(reg, actor, name, ref)] if name else []
    with reg.writing() as s:
        row = for_action(s, actor, "model.edit", ref)
        texts = {
            "description": description,
            "card": card,
            "task": task,
            "license": license,
            "primary_metric": primary_metric,
        }
        changed = {key: value for key, value in texts.items() if value is not None}
        if name is not None:
            row.name = wording.clean_name(name)
            row.name_key = key_of(row.name)
        _write_texts(row, **changed)
        if tags is not None:
            _write_tags(s, row, tags)
        row.updated_at = now()
        said = [*changed, *(["name"] if name is not None else [])]
        told: dict[str, Any] = {"changed": said + (["tags"] if tags is not None else [])}
        told |= {"similar": alike} if alike else {}
        audit.record(s, actor, "model.edit", address(s, row), model_id=row.id, **told)
        s.flush()
        return _record(s, actor, row)


def publish_to_all(reg: Registry, actor: Actor, ref: str) -> Model:
    """Let everyone who is signed in see the model.

    Raises:
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    return _set_visibility(reg, actor, ref, "public")


def make_private(reg: Registry, actor: Actor, ref: str) -> Model:
    """Let only the owner and those with a grant see the model.

    Raises:
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    return _set_visibility(reg, actor, ref, "private")


def transfer(reg: Registry, actor: Actor, ref: str, username: str) -> Model:
    """Make another user the owner; the former owner keeps a manage grant.

    Raises:
        InvalidInput: No such user.
        Conflict: That user has a model of the same slug.
        QuotaExceeded: That user's quota has no room for it.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor is not its owner.
    """
    with reg.writing() as s:
        row = for_action(s, actor, "model.transfer", ref)
        user = user_named(s, username)
        if row.owner_id != actor.id:
            raise Forbidden("only the owner can hand a model over")
        taken = select(ModelRow.id).where(ModelRow.owner_id == user.id, ModelRow.slug == row.slug)
        if s.execute(taken).first():
            raise Conflict(f"{user.username} has a model with the address part {row.slug!r}")
        quotas.need_both_in(s, reg, user.id, row.id)
        before = address(s, row)
        s.execute(delete(GrantRow).where(GrantRow.model_id == row.id, GrantRow.user_id == user.id))
        s.add(GrantRow(model_id=row.id, user_id=actor.id, level="manage"))
        row.owner_id = user.id
        audit.record(s, actor, "model.transfer", before, model_id=row.id, to=user.username)
        s.flush()
        return _record(s, actor, row)


def trash(reg: Registry, actor: Actor, ref: str) -> None:
    """Put a model into the trash; restorable until purged.

    Raises:
        Conflict: Its production alias is set.
        NotFound: No such model, or the actor may not see it.
        Forbidden: The actor may not manage it.
    """
    with reg.writing() as s:
        row = for_action(s, actor, "model.trash", ref)
        if s.get(AliasRow, (row.id, "production")):
            raise Conflict("the alias 'production' points into this model: remove the alias first")
        row.deleted_at = now()
        audit.record(s, actor, "model.trash", address(s, row), model_id=row.id)


def restore(reg: Registry, actor: Actor, ref: str) -> Model:
    """Take a model out of the trash.

    Raises:
        NotFound: It is not in a trash the actor manages.
    """
    with reg.writing() as s:
        row = for_action(s, actor, "model.restore", ref)
        row.deleted_at = None
        audit.record(s, actor, "model.restore", address(s, row), model_id=row.id)
        s.flush()
        return _record(s, actor, row)


def purge(reg: Registry, actor: Actor, ref: str) -> int:
    """Delete a trashed model for good.

    Returns:
        Size of its files in bytes; those that other versions share stay in the store.

    Raises:
        Conflict: Versions of other models derive from it.
        NotFound: It is not in a trash the actor manages.
    """
    with reg.writing() as s:
        return purge_in(s, reg, actor, for_action(s, actor, "model.purge", ref))


def purge_in(s: Session, reg: Registry, actor: Actor, row: ModelRow) -> int:
    """Delete a model for good, inside the caller's transaction; gives the size of its files.

    Raises:
        Conflict: Versions of other models derive from it.
    """
    inside = select(VersionRow.id).where(VersionRow.model_id == row.id)
    outside = ParentRow.child_id.not_in(inside)
    children = select(ParentRow.child_id).where(ParentRow.parent_id.in_(inside), outside)
    if s.execute(children.limit(1)).first():  # how many would tell of other people's models
        raise Conflict("versions of other models derive from this one")
    audit.record(s, actor, "model.purge", address(s, row), model_id=row.id)
    freed = artifacts.drop_in(s, reg, model_id=row.id)
    s.execute(delete(ParentRow).where(ParentRow.child_id.in_(inside)))
    s.delete(row)
    s.flush()
    return freed


def similar(reg: Registry, actor: Actor, name: str, besides: str = "") -> tuple[Lookalike, ...]:
    """Models the actor may see whose names are easily mistaken for `name`, but for `besides`."""
    with reg.reading() as s:
        found = names.alike_in(s, visible_to(actor), name)
        return tuple(one for one in found if one.ref != besides)


def editable(reg: Registry, actor: Actor) -> list[str]:
    """Addresses of models to which the actor may add versions."""
    edits = GrantRow.level.in_(("edit", "manage"))
    granted = select(GrantRow.model_id).where(GrantRow.user_id == actor.id, edits)
    with reg.reading() as s:
        rows = s.execute(
            select(UserRow.username, ModelRow.slug)
            .join(UserRow, UserRow.id == ModelRow.owner_id)
            .where(visible_to(actor), or_(ModelRow.owner_id == actor.id, ModelRow.id.in_(granted)))
            .order_by(ModelRow.updated_at.desc())
        )
        return [f"{owner}/{slug}" for owner, slug in rows]


def user_named(s: Session, username: str) -> UserRow:
    """The enabled user of that name.

    Raises:
        InvalidInput: There is none.
    """
    row = s.execute(
        select(UserRow).where(UserRow.username == username.strip().casefold())
    ).scalar_one_or_none()
    if row is None or row.disabled:
        raise InvalidInput({"username": f"there is no user {username.strip()!r}"})
    return row


def _set_visibility(reg: Registry, actor: Actor, ref: str, visibility: Visibility) -> Model:
    with reg.writing() as s:
        row = for_action(s, actor, "model.publish", ref)
        row.visibility = visibility
        audit.record(s, actor, f"model.{visibility}", address(s, row), model_id=row.id)
        s.flush()
        return _record(s, actor, row)


def _record(s: Session, actor: Actor, row: ModelRow) -> Model:
    return as_models(s, [(row, level_of(s, actor, row) or "view")], card=True)[0]


def _write_texts(row: ModelRow, **texts: str) -> None:
    caps = {"task": 64, "license": 64, "primary_metric": 100, "description": 2000}
    problems = {}
    for key, value in texts.items():
        if len(value) > caps.get(key, MAX_TEXT):
            problems[key] = f"is longer than {caps.get(key, MAX_TEXT):,} characters"
        setattr(row, key, value.strip())
    if problems:
        raise InvalidInput(problems)


def _write_tags(s: Session, row: ModelRow, tags: Sequence[str]) -> None:
    wanted = {" ".join(tag.lower().split()) for tag in tags} - {""}
    if len(wanted) > MAX_TAGS or any(len(tag) > 64 for tag in wanted):
        raise InvalidInput({"tags": f"at most {MAX_TAGS} tags of at most 64 characters"})
    s.execute(delete(TagRow).where(TagRow.model_id == row.id))
    s.add_all(TagRow(model_id=row.id, tag=tag) for tag in sorted(wanted))
    s.flush()
