"""Which rates of a group to withhold, because a count of 1–10 people would follow from them.

Here: a group's 2×2 table, and the metrics that would give its cells away (PRI-08). Not here: the
rule on counts, which is in :mod:`clinical_assets.small_cells`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from clinical_assets.small_cells import MINIMUM_CELL, groups_to_withhold


@dataclass(frozen=True, slots=True)
class Confusion:
    """The 2×2 table of one group at the operating threshold, and its errors at 0.5."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    errors: int

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(
            self.true_positives + other.true_positives,
            self.false_negatives + other.false_negatives,
            self.false_positives + other.false_positives,
            self.true_negatives + other.true_negatives,
            self.errors + other.errors,
        )

    @property
    def people(self) -> int:
        """All people of the group."""
        return self.events + self.non_events

    @property
    def events(self) -> int:
        """People with the event."""
        return self.true_positives + self.false_negatives

    @property
    def non_events(self) -> int:
        """People without the event."""
        return self.false_positives + self.true_negatives

    @property
    def selected(self) -> int:
        """People called positive."""
        return self.true_positives + self.false_positives

    @property
    def cells(self) -> tuple[int, ...]:
        """Every count that a metric multiplied with published counts would give away."""
        return (
            self.true_positives,
            self.false_negatives,
            self.false_positives,
            self.true_negatives,
            self.errors,
            self.people - self.errors,
        )


@dataclass(frozen=True, slots=True)
class WithheldRates:
    """Groups that may not show their 2×2 table, and those that may not show even its margin."""

    confusion: frozenset[int]
    selection_rate: frozenset[int]


def rates_to_withhold(groups: Sequence[Confusion], hidden: Collection[int]) -> WithheldRates:
    """Groups whose threshold metrics would give a count of 1–10 away.

    A sensitivity times the published number of events is a count of people. So a group with a
    small cell in its 2×2 table shows neither sensitivity, specificity, predictive values, net
    benefit nor errors. Its selection rate alone leaves one unknown, so it is shown where that
    unknown stays open in every withheld group (:func:`_open`).

    Args:
        groups: the 2×2 table of each group.
        hidden: groups whose counts are suppressed altogether. Their sum can be derived, so they
            are judged as one group.
    """
    shown = [i for i in range(len(groups)) if i not in hidden]
    table = [groups[i] for i in shown]
    if hidden:
        table.append(_sum([groups[i] for i in hidden]))
    always = {len(shown)} if hidden else set()
    withheld = groups_to_withhold([group.cells for group in table], always)
    confusion = frozenset(shown[i] for i in withheld if i < len(shown)) | frozenset(hidden)
    closed = [table[i] for i in withheld]
    selection = frozenset(hidden) if _open(closed) else confusion
    return WithheldRates(confusion, selection)


def _sum(groups: Sequence[Confusion]) -> Confusion:
    total = Confusion(0, 0, 0, 0, 0)
    for group in groups:
        total = total + group
    return total


def _open(groups: Sequence[Confusion]) -> bool:
    """Whether selection rates beside events and non-events leave each 2×2 table undetermined.

    With margins known, a table has one unknown, its true positives, between two bounds; their
    sum over the groups is known too. Each must keep at least two possible values.
    """
    bounds = [
        (max(0, g.selected - g.non_events), min(g.events, g.selected), g.true_positives)
        for g in groups
    ]
    least, most = sum(b[0] for b in bounds), sum(b[1] for b in bounds)
    total = sum(b[2] for b in bounds)
    for group, (low, high, _) in zip(groups, bounds, strict=True):
        if min(group.selected, group.people - group.selected) < MINIMUM_CELL:
            return False
        lowest = max(low, total - (most - high))
        highest = min(high, total - (least - low))
        if lowest >= highest:
            return False
    return True
