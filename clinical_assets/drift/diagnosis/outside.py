"""A part of the values that lies where the reference has none: codes for missing, typing slips."""

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import Change, resampled

_LEAST = 0.02
_MOST = 0.5
_ENOUGH = 0.7
_TRUST = 0.8  # less than that of one value, of a unit for a part, or of a bound


def claims(change: Change) -> list[Claim]:
    """The values outside the reference's range, if the others are as they were."""
    low, high = change.reference.minimum, change.reference.maximum
    if not change.visible or low is None or high is None:
        return []
    below, above = float(np.mean(change.after < low)), float(np.mean(change.after > high))
    if not _LEAST <= below + above <= _MOST:
        return []
    inside = change.after[(change.after >= low) & (change.after <= high)]
    explained = change.undone(resampled(inside))
    if explained < _ENOUGH:
        return []
    sides = " and ".join(
        f"{share:.1%} {word}" for share, word in ((below, "below"), (above, "above")) if share
    )
    return [
        Claim(
            "out_of_range",
            f"Values lie outside all that the reference holds ({sides}), the others are as they "
            "were: codes for missing, slips of typing, or another device",
            {"shape": explained, "precision": 1.0},
            _TRUST,
            {"below": below, "above": above, "explained": explained},
        )
    ]
