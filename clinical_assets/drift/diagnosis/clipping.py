"""A range that became narrower: values beyond a bound are set to it, or are gone."""

from collections.abc import Iterator

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim, Kind
from clinical_assets.drift.diagnosis.change import Change, resampled

_LEAST = 0.01
_ENOUGH = 0.7


def claims(change: Change) -> list[Claim]:
    """The better of the two where the reference reaches beyond the current range."""
    low, high = change.current.minimum, change.current.maximum
    if not change.visible or low is None or high is None:
        return []
    beyond = float(np.mean(change.before < low)), float(np.mean(change.before > high))
    if max(beyond) < _LEAST or sum(beyond) >= 1:
        return []
    found = [c for c in _both(change, low, high, beyond) if c.explains["shape"] >= _ENOUGH]
    return sorted(found, key=lambda claim: -claim.trust * claim.explains["shape"])[:1]


def _both(change: Change, low: float, high: float, beyond: tuple[float, float]) -> Iterator[Claim]:
    bounds = " and ".join(
        f"{word} {bound:g} ({share:.1%} of the reference)"
        for word, bound, share in (("below", low, beyond[0]), ("above", high, beyond[1]))
        if share >= _LEAST
    )
    inside = change.before[(change.before >= low) & (change.before <= high)]
    forms: tuple[tuple[Kind, str, np.ndarray], ...] = (
        ("clipped", f"Values {bounds} are set to the bound", np.clip(change.before, low, high)),
        ("cut_off", f"Values {bounds} are gone", inside),
    )
    for kind, sentence, points in forms:
        if not len(points):
            continue
        explained = change.foretold(resampled(points))
        yield Claim(
            kind,
            sentence,
            {"shape": explained},
            0.96,
            {"low": low, "high": high, "beyond": sum(beyond), "explained": explained},
        )
