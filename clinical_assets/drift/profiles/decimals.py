"""With how many decimals values are written: what rounding, or a change of it, leaves behind."""

import numpy as np
from numpy.typing import NDArray

PLACES = ("whole", "1", "2", "3", "more")
_BLOCK = 8192
_LARGE = 2.0**40

Counts = NDArray[np.int64]


def count_decimals(
    values: NDArray[np.float64], weights: Counts | None = None, *, single: bool = False
) -> Counts:
    """How many values are whole, or have 1, 2, 3 or more decimals, in the order of :data:`PLACES`.

    A value has k decimals where it is the float nearest to a number of k decimals. From 2^40 up
    only whole values are told from the others.

    Args:
        values: finite.
        weights: how often each occurs.
        single: they were read from float32, whose nearest float counts.

    >>> count_decimals(np.array([5.0, 0.5, 7.25, 0.1 + 0.2])).tolist()
    [1, 1, 1, 0, 1]
    """
    found = np.zeros(len(PLACES), dtype=np.int64)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        loads = None if weights is None else weights[start : start + _BLOCK]
        _add(block, loads, single, found)
    return found


def _add(block: NDArray[np.float64], loads: Counts | None, single: bool, found: Counts) -> None:
    """Adds one block; continuous values, of more decimals, leave at the first question."""
    rounded = _written(block, 3, single)
    found[4] += _number(~rounded, loads)
    if not rounded.any():
        return
    block = block[rounded]
    loads = None if loads is None else loads[rounded]
    for place in (0, 1, 2):
        here = _written(block, place, single)
        found[place] += _number(here, loads)
        block, loads = block[~here], None if loads is None else loads[~here]
        if not len(block):
            return
    found[3] += len(block) if loads is None else int(loads.sum())


def _written(values: NDArray[np.float64], place: int, single: bool) -> NDArray[np.bool_]:
    if place == 0:
        return np.asarray(np.rint(values) == values)
    step = 10.0**place
    with np.errstate(over="ignore"):
        near = values * step
    np.rint(near, out=near)
    near /= step
    if single:
        near = near.astype(np.float32).astype(np.float64)
    same = near == values
    large = np.abs(values) >= _LARGE
    if large.any():
        same[large] = np.rint(values[large]) == values[large]
    return np.asarray(same)


def _number(chosen: NDArray[np.bool_], loads: Counts | None) -> int:
    return int(np.count_nonzero(chosen) if loads is None else loads[chosen].sum())
