"""Bands, their metrics and what they may show; gaps between them equal fairlearn by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from clinical_assets.modelling.fairness import fairness_gaps
from clinical_assets.modelling.metrics import CONFUSION_METRICS, METRICS, measure
from clinical_assets.modelling.spec import Subgroup
from clinical_assets.modelling.subgroups import (
    WITHHELD,
    Settings,
    band_members,
    subgroup_results,
)
from clinical_assets.small_cells import SUPPRESSED

AGE = Subgroup("age", "age", (30.0, 40.0), ("young", "middle", "old"))
SETTINGS = Settings(threshold=0.5, replicates=100, seed=1, minimum_events=11)


def people(**bands: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Outcome, well-calibrated probability and members of bands of (events, non-events)."""
    random = np.random.default_rng(2)
    y = np.concatenate([np.repeat([True, False], counts) for counts in bands.values()])
    p = np.where(y, random.beta(5, 3, len(y)), random.beta(3, 5, len(y)))
    band = np.repeat(list(bands), [sum(counts) for counts in bands.values()])
    return y, p, {name: band == name for name in bands}


def test_bands_hold_their_lower_cut_and_missing_values_form_their_own() -> None:
    values = pl.Series([29.99, 30.0, 39.99, 40.0, None, float("nan")])
    members = band_members(AGE, values)
    assert {k: np.flatnonzero(v).tolist() for k, v in members.items()} == {
        "young": [0],
        "middle": [1, 2],
        "old": [3],
        "missing": [4, 5],
    }


def test_the_missing_band_is_listed_where_declared_even_if_empty() -> None:
    assert list(band_members(AGE, pl.Series([30]))) == ["young", "middle", "old"]
    members = band_members(AGE, pl.Series([30]), nullable=True)
    assert members["missing"].sum() == 0
    assert band_members(AGE, pl.Series([], dtype=pl.Int64))["young"].shape == (0,)


def test_large_bands_show_every_metric_with_its_interval() -> None:
    y, p, members = people(young=(90, 140), old=(100, 120))
    results = subgroup_results("age", members, y, p, SETTINGS)
    for result in results:
        rows = members[result.band]
        assert (result.n, result.events) == (rows.sum(), y[rows].sum())
        assert set(result.metrics) == set(METRICS)
        for metric, estimate in result.metrics.items():
            assert estimate.value == measure(metric, y[rows], p[rows], threshold=0.5).value
            assert estimate.lower is not None
            assert estimate.n == result.n


def test_a_small_band_takes_a_sibling_with_it() -> None:
    y, p, members = people(young=(4, 60), middle=(60, 70), old=(90, 95))
    young, middle, old = subgroup_results("age", members, y, p, SETTINGS)
    for result in (young, middle):
        assert (result.n, result.events, result.suppressed) == (None, None, True)
        for estimate in result.metrics.values():
            assert (estimate.value, estimate.n, estimate.events) == (None, None, None)
            assert estimate.reason == SUPPRESSED
    assert (old.n, old.events, old.suppressed) == (185, 90, False)


def test_a_small_cell_in_the_table_hides_the_rates_that_give_it_away() -> None:
    y, p, members = people(young=(20, 60), old=(80, 90))
    young = members["young"]
    p[young & y], p[young & ~y] = 0.8, 0.2
    p[np.flatnonzero(young & y)[:3]] = 0.4  # three missed: sensitivity 17/20
    p[np.flatnonzero(young & ~y)[:15]] = 0.6
    for result in subgroup_results("age", members, y, p, SETTINGS):
        assert not result.suppressed
        assert result.metrics["auroc"].value is not None
        assert result.metrics["selection_rate"].value is not None
        for metric in CONFUSION_METRICS:
            assert result.metrics[metric].value is None
            assert result.metrics[metric].n is None


@pytest.mark.parametrize(
    ("events", "non_events"),
    [
        ({0.8: 60}, {0.2: 25, 0.4: 30, 0.6: 5}),  # 5 are wrong at 0.5
        ({0.2: 30, 0.4: 30}, {0.4: 5, 0.6: 55}),  # 5 are right at 0.5
    ],
)
def test_few_wrong_or_few_right_hide_the_rates_though_the_table_is_large(
    events: dict[float, int], non_events: dict[float, int]
) -> None:
    y, p, members = people(young=(60, 60), old=(80, 90))
    young = members["young"]
    p[young & y] = np.repeat(list(events), list(events.values()))
    p[young & ~y] = np.repeat(list(non_events), list(non_events.values()))
    settings = replace(SETTINGS, threshold=0.3)
    for result in subgroup_results("age", members, y, p, settings):
        assert not result.suppressed
        for metric in CONFUSION_METRICS:
            assert result.metrics[metric].reason == SUPPRESSED


def test_an_empty_band_shows_zero_and_no_metric() -> None:
    y, p, members = people(young=(90, 140), old=(0, 0))
    old = subgroup_results("age", members, y, p, SETTINGS)[1]
    assert (old.n, old.events, old.suppressed) == (0, 0, False)
    assert old.metrics["auroc"].reason == "no rows"


def test_a_band_without_events_is_too_little_evidence() -> None:
    y, p, members = people(young=(90, 140), old=(0, 50))
    old = subgroup_results("age", members, y, p, SETTINGS)[1]
    assert "0 events and 50 non-events" in old.metrics["auroc"].reason


def gaps_of(**bands: tuple[int, int]) -> tuple[dict, tuple]:
    y, p, members = people(**bands)
    called = p >= 0.5
    results = subgroup_results("age", members, y, p, SETTINGS)
    gaps = {g.measure: g for g in fairness_gaps(results, members, y, p, called)}
    return gaps, (y, p, called, members)


def test_gaps_equal_rates_by_hand() -> None:
    gaps, (y, p, called, members) = gaps_of(young=(90, 140), middle=(80, 85), old=(100, 120))
    rates = {
        "selection_rate": [called[m].mean() for m in members.values()],
        "true_positive_rate": [called[m & y].mean() for m in members.values()],
        "false_positive_rate": [called[m & ~y].mean() for m in members.values()],
        "generalized_true_positive_rate": [p[m & y].mean() for m in members.values()],
        "generalized_false_positive_rate": [p[m & ~y].mean() for m in members.values()],
    }
    assert set(gaps) == set(rates)
    for name, values in rates.items():
        assert gaps[name].bands == ("young", "middle", "old")
        assert gaps[name].difference == pytest.approx(max(values) - min(values))
        assert gaps[name].ratio == pytest.approx(min(values) / max(values))
        assert gaps[name].subgroup == "age"


def test_only_bands_that_show_their_rate_enter_a_gap() -> None:
    gaps, _ = gaps_of(young=(4, 60), middle=(60, 70), old=(90, 95), oldest=(95, 99))
    assert gaps["selection_rate"].bands == ("old", "oldest")
    gaps, _ = gaps_of(young=(4, 60), middle=(60, 70), old=(90, 95))
    for gap in gaps.values():
        assert (gap.difference, gap.ratio, gap.bands) == (None, None, ("old",))
        assert "there are 1" in gap.reason


@pytest.mark.parametrize(
    ("metric", "measures"),
    [
        ("selection_rate", {"selection_rate"}),
        ("sensitivity", {"true_positive_rate"}),
        ("specificity", {"false_positive_rate"}),
        ("auroc", {"generalized_true_positive_rate", "generalized_false_positive_rate"}),
    ],
)
def test_each_gap_leaves_out_the_band_that_withholds_its_rate(
    metric: str, measures: set[str]
) -> None:
    y, p, members = people(young=(90, 140), middle=(80, 85), old=(100, 120))
    young, middle, old = subgroup_results("age", members, y, p, SETTINGS)
    old = replace(old, metrics={**old.metrics, metric: WITHHELD})
    gaps = fairness_gaps((young, middle, old), members, y, p, p >= 0.5)
    assert {g.measure for g in gaps if g.bands == ("young", "middle")} == measures
    assert {g.measure for g in gaps if g.bands == ("young", "middle", "old")}.isdisjoint(measures)


def test_a_rate_of_zero_everywhere_has_no_ratio() -> None:
    y, p, members = people(young=(90, 140), old=(80, 90))
    p = p * 0.1
    results = subgroup_results("age", members, y, p, SETTINGS)
    gaps = {g.measure: g for g in fairness_gaps(results, members, y, p, p >= 0.5)}
    assert gaps["selection_rate"].difference == 0.0
    assert gaps["selection_rate"].ratio is None
    assert "no ratio" in gaps["selection_rate"].reason
