"""No count of 1–10 people can be read from, or worked out of, a published table (PRI-08)."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clinical_assets.modelling.disclosure import Confusion, rates_to_withhold
from clinical_assets.modelling.metrics import CONFUSION_METRICS, METRICS
from clinical_assets.modelling.subgroups import Settings, subgroup_results
from clinical_assets.small_cells import SUPPRESSED, groups_to_withhold, is_small
from tests.unit.modelling.attacker import EVENTS, FN, FP, NON_EVENTS, PEOPLE, TN, TP, Attacker

CELL = st.one_of(st.just(0), st.integers(1, 12), st.integers(11, 60))
TABLE = st.lists(st.tuples(CELL, CELL, CELL, CELL), min_size=2, max_size=4)
SETTINGS = Settings(threshold=0.5, replicates=2, seed=1, minimum_events=0)


@pytest.mark.parametrize(("count", "small"), [(0, False), (1, True), (10, True), (11, False)])
def test_one_to_ten_is_small(count: int, small: bool) -> None:
    assert is_small(count) is small


@pytest.mark.parametrize(
    ("rows", "withheld"),
    [
        ([], set()),
        ([(20, 80), (30, 70)], set()),
        ([(0, 80), (30, 70)], set()),  # zero may be shown
        ([(4, 80), (30, 70)], {0, 1}),  # the sibling follows by subtraction
        ([(20, 3), (30, 70), (25, 40)], {0, 2}),  # the smallest sibling goes
        ([(4, 80), (5, 70), (30, 60)], {0, 1, 2}),  # 9 events together would follow
        ([(6, 80), (5, 70), (30, 60)], {0, 1}),  # 11 events together may
        ([(4, 80), (0, 0), (30, 60)], {0, 2}),  # an empty band hides nothing
        ([(4, 80), (0, 50), (30, 60)], {0, 1, 2}),  # nor does one without events
    ],
)
def test_primary_and_complementary_suppression(rows: list, withheld: set) -> None:
    assert groups_to_withhold(rows) == withheld


def rows_of(tables: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray, dict]:
    """Outcome, probability (0.2 or 0.8) and members of bands with these 2×2 cells."""
    y = np.concatenate([np.repeat([True, True, False, False], t) for t in tables]).astype(bool)
    p = np.concatenate([np.repeat([0.8, 0.2, 0.8, 0.2], t) for t in tables])
    band = np.repeat(np.arange(len(tables)), [sum(t) for t in tables])
    return y, p, {str(i): band == i for i in range(len(tables))}


@settings(max_examples=60, deadline=None)
@given(TABLE)
def test_an_attacker_cannot_pin_down_a_suppressed_cell(tables: list[tuple[int, ...]]) -> None:
    cells = [Confusion(*t, errors=t[FN] + t[FP]) for t in tables]
    totals = Confusion(*(sum(column) for column in zip(*tables, strict=True)), errors=0)
    # The overall 2×2 table is published; a small cell in it is given away whatever bands show.
    assume(min(totals.cells[:4]) > 10)
    y, p, members = rows_of(tables)
    results = subgroup_results("group", members, y, p, SETTINGS)
    attacker = Attacker(len(tables))
    attacker.read(results, totals)
    for i, (result, table) in enumerate(zip(results, cells, strict=True)):
        if result.suppressed:
            for name in (PEOPLE, EVENTS, NON_EVENTS):
                low, high = attacker.interval(i, name)
                assert high - low > 0.99, f"band {i}: pinned to {low}"
        else:
            assert (result.n, result.events) == (table.people, table.events)
            assert not any(map(is_small, (table.people, table.events, table.non_events)))
        for cell in (TP, FN, FP, TN):
            if is_small(tables[i][cell]):
                low, high = attacker.interval(i, [cell])
                assert high - low > 0.99, f"band {i}, cell {cell}: pinned to {low}"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=2, max_size=3))
def test_not_even_one_who_knows_the_rule(rows: list[tuple[int, int]]) -> None:
    """Of all tables that would be published as this one is, no two-band secret is the only one."""
    events, others = sum(r[0] for r in rows), sum(r[1] for r in rows)
    assume(events > 10 and others > 10)
    withheld = groups_to_withhold(rows)
    assume(len(withheld) == 2)
    first, second = sorted(withheld)
    sums = rows[first][0] + rows[second][0], rows[first][1] + rows[second][1]
    possible = []
    for a, b in itertools.product(range(sums[0] + 1), range(sums[1] + 1)):
        secret = list(rows)
        secret[first], secret[second] = (a, b), (sums[0] - a, sums[1] - b)
        if groups_to_withhold(secret) == withheld:
            possible.append((a, b))
    for values in zip(*possible, strict=True):
        assert len(set(values)) > 1


def test_a_selection_rate_is_shown_where_it_leaves_the_table_open() -> None:
    groups = [
        Confusion(30, 5, 20, 60, 25),
        Confusion(25, 8, 30, 50, 38),
        Confusion(40, 9, 20, 70, 29),
    ]
    rates = rates_to_withhold(groups, frozenset())
    assert rates.confusion == {0, 1, 2}
    assert rates.selection_rate == frozenset()


@pytest.mark.parametrize(
    "groups",
    [
        # The second band has no non-events: its selection rate would give its table away, and the
        # first band's by subtraction.
        (Confusion(20, 5, 20, 30, 25), Confusion(20, 30, 0, 0, 30)),
        (Confusion(0, 0, 12, 30, 12), Confusion(20, 20, 5, 30, 25)),
        # Two of the second band are selected: a small cell itself.
        (Confusion(40, 20, 30, 40, 50), Confusion(2, 30, 0, 40, 30)),
        # Nobody with the event is missed, so that the true positives are the events.
        (Confusion(20, 0, 5, 30, 5), Confusion(30, 0, 20, 40, 20)),
        # Everybody without the event is selected, so that the rest of the selected have it.
        (Confusion(5, 30, 25, 0, 55), Confusion(30, 20, 40, 0, 60)),
    ],
)
def test_a_selection_rate_that_closes_a_table_is_withheld(groups: tuple[Confusion, ...]) -> None:
    rates = rates_to_withhold(groups, frozenset())
    assert rates.confusion == rates.selection_rate == {0, 1}


def test_hidden_groups_are_the_sibling_that_a_small_cell_needs() -> None:
    """They are withheld already, so that no other group has to go, not even a smaller one."""
    groups = [
        Confusion(3, 40, 60, 80, 100),
        Confusion(60, 20, 30, 90, 50),
        Confusion(30, 20, 5, 60, 25),
        Confusion(25, 20, 15, 40, 35),
    ]
    rates = rates_to_withhold(groups, {0, 1})
    assert rates.confusion == {0, 1, 2}
    assert rates.selection_rate == {0, 1}


def test_beside_hidden_bands_only_the_band_with_the_small_cell_loses_its_rates() -> None:
    tables = [(4, 0, 0, 60), (30, 15, 20, 35), (30, 20, 5, 65), (40, 20, 30, 60)]
    y, p, members = rows_of(tables)
    results = subgroup_results("group", members, y, p, SETTINGS)
    withheld = [{m for m, e in r.metrics.items() if e.reason == SUPPRESSED} for r in results]
    assert withheld == [set(METRICS), set(METRICS), CONFUSION_METRICS, set()]


def test_large_tables_show_everything() -> None:
    groups = [Confusion(100, 30, 50, 200, 80), Confusion(90, 40, 60, 100, 100)]
    rates = rates_to_withhold(groups, frozenset())
    assert (rates.confusion, rates.selection_rate) == (frozenset(), frozenset())
