"""A sample of numbers in blocks that stay in the processor's cache while they are worked on.

A column comes from its file in pieces. Put together they would be copied, and whatever is made of
all of them at once travels through memory again; a block at a time, neither happens.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 16
_SPREAD = 4096

Numbers = NDArray[Any]  # of float64 or of int64
Blocks = tuple[Numbers, ...]


def in_blocks(values: Numbers | Blocks) -> Blocks:
    """The same values, not copied, in blocks of at most :data:`BLOCK`; none of them is empty.

    >>> [len(block) for block in in_blocks((np.zeros(140_000), np.zeros(0), np.zeros(3)))]
    [65536, 65536, 8928, 3]
    """
    pieces = (values,) if isinstance(values, np.ndarray) else values
    return tuple(piece[i : i + BLOCK] for piece in pieces for i in range(0, len(piece), BLOCK))


def size(blocks: Blocks) -> int:
    """How many values there are."""
    return sum(map(len, blocks))


def whole(blocks: Blocks) -> Numbers:
    """All values in one array."""
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks or [np.empty(0)])


def spread(blocks: Blocks) -> Numbers:
    """Some thousand of the values, evenly over the rows.

    >>> spread((np.arange(5_000), np.arange(5_000, 12_000)))[2_498:2_502].tolist()
    [4996, 4998, 5000, 5002]
    """
    step = max(1, size(blocks) // _SPREAD)
    seen, chosen = 0, []
    for block in blocks:
        chosen.append(block[-seen % step :: step])
        seen += len(block)
    return np.concatenate(chosen or [np.empty(0)])
