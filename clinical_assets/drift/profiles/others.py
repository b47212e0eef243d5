"""Levels that the grid does not have: how many, which, and how often, within bounds.

Kept are those levels whose hash is least (bottom-k: Bar-Yossef et al. 2002; Cohen and Kaplan 2007),
each with its exact count; which those are depends on nothing but the levels, so that the order and
the parting of the rows make no difference. How far apart the least hashes lie says how many levels
there are. Where there are far more of them than the reference has levels at all, the column holds
something else than categories, such as patients' numbers, and no name is kept any more.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

KEPT = 256
_SPAN = 1 << 64


@dataclass(frozen=True, slots=True)
class Others:
    """Observations in levels that the grid does not have.

    Attributes:
        total: how many.
        kept: by name; every such level where there are at most 256 of them.
        many: there were too many levels to keep any by name.
    """

    total: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    many: bool = False

    @classmethod
    def of(cls, counts: Mapping[str, int], limit: int, named: bool) -> "Others":
        """From exact counts.

        Args:
            limit: so many levels at most are kept by name.
            named: whether any level may be.
        """
        total = sum(counts.values())
        return _bounded(total, counts, total > 0 and not named, limit)

    def plus(self, other: "Others", limit: int) -> "Others":
        """Of both samples together."""
        counts = dict(self.kept)
        for level, count in other.kept.items():
            counts[level] = counts.get(level, 0) + count
        return _bounded(self.total + other.total, counts, self.many or other.many, limit)

    @property
    def distinct(self) -> float | None:
        """How many levels; exact up to 256, else within about 6 %; None where that is unknown."""
        return None if self.many else _distinct(self.kept)

    @property
    def complete(self) -> bool:
        """Whether every level is kept."""
        return not self.many and sum(self.kept.values()) == self.total


def stable_hash(level: str) -> int:
    """64 bits of BLAKE2b over UTF-8; the same everywhere and for ever.

    >>> stable_hash("a")
    4681665781835383343
    """
    data = level.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _bounded(total: int, counts: Mapping[str, int], many: bool, limit: int) -> Others:
    least = dict(counts)
    if len(counts) > KEPT and not many:
        order = sorted((stable_hash(level), level) for level in counts)
        least = {level: counts[level] for _, level in order[:KEPT]}
    if many or _distinct(least) > limit:  # never falls as levels come in
        return Others(total, {}, True)
    return Others(total, least, False)


def _distinct(kept: Mapping[str, int]) -> float:
    if len(kept) < KEPT:
        return float(len(kept))
    return (KEPT - 1) * _SPAN / (max(stable_hash(level) for level in kept) + 1)
