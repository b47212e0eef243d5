"""PCA reconstruction error, against scikit-learn's components, quiet where nothing changed."""

import json

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from clinical_assets.drift.multivariate import reconstruction
from clinical_assets.errors import ClinicalError


def frame(rows: NDArray[np.float64]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=[f"x{i}" for i in range(rows.shape[1])])


def linked(rows: int, seed: int, broken: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, 4))
    z[:, 1] = 0.95 * (-z[:, 0] if broken else z[:, 0]) + 0.3 * z[:, 1]
    return frame(z)


def test_as_scikit_learn_reconstructs() -> None:
    x, y = linked(300, 1).to_numpy(), linked(200, 2, broken=True).to_numpy()
    z, w = ((side - x.mean(axis=0)) / x.std(axis=0) for side in (x, y))
    pca = PCA(0.65).fit(z)
    residual = (w - pca.inverse_transform(pca.transform(w))) ** 2
    found = reconstruction(frame(x), frame(y))
    assert found.components == pca.n_components_
    assert found.error == pytest.approx(residual.sum(axis=1).mean())
    assert found.outside
    assert {name for name, _ in found.contributions[:2]} == {"x0", "x1"}
    assert sum(rise for _, rise in found.contributions) == pytest.approx(
        found.told.error - found.told.expected
    )
    assert "outside the limits" in found.explain()
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("rows", [20, 1000])
def test_no_alarm_without_a_change_however_many_rows(rows: int) -> None:
    alarms = [reconstruction(linked(500, s), linked(rows, 900 + s)).outside for s in range(60)]
    assert sum(alarms) <= 4


def alarms(reference: int, current: int, columns: int, windows: int, r: float = 0.0) -> float:
    """Share of windows outside, of unrelated columns; the first two then correlate at ``r``."""
    outside = 0
    for seed in range(windows):
        rng = np.random.default_rng([seed, reference, current, columns])
        x, y = (rng.normal(size=(rows, columns)) for rows in (reference, current))
        y[:, 1] = r * y[:, 0] + np.sqrt(1 - r**2) * y[:, 1]
        outside += reconstruction(frame(x), frame(y)).outside
    return outside / windows


@pytest.mark.parametrize("columns", [5, 20])
@pytest.mark.parametrize("current", [100, 600])
def test_unchanged_windows_lie_within_the_limits_as_often_as_stated(
    current: int, columns: int
) -> None:
    assert alarms(600, current, columns, 80) <= 0.05  # 0.01 stated


def test_a_changed_correlation_of_few_columns_is_seen() -> None:
    assert alarms(600, 600, 4, 40, r=0.8) >= 0.6


def test_variation_from_day_to_day_widens_the_limits() -> None:
    def days(number: int, seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        spread = np.repeat(np.exp(rng.normal(size=(number, 1)) / 2), 20, axis=0)
        return frame(spread * rng.normal(size=(20 * number, 4)))

    seen = [reconstruction(days(200, s), days(20, 900 + s)).outside for s in range(30)]
    shuffled = [
        reconstruction(days(200, s).sample(fraction=1.0, shuffle=True, seed=s), days(20, 900 + s))
        for s in range(30)
    ]
    assert sum(seen) <= 2
    assert sum(found.outside for found in shuffled) > 5  # whose order says nothing of days


def test_limits_of_few_rows_are_skewed_as_squares_are() -> None:
    level = reconstruction(linked(2000, 1), linked(5, 2)).main
    assert level.low > 0
    assert level.high - level.expected > 1.5 * (level.expected - level.low)


def test_each_level_is_that_number_of_components() -> None:
    x, y = linked(300, 1).to_numpy(), linked(200, 2, broken=True).to_numpy()
    z, w = ((side - x.mean(axis=0)) / x.std(axis=0) for side in (x, y))
    found = reconstruction(frame(x), frame(y))
    assert [level.components for level in found.levels] == [1, 2, 3]
    for level in found.levels:
        pca = PCA(level.components).fit(z)
        residual = (w - pca.inverse_transform(pca.transform(w))) ** 2
        assert level.error == pytest.approx(residual.sum(axis=1).mean())
    assert found.told.explain() in found.explain()


def test_columns_that_follow_from_others_leave_nothing_but_rounding() -> None:
    x = np.random.default_rng(1).normal(size=(200, 1)) @ np.ones((1, 3))
    assert not reconstruction(frame(x[:120]), frame(x[120:])).outside


@pytest.mark.parametrize("options", [{"confidence": 1.0}, {"confidence": np.nan}, {"chunks": 1}])
def test_limits_that_make_no_sense_are_refused(options: dict) -> None:
    with pytest.raises(ClinicalError, match="make no sense"):
        reconstruction(linked(100, 1), linked(100, 2), **options)


def test_hostile_tables() -> None:
    wide = np.random.default_rng(3).normal(size=(2, 40, 70))
    found = reconstruction(frame(wide[0]), frame(wide[1]))
    assert not found.outside
    one = reconstruction(linked(100, 1), linked(1, 2))
    assert np.isfinite(one.error)
    gone = linked(100, 1).with_columns(x9=pl.lit(None, dtype=pl.Float64))
    assert reconstruction(gone, gone).unused[0].why == "no value in the reference"
    with pytest.raises(ClinicalError, match="needs at least 30"):
        reconstruction(linked(5, 1), linked(5, 2))
