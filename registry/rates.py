"""How often one actor may ask: sliding windows in memory. No table.

Each process counts for itself. A person on the pages and all their tokens together have a window
each: a script does not use up what its owner needs to look around, and ten tokens give no more
than one.
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


def spend(reg: Registry, actor: Actor) -> None:
    """Count one prediction.

    Raises:
        RateLimited: There were too many within the last minute.
    """
    limiter, item = _limiter(), _per_minute(reg.settings.predictions_per_minute)
    key = (str(reg.settings.home), actor.id, "token" if actor.token else "page")
    if limiter.hit(item, *key):
        return
    wait_s = max(1.0, limiter.get_window_stats(item, *key).reset_time - now().timestamp())
    raise RateLimited(
        f"{reg.settings.predictions_per_minute:,} predictions a minute are allowed here, and you "
        f"asked for more. Try again in {wait_s:.0f} s, or send many rows in one call.",
        wait_s,
    )


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


@cache
def _per_minute(most: int) -> RateLimitItem:
    return RateLimitItemPerMinute(most)
