"""What a statistic does where nothing changed: windows that resemble those of the reference.

Square roots of shares vary alike in every bin. How they vary over the reference's windows, less
what chance alone does at the windows' sizes, is how days differ. New windows are drawn with both:
days that differ as much (a multivariate t, because few windows leave open how much), and chance at
the size that is asked about. So the size may be another than the reference's, empty bins do what
they do to the statistic, and rare values are reached with few windows, at the price of this model.
"""

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.thresholds.rowwise import Rowwise, shares

Counts = NDArray[np.int64]
Vector = NDArray[np.float64]

_CHANCE = 4000
_FEWEST = 3  # degrees of freedom; below, the tail has no variance


def unchanged(
    windows: Counts, rows: int, statistic: Rowwise, *, draws: int, seed: int
) -> NDArray[np.float64]:
    """Values of the statistic for so many new windows, against all of the reference.

    Args:
        windows: counts of the reference, shape (windows, bins); see :mod:`.windows`.
        rows: values in a new window.
    """
    rng = np.random.default_rng(seed)
    filled = windows[windows.sum(axis=1) > 0]
    whole = filled.sum(axis=0)
    between = _between(filled, rng)
    freedom = max(_FEWEST, len(filled) - 1)
    heavy = np.sqrt(freedom / rng.chisquare(freedom, size=(draws, 1)))
    # The reference's own mean is as uncertain as so many windows leave it.
    steps = rng.standard_normal((draws, between.shape[0])) @ between * np.sqrt(1 + 1 / len(filled))
    roots = np.maximum(np.sqrt(shares(whole)) + heavy * steps, 0.0)
    roots[:, whole == 0] = 0.0
    drawn = rng.multinomial(rows, shares(roots**2))
    return statistic(whole, drawn)


def _between(windows: Counts, rng: np.random.Generator) -> Vector:
    """A root of the covariance, over windows, of the square roots of shares, chance taken off."""
    chance = rng.multinomial(np.resize(windows.sum(axis=1), _CHANCE), shares(windows.sum(axis=0)))
    seen, expected = (np.cov(np.sqrt(shares(c)), rowvar=False) for c in (windows, chance))
    values, vectors = np.linalg.eigh(np.atleast_2d(seen - expected))
    # Chance leaves positive and negative parts. The largest are kept, up to the sum of all parts,
    # which is right on average.
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = np.clip(values.sum() - (np.cumsum(values) - values), 0.0, np.maximum(values, 0.0))
    return np.asarray(np.sqrt(kept)[:, None] * vectors.T)
