"""One value that turns up too often: a sensor that is stuck, a default, a code for missing.

Where it came in as many rows as had no value before, it stands for these, and explains both.
"""

import numpy as np

from clinical_assets.drift.diagnosis.cause import Aspect, Claim
from clinical_assets.drift.diagnosis.change import (
    Change,
    Points,
    missing_change,
    present,
    resampled,
)

FILLED = "missing_no_more"

_LEAST = 0.02
_ENOUGH = 0.5
_TRUST = 0.97
_TRUST_ABOUT = 0.87  # a part of the values in another unit may lie as close together
_LIKE = 0.25


def claims(change: Change) -> list[Claim]:
    """The most frequent value, taken out as far as it exceeds its share in the reference."""
    found = change.current.commonest
    if found is None or not change.visible:
        return []
    (value, share), within = found, change.current.commonest_within
    before = _share_before(change, value, within)
    extra = (share - before) / (1 - before) if before < 1 else 0.0
    if extra < _LEAST:
        return []
    rest = change.after if extra >= 1 else _without(change.after, value, extra)
    explained = 1.0 if len(rest) == 0 or extra >= 1 else change.undone(resampled(rest))
    if explained < _ENOUGH:
        return []
    low, high = change.reference.minimum, change.reference.maximum
    outside = low is not None and high is not None
    outside = outside and not low - within <= value <= high + within  # type: ignore[operator]
    meaning = (
        "a code for missing or a default, outside all that the reference holds"
        if outside
        else "a stuck sensor or a default"
    )
    about = "about " if within else ""
    explains: dict[Aspect, float] = {"shape": explained, "precision": 1.0}
    evidence = {"value": value, "share": share, "share_reference": before, "explained": explained}
    instead = ""
    if filled := _filled(change, before, share):
        explains["missing"] = 1.0
        evidence[FILLED] = filled
        instead = ", in the place of missing ones"
        meaning = meaning if outside else "a default, or gaps that are filled in"
    return [
        Claim(
            "placeholder" if outside else "stuck",
            f"{share:.1%} of the values are {about}{value:g}, {before:.1%} in the reference"
            f"{instead}: {meaning}",
            explains,
            _TRUST_ABOUT if within else _TRUST,
            evidence,
        )
    ]


def _filled(change: Change, before: float, share: float) -> float:
    """The share of the rows that are missing no more, where the value came in about as many; 0
    where it did not."""
    ours, theirs = change.reference, change.current
    gone = -missing_change(ours, theirs)
    came = share * present(theirs) / theirs.rows - before * present(ours) / ours.rows
    return gone if gone > 0 and abs(came - gone) <= _LIKE * gone else 0.0


def _share_before(change: Change, value: float, within: float) -> float:
    found = change.reference.commonest
    near = within + change.reference.commonest_within
    if found is not None and abs(found[0] - value) <= near:
        return found[1]
    return float(np.mean(np.abs(change.before - value) <= within))


def _without(points: Points, value: float, share: float) -> Points:
    """The points but for a share of them that lies nearest to the value."""
    order = np.argsort(np.abs(points - value), kind="stable")
    return np.sort(points[order[round(share * len(points)) :]])
