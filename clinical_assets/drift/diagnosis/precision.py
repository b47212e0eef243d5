"""Values written with fewer or more decimals, or in steps."""

from collections.abc import Iterator, Mapping

import numpy as np

from clinical_assets.drift.diagnosis.cause import Aspect, Claim
from clinical_assets.drift.diagnosis.change import Change, Points, finer, places

_MANY = 15
_ENOUGH = 0.7
_STEPS = (1.0, 2.0, 5.0)
_COARSE = 5  # steps that fit between the 10th and the 90th percentile, at least


def claims(change: Change) -> list[Claim]:
    """The change of decimals, and the step that explains most; rounding to a step of 5 changes
    both.
    """
    way = finer(change.reference, change.current)
    found = _stepped(change, {"precision": 1.0} if way < 0 else {})
    return found if found or not way else [_decimals(change, way)]


def _decimals(change: Change, way: int) -> Claim:
    before, after = places(change.reference), places(change.current)
    if way < 0:
        explained = change.foretold(np.round(change.before, after or 0))
    else:
        explained = change.undone(change.after)
    return Claim(
        "precision",
        f"Values have {_words(after)}, {_words(before)} in the reference: "
        + ("they are rounded" if way < 0 else "they are no longer rounded, or are computed"),
        {"shape": explained, "precision": 1.0},
        0.98,
        {
            "decimals_reference": _MANY if before is None else before,
            "decimals_current": _MANY if after is None else after,
            "explained": explained,
        },
    )


def _stepped(change: Change, besides: Mapping[Aspect, float]) -> list[Claim]:
    if not change.visible:
        return []
    found = [
        (change.foretold(np.round(change.before / step) * step), step)
        for step in _candidates(change.before, places(change.reference))
    ]
    explained, step = max(found, default=(0.0, 0.0))
    if explained < _ENOUGH:
        return []
    return [
        Claim(
            "precision",
            f"Values come in steps of about {step:g}, unlike the reference's: they are rounded",
            {"shape": explained, **besides},
            0.94,
            {"step": step, "explained": explained},
        )
    ]


def _candidates(points: Points, known: int | None) -> Iterator[float]:
    """1, 2, 5, 10, … above the reference's own step, as far as the values' spread allows."""
    spread = float(points[-(len(points) // 10) - 1] - points[len(points) // 10])
    if not 0 < spread < np.inf:
        return
    largest = spread / _COARSE
    own = 10.0**-known if known is not None else 0.0
    top = int(np.floor(np.log10(largest)))
    for power in range(top - 1, top + 1):
        for first in _STEPS:
            step = first * 10.0**power
            if own < step <= largest:
                yield step


def _words(decimals: int | None) -> str:
    if decimals is None:
        return "more than 3 decimals"
    return "1 decimal" if decimals == 1 else f"{decimals or 'no'} decimals"
