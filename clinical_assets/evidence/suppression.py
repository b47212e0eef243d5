"""Small-cell suppression of the counts that documents add to what was measured (PRI-08).

The rule stands in :mod:`clinical_assets.small_cells`; estimates follow it, too;
here it is applied to counts that add up to a total which the reader knows.
"""

from collections.abc import Sequence

from clinical_assets.small_cells import groups_to_withhold


def suppress_partition(counts: Sequence[int]) -> tuple[int | None, ...]:
    """The counts with small cells, and what would give them away, replaced by None.

    Args:
        counts: the cells of one partition, whose total the reader knows.

    >>> suppress_partition([40, 7, 30])
    (40, None, None)
    >>> suppress_partition([40, 0, 30])
    (40, 0, 30)
    >>> suppress_partition([1, 1, 50])
    (None, None, None)
    """
    withheld = groups_to_withhold([(value,) for value in counts])
    return tuple(None if i in withheld else value for i, value in enumerate(counts))
