"""When two names look alike: one key for all that cannot be told apart. No database.

Source: Unicode Technical Standard 39, section 4 (confusable detection); its table comes with
confusable-homoglyphs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from rapidfuzz.distance import OSA

from registry.governance import Likeness

_PAIRS = (("rn", "m"), ("vv", "w"))
_DIGITS = str.maketrans({"0": "o", "1": "l", "|": "l"})
_SHORT, _LONG = 4, 8


def key_of(name: str) -> str:
    """The letters and digits that a reader takes the name for; "" when none is left.

    Two names with one key differ in case, accents, separators or look-alike characters only.
    `looks` says the same of pairs of letters.
    """
    plain = unicodedata.normalize("NFKD", name).translate(_DIGITS).casefold()
    seen = "".join(_read(char) for char in plain if not unicodedata.combining(char))
    return seen[:200]


def looks(key: str) -> str:
    """The key with pairs of letters read as the letter they look like."""
    for pair, like in _PAIRS:
        key = key.replace(pair, like)
    return key


def likeness(name: str, other: str, keys: tuple[str, str] = ("", "")) -> Likeness | None:
    """Why one of two names is easily mistaken for the other; None when it is not.

    Names that differ in a number (resnet-18, resnet-50) are told apart by it.

    Args:
        keys: Their keys, where they are known.
    """
    mine, theirs = _folded(name), _folded(other)
    if mine == theirs:
        return "the same name"
    key, its_key = keys[0] or key_of(name), keys[1] or key_of(other)
    if looks(key) == looks(its_key):
        same = _squeezed(mine) == _squeezed(theirs)
        return "only separators differ" if same else "look-alike characters"
    if numbers_in(name) != numbers_in(other):
        return None
    return "nearly the same letters" if near(key, its_key) else None


def near(key: str, other: str) -> bool:
    """Whether two keys are a slip of the finger apart: one in short ones, two in long ones."""
    length = min(len(key), len(other))
    if length < _SHORT:
        return False
    most = 1 if length < _LONG else 2
    return int(OSA.distance(key, other, score_cutoff=most)) <= most


def nearest(key: str, others: Sequence[str]) -> list[bool]:
    """`near` of each, for many at once."""
    from rapidfuzz.process import cdist

    if len(key) < _SHORT or not others:
        return [False] * len(others)
    far = cdist([key], others, scorer=OSA.distance, score_cutoff=2)[0] > 2
    return [not too_far and near(key, other) for other, too_far in zip(others, far, strict=True)]


def numbers_in(name: str) -> tuple[str, ...]:
    """The numbers by which people tell names apart."""
    return tuple(re.findall(r"\d+", _folded(name)))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _squeezed(folded: str) -> str:
    return "".join(char for char in folded if char.isalnum())


def _read(char: str) -> str:
    if char.isascii():
        return char if char.isalnum() else ""
    return _latin(char) or (char if char.isalnum() else "")


@cache
def _latin(char: str) -> str:
    """The ASCII letter that a character looks like, or ""."""
    from confusable_homoglyphs import confusables  # 0.1 s and a table of 9,600 characters

    found = (entry["c"] for entry in confusables.confusables_data.get(char, ()))
    plain = (text.translate(_DIGITS).casefold() for text in found)
    return next((text for text in plain if text.isascii() and text.isalnum()), "")
