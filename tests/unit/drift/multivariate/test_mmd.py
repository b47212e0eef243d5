"""The kernel two-sample test, against its definition written out."""

import json

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from clinical_assets.drift.multivariate import mmd
from clinical_assets.errors import ClinicalError

Rows = NDArray[np.float64]


def frame(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=[f"x{i}" for i in range(rows.shape[1])])


def naive(x: Rows, y: Rows) -> float:
    """Gretton 2012, equation 3, pair by pair, in standard deviations of the reference."""
    x, y = x / x.std(axis=0), y / x.std(axis=0)
    whole = np.vstack([x, y])
    pairs = [(i, j) for i in range(len(whole)) for j in range(i)]
    width = np.median([np.linalg.norm(whole[i] - whole[j]) for i, j in pairs])

    def k(a: Rows, b: Rows) -> float:
        return float(np.exp(-np.sum((a - b) ** 2) / (2 * width**2)))

    n, m = len(x), len(y)
    within = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    other = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within + other - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_as_the_definition_has_it() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.normal(0.5, 2, (9, 3))
    assert mmd(frame(x), frame(y)).mmd2 == pytest.approx(naive(x, y), abs=1e-12)


def test_features_come_near_the_kernel() -> None:
    rng = np.random.default_rng(1)
    x, y = frame(rng.normal(size=(300, 3))), frame(rng.normal(0.5, 1, (250, 3)))
    exact, mapped = mmd(x, y), mmd(x, y, exact_rows=10, features=2_000)
    assert (exact.exact, mapped.exact) == (True, False)
    assert mapped.mmd2 == pytest.approx(exact.mmd2, rel=0.1)
    assert exact.p == mapped.p == pytest.approx(1 / 501)
    json.dumps(exact.to_dict(), allow_nan=False)
    assert "more than chance" in exact.explain()


@pytest.mark.slow
@pytest.mark.parametrize("exact_rows", [2_000, 10])
def test_false_alarms_are_as_many_as_stated(exact_rows: int) -> None:
    p = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_t(3, (40, 3)), rng.standard_t(3, (30, 3))
        p.append(mmd(frame(x), frame(y), exact_rows=exact_rows, features=64, permutations=99).p)
    assert 0.005 <= np.mean(np.array(p) <= 0.05) <= 0.12


@pytest.mark.slow
def test_repeated_rows_of_patients_raise_no_alarm() -> None:
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        frames = [
            frame(np.repeat(rng.normal(size=(20, 2)), 5, axis=0)).with_columns(
                g=np.repeat(np.arange(20), 5) + 20 * side
            )
            for side in (0, 1)
        ]
        p.append(mmd(*frames, group="g", permutations=99).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.15


def test_a_correlation_alone_is_seen() -> None:
    z = np.random.default_rng(2).normal(size=(2, 500, 2))
    z[1, :, 1] = 0.9 * z[1, :, 0] + np.sqrt(0.19) * z[1, :, 1]
    assert mmd(frame(z[0]), frame(z[1])).p < 0.01


def test_gaps_are_filled_or_their_rows_left_out_and_said() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(100, 2)), rng.normal(size=(100, 2))
    y[:40, 1] = np.nan
    filled = mmd(frame(x), frame(y))
    assert filled.filled == (0.0, 0.2)
    assert "20.0% of the cells" in filled.explain()
    complete = mmd(frame(x), frame(y), missing="complete")
    assert (complete.current, complete.filled) == (60, (0.0, 0.0))
    assert complete.mmd2 == pytest.approx(mmd(frame(x), frame(y[40:])).mmd2)


def test_what_cannot_be_used_is_named() -> None:
    x = pl.DataFrame({"a": [1.0, 2, 3], "inf": [1.0, 2, np.inf], "c": ["a"] * 3, "k": [1.0] * 3})
    found = mmd(x, x)
    assert found.names == ("a",)
    assert {c.name: c.why for c in found.unused} == {
        "inf": "1 infinite values in the reference",
        "c": "no number but of kind category",
        "k": "one value only in the reference, so there is no spread to measure by",
    }
    with pytest.raises(ClinicalError, match="1 rows"):
        mmd(x, x.head(1))
    with pytest.raises(ClinicalError, match="No column can be used"):
        mmd(x.select("c"), x.select("c"))
