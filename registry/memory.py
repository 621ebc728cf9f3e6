"""What reading doors answered, kept for as long as nothing has been committed since."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from registry.core import Registry

P = ParamSpec("P")
T = TypeVar("T")


def recalled(
    door: Callable[Concatenate[Registry, P], T], reg: Registry, *args: P.args, **named: P.kwargs
) -> T:
    """`door(reg, *args, **named)`, asked again only after a commit or a minute.

    Where the database does not tell of commits, it is asked each time.

    Every argument is part of the key, the actor among them: nobody is given what another was
    told. A minute, since some answers depend on the clock.
    """
    stamp = reg.stamp()
    if stamp is None:
        return door(reg, *args, **named)
    key = (stamp, int(time.monotonic() // 60))
    answer: T = _kept(key, door, reg, args, tuple(sorted(named.items())))
    return answer


@lru_cache(maxsize=256)
def _kept(
    _key: object, door: Callable[..., Any], reg: Registry, args: Any, named: tuple[Any, ...]
) -> Any:
    return door(reg, *args, **dict(named))
