"""The policy table: which permission and which level each action needs. No database."""

from __future__ import annotations

from typing import NamedTuple

from registry.records import LEVELS, Actor, Level, Role

PERMISSIONS: dict[Role, frozenset[str]] = {
    "viewer": frozenset({"search", "predict", "download"}),
    "author": frozenset({"search", "predict", "download", "upload", "delete"}),
    "admin": frozenset({"search", "predict", "download", "upload", "delete", "admin"}),
}


class Rule(NamedTuple):
    """An action needs `permission` from the role and `level` on the model (None: no model).

    With `by_admin` an administrator needs no level: what is decided for the whole house.
    With `in_person` no token will do, whatever it permits.
    """

    permission: str
    level: Level | None
    by_admin: bool = False
    in_person: bool = False


ACTIONS: dict[str, Rule] = {
    "model.list": Rule("search", None),
    "model.create": Rule("upload", None),
    "file.stage": Rule("upload", None),
    "model.read": Rule("search", "view"),
    "model.rate": Rule("search", "view"),
    "model.predict": Rule("predict", "view"),
    "model.download": Rule("download", "view"),
    "download.list": Rule("search", "manage"),
    "model.edit": Rule("upload", "edit"),
    "version.add": Rule("upload", "edit"),
    "version.edit": Rule("upload", "edit"),
    "version.trash": Rule("delete", "edit"),
    "version.restore": Rule("delete", "edit"),
    "version.purge": Rule("delete", "manage"),
    "version.trust": Rule("upload", "manage", by_admin=True),
    "alias.move": Rule("upload", "edit"),
    "alias.override": Rule("upload", "manage"),
    "gate.edit": Rule("upload", "manage"),
    "golden.edit": Rule("upload", "edit"),
    "version.benchmark": Rule("predict", "edit"),
    "prediction.keep": Rule("upload", "manage"),
    "scoring.make": Rule("predict", "view"),
    "training.make": Rule("upload", None),
    "token.make": Rule("search", None, in_person=True),
    "dataset.keep": Rule("upload", None),
    "model.share": Rule("upload", "manage"),
    "model.publish": Rule("upload", "manage"),
    "model.transfer": Rule("upload", "manage"),
    "model.trash": Rule("delete", "manage"),
    "model.restore": Rule("delete", "manage"),
    "model.purge": Rule("delete", "manage"),
}

_WORDS = {
    "search": "look at models",
    "predict": "predict",
    "download": "download",
    "upload": "upload or change models",
    "delete": "delete",
    "admin": "administer",
}


def permissions(actor: Actor) -> frozenset[str]:
    """What the actor may do at all: what the role allows and, by a token, the token too."""
    allowed = PERMISSIONS[actor.role]
    return allowed if actor.permitted is None else allowed & actor.permitted


def why_not(actor: Actor, level: Level | None, action: str) -> str:
    """Why the actor, having `level` on the model, may not do `action`; "" when allowed.

    Pages show the control disabled with this sentence; the registry enforces the same.
    """
    rule = ACTIONS[action]
    if without_level(actor, action):
        return ""
    if actor.is_guest:
        return "sign in first"
    if rule.permission not in PERMISSIONS[actor.role]:
        return f"your role ({actor.role}) may not {_WORDS[rule.permission]}"
    if rule.permission not in permissions(actor):
        return f"this token may not {_WORDS[rule.permission]}; make one that may"
    if rule.in_person and actor.token:
        return "this is done by the person, not by a token: sign in"
    if rule.level and (level is None or LEVELS.index(level) < LEVELS.index(rule.level)):
        return f"this needs '{rule.level}' access to the model; you have '{level or 'none'}'"
    return ""


def without_level(actor: Actor, action: str) -> bool:
    """Whether the actor may do this as an administrator, even to a model not shared with them."""
    return ACTIONS[action].by_admin and "admin" in permissions(actor)
