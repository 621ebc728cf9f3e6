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
    With `in_person` no token will do, whatever it permits. The permission `instead` does as well.
    """

    permission: str
    level: Level | None
    by_admin: bool = False
    in_person: bool = False
    instead: str = ""


ACTIONS: dict[str, Rule] = {
    "model.list": Rule("search", None),
    "model.create": Rule("upload", None),
    "file.stage": Rule("upload", None, instead="predict"),  # also rows and pictures to be answered
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
    "webhook.make": Rule("search", None, in_person=True),
    "webhook.edit": Rule("upload", "manage", in_person=True),
    "dataset.keep": Rule("upload", None),
    "people.govern": Rule("admin", None, in_person=True),
    "system.look": Rule("admin", None, in_person=True),
    "system.reset": Rule("admin", None, in_person=True),
    "model.share": Rule("upload", "manage"),
    "model.publish": Rule("upload", "manage"),
    "model.transfer": Rule("upload", "manage"),
    "model.trash": Rule("delete", "manage"),
    "model.restore": Rule("delete", "manage"),
    "model.purge": Rule("delete", "manage"),
}

DOES = {
    "model.list": "list and search models",
    "model.create": "make a model",
    "file.stage": "upload a file, to be published or to be answered",
    "model.read": "open a model and its versions",
    "model.predict": "ask a version for predictions",
    "model.download": "download files, by page, link or API",
    "model.edit": "change what is said about a model",
    "version.add": "add a version, by upload or conversion",
    "version.edit": "change what is said about a version, its metrics and parents",
    "version.trash": "put a version into the trash",
    "version.restore": "take a version out of the trash",
    "version.purge": "delete a version for good",
    "version.trust": "trust or refuse what a scan held back",
    "alias.move": "move an alias through its gate",
    "alias.override": "move an alias past its gate",
    "gate.edit": "change the rules of a gate",
    "golden.edit": "add or change golden cases",
    "version.benchmark": "have a version measured",
    "prediction.keep": "choose what is kept of predictions, read flags",
    "scoring.make": "have a file of rows answered",
    "training.make": "train a baseline",
    "token.make": "make, list and revoke one's API tokens",
    "dataset.keep": "keep labelled rows",
    "people.govern": "govern accounts: roles, permissions, quotas, the end; read the whole audit",
    "system.look": "see sizes, libraries and the fence",
    "system.reset": "delete everything",
    "model.share": "share a model with people",
    "model.publish": "show a model to everyone, or hide it again",
    "model.transfer": "hand a model over (its owner only)",
    "model.trash": "put a model into the trash",
    "model.restore": "take a model out of the trash",
    "model.purge": "delete a model for good",
    "model.rate": "give stars to a model of somebody else",
    "download.list": "see who downloaded what of a model",
    "webhook.make": "have events of all models one sees told to an address",
    "webhook.edit": "have events of a model told to an address",
}
"""What each action is, for the permissions page and docs/permissions.md."""

_WORDS = {
    "search": "look at models",
    "predict": "predict",
    "download": "download",
    "upload": "upload or change models",
    "delete": "delete",
    "admin": "administer",
}


def held(actor: Actor) -> frozenset[str]:
    """What the person may do, by whatever token: what the role allows and nobody took away."""
    return PERMISSIONS[actor.role] - actor.denied


def permissions(actor: Actor) -> frozenset[str]:
    """What the actor may do at all: what the person may and, by a token, the token too."""
    return held(actor) if actor.permitted is None else held(actor) & actor.permitted


def why_no(actor: Actor, permission: str) -> str:
    """Why the actor lacks a permission; "" when it is there."""
    if permission not in PERMISSIONS[actor.role]:
        return f"your role ({actor.role}) may not {_WORDS[permission]}"
    if permission in actor.denied:
        return f"you may not {_WORDS[permission]}: an administrator has taken this from you"
    if permission not in permissions(actor):
        return f"this token does not permit to {permission}; make one that does"
    return ""


def why_not(actor: Actor, level: Level | None, action: str) -> str:
    """Why the actor, having `level` on the model, may not do `action`; "" when allowed.

    Pages show the control disabled with this sentence; the registry enforces the same.
    """
    rule = ACTIONS[action]
    if without_level(actor, action):
        return ""
    if actor.is_guest:
        return "sign in first"
    if rule.in_person and actor.token and rule.permission in held(actor):
        return "this is done by the person, not by a token: sign in"
    why = why_no(actor, rule.permission)
    if why and not (rule.instead and rule.instead in permissions(actor)):
        return why
    if rule.level and (level is None or LEVELS.index(level) < LEVELS.index(rule.level)):
        return f"this needs '{rule.level}' access to the model; you have '{level or 'none'}'"
    return ""


def without_level(actor: Actor, action: str) -> bool:
    """Whether the actor may do this as an administrator, even to a model not shared with them."""
    return ACTIONS[action].by_admin and "admin" in permissions(actor)


class Line(NamedTuple):
    """One action as people read it."""

    action: str
    does: str
    permission: str
    level: str
    remark: str


def lines() -> tuple[Line, ...]:
    """The policy table, as it is, for people."""
    return tuple(
        Line(name, DOES[name], rule.permission, rule.level or "", _remark(rule))
        for name, rule in ACTIONS.items()
    )


def _remark(rule: Rule) -> str:
    said = ["an administrator needs no access to the model"] if rule.by_admin else []
    said += [f"{rule.instead} does as well"] if rule.instead else []
    return "; ".join([*said, *(["not by a token"] if rule.in_person else [])])
