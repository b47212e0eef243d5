"""Which cells of a published table to withhold, so that no count of 1–10 people can be read.

Here: primary and complementary suppression as pure rules on counts (PRI-08 of the regulatory
register: no cell of 1–10 shown, none derivable from totals, percentages or other cells; zero may
be shown). Not here: what the tables hold, and rates from which counts would follow
(:mod:`clinical_assets.modelling.disclosure`). The method is cell suppression with an audit
(Hundepool et al. 2012, *Statistical Disclosure Control*, chapter 4).

The tables here have one row a group; the groups together make up a total that is published too.
So the rows withheld together can be added up by anyone, by subtraction. A row is safe when at
least one more row is withheld with it and what they add up to would itself be publishable.
"""

from collections.abc import Collection, Sequence

MINIMUM_CELL = 11
SUPPRESSED = f"suppressed (a cell under {MINIMUM_CELL} people, or one from which it would follow)"


def is_small(count: int) -> bool:
    """Whether a count may not be shown: 1 to 10."""
    return 0 < count < MINIMUM_CELL


def joined_spans(counts: Sequence[tuple[int, int]]) -> list[range]:
    """Neighbouring groups put together, from the first, until no span holds a small cell.

    A span without any event (or without any other) goes on over groups that have none either, so
    that as much as possible of the people is left for the next one.

    Args:
        counts: events and others of each group, in their order.

    Returns:
        The positions of each span's groups. A span holds a cell of 1–10 only if all groups
        together do, and then it is the only one.

    >>> joined_spans([(0, 12), (0, 5), (5, 20), (8, 20), (20, 20), (3, 0)])
    [range(0, 2), range(2, 4), range(4, 6)]
    """
    spans: list[range] = []
    start = 0
    for end in range(1, len(counts) + 1):
        if _publishable(counts[start:end]) and not _goes_on(counts[start:end], counts[end:]):
            spans.append(range(start, end))
            start = end
    if start < len(counts):
        spans.append(range(start, len(counts)))
        while len(spans) > 1 and not _publishable([counts[i] for i in spans[-1]]):
            tail = spans.pop()
            spans[-1] = range(spans[-1].start, tail.stop)
    return spans


def joined_counts(counts: Sequence[int]) -> list[range]:
    """Neighbouring counts of one sample put together, from the first, until each span holds none or
    more than 10; the only span may hold fewer.

    >>> joined_counts([0, 3, 9, 20, 0, 4])
    [range(0, 1), range(1, 3), range(3, 6)]
    """
    spans: list[range] = []
    start = 0
    for end in range(1, len(counts) + 1):
        if not is_small(sum(counts[start:end])):
            spans.append(range(start, end))
            start = end
    if start < len(counts):
        tail = range(start, len(counts))
        while spans and is_small(sum(counts[i] for i in tail)):
            tail = range(spans.pop().start, len(counts))
        spans.append(tail)
    return spans


def _goes_on(span: Sequence[tuple[int, int]], rest: Sequence[tuple[int, int]]) -> bool:
    """Whether the next group lacks what the whole span lacks."""
    return any(rest and rest[0][k] == 0 and not any(group[k] for group in span) for k in (0, 1))


def _publishable(groups: Sequence[tuple[int, int]]) -> bool:
    events, others = (sum(column) for column in zip(*groups, strict=True))
    return events + others >= MINIMUM_CELL and not is_small(events) and not is_small(others)


def groups_to_withhold(
    rows: Sequence[Sequence[int]], always: Collection[int] = ()
) -> frozenset[int]:
    """Positions of the rows whose cells are withheld.

    Rows with a small cell go first. Then, while the sum of any column over the withheld rows is
    under 11 or a small row stands alone, the smallest row that is still shown joins them (empty
    rows last: they hide little). The sums are asked for even where they are zero: a sum of zero
    would pin each cell behind it.

    Args:
        rows: the cells of each group, in the same order of columns; they do not overlap, so that
            a row's size is that of its cells' sum.
        always: rows withheld for other reasons.

    >>> sorted(groups_to_withhold([(4, 60), (30, 30), (20, 25)]))
    [0, 2]
    >>> sorted(groups_to_withhold([(0, 60), (30, 30), (20, 25)]))
    []
    """
    small = {i for i, row in enumerate(rows) if any(is_small(cell) for cell in row)}
    withheld = small | set(always)
    order = sorted(range(len(rows)), key=lambda i: (sum(rows[i]) == 0, sum(rows[i]), i))
    spare = [i for i in order if i not in withheld]
    while small and spare and not _safe(rows, withheld):
        withheld.add(spare.pop(0))
    return frozenset(withheld)


def _safe(rows: Sequence[Sequence[int]], withheld: Collection[int]) -> bool:
    sums = [sum(cells) for cells in zip(*(rows[i] for i in withheld), strict=True)]
    return len(withheld) > 1 and min(sums) >= MINIMUM_CELL
