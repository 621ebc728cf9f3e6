"""The trust scorecard of a version: eleven measures with evidence, and their weighted mean.

What cannot be measured says so and is left out of the mean; no number is made up.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy.orm import Session

from registry import fetching, models, rates, versions
from registry.core import Registry
from registry.errors import FetchFailed, LinkRefused
from registry.records import Actor, Score, Scorecard, Version
from registry.score_measures import MEASURES, Found, Subject

SIGNS = {
    "a readme": "README.md",
    "a build file": "pyproject.toml",
    "a license": "LICENSE",
    "checks before a commit": ".pre-commit-config.yaml",
    "pinned requirements": "requirements.txt",
}
"""What is looked for behind a link to code, and where."""
_MOST_PARENTS = 10


def of_version(reg: Registry, actor: Actor, ref: str) -> Scorecard:
    """The scorecard, from what the registry holds; nothing outside is asked.

    Raises:
        NotFound: No such version, or the actor may not see it.
    """
    return _measured(reg, actor, versions.get(reg, actor, ref), None)


def with_links(reg: Registry, actor: Actor, ref: str) -> Scorecard:
    """The same, after a look at the link to its code.

    Raises:
        LinkRefused: Fetching is off, or the version has no such link.
        FetchFailed: Nothing answers there.
        NotFound: No such version, or the actor may not see it.
        RateLimited: There were too many such questions within the last minute.
    """
    version = versions.get(reg, actor, ref)
    link = version.links.get("code") or version.links.get("source")
    if not link:
        raise LinkRefused("it has no link to its code")
    fetching.look_at(reg.settings, link)
    rates.spend_link(reg, actor)
    return _measured(reg, actor, version, _signs(reg, link))


def _signs(reg: Registry, link: str) -> tuple[str, ...]:
    """What is found behind a link, asked for at once.

    Raises:
        FetchFailed: The link itself does not answer.
    """
    base = link.rstrip("/").removesuffix(".git")
    fetching.get(reg.settings, base, most_bytes=4 << 20)

    def is_there(path: str) -> bool:
        try:
            fetching.get(reg.settings, f"{base}/raw/HEAD/{path}")
        except FetchFailed:
            return False
        return True

    with ThreadPoolExecutor(len(SIGNS)) as pool:
        return tuple(
            name for name, found in zip(SIGNS, pool.map(is_there, SIGNS.values()), strict=True)
            if found
        )  # fmt: skip


def _measured(
    reg: Registry, actor: Actor, version: Version, links: tuple[str, ...] | None
) -> Scorecard:
    with reg.reading() as s:
        subject = _subject(reg, s, actor, version, links)
    parents = []
    for ref in version.parents[:_MOST_PARENTS]:
        parent = versions.get(reg, actor, ref)
        with reg.reading() as s:
            theirs = _subject(reg, s, actor, parent, None)
            parents.append((ref, _card(theirs).net))
    with reg.reading() as s:
        return _card(replace(subject, s=s, parents=tuple(parents)))


def _subject(
    reg: Registry, s: Session, actor: Actor, version: Version, links: tuple[str, ...] | None
) -> Subject:
    return Subject(s, actor, models.get(reg, actor, version.model), version, links=links)


def _card(subject: Subject) -> Scorecard:
    """All measures of one version, each timed, and the mean of those there are."""
    scores = []
    for key, measure in MEASURES.items():
        begun = time.perf_counter()
        found: Found = measure.find(subject)
        latency_ms = (time.perf_counter() - begun) * 1000
        value = None if found.value is None else round(min(max(found.value, 0.0), 1.0), 4)
        said = (measure.weight, found.evidence, found.where, latency_ms)
        scores.append(Score(key, measure.title, value, *said))
    known = [score for score in scores if score.value is not None]
    weight = sum(score.weight for score in known)
    net = sum(score.weight * (score.value or 0.0) for score in known) / weight if weight else None
    return Scorecard(subject.version.ref, tuple(scores), net)
