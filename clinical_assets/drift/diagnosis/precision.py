"""Values written with fewer or more decimals, or in steps."""

from collections.abc import Iterator, Mapping

import numpy as np

from clinical_assets.drift.diagnosis.cause import Aspect, Claim
from clinical_assets.drift.diagnosis.change import Change, Points, finer, places

_MANY = 15
_ENOUGH = 0.7
_STEPS = (1.0, 2.0, 5.0)
_COARSE = 5  # fewer steps between the 10th and the 90th percentile must be seen in the values
_ON_STEPS = 0.9
_EXACT = 1e-6


def claims(change: Change) -> list[Claim]:
    """The change of decimals, and the step that explains most; rounding to a step of 5 changes
    both.
    """
    way = finer(change.reference, change.current)
    found = _stepped(change, {"precision": 1.0} if way < 0 else {})
    if way and not (found and found[0].evidence["step"] != _last_digit(change, way)):
        return [_decimals(change, way)]
    return found


def _last_digit(change: Change, way: int) -> float | None:
    """The step that fewer decimals make; None where they are not fewer."""
    written = places(change.current)
    return 10.0**-written if way < 0 and written is not None else None


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
        for step in _candidates(change, places(change.reference))
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


def _candidates(change: Change, known: int | None) -> Iterator[float]:
    """1, 2, 5, 10, … above the reference's own step, up to the values' spread.

    A few coarse steps resemble any values that lie in heaps, so that these must lie on them.
    """
    points = change.before
    spread = float(points[-(len(points) // 10) - 1] - points[len(points) // 10])
    if not 0 < spread < np.inf:
        return
    fine = spread / _COARSE
    own = 10.0**-known if known is not None else 0.0
    for power in range(int(np.floor(np.log10(fine))) - 1, int(np.floor(np.log10(spread))) + 1):
        for first in _STEPS:
            step = first * 10.0**power
            if own < step <= spread and (step <= fine or _on_steps(change.after, step)):
                yield step


def _on_steps(points: Points, step: float) -> bool:
    """Whether nearly all lie at multiples of the step."""
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(points / step - np.rint(points / step))
    return float(np.mean(off < _EXACT)) >= _ON_STEPS


def _words(decimals: int | None) -> str:
    if decimals is None:
        return "more than 3 decimals"
    return "1 decimal" if decimals == 1 else f"{decimals or 'no'} decimals"
