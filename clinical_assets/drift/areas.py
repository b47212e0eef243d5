"""What lies between two distribution functions: statistics that need both samples in order.

Two samples come in as one merged order; it costs one sort of each, which is why a caller asks for
it only where one of these is wanted.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.blocks import BLOCK, Blocks, Numbers, in_blocks
from clinical_assets.drift.runs import run_ends

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class Merged(NamedTuple):
    """Both samples in one order.

    Attributes:
        values: distinct values of either sample, in order, shape (k,).
        reference, current: how many observations are at most each value, shape (k,).
    """

    values: Numbers
    reference: Counts
    current: Counts

    def samples(self) -> tuple[Numbers, Numbers]:
        """Both samples, value by value."""
        ours, theirs = (np.diff(upto, prepend=0) for upto in (self.reference, self.current))
        return np.repeat(self.values, ours), np.repeat(self.values, theirs)

    def gaps(self) -> Iterator[tuple[Floats, Floats]]:
        """From each value to the next, a block at a time: how far it is, and the difference of the
        distribution functions between them."""
        n, m = self.reference[-1], self.current[-1]
        for start in range(0, len(self.values) - 1, BLOCK):
            end = min(start + BLOCK, len(self.values) - 1)
            with np.errstate(over="ignore", invalid="ignore"):
                steps = np.diff(self.values[start : end + 1])
            if steps.dtype == np.int64:
                # They may be further apart than int64 reaches; as uint64 the difference is right.
                steps = steps.view(np.uint64).astype(np.float64)
            yield steps, self.reference[start:end] / n - self.current[start:end] / m

    def tied(self) -> Iterator[tuple[Numbers, Floats, Floats, Floats, Floats]]:
        """A block of values at a time: how often each is in the reference and in the current
        sample, and how many of either are at most as large."""
        before = np.zeros(2)
        for start in range(0, len(self.values), BLOCK):
            here = slice(start, start + BLOCK)
            upto = self.reference[here].astype(np.float64), self.current[here].astype(np.float64)
            a, b = (np.diff(u, prepend=p) for u, p in zip(upto, before, strict=True))
            before = np.array([u[-1] for u in upto])
            yield self.values[here], a, b, *upto


def merged(reference: Numbers | Blocks, current: Numbers | Blocks) -> Merged:
    """Two samples, both of float64 or both of int64, without NaN, in one order."""
    ours = in_blocks(reference)
    both = np.concatenate([*ours, *in_blocks(current)])
    n = sum(map(len, ours))
    both[:n].sort()
    both[n:].sort()
    order = np.argsort(both, kind="stable")  # two runs in order: one linear merge
    both = both[order]
    before = np.cumsum(order < n, dtype=np.int64)
    last = run_ends(both)
    if len(last) == len(both):
        return Merged(both, before, np.arange(1, len(both) + 1) - before)
    before = before[last]
    return Merged(both[last], before, last + 1 - before)


def wasserstein(pair: Merged) -> float | None:
    """Area between the two distribution functions, in the values' unit (Vallender 1974).

    None where a value is infinite, or the area is beyond the largest float.

    >>> wasserstein(merged(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0])))
    5.0
    """
    return _area(pair, squared=False)


def scaled(area: float | None, pair: Merged) -> float | None:
    """Wasserstein-1 in standard deviations of the reference (all its values, not a sample's n - 1).

    Not in interquartile ranges: those are 0 as soon as half of the values are one point.
    None where the deviation is 0 or infinite.

    >>> pair = merged(np.array([0.0, 2.0]), np.array([3.0, 5.0]))
    >>> wasserstein(pair), scaled(wasserstein(pair), pair)
    (3.0, 3.0)
    """
    n = pair.reference[-1]
    ends = np.searchsorted(pair.reference, [1, n])  # the least and the largest of the reference
    unit = float(np.abs(pair.values[ends].astype(np.float64)).max())
    if area is None or not (0 < unit < math.inf):
        return None

    def own() -> Iterator[tuple[Floats, Floats]]:
        """The reference's values in that unit, in which no square is beyond the largest float, and
        how often each comes; those of the current sample may be far beyond."""
        for x, a, *_ in pair.tied():
            here = a > 0
            yield x[here] / unit, a[here]

    mean = sum(float(np.sum(a * x)) for x, a in own()) / n
    square = sum(float(np.sum(a * (x - mean) ** 2)) for x, a in own()) / n
    deviation = unit * math.sqrt(square)
    return area / deviation if deviation > 0 and math.isfinite(area / deviation) else None


def energy(pair: Merged) -> float | None:
    """Energy distance: root of 2 E|X - Y| - E|X - X'| - E|Y - Y'|, which is the root of twice the
    integral of the squared difference of the distribution functions (Székely 2003; Székely and
    Rizzo 2013). In the root of the values' unit.

    None where a value is infinite, or the integral is beyond the largest float.

    >>> energy(merged(np.array([0.0]), np.array([2.0])))
    2.0
    """
    area = _area(pair, squared=True)
    return None if area is None else float(np.sqrt(2 * area))


def cramer_von_mises(pair: Merged) -> float:
    """The two-sample criterion T (Anderson 1962, "On the distribution of the two-sample
    Cramér–von Mises criterion"), ties at their middle rank; looks at ranks only.

    >>> cramer_von_mises(merged(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    0.375
    """
    n, m = float(pair.reference[-1]), float(pair.current[-1])
    u = 0.0
    # Of a tied values with b of the other sample, the ranks in the pooled order exceed those in
    # the own sample by the others before plus b / 2, on average.
    for _, a, b, ours, theirs in pair.tied():
        u += n * float(np.sum(a * (theirs - b / 2) ** 2 + a * (a * a - 1) / 12))
        u += m * float(np.sum(b * (ours - a / 2) ** 2 + b * (b * b - 1) / 12))
    return float(u / (n * m * (n + m)) - (4 * n * m - 1) / (6 * (n + m)))


def _area(pair: Merged, *, squared: bool) -> float | None:
    if not np.isfinite(pair.values[[0, -1]].astype(np.float64)).all():
        return None
    area = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for steps, gap in pair.gaps():
            area += float(np.sum((gap * gap if squared else np.abs(gap)) * steps))
    return area if math.isfinite(area) else None
