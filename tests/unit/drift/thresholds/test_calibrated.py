"""Calibrated thresholds keep their budget where constant ones cry wolf or sleep."""

import json

import numpy as np
import pytest
from scipy.stats import chisquare

from clinical_assets.drift import distances
from clinical_assets.drift.thresholds import (
    ROWWISE,
    Persistence,
    calibrate,
    calibrate_units,
    day_windows,
    expected_run,
    unit_windows,
)
from clinical_assets.errors import ClinicalError
from tests.unit.drift.thresholds.streams import stream

PSI = ROWWISE["psi"]


def crossing_rate(rows, wave, needed, columns, seeds=5, days=90, statistic=PSI):
    """Mean share of stable days that cross a threshold calibrated on a reference, and how many
    cross PSI 0.2."""
    ours, constant = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        reference = stream(rng, days, rows, wave=wave)
        found = calibrate(
            reference, rows, statistic, run=90, persistence=needed, columns=columns, seed=1
        )
        later = statistic(reference.sum(axis=0), stream(rng, 2000, rows, wave=wave))
        ours.append(np.mean(later > found.value))
        constant.append(np.mean(later >= 0.2))
    return float(np.mean(ours)), float(np.mean(constant))


@pytest.mark.parametrize("wave", [0.1])
@pytest.mark.parametrize("rows", [50, 10_000])
def test_a_false_alarm_comes_about_as_often_as_budgeted(rows, wave):
    needed = Persistence(2, 3)
    rate, _ = crossing_rate(rows, wave, needed, 1)
    assert 60 <= expected_run(rate, needed) <= 150


def test_constant_psi_cries_wolf_on_small_windows_and_sleeps_on_large_ones():
    _, wolf = crossing_rate(50, 0.0, Persistence(2, 3), 1)
    assert wolf > 0.4  # nearly every second day, nothing having changed
    rng = np.random.default_rng(0)
    reference = stream(rng, 90, 10_000)
    found = calibrate(reference, 10_000, PSI, run=90, persistence=Persistence(2, 3), seed=1)
    changed = PSI(reference.sum(axis=0), stream(rng, 500, 10_000, shift=0.3))
    assert np.mean(changed >= 0.2) == 0
    assert np.mean(changed > found.value) > 0.99


def test_chi_squared_is_pearsons_for_each_value():
    reference = np.array([350, 250, 200, 150, 50])
    current = np.array([[30, 25, 20, 15, 10], [35, 25, 20, 15, 5]])
    expected = reference / reference.sum() * 100
    theirs = [chisquare(row, expected).statistic / 100 for row in current]
    assert ROWWISE["chi2"](reference, current) == pytest.approx(theirs)
    assert ROWWISE["chi2"](reference, current)[1] == 0


@pytest.mark.parametrize("name", sorted(ROWWISE))
def test_every_statistic_can_be_calibrated(name):
    needed = Persistence(2, 3)
    rate, _ = crossing_rate(300, 0.1, needed, 1, seeds=3, statistic=ROWWISE[name])
    assert 55 <= expected_run(rate, needed) <= 170


def test_the_size_asked_about_may_be_another_than_the_reference_s():
    rng = np.random.default_rng(3)
    reference = stream(rng, 60, 5000)
    found = calibrate(reference, 100, PSI, run=20, seed=1)
    later = PSI(reference.sum(axis=0), stream(rng, 20_000, 100))
    assert np.mean(later > found.value) == pytest.approx(0.05, abs=0.01)


def test_smaller_windows_need_higher_thresholds():
    reference = stream(np.random.default_rng(3), 60, 1000)
    values = [calibrate(reference, n, PSI, run=90, seed=1).value for n in (50, 500, 5000)]
    assert values == sorted(values, reverse=True)


def test_patients_who_resemble_themselves_raise_the_threshold():
    rng = np.random.default_rng(5)
    patients = stream(rng, 2000, 20, wave=2.0)  # twenty rows each, much alike
    windows = unit_windows(patients, 400, seed=1)
    alike = calibrate(windows, 400, PSI, run=20, seed=1)
    rows = stream(rng, len(windows), 400)
    assert alike.value > 2 * calibrate(rows, 400, PSI, run=20, seed=1).value
    later = PSI(
        patients.sum(axis=0),
        stream(rng, 20 * 3000, 20, wave=2.0).reshape(3000, 20, -1).sum(axis=1),
    )
    drawn = calibrate_units(patients, 400, PSI, run=20, seed=1)
    assert np.mean(later > drawn.value) == pytest.approx(0.05, abs=0.02)


def test_patients_of_many_sizes_keep_the_budget():
    rng = np.random.default_rng(6)

    def some(number):
        sizes = rng.integers(1, 60, number)
        return np.concatenate([stream(rng, 1, int(size), wave=1.5) for size in sizes])

    patients, later = some(1500), some(20_000)
    found = calibrate_units(patients, 300, PSI, run=20, seed=1)
    values = PSI(patients.sum(axis=0), unit_windows(later, 300, seed=2))
    assert np.mean(values > found.value) == pytest.approx(0.05, abs=0.025)


def test_the_same_seed_gives_the_same_threshold():
    reference = stream(np.random.default_rng(3), 30, 100)
    one, other = (calibrate(reference, 100, PSI, run=90, seed=7) for _ in range(2))
    assert one == other
    assert json.dumps(one.to_dict(), allow_nan=False)
    assert "one false alarm comes in 90 windows" in one.explain()


@pytest.mark.parametrize("bins", [1, 2])
def test_columns_of_one_or_two_bins(bins):
    reference = np.full((20, bins), 50)
    found = calibrate(reference, 50, PSI, run=90, seed=1)
    assert np.isfinite(found.value)
    assert found.value >= 0
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_too_little_is_refused_in_words():
    reference = stream(np.random.default_rng(3), 7, 100)
    with pytest.raises(ClinicalError, match="7 windows, too few"):
        calibrate(reference, 100, PSI, run=90, seed=1)
    with pytest.raises(ClinicalError, match="no reference tells"):
        calibrate(np.tile(reference, (2, 1)), 100, PSI, run=1e6, columns=100, seed=1)
    with pytest.raises(ClinicalError, match="2 of 3"):
        calibrate(
            np.tile(reference, (2, 1)), 100, PSI, run=2, persistence=Persistence(2, 3), seed=1
        )
    with pytest.raises(ClinicalError, match="7 days and a window 7"):
        day_windows(reference, 7)
    with pytest.raises(ClinicalError, match="no counts by day"):
        day_windows([1, 2, 3])
    with pytest.raises(ClinicalError, match="nothing to calibrate"):
        unit_windows(reference, 500, seed=1)


def test_unit_windows_share_no_patient():
    patients = np.eye(40, dtype=np.int64)
    found = unit_windows(patients, 4, seed=2)
    assert found.shape == (10, 40)
    assert (found.sum(axis=0) == 1).all()


@pytest.mark.parametrize("name", ["psi", "hellinger", "total_variation", "jensen_shannon"])
def test_rowwise_distances_are_the_plain_ones(name):
    rng = np.random.default_rng(8)
    reference, current = rng.poisson(3, 12), rng.poisson(3, (40, 12))
    plain = [getattr(distances, name)(reference, row) for row in current]
    assert ROWWISE[name](reference, current) == pytest.approx(plain, rel=1e-12)
