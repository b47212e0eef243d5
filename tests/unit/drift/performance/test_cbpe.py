"""Estimates against every label vector there is, scikit-learn, and the labels that come."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift.performance import (
    by_window,
    estimated,
    prediction_drift,
    reconciled,
    record,
    reference,
)
from clinical_assets.drift.performance.cbpe import expected_auroc
from clinical_assets.drift.performance.formulas import FORMULAS
from clinical_assets.drift.performance.poisson_binomial import poisson_binomial
from clinical_assets.drift.performance.rows import rows
from clinical_assets.drift.performance.trust import ALWAYS, Limits, Reference
from clinical_assets.errors import ClinicalError

NANNYML = {
    "accuracy": 0.8047295,
    "sensitivity": 0.6420978024450612,
    "specificity": 0.8860422994712566,
    "ppv": 0.738025,
    "f1": 0.6867276300485301,
    "auroc": 0.8749672436551603,
}
LINEAR = ("accuracy", "ppv")
EXACT = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "f1", "brier")


def drawn(n: int, seed: int = 0, slope: float = 1.0, shift: float = 0.0) -> tuple:
    """Probabilities, and labels whose log odds are ``slope`` times theirs plus ``shift``."""
    draw = np.random.default_rng(seed)
    p = draw.beta(1, 4, n)
    true = 1 / (1 + np.exp(-(slope * np.log(p / (1 - p)) + shift)))
    return p, draw.random(n) < true


@pytest.fixture(scope="module")
def good() -> Reference:
    p, y = drawn(20_000)
    return reference(y, p, seed=1)


def enumerated(p: list[float], threshold: float) -> dict[str, list[tuple[float, float]]]:
    """Each measure's value on every label vector, with that vector's probability."""
    found, all_rows = {name: [] for name in FORMULAS}, rows(p, threshold)
    for vector in itertools.product([0.0, 1.0], repeat=len(p)):
        chance = math.prod(q if y else 1 - q for q, y in zip(p, vector, strict=True))
        for name, formula in FORMULAS.items():
            found[name].append((float(formula(all_rows, np.array([vector]))[0]), chance))
    return found


@settings(max_examples=30, deadline=None)
@given(
    p=st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.99, 1.0]), min_size=1, max_size=7),
    threshold=st.sampled_from([0.2, 0.5, 0.75]),
)
def test_means_are_those_over_every_label_vector(p: list[float], threshold: float) -> None:
    q, y = drawn(500)
    result = estimated(p, reference=reference(y, q, seed=0), threshold=threshold, seed=1, draws=100)
    for name, outcomes in enumerated(p, threshold).items():
        if name not in EXACT:
            continue
        defined = [(v, c) for v, c in outcomes if not math.isnan(v)]
        mass = sum(c for _, c in defined)
        if abs(mass - 0.99) < 1e-9:  # which side of the limit it lies on, rounding decides
            continue
        if mass < 0.99:
            assert result.values[name].value is None
            assert result.values[name].reason
        else:
            mean = sum(v * c for v, c in defined) / mass
            assert result.values[name].value == pytest.approx(mean, abs=1e-9)


def test_band_is_the_exact_one(good: Reference) -> None:
    p = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1, 0.95, 0.05]
    result = estimated(p, reference=good, threshold=0.5, seed=1, confidence=0.8)
    for name in ("accuracy", "sensitivity", "specificity", "ppv", "npv", "f1"):
        band = result.values[name]
        outcomes = [(v, c) for v, c in enumerated(p, 0.5)[name] if not math.isnan(v)]
        mass = sum(c for _, c in outcomes)
        below = sum(c for v, c in outcomes if v < band.lower - 1e-12) / mass
        above = sum(c for v, c in outcomes if v > band.upper + 1e-12) / mass
        assert below <= 0.1 + 1e-9, name
        assert above <= 0.1 + 1e-9, name
        least = sum(c for v, c in outcomes if v <= band.lower + 1e-12) / mass
        assert least >= 0.1 - 1e-9, name


@settings(max_examples=30, deadline=None)
@given(p=st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.8, 0.9]), min_size=2, max_size=7))
def test_auroc_is_the_ratio_of_two_exact_means(p: list[float]) -> None:
    right = pairs = 0.0
    for i, j in itertools.permutations(range(len(p)), 2):
        chance = p[i] * (1 - p[j])
        right += chance * ((p[i] > p[j]) + 0.5 * (p[i] == p[j]))
        pairs += chance
    assert expected_auroc(rows(p, 0.5)) == pytest.approx(right / pairs, abs=1e-12)


def test_auroc_nears_the_mean_over_every_label_vector() -> None:
    p = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    outcomes = [(v, c) for v, c in enumerated(p, 0.5)["auroc"] if not math.isnan(v)]
    mean = sum(v * c for v, c in outcomes) / sum(c for _, c in outcomes)
    assert expected_auroc(rows(p, 0.5)) == pytest.approx(mean, abs=0.01)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 50])
def test_poisson_binomial_against_one_by_one(n: int) -> None:
    p = np.random.default_rng(n).random(n)
    mass = np.ones(1)
    for q in p:
        mass = np.convolve(mass, [1 - q, q])
    assert poisson_binomial(p) == pytest.approx(mass, abs=1e-14)


def test_poisson_binomial_of_many_equal_is_binomial() -> None:
    from scipy.stats import binom

    found = poisson_binomial(np.full(30_000, 0.03))
    assert np.abs(found - binom(30_000, 0.03).pmf(np.arange(30_001))).max() < 1e-13


def test_realised_values_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    p, y = drawn(300, seed=4)
    p = p.round(2)  # ties
    here, called = rows(p, 0.3), p >= 0.3
    wanted = {
        "accuracy": metrics.accuracy_score(y, called),
        "sensitivity": metrics.recall_score(y, called),
        "specificity": metrics.recall_score(~y, ~called),
        "ppv": metrics.precision_score(y, called),
        "npv": metrics.precision_score(~y, ~called),
        "f1": metrics.f1_score(y, called),
        "auroc": metrics.roc_auc_score(y, p),
        "brier": metrics.brier_score_loss(y, p),
    }
    for name, value in wanted.items():
        found = FORMULAS[name](here, y[None].astype(float))[0]
        assert found == pytest.approx(value, abs=1e-12), name


def test_estimate_of_nannyml(good: Reference) -> None:
    """Figures of NannyML 0.13.1's estimators; it divides expected counts, we take means."""
    p = np.linspace(0.005, 0.995, 100) ** 2
    found = estimated(p, reference=good, threshold=0.5, seed=1).values
    for name, theirs in NANNYML.items():
        # Theirs counts each row's pair with itself in the AUROC.
        assert found[name].value == pytest.approx(theirs, abs=1e-9 if name in LINEAR else 0.004)


def coverage(good: Reference, windows: int, n: int) -> dict[str, float]:
    inside = dict.fromkeys(FORMULAS, 0)
    for seed in range(windows):
        p, y = drawn(n, seed=seed + 100)
        found = estimated(p, reference=good, threshold=0.3, seed=seed, draws=400)
        for name in FORMULAS:
            value, band = FORMULAS[name](rows(p, 0.3), y[None].astype(float))[0], found.values[name]
            inside[name] += band.lower <= value <= band.upper
    return {name: count / windows for name, count in inside.items()}


def test_bands_cover(good: Reference) -> None:
    for name, share in coverage(good, 150, 300).items():
        assert 0.89 <= share <= 1.0, (name, share)


@pytest.mark.slow
def test_bands_cover_as_often_as_they_say(good: Reference) -> None:
    for name, share in coverage(good, 2000, 400).items():
        assert 0.935 <= share <= 0.975, (name, share)


def test_same_seed_same_answer(good: Reference) -> None:
    p, _ = drawn(500, seed=9)
    one, two, other = (
        estimated(p, reference=good, threshold=0.3, seed=s, draws=100) for s in (1, 1, 2)
    )
    assert one == two
    assert one.values["auroc"].value == other.values["auroc"].value
    assert one != other


def test_trusted_where_all_is_well(good: Reference) -> None:
    p, _ = drawn(500, seed=9)
    found = estimated(p, reference=good, threshold=0.3, seed=1)
    assert found.trusted, found.doubts
    assert ALWAYS in found.explain()
    assert found.to_dict()["caveat"] == ALWAYS
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("slope", "shift", "words"),
    [(0.5, 0.0, "slope"), (1.0, 0.7, "intercept"), (1.0, 0.7, "calibration error")],
)
def test_a_reference_that_is_badly_calibrated(slope: float, shift: float, words: str) -> None:
    p, y = drawn(5000, slope=slope, shift=shift)
    poor = reference(y, p, seed=1)
    found = estimated(p, reference=poor, threshold=0.3, seed=1, draws=100)
    assert any(words in doubt for doubt in found.doubts)
    assert any("Spiegelhalter" in doubt for doubt in found.doubts)
    assert "Not to be trusted" in found.explain()
    assert "Not to be trusted" in poor.explain()


def test_a_small_reference_and_a_small_window(good: Reference) -> None:
    p, y = drawn(100)
    few = reference(y, p, seed=1)
    found = estimated(p[:20], reference=few, threshold=0.3, seed=1, draws=100)
    text = " ".join(found.doubts)
    assert "the reference has" in text
    assert "the window has 20 rows" in text
    assert "are expected in the window" in text


def test_scores_and_covariates_outside_of_what_was_seen() -> None:
    p, y = drawn(5000)
    age = np.linspace(20, 80, 5000)
    known = reference(y, p, seed=1, covariates={"age_years": age})
    older = np.where(np.arange(500) < 50, 95.0, 50.0)
    high = np.linspace(0.5, 1.0, 500)
    found = estimated(
        high, reference=known, threshold=0.3, seed=1, covariates={"age_years": older, "weight": age}
    )
    text = " ".join(found.doubts)
    assert "10.0% of the window is outside the reference's range of 'age_years'" in text
    assert "knows nothing of 'weight'" in text
    assert "'score'" in text


def test_drift_of_concept_shows_only_in_the_labels(good: Reference) -> None:
    p, y = drawn(2000, seed=5, shift=0.8)
    found = estimated(p, reference=good, threshold=0.3, seed=1)
    assert found.trusted
    seen = reconciled(found, y, p, seed=1)
    assert not seen.holds
    assert "ppv" in seen.outside
    assert seen.error("ppv") < 0
    assert "does not hold" in seen.explain()
    assert "drift of concept" in seen.explain()
    json.dumps(seen.to_dict(), allow_nan=False)


@pytest.mark.slow
def test_the_verdict_over_all_measures_holds_its_rate(good: Reference) -> None:
    fails = bands = 0
    for seed in range(120):
        p, y = drawn(150, seed=seed + 7000)
        guess = estimated(p, reference=good, threshold=0.3, seed=seed, draws=200)
        seen = reconciled(guess, y, p, seed=seed)
        fails, bands = fails + (not seen.holds), bands + bool(seen.outside)
    assert fails <= 12  # 6 expected; more than 12 are 0.5 % probable
    assert bands > fails


def test_the_verdict_sees_probabilities_that_are_off(good: Reference) -> None:
    p, y = drawn(300, seed=5)
    for wrong in (np.minimum(1, 1.5 * p), np.random.default_rng(1).permutation(p)):
        guess = estimated(wrong, reference=good, threshold=0.3, seed=1, draws=100)
        seen = reconciled(guess, y, wrong, seed=1)
        assert seen.chance < 0.01
        assert ". Something that it rests on is not so" in seen.explain()


def test_one_measure_just_beyond_its_band_is_no_failure(good: Reference) -> None:
    for seed in range(100):
        p, y = drawn(150, seed=seed + 9000)
        guess = estimated(p, reference=good, threshold=0.3, seed=seed, draws=100)
        seen = reconciled(guess, y, p, seed=seed)
        if len(seen.outside) == 1 and seen.holds:
            break
    assert "the estimate holds: " in seen.explain()
    assert "beyond the band of one measure alone; over all measures together" in seen.explain()
    assert "rests on" not in seen.explain()


def test_the_chance_of_a_verdict_is_that_over_every_label_vector(good: Reference) -> None:
    p, y = [0.9, 0.6, 0.3, 0.2], [0, 0, 1, 1]
    guess = estimated(p, reference=good, threshold=0.5, seed=1, draws=100)
    found = reconciled(guess, y, p, seed=1).chance
    assert found == pytest.approx(naive_chance(p, y), abs=0.02)


def naive_chance(p: list[float], y: list[int]) -> float:
    vectors = list(itertools.product([0, 1], repeat=len(p)))
    by_measure = enumerated(p, 0.5)
    depth = [1.0] * len(vectors)
    for outcomes in by_measure.values():
        there = [(v, c) for v, c in outcomes if not math.isnan(v)]
        for i, (value, _) in enumerate(outcomes):
            if not math.isnan(value):
                below = sum(c for v, c in there if v <= value + 1e-12)
                above = sum(c for v, c in there if v >= value - 1e-12)
                depth[i] = min(depth[i], below, above)
    mine = depth[vectors.index(tuple(y))]
    chances = [c for _, c in by_measure["brier"]]
    return sum(c for d, c in zip(depth, chances, strict=True) if d <= mine + 1e-12)


def test_record_over_windows(good: Reference) -> None:
    def windows(shift: float) -> list:
        found = []
        for seed in range(6):
            p, y = drawn(200, seed=seed + 50, shift=shift)
            guess = estimated(p, reference=good, threshold=0.3, seed=seed, draws=200)
            found.append(reconciled(guess, y, p, seed=seed))
        return found

    right = {track.measure: track for track in record(windows(0.0))}
    wrong = {track.measure: track for track in record(windows(1.0))}
    assert right["ppv"].holds
    assert right["ppv"].windows == 6
    assert abs(right["ppv"].bias) < 0.08
    assert not wrong["ppv"].holds
    assert wrong["ppv"].bias < -0.1
    assert "do not hold" in wrong["ppv"].explain()
    assert record([]) == []


def test_chance_of_a_record_is_binomial(good: Reference) -> None:
    from scipy.stats import binom

    p, y = drawn(300, seed=5, shift=1.5)
    guess = estimated(p, reference=good, threshold=0.3, seed=1, draws=100)
    bad = reconciled(guess, y, p, seed=1)
    (track,) = (t for t in record([bad] * 3) if t.measure == "ppv")
    assert (track.outside, track.windows) == (3, 3)
    assert track.chance == pytest.approx(binom.sf(2, 3, 0.05))


def test_labels_of_other_rows_are_refused(good: Reference) -> None:
    p, y = drawn(200)
    guess = estimated(p, reference=good, threshold=0.3, seed=1, draws=100)
    with pytest.raises(ClinicalError, match="not those of the estimate"):
        reconciled(guess, y[:100], p[:100], seed=1)
    with pytest.raises(ClinicalError, match="neither 0 nor 1"):
        reconciled(guess, np.where(y, 2, 0), p, seed=1)


def test_windows_by_name(good: Reference) -> None:
    p, _ = drawn(400)
    names = ["b"] * 150 + ["a"] * 250
    found = by_window(names, p, reference=good, threshold=0.3, seed=1, draws=100)
    assert [(w.window, w.n) for w in found] == [("b", 150), ("a", 250)]
    alone = estimated(p[150:], reference=good, threshold=0.3, seed=1, draws=100, window="a")
    assert found[1] == alone


@pytest.mark.parametrize("bad", [[], [0.5, math.nan], [1.5], [-0.1], ["x"], [[0.5]], [None]])
def test_no_probabilities(bad: list, good: Reference) -> None:
    with pytest.raises(ClinicalError):
        estimated(bad, reference=good, threshold=0.3, seed=1)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2, -0.01, None, "x", True])
def test_a_threshold_that_makes_no_sense_is_refused(bad: object, good: Reference) -> None:
    with pytest.raises(ClinicalError, match="from 0 to 1"):
        estimated([0.2, 0.9], reference=good, threshold=bad, seed=1)
    with pytest.raises(ClinicalError, match="from 0 to 1"):
        prediction_drift([0.2, 0.9], [0.3], threshold=bad)


def test_a_threshold_of_scores_that_are_no_probabilities(good: Reference) -> None:
    p, score = [0.2, 0.9], [-1.4, 2.2]
    found = estimated(p, reference=good, threshold=-2, seed=1, score=score)
    assert found.values["npv"].value is None  # no row lies below the threshold
    with pytest.raises(ClinicalError, match="Give a finite number"):
        estimated(p, reference=good, threshold=math.nan, seed=1, score=score)
    for edge in (0, 1):
        estimated(p, reference=good, threshold=edge, seed=1)


@pytest.mark.parametrize("p", [[0.0] * 5, [1.0] * 5, [0.5], [0.5] * 200, [0.0, 1.0], [5e-324, 1.0]])
def test_shapes_that_hardly_vary(p: list[float], good: Reference) -> None:
    found = estimated(p, reference=good, threshold=0.5, seed=1, draws=100)
    json.dumps(found.to_dict(), allow_nan=False)
    for value in found.values.values():
        assert (value.value is None) == bool(value.reason)
        if value.value is not None:
            assert value.lower - 1e-9 <= value.value <= value.upper + 1e-9


def test_several_rows_of_one_patient(good: Reference) -> None:
    p, _ = drawn(400)
    names, patients = ["a"] * 200 + ["b"] * 200, [*range(200), *([7, 8] * 100)]
    one, other = by_window(
        names, p, reference=good, threshold=0.3, seed=1, draws=100, patients=patients
    )
    assert one.trusted
    assert "the 200 rows are of 2 patients" in other.doubts[0]


def test_limits_are_the_callers(good: Reference) -> None:
    p, y = drawn(2000)
    strict = reference(y, p, seed=1, limits=Limits(rows=10_000))
    assert not estimated(p, reference=strict, threshold=0.3, seed=1, draws=100).trusted
