"""Profiles add up: the sum of the parts is the profile of the whole, to the last bit."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift import Profile, merged, profile
from clinical_assets.drift.profiles import over
from clinical_assets.errors import ClinicalError
from tests.unit.drift.profiles.tables import large, tables


@settings(max_examples=40, deadline=None)
@given(tables(1), tables(), tables(), tables(), st.randoms(use_true_random=False))
def test_any_parting_order_and_grouping(
    reference: pl.DataFrame,
    one: pl.DataFrame,
    two: pl.DataFrame,
    three: pl.DataFrame,
    chance: random.Random,
) -> None:
    known = profile(reference, threads=1)
    a, b, c = (profile(part, known, threads=1) for part in (one, two, three))
    rows = pl.concat([one, two, three])
    order = list(range(len(rows)))
    chance.shuffle(order)
    whole = profile(rows[order], known, threads=1)
    assert a.merge(b).merge(c) == whole
    assert c.merge(a.merge(b)) == whole
    assert merged([b, c, a]) == whole
    assert merged([b, c, a]).to_bytes() == whole.to_bytes()
    assert Profile.from_bytes(whole.to_bytes()) == whole


@pytest.mark.parametrize("batch", [777, 20_000])
def test_many_rows_in_parts_and_batches(batch: int) -> None:
    table = large(20_000)
    known = profile(table)
    assert profile(table, batch=batch) == known
    assert profile(table.lazy(), known, batch=batch) == known
    parts = [profile(table[at : at + 3001], known) for at in range(0, len(table), 3001)]
    random.Random(1).shuffle(parts)
    assert merged(parts) == known
    assert known != profile(table[:-1], known)


def test_many_other_levels_whatever_the_parting() -> None:
    """Bottom-k and the point from which no name is kept depend on the levels alone."""
    reference = profile(pl.DataFrame({"code": [f"r{i // 3}" for i in range(900)]}))
    for number in (50, 256, 257, 390, 395, 400, 405, 500, 3000):
        codes = [f"n{i}" for i in range(number)] * 2
        random.Random(number).shuffle(codes)
        table = pl.DataFrame({"code": codes})
        whole = profile(table, reference)
        parts = [profile(table[at : at + 40], reference) for at in range(0, len(table), 40)]
        assert merged(parts) == whole == merged(reversed(parts))
        found = whole["code"]
        assert found.other == 2 * number
        if number <= 256:
            assert dict(found.new_levels) == dict.fromkeys(codes, 2)
        if number >= 500:  # far more than the 300 of the reference
            assert not found.new_levels


def test_windows_and_sites() -> None:
    table = large(3000).with_columns(
        pl.int_range(3000).mod(5).alias("day_number"), pl.int_range(3000).mod(2).alias("site")
    )
    known = profile(table)
    store = {key: profile(rows, known) for key, rows in table.group_by("day_number", "site")}
    chosen = over(store, days=lambda day: day >= 2, sites=lambda site: site == 1)
    assert chosen == profile(table.filter(pl.col("day_number") >= 2, pl.col("site") == 1), known)
    assert over(store) == known
    with pytest.raises(ClinicalError, match="no profile to add up"):
        over(store, days=lambda day: day > 99)


def test_a_site_without_a_column_makes_it_unknown_and_not_wrong() -> None:
    known = profile(pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, None]}))
    without = profile(pl.DataFrame({"x": [3.0], "z": ["new"]}), known)
    both = known.merge(without)
    assert both == without.merge(known)
    assert both["x"].rows == both["y"].rows == both["z"].rows == 3
    assert both["y"].obstacle == "not in the table"
    assert both["z"].obstacle == "not in the reference"
    assert both["y"].missing is None
    other = profile(pl.DataFrame({"x": [1.0, 3.0], "y": [1.0, None]}))
    with pytest.raises(ClinicalError, match="their bins differ"):
        known.merge(other)
