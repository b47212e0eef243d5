"""A quantity reported in another unit, as a table of clinical conversion factors knows it."""

import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import Change, Points, resampled
from clinical_assets.drift.diagnosis.conversions import CONVERSIONS, Conversion

_ENOUGH = 0.7
_NEAR = 0.1  # of the logarithm of the factor
_LEAST_NEAR = 0.05
_PARTS = np.arange(0.05, 1.0, 0.05)
_SHORT = 3
_TRUST = {"named": 1.0, "any": 0.975, "unnamed": 0.97, "other": 0.6}
_PARTLY = 0.88
_APART = math.log(1.5)
_HINTS = frozenset(hint for row in CONVERSIONS for hint in row.hints)


def claims(change: Change, table: Sequence[Conversion] = CONVERSIONS) -> list[Claim]:
    """The conversion that explains most, for all of the values or else for a part of them."""
    if not change.visible:
        return []
    found = [claim for row in table for claim in _whole(change, row, table)]
    if not found:
        found = [claim for row in table for claim in _partly(change, row, table)]
    return best(found)


def best(found: Sequence[Claim]) -> list[Claim]:
    """The claim that explains most, or none."""
    return sorted(found, key=lambda c: -c.trust * c.explains["shape"])[:1]


def _whole(change: Change, row: Conversion, table: Sequence[Conversion]) -> Iterator[Claim]:
    for factor, offset, units in _directions(row):
        if not _near(change, factor, offset):
            continue
        explained = change.undone((change.after - offset) / factor)
        if explained >= _ENOUGH:
            yield Claim(
                "unit",
                f"Values are {_times(factor, offset)}{_as_if(change.name, row, units, table)}",
                {"shape": explained, "precision": 1.0},
                _trust(change.name, row, table),
                {"factor": factor, "offset": offset, "share": 1.0, "explained": explained},
            )


def _partly(change: Change, row: Conversion, table: Sequence[Conversion]) -> Iterator[Claim]:
    """Some of the values are in another unit: the reference mixed with itself, converted."""
    trust = _trust(change.name, row, table)
    if trust < _TRUST["named"]:
        return  # with a free share of values, a factor alone is no evidence
    if not row.offset and abs(math.log(row.factor)) < _APART:
        return  # a smaller scale of all values looks the same
    for factor, offset, units in _directions(row):
        converted = change.before * factor + offset
        shares = [(change.foretold(_mixed(change.before, converted, p)), p) for p in _PARTS]
        explained, share = max(shares)
        if explained >= _ENOUGH:
            yield Claim(
                "unit",
                f"About {share:.0%} of the values are {_times(factor, offset)}: "
                f"{units[0]} → {units[1]} of {row.quantity} for a part of them",
                {"shape": explained, "precision": 1.0},
                _PARTLY,
                {"factor": factor, "offset": offset, "share": share, "explained": explained},
            )


def _mixed(first: Points, second: Points, share: float) -> Points:
    """Quantiles of a mixture in which the second has a share."""
    n = len(first)
    taken = round(n * share)
    rest = n - taken
    return resampled(np.sort(np.concatenate([_thinned(first, rest), _thinned(second, taken)])))


def _thinned(points: Points, number: int) -> Points:
    return points[((np.arange(number) + 0.5) / number * len(points)).astype(np.int64)]


def _directions(row: Conversion) -> Iterator[tuple[float, float, tuple[str, str]]]:
    yield row.factor, row.offset, (row.first, row.second)
    yield 1 / row.factor, -row.offset / row.factor, (row.second, row.first)


def _near(change: Change, factor: float, offset: float) -> bool:
    """Whether the middle of the values moved by about the factor, so that what fits is one."""
    if offset:
        return True
    ratio = ratio_of_quantiles(change)
    if ratio is None:
        return False
    allowed = max(_LEAST_NEAR, _NEAR * abs(math.log(factor)))
    return abs(math.log(ratio / factor)) <= allowed


def ratio_of_quantiles(change: Change) -> float | None:
    """Median of current over reference quantiles, the tails left out; None without a sign."""
    part = slice(len(change.before) // 10, -(len(change.before) // 10))
    before, after = change.before[part], change.after[part]
    usable = before != 0
    if not usable.any():
        return None
    with np.errstate(over="ignore"):
        ratio = float(np.median(after[usable] / before[usable]))
    return ratio if ratio > 0 and math.isfinite(ratio) else None


def _trust(name: str, row: Conversion, table: Sequence[Conversion]) -> float:
    """More where the column's name speaks for the quantity, less where it speaks for another; what
    holds for any quantity is before what would need another name."""
    if not row.hints:
        return _TRUST["any"]
    if _speaks_for(name, row, table):
        return _TRUST["named"]
    return _TRUST["other" if any(named(name, other) for other in table) else "unnamed"]


def _speaks_for(name: str, row: Conversion, table: Sequence[Conversion]) -> bool:
    """Whether a column's name speaks for the quantity, in whichever of its units."""
    return any(named(name, other) for other in table if other.quantity == row.quantity)


def named(name: str, row: Conversion) -> bool:
    """Whether a column's name holds a hint; a short hint must be a word of it.

    >>> temperature = next(row for row in CONVERSIONS if row.quantity == "temperature")
    >>> named("Temp", temperature), named("BodyTemp", temperature), named("attempts", temperature)
    (True, True, False)
    """
    words, plain = _words(name), name.lower()
    return any(hint in words or (len(hint) > _SHORT + 1 and hint in plain) for hint in row.hints)


def _words(name: str) -> set[str]:
    """Words in small letters; one that is no hint as a whole is parted at its capitals, too.

    >>> sorted(_words("FiO2_set")), sorted(_words("HbA1c")), sorted(_words("SerumCa"))
    (['fio2', 'set'], ['hba1c'], ['ca', 'serum', 'serumca'])
    """
    found = set()
    for word in re.split(r"[^A-Za-z0-9]+", name):
        found.add(word.lower())
        if word.lower() not in _HINTS:
            found |= set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower().split("_"))
    return found


def _as_if(name: str, row: Conversion, units: tuple[str, str], table: Sequence[Conversion]) -> str:
    """Which units that speaks for, and whether the column's name does."""
    if not row.hints:
        return f", as where {units[0]} becomes {units[1]}"
    if _speaks_for(name, row, table):
        return f": {units[0]} → {units[1]} of {row.quantity}"
    other = next((each.quantity for each in table if named(name, each)), "")
    but = f"speaks of {other}" if other else "does not say so"
    return (
        f", as in the conversion of {row.quantity} from {units[0]} to {units[1]}, though the "
        f"column's name {but}"
    )


def _times(factor: float, offset: float) -> str:
    if factor == 1:
        return f"{abs(offset):g} {'higher' if offset > 0 else 'lower'}"
    if offset:
        return f"{factor:.4g} times what they were, {'plus' if offset > 0 else 'less'} " + (
            f"{abs(offset):.4g}"
        )
    return f"{factor:.1f} times larger" if factor > 1 else f"{1 / factor:.1f} times smaller"
