"""What a statistic does where nothing changed: windows of the reference against the rest of it.

Windows are taken at the size that will be asked about, because a statistic of few rows is large by
chance. Whole days in a row are taken together, or whole patients, so that what makes days and
patients differ is in it; what is more than the size is thinned out at random.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.thresholds.rowwise import Rowwise
from clinical_assets.errors import ClinicalError

Counts = NDArray[np.int64]


class HeldOut(NamedTuple):
    """Values of a statistic over windows of the reference.

    Attributes:
        values: one for each window.
        windows: how many of them have no row in common.
    """

    values: NDArray[np.float64]
    windows: int


def held_out_days(
    days: ArrayLike, rows: int, statistic: Rowwise, *, seed: int, draws: int = 1
) -> HeldOut:
    """Every stretch of days that holds the rows, thinned to them, against all other days.

    Args:
        days: counts, one row a day in order, shape (days, bins).
        rows: values in a window.
        statistic: of :data:`.rowwise.ROWWISE`.
        draws: how often each stretch is thinned; more than once only tells something where the
            stretches hold many times the rows.

    Raises:
        ClinicalError: the reference has not twice the rows of one window.
    """
    counts = _checked(days, rows)
    length = _stretch(counts, rows)
    starts = np.arange(0, len(counts) - length + 1, length)
    stretches = np.add.reduceat(counts[: starts[-1] + length], starts, axis=0)
    enough = stretches.sum(axis=1) >= rows
    if not enough.any():
        raise _short(counts, rows)
    stretches = np.repeat(stretches[enough], draws, axis=0)
    return _against_rest(counts, stretches, rows, statistic, seed, int(enough.sum()))


def held_out_units(
    units: ArrayLike, rows: int, statistic: Rowwise, *, seed: int, draws: int = 200
) -> HeldOut:
    """Whole patients drawn at random until they hold the rows, against all others.

    Args:
        units: counts, one row a patient (or any unit whose rows belong together).
        rows, statistic: as in :func:`held_out_days`.
        draws: how many windows.

    Raises:
        ClinicalError: the reference has not twice the rows of one window.
    """
    counts = _checked(units, rows)
    rng = np.random.default_rng(seed)
    sizes = counts.sum(axis=1)
    windows = np.empty((draws, counts.shape[1]), dtype=np.int64)
    for i in range(draws):
        order = rng.permutation(len(counts))
        number = int(np.searchsorted(np.cumsum(sizes[order]), rows)) + 1
        windows[i] = counts[order[:number]].sum(axis=0)
    apart = int(min(draws, sizes.sum() // rows))
    return _against_rest(counts, windows, rows, statistic, seed, apart)


def held_out_rows(
    counts: ArrayLike, rows: int, statistic: Rowwise, *, seed: int, draws: int = 2000
) -> HeldOut:
    """Rows drawn at random from the reference as it is: what chance alone does.

    Only for a reference without days or patients: what makes those differ is not in it, so that
    the threshold comes out too low where rows belong together.
    """
    whole = np.asarray(counts, dtype=np.int64)
    if not rows or not whole.sum():
        raise _short(whole[None], rows)
    drawn = np.random.default_rng(seed).multinomial(rows, whole / whole.sum(), size=draws)
    return HeldOut(statistic(whole, drawn), draws)


def _checked(counts: ArrayLike, rows: int) -> Counts:
    found = np.asarray(counts, dtype=np.int64)
    if rows < 1 or found.ndim != 2 or found.sum() < 2 * rows:
        raise _short(found, rows)
    return found


def _short(counts: Counts, rows: int) -> ClinicalError:
    return ClinicalError(
        f"The reference holds {int(counts.sum())} values and a window {rows}, so there is nothing "
        "to calibrate a threshold on",
        repair="Give a longer reference, smaller windows, or a constant threshold",
        where="plan",
    )


def _stretch(counts: Counts, rows: int) -> int:
    """How many days in a row hold the rows, as a rule: nine stretches in ten do."""
    total = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    for length in range(1, len(counts)):
        if np.quantile(total[length:] - total[:-length], 0.1) >= rows:
            return length
    return max(1, len(counts) // 2)


def _against_rest(
    counts: Counts, windows: Counts, rows: int, statistic: Rowwise, seed: int, apart: int
) -> HeldOut:
    rest = counts.sum(axis=0) - windows
    rng = np.random.default_rng(seed)
    thinned = np.stack([rng.multivariate_hypergeometric(w, rows) for w in windows])
    return HeldOut(statistic(rest, thinned), apart)
