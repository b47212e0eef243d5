"""Which way two samples of numbers are held against each other; the answers are the same."""

from clinical_assets.drift.blocks import Blocks, Numbers, in_blocks, size, spread
from clinical_assets.drift.gridded import FEW, GriddedPair
from clinical_assets.drift.runs import distinct
from clinical_assets.drift.tallied import TalliedPair

_REPEATED = 4


def paired_samples(
    reference: Numbers | Blocks, current: Numbers | Blocks
) -> TalliedPair | GriddedPair:
    """Two samples, both of float64 or both of int64, without NaN; whole or in pieces.

    Raises:
        ValueError: a sample is empty.
    """
    ours, theirs = in_blocks(reference), in_blocks(current)
    if size(ours) + size(theirs) <= FEW or (_rounded(ours) and _rounded(theirs)):
        return TalliedPair(ours, theirs)
    return GriddedPair(ours, theirs)


def _rounded(blocks: Blocks) -> bool:
    """Whether some of the values suggest that each occurs several times."""
    seen = spread(blocks)
    return len(distinct(seen)) * _REPEATED <= len(seen)
