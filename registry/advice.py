"""Will it load here? Library versions in the file and its requirements against this runtime."""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion
from packaging.version import Version as Pep440

from registry import versions
from registry.core import Registry
from registry.records import Actor, LoadAdvice, Version

_REQUIREMENTS_BYTES = 64 << 10


def will_it_load(reg: Registry, actor: Actor, ref: str) -> LoadAdvice:
    """Compare what the version was made with to what is installed here.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    version = versions.get(reg, actor, ref)
    rows = [
        (name, made_with, _installed(name))
        for name, made_with in sorted(version.inspection.libraries.items())
    ]
    rows += [(str(need), str(need.specifier), _installed(need.name)) for need in _needs(version)]
    if version.status == "quarantined":
        return LoadAdvice("maybe", "nobody loads it before it is trusted", "", tuple(rows))
    wrong = [row for row in rows if not _fits(*row)]
    missing = [row for row in wrong if not row[2]]
    install = " ".join(_pin(name, wanted) for name, wanted, _ in wrong)
    if version.status == "failed" or missing:
        why = version.failure or f"not installed here: {', '.join(row[0] for row in missing)}"
        return LoadAdvice("no", why, f"pip install {install}" if install else "", tuple(rows))
    if wrong and version.status != "ready":
        why = "made with other library versions: " + ", ".join(row[0] for row in wrong)
        return LoadAdvice("maybe", why, f"pip install {install}", tuple(rows))
    if wrong:
        why = "it loaded here, though made with other library versions"
        return LoadAdvice("yes", why, f"pip install {install}", tuple(rows))
    loads = version.status == "ready" and version.inspection.runnable
    why = "it was loaded here" if loads else version.why_no_predictions
    return LoadAdvice("yes" if loads else "maybe", why, "", tuple(rows))


def _needs(version: Version) -> list[Requirement]:
    """The requirements kept in the version's parameters by the publish walk, one a line."""
    found = []
    for line in str(version.training.get("requirements", ""))[:_REQUIREMENTS_BYTES].splitlines():
        text = line.split("#")[0].strip()
        if text and not text.startswith("-"):
            try:
                found.append(Requirement(text))
            except InvalidRequirement:
                continue
    return found[:200]


def _installed(name: str) -> str:
    try:
        return metadata.version(name.split(" ")[0])
    except (metadata.PackageNotFoundError, ValueError):
        return ""


def _fits(name: str, wanted: str, here: str) -> bool:
    if not here:
        return False
    if any(sign in wanted for sign in "<>=!~"):
        return Requirement(f"x{wanted}").specifier.contains(here, prereleases=True)
    try:
        made, now = Pep440(wanted), Pep440(here)
    except InvalidVersion:
        return True
    return (made.major, made.minor) == (now.major, now.minor)


def _pin(name: str, wanted: str) -> str:
    if any(sign in wanted for sign in "<>=!~"):
        return f"'{name}'"
    return f"{name}=={wanted}" if wanted else name
