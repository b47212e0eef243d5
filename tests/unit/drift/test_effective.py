"""Counts that are brought to fewer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.drift.effective import shrunk


@given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(0, 1))
def test_shrunk_counts_add_up_and_lie_within_one_of_their_share(
    counts: list[int], share: float
) -> None:
    held = np.array([*counts, 1])
    total = max(1, round(share * held.sum()))
    found = shrunk(held, total)
    assert found.sum() == total
    assert (np.abs(found - held * (total / held.sum())) < 1 + 1e-6).all()


def test_all_that_there_is_stays() -> None:
    held = np.random.default_rng(1).integers(0, 50, 1000)
    assert (shrunk(held, int(held.sum())) == held).all()
