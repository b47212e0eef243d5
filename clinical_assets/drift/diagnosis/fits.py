"""Values moved or stretched by numbers that no table holds: offset, scale, spread, both.

The profiles alone do not tell a device that reads 3 higher from patients who are 3 higher; the
sentences say so.
"""

from collections.abc import Iterator

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim, Kind
from clinical_assets.drift.diagnosis.change import Change, Points
from clinical_assets.drift.diagnosis.units import ratio_of_quantiles
from clinical_assets.drift.sentences import apart

KINDS: tuple[Kind, ...] = ("offset", "scale", "spread", "gain_and_offset")
_ENOUGH = 0.7
_NEXT_TO_NONE = 0.02
_UNKNOWN = ", which is no conversion of units that is known for it here"


def claims(change: Change, *, converted: bool = False) -> list[Claim]:
    """Each of the fits that explains most of the change.

    Args:
        converted: a known conversion of units explains it, too.
    """
    if not change.visible:
        return []
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond the floats fits nothing
        found = list(_fits(change, converted=converted))
    return [claim for claim in found if claim.explains["shape"] >= _ENOUGH]


def _fits(change: Change, *, converted: bool) -> Iterator[Claim]:
    before, after = change.before, change.after
    step, ratio = _offset(before, after), ratio_of_quantiles(change)
    yield _claim(
        change,
        "offset",
        after - step,
        0.95,
        f"Values are about {_number(abs(step))} {'higher' if step > 0 else 'lower'} throughout: an "
        "offset of the measurement, or patients who differ by as much",
        {"offset": step},
    )
    if ratio is not None and abs(ratio - 1) > _NEXT_TO_NONE:
        yield _claim(
            change,
            "scale",
            after / ratio,
            0.93,
            f"Values are about {_number(ratio)} times what they were throughout"
            + ("" if converted else _UNKNOWN)
            + ": another calibration, or patients who differ by as much",
            {"factor": ratio},
        )
    stretch = _stretch(before, after)
    if stretch is None or abs(stretch - 1) <= _NEXT_TO_NONE:
        return
    middle, now = float(np.median(before)), float(np.median(after))
    yield _claim(
        change,
        "spread",
        (after - middle) / stretch + middle,
        0.92,
        f"Values lie {_number(stretch)} times as far from the middle, which stayed: "
        + ("a noisier measurement" if stretch > 1 else "a smoothed or steadier measurement")
        + " or other patients",
        {"spread": stretch},
    )
    yield _claim(
        change,
        "gain_and_offset",
        (after - now) / stretch + middle,
        0.85,
        f"The median moved from {' to '.join(apart(middle, now))} and values lie "
        f"{_number(stretch)} times as far from it: gain and offset of the measurement, or other "
        "patients",
        {"factor": stretch, "offset": now - stretch * middle},
    )


def _claim(
    change: Change,
    kind: Kind,
    points: Points,
    trust: float,
    sentence: str,
    evidence: dict[str, float],
) -> Claim:
    explained = change.undone(points)
    return Claim(kind, sentence, {"shape": explained}, trust, evidence | {"explained": explained})


def _offset(before: Points, after: Points) -> float:
    part = slice(len(before) // 10, -(len(before) // 10))
    return float(np.median(after[part] - before[part]))


def _stretch(before: Points, after: Points) -> float | None:
    """Ratio of the ranges from the 10th to the 90th percentile."""
    low, high = len(before) // 10, -(len(before) // 10) - 1
    ours, theirs = before[high] - before[low], after[high] - after[low]
    return float(theirs / ours) if ours > 0 and theirs > 0 else None


def _number(value: float) -> str:
    return f"{value:.3g}"
