"""The same measurement in other proportions: of sites, of wards, of kinds of patients.

Where the reference is known for each part (site, ward, age group) and the current rows of each
part are counted, the reference in the current proportions is compared with what came. Where only
other columns are known to have changed at the same time, that is all that can be said.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import Change, Points, change_of, quantiles, resampled
from clinical_assets.drift.diagnosis.summaries import NumericSummary

_ENOUGH = 0.5
_FINE = 2000


@dataclass(frozen=True, slots=True)
class Parts:
    """A column of the reference by site or by kind of patient.

    Attributes:
        reference: a summary of each part.
        current: how many values each part has now.
    """

    reference: Mapping[str, NumericSummary]
    current: Mapping[str, int]


def site_claims(change: Change, parts: Parts | None) -> list[Claim]:
    """What other proportions of the sites explain."""
    found = _reweighted(change, parts)
    if found is None or parts is None:
        return []
    explained, part, before, after = found
    sentence = f"The sites' shares changed, {part} has {after:.0%} of the values, {before:.0%} in"
    return [
        Claim(
            "site_mix",
            f"{sentence} the reference",
            {"shape": explained},
            0.96,
            {"share_reference": before, "share_current": after, "explained": explained},
        )
    ]


def case_claims(change: Change, groups: Mapping[str, Parts]) -> list[Claim]:
    """What other proportions of the patients' groups explain, for each grouping column."""
    claims = []
    for column, parts in groups.items():
        found = _reweighted(change, parts)
        if found is None:
            continue
        explained, part, before, after = found
        claims.append(
            Claim(
                "case_mix",
                f"The patients changed: {column} {part} has {after:.0%} of the values, "
                f"{before:.0%} in the reference",
                {"shape": explained},
                0.96,
                {"share_reference": before, "share_current": after, "explained": explained},
            )
        )
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


def _reweighted(change: Change, parts: Parts | None) -> tuple[float, str, float, float] | None:
    """What is explained, and the part whose share grew most with both its shares."""
    if parts is None or not change.visible:
        return None
    known = _points(parts)
    before = _shares({name: _size(parts.reference[name]) for name in known})
    after = _shares({name: parts.current.get(name, 0) for name in known})
    if len(known) < 2 or not after or not before:
        return None
    explained = change.foretold(_mixture(known, after))
    most = max(known, key=lambda name: after[name] - before[name])
    return (explained, most, before[most], after[most]) if explained >= _ENOUGH else None


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
