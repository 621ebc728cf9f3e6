"""How often one actor may ask: sliding windows in memory. No table.

Each process counts for itself. A person on the pages and all their tokens together have a window
each: a script does not use up what its owner needs to look around, and ten tokens give no more
than one. Uploads are counted by their audit lines (`staging`), guesses at passwords by `signins`.
"""

from __future__ import annotations

from functools import cache

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from registry.core import Registry
from registry.errors import RateLimited
from registry.records import Actor
from registry.tables import now

_LINKS_PER_MINUTE = 10


def spend(reg: Registry, actor: Actor) -> None:
    """Count one prediction.

    Raises:
        RateLimited: There were too many within the last minute.
    """
    advice = "or send many rows in one call"
    _spend(reg, actor, "predictions", reg.settings.predictions_per_minute, advice)


def spend_call(reg: Registry, actor: Actor) -> None:
    """Count one call of the API, whatever it asks for.

    Raises:
        RateLimited: There were too many within the last minute.
    """
    _spend(reg, actor, "calls", reg.settings.calls_per_minute, "and wait between calls")


def spend_download(reg: Registry, actor: Actor) -> None:
    """Count one download, a part of a file among them.

    Raises:
        RateLimited: There were too many within the last minute.
    """
    _spend(reg, actor, "downloads", reg.settings.downloads_per_minute, "or ask for larger parts")


def spend_link(reg: Registry, actor: Actor) -> None:
    """Count one address outside that is asked for somebody.

    Raises:
        RateLimited: There were too many within the last minute.
    """
    _spend(reg, actor, "links", _LINKS_PER_MINUTE, "a link at a time")


def _spend(reg: Registry, actor: Actor, what: str, most: int, advice: str) -> None:
    limiter, item = _limiter(), _per_minute(most)
    key = (what, str(reg.settings.home), actor.id, "token" if actor.token else "page")
    if limiter.hit(item, *key):
        return
    wait_s = max(1.0, limiter.get_window_stats(item, *key).reset_time - now().timestamp())
    raise RateLimited(
        f"{most:,} {what} a minute are allowed here, and you asked for more. "
        f"Try again in {wait_s:.0f} s, {advice}.",
        wait_s,
    )


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


@cache
def _per_minute(most: int) -> RateLimitItem:
    return RateLimitItemPerMinute(most)
