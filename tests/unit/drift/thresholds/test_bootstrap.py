"""Intervals over days: how often they hold the truth, and what is refused."""

import json

import numpy as np
import pytest

from clinical_assets.drift.thresholds import ROWWISE, block_bootstrap
from clinical_assets.errors import ClinicalError
from tests.unit.drift.thresholds.streams import stream

TV = ROWWISE["total_variation"]


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    truth = np.exp(np.linspace(-1, 1, 10) * 0.5)
    exact = float(TV(np.ones(10), truth))
    held = wide = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        days = stream(rng, 40, 500, wave=0.15, shift=0.5)
        found = block_bootstrap(np.ones(10), days, TV, seed=1, draws=500)
        held += found.low <= exact <= found.high
        wide += found.high - found.low
    assert 0.87 <= held / 200 <= 0.99
    assert wide / 200 < 0.06


def test_days_that_differ_make_it_wider_than_rows_do():
    rng = np.random.default_rng(2)
    whole = np.ones(10)
    even, uneven = stream(rng, 30, 500), stream(rng, 30, 500, wave=0.5)
    widths = []
    for days in (even, uneven):
        found = block_bootstrap(whole, days, TV, seed=1)
        widths.append(found.high - found.low)
    assert widths[1] > 2 * widths[0]


def test_no_change_reaches_down_to_none():
    rng = np.random.default_rng(2)
    found = block_bootstrap(stream(rng, 60, 200), stream(rng, 30, 200), ROWWISE["psi"], seed=1)
    assert found.low == 0.0
    assert found.days == (60, 30)
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_seeds_decide_everything():
    days = stream(np.random.default_rng(2), 30, 200)
    one, same, other = (block_bootstrap(np.ones(10), days, TV, seed=s) for s in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("days", [np.ones(10), np.ones((3, 10))])
def test_too_few_days_are_refused(days):
    with pytest.raises(ClinicalError, match="too few for an interval"):
        block_bootstrap(np.ones(10), days, TV, seed=1)
