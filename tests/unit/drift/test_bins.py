"""Bins that see what falls from a value that nearly everybody has."""

import math
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from clinical_assets.drift import compare, profile
from clinical_assets.drift.bins import bin_edges
from clinical_assets.drift.windows import compare_windows

RNG = np.random.default_rng(2)
Floats = NDArray[Any]


def nearly_all(share: float, value: float, others: Floats) -> Floats:
    return np.where(RNG.random(len(others)) < share, value, others)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (np.full(40, 9.0), np.full(40, 1.0)),
        (nearly_all(0.91, 100, RNG.integers(80, 100, 5000)), RNG.integers(80, 101, 5000)),
        (nearly_all(0.92, 1, np.zeros(5000, int)), nearly_all(0.08, 1, np.zeros(5000, int))),
        (nearly_all(0.95, 15, RNG.normal(10, 1, 30_000)), RNG.normal(10, 1, 30_000)),
        (nearly_all(0.9999, 15, RNG.normal(10, 1, 30_000)), RNG.normal(10, 1, 30_000)),
    ],
)
def test_a_value_that_nearly_all_have_is_seen_to_fall(before: object, after: object) -> None:
    a, b = pl.DataFrame({"x": before}), pl.DataFrame({"x": after})
    known = profile(a)
    timed = b.with_columns(at=pl.lit(datetime(2026, 1, 1)))
    (window,) = compare_windows(a, timed, "at")
    exact = compare(a, b)["x"]
    assert window.comparison is not None
    assert exact.drifted
    assert exact.statistics["psi"] is not None
    assert exact.statistics["psi"] > 1
    assert window.comparison["x"].statistics["psi"] == pytest.approx(exact.statistics["psi"])
    from_profiles = compare(known, profile(b, known))["x"]
    assert from_profiles.drifted
    assert from_profiles.statistics["psi"] == pytest.approx(exact.statistics["psi"], rel=0.01)
    assert not compare(a, a)["x"].drifted


def test_edges_are_numbers_and_rise() -> None:
    def edges(*values: float) -> list[float]:
        ordered = np.sort(np.array(values))
        with np.errstate(invalid="ignore"):
            return bin_edges(lambda p: np.quantile(ordered, p), 10).tolist()

    assert edges(*range(11)) == list(range(1, 10))
    assert edges(3.0) == [math.nextafter(3.0, -math.inf), 3.0]
    assert edges(*[1.0] * 11, math.inf) == [math.nextafter(1.0, 0), 1.0]


@pytest.mark.parametrize("rows", [9_000, 15_000])
def test_many_infinities_are_no_fault(rows: int) -> None:
    values = np.where(RNG.random(rows) < 0.15, math.inf, 0.3 * np.arange(rows))
    frame = pl.DataFrame({"x": values})
    assert compare(frame, frame)["x"].statistics["psi"] == 0
