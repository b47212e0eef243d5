"""Equal cells over the bulk of some numbers, and which value lies in which.

A cell is an interval, because its number never falls as the value grows, however the arithmetic
rounds. A grid that fits badly makes work longer, never an answer wrong.
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.blocks import BLOCK, Blocks, Numbers

Places = NDArray[np.float64]
Cells = NDArray[np.uint16]


class Grid(NamedTuple):
    """Equal cells from ``low`` up; the first and the last take all values beyond the others."""

    low: float
    scale: float
    number: int

    @classmethod
    def over(cls, seen: Numbers, cells: int) -> Self:
        """A grid of ``cells`` and two more, at most 65,536 in all, over the bulk of ``seen``."""
        with np.errstate(all="ignore"):
            seen = np.sort(seen.astype(np.float64))
            seen = seen[np.isfinite(seen)]
            if not len(seen):
                return cls(-1.0, 1.0, cells + 2)
            cut = len(seen) // 1000
            low, high = seen[[cut, -1 - cut]]
            pad = (high - low) / 64
            scale = cells / (high - low + 2 * pad)
            low = low - pad - 1 / scale
        if not (np.isfinite([low, scale]).all() and scale > 0):
            return cls(-1.0, 1.0, cells + 2)
        return cls(float(low), float(scale), cells + 2)

    def places(self, values: Numbers, out: Places | None = None) -> Places:
        """Where each value lies, in cells; its whole part is the cell. Never falls.

        Args:
            out: where to write it, of the same length.
        """
        with np.errstate(over="ignore"):
            place = np.subtract(values, self.low, out=out, dtype=np.float64)
            np.multiply(place, self.scale, out=place)
        return np.clip(place, 0.0, self.number - 1.0, out=place)

    def cells(self, blocks: Blocks) -> Iterator[Cells]:
        """The cells of each block's values."""
        room = np.empty(BLOCK)  # made once: fresh memory costs more than the arithmetic
        for block in blocks:
            yield self.places(block, room[: len(block)]).astype(np.uint16)

    def counts(self, cells: Cells) -> NDArray[np.intp]:
        """How many values lie in each cell, shape (number,)."""
        return np.bincount(cells, minlength=self.number)
