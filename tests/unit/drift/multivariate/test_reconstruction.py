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
        found.error - found.expected
    )
    assert "outside the limits" in found.explain()
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("rows", [20, 1000])
def test_no_alarm_without_a_change_however_many_rows(rows: int) -> None:
    alarms = [reconstruction(linked(500, s), linked(rows, 900 + s)).outside for s in range(60)]
    assert sum(alarms) <= 4


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
