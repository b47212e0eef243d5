"""The same measurement in other proportions: of sites, of wards, of kinds of patients.

Where the reference is known for each part (site, ward, age group) and the current rows of each
part are counted, the reference in the current proportions is compared with what came. Where only
other columns are known to have changed at the same time, that is all that can be said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import (
    Change,
    Points,
    change_of,
    quantiles,
    remainder,
    resampled,
)
from clinical_assets.drift.diagnosis.summaries import NumericSummary

_ENOUGH = 0.25
MOST = 0.7
_FINE = 2000
_OPEN = 0.15  # of the current values beyond the last cut: what is left may be their difference


@dataclass(frozen=True, slots=True)
class Parts:
    """A column of the reference by site or by kind of patient.

    Attributes:
        reference: a summary of each part.
        current: how many values each part has now.
        upto: where parts are ranges of a number, the upper end of each, in their order.
    """

    reference: Mapping[str, NumericSummary]
    current: Mapping[str, int]
    upto: Mapping[str, float] = field(default_factory=dict)


class _Mix(NamedTuple):
    """What other proportions explain: how much, the part that grew most with its shares before and
    now, and in words what is left between like and like."""

    explained: float
    part: str
    before: float
    after: float
    left: str

    @property
    def words(self) -> str:
        share = "" if self.explained >= MOST else f", which explains {self.explained:.0%} of it"
        return (
            f"{self.part} has {self.after:.0%} of the values, {self.before:.0%} in the reference"
            f"{share}{self.left}"
        )

    @property
    def evidence(self) -> dict[str, float]:
        return {
            "share_reference": self.before,
            "share_current": self.after,
            "explained": self.explained,
        }


def site_claims(change: Change, parts: Parts | None) -> list[Claim]:
    """What other proportions of the sites explain."""
    found = _reweighted(change, parts)
    if found is None:
        return []
    sentence = f"The sites' shares changed, {found.words}"
    return [Claim("site_mix", sentence, {"shape": found.explained}, 0.96, found.evidence)]


def case_claims(change: Change, groups: Mapping[str, Parts]) -> list[Claim]:
    """What other proportions of the patients' groups explain, for each grouping column."""
    claims = []
    for column, parts in groups.items():
        found = _reweighted(change, parts)
        if found is None:
            continue
        sentence = f"The patients changed: {column} {found.words}"
        claims.append(Claim("case_mix", sentence, {"shape": found.explained}, 0.96, found.evidence))
    return claims


def context_claims(
    change: Change, context: Mapping[str, tuple[NumericSummary, NumericSummary]]
) -> list[Claim]:
    """That other columns changed too, which is no explanation but a place to look."""
    moved = {}
    for column, (reference, current) in context.items():
        other = change_of(column, reference, current)
        if other is not None and other.visible and column != change.name:
            moved[column] = other.distance
    if not moved or not change.visible:
        return []
    most = sorted(moved, key=lambda column: -moved[column])[:3]
    share = min(1.0, max(moved.values()) / change.distance)
    return [
        Claim(
            "context",
            f"{', '.join(most)} changed at the same time, so the patients may be others; profiles "
            "by group would tell",
            {"shape": share},
            0.3,
            {f"distance_{column}": moved[column] for column in most},
        )
    ]


def _reweighted(change: Change, parts: Parts | None) -> _Mix | None:
    if parts is None or not change.visible:
        return None
    known = _points(parts)
    before = _shares({name: _size(parts.reference[name]) for name in known})
    after = _shares({name: parts.current.get(name, 0) for name in known})
    if len(known) < 2 or not after or not before:
        return None
    expected = _mixture(known, after)
    explained = change.foretold(expected)
    if explained < _ENOUGH:
        return None
    ends = [after[name] for name in parts.upto if name in after]
    open_ended = bool(ends) and max(ends[0], ends[-1]) > _OPEN
    left = "" if open_ended else _left(change, expected)
    if grown := _beyond(parts.upto, before, after):
        return _Mix(explained, *grown, left)
    most = max(known, key=lambda name: after[name] - before[name])
    return _Mix(explained, most, before[most], after[most], left)


def _beyond(
    upto: Mapping[str, float], before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[str, float, float] | None:
    """The cut of a number above or below which the share grew most, with both shares."""
    names = [name for name in upto if name in before]
    if len(names) < 2:
        return None
    ours, theirs = (np.cumsum([side[name] for name in names]) for side in (before, after))
    at = int(np.argmax(np.abs(theirs - ours)[:-1]))
    cut, p, q = upto[names[at]], float(ours[at]), float(theirs[at])
    return (f"up to {cut:.4g}", p, q) if q > p else (f"above {cut:.4g}", 1 - p, 1 - q)


def _left(change: Change, expected: Points) -> str:
    step = remainder(expected, change.after, change.chance)
    way = "higher" if step > 0 else "lower"
    return f"; like for like, values are still about {abs(step):.3g} {way}" if step else ""


def _points(parts: Parts) -> dict[str, Points]:
    found = {name: quantiles(summary) for name, summary in parts.reference.items()}
    return {name: points for name, points in found.items() if points is not None}


def _size(summary: NumericSummary) -> int:
    return summary.rows - summary.missing


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()} if total else {}


def _mixture(points: Mapping[str, Points], shares: Mapping[str, float]) -> Points:
    """Quantiles of the parts' mixture: each part's quantiles, as many as its share asks for."""
    drawn = []
    for name, part in points.items():
        number = round(_FINE * shares[name])
        if number:
            drawn.append(part[((np.arange(number) + 0.5) / number * len(part)).astype(np.int64)])
    return resampled(np.concatenate(drawn))
