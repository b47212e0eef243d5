"""What a statistic does where nothing changed and windows are whole patients: patients drawn again.

A window of some twenty patients who differ in many ways is further from the reference than a normal
law of days foretells (:mod:`.unchanged`). The reference's own patients show it, if there are many
more of them than a window holds: windows are made of them at random (cluster bootstrap; Davison and
Hinkley 1997, section 3.8).
"""

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.thresholds.rowwise import Rowwise

Counts = NDArray[np.int64]

_BLOCK = 2000


def redrawn(
    units: Counts, rows: int, statistic: Rowwise, *, draws: int, seed: int
) -> NDArray[np.float64]:
    """Values of the statistic for so many windows, against all of the reference.

    Args:
        units: counts, one row a patient, shape (units, bins), none without values.
        rows: values in a window, at least; the last patient may bring more.
    """
    rng = np.random.default_rng(seed)
    sizes, whole = units.sum(axis=1), units.sum(axis=0)
    most = -(-rows // int(sizes.min()))
    enough = min(most, int(2 * rows / sizes.mean()) + 20)
    found = []
    for start in range(0, draws, _BLOCK):
        chosen = rng.integers(0, len(units), size=(min(_BLOCK, draws - start), enough))
        held = np.cumsum(sizes[chosen], axis=1)
        taken = held - sizes[chosen] < rows  # until the window is full
        times = np.zeros((len(chosen), len(units)))
        np.add.at(times, (np.arange(len(chosen))[:, None], chosen), taken.astype(np.float64))
        found.append(statistic(whole, times @ units))
    return np.concatenate(found)
