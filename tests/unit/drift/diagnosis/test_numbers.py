"""Faults put into numbers, and what is named first; what is not to be named."""

import doctest
import json

import numpy as np
import polars as pl
import pytest

from clinical_assets.drift.diagnosis import Background, Parts, diagnose_numbers, season, units
from clinical_assets.drift.diagnosis import change as changes
from clinical_assets.drift.profiles import profile
from tests.unit.drift.diagnosis.exact import Numbers


def glucose(seed, n=2000):
    rng = np.random.default_rng(seed)
    return np.round(rng.lognormal(4.85, 0.35, n))


def kinds(name, before, after, background=None):
    return [c.kind for c in diagnose_numbers(name, Numbers(before), Numbers(after), background)]


@pytest.mark.parametrize("module", [changes, units, season])
def test_examples(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


FAULTS = {
    "unit": lambda v: np.round(v / 18.0156, 1),
    "offset": lambda v: v + 30,
    "scale": lambda v: np.round(v * 1.3, 1),
    "spread": lambda v: np.round((v - np.median(v)) * 2 + np.median(v)),
    "precision": lambda v: np.round(v / 20) * 20,
    "missing": lambda v: np.where(np.arange(len(v)) % 4 == 0, np.nan, v),
    "stuck": lambda v: np.where(np.arange(len(v)) % 3 == 0, 110.0, v),
    "placeholder": lambda v: np.where(np.arange(len(v)) % 8 == 0, -1.0, v),
    "out_of_range": lambda v: np.select(
        [np.arange(len(v)) % 8 == 0, np.arange(len(v)) % 8 == 1], [-1.0, 999.0], v
    ),
    "clipped": lambda v: np.minimum(v, 160.0),
    "cut_off": lambda v: v[v <= 160],
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_fault_put_in_is_named_first(fault):
    right = 0
    for seed in range(5):
        found = kinds("glucose", glucose(seed, 5000), FAULTS[fault](glucose(seed + 100)))
        right += found[:1] == [fault]
    assert right == 5


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_profiles_say_the_same_as_every_value(fault):
    before, after = glucose(1, 5000), FAULTS[fault](glucose(2))
    reference = profile(pl.DataFrame({"glucose": before}))
    current = profile(pl.DataFrame({"glucose": after}).fill_nan(None), reference=reference)
    found = diagnose_numbers("glucose", reference["glucose"], current["glucose"])
    assert found[0].kind == fault == kinds("glucose", before, after)[0]


def test_the_sentence_of_a_unit():
    (first, *_) = diagnose_numbers(
        "glucose", Numbers(glucose(1)), Numbers(FAULTS["unit"](glucose(2)))
    )
    assert first.sentence == "Values are 18.0 times smaller: mg/dL → mmol/L of glucose"
    assert first.weight > 0.95
    assert first.evidence["factor"] == pytest.approx(1 / 18.0156)
    assert json.dumps(first.to_dict(), allow_nan=False)


def test_degrees_fahrenheit():
    rng = np.random.default_rng(1)
    before, after = np.round(rng.normal(37, 0.7, (2, 3000)), 1)
    assert kinds("temp", before, np.round(after * 1.8 + 32, 1))[0] == "unit"


def test_some_of_the_values_in_another_unit():
    after = glucose(2)
    after[:800] = np.round(after[:800] / 18.0156, 1)
    (first, *_) = diagnose_numbers("glucose", Numbers(glucose(1)), Numbers(after))
    assert first.kind == "unit"
    assert first.evidence["share"] == pytest.approx(0.4, abs=0.051)


def test_a_name_decides_between_near_factors():
    def first(name):
        after = FAULTS["unit"](glucose(2))
        return diagnose_numbers(name, Numbers(glucose(1)), Numbers(after))[0].sentence

    assert "glucose" in first("glucose_mg_per_dl")
    assert "glucose" in first("x17")
    assert "bilirubin" not in first("lab")


@pytest.mark.parametrize("make", ["normal", "lognormal", "gamma"])
@pytest.mark.parametrize("shift", [0.25, 0.5, 1.0, 2.0])
def test_a_plain_shift_is_seldom_taken_for_something_else(make, shift):
    wrong = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        draw = {
            "normal": lambda rng=rng: rng.normal(85, 17, 2000),
            "lognormal": lambda rng=rng: rng.lognormal(4.85, 0.35, 2000),
            "gamma": lambda rng=rng: rng.gamma(2.0, 20.0, 2000),
        }[make]
        before, after = draw(), draw()
        found = kinds("value", before, after + shift * before.std())
        wrong += bool(found) and found[0] not in ("offset", "unexplained")
    assert wrong == 0


def test_nothing_changed_and_nothing_is_said():
    spoke = [s for s in range(40) if kinds("glucose", glucose(s), glucose(s + 1000))]
    assert len(spoke) <= 1


def test_a_change_that_nothing_explains_says_so():
    rng = np.random.default_rng(1)
    before = rng.normal(0, 1, 4000)
    after = np.concatenate([rng.normal(-3, 0.3, 2000), rng.normal(3, 0.3, 2000)])
    first = diagnose_numbers("x", Numbers(before), Numbers(after))[0]
    assert first.kind in ("unexplained", "spread")
    heaped = rng.choice([-2.0, -1.9, 0.4, 3.0], 4000)
    assert kinds("x", before, heaped)[0] == "unexplained"


def test_other_shares_of_the_sites():
    rng = np.random.default_rng(1)
    a, b = rng.normal(80, 10, 6000), rng.normal(110, 10, 6000)
    before, after = np.concatenate([a[:5000], b[:1000]]), np.concatenate([a[:1000], b[:3000]])
    sites = Parts({"A": Numbers(a[:5000]), "B": Numbers(b[:1000])}, {"A": 1000, "B": 3000})
    found = diagnose_numbers("hr", Numbers(before), Numbers(after), Background(sites=sites))
    assert found[0].kind == "site_mix"
    assert "B has 75%" in found[0].sentence
    known = Background(groups={"ward": sites})
    assert diagnose_numbers("hr", Numbers(before), Numbers(after), known)[0].kind == "case_mix"
    same = Parts(sites.reference, {"A": 5000, "B": 1000})
    found = diagnose_numbers("hr", Numbers(before), Numbers(after), Background(sites=same))
    assert "site_mix" not in [cause.kind for cause in found]


def test_other_columns_that_changed_are_named_after_what_explains():
    age = Numbers(glucose(1)), Numbers(glucose(2) + 60)
    known = Background(context={"age": age})
    found = kinds("glucose", glucose(1), FAULTS["unit"](glucose(2)), known)
    assert found[0] == "unit"
    assert "context" in found


def test_a_season():
    rng = np.random.default_rng(1)
    before = np.concatenate([rng.normal(0, 1, 3000), rng.normal(2, 1, 1000)])
    after, year_before = rng.normal(2, 0.9, (2, 1000))
    known = Background(year_before=Numbers(year_before))
    assert kinds("x", before, after, known)[0] == "seasonal"


def test_measured_less_often():
    rng = np.random.default_rng(1)
    before, after = glucose(1), glucose(2)
    before[rng.random(2000) < 0.8] = np.nan
    after[rng.random(2000) < 0.95] = np.nan
    found = diagnose_numbers("lab", Numbers(before), Numbers(after))
    assert found[0].kind == "measured_less"
    assert "times less often" in found[0].sentence


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([np.nan], []),
        ([np.nan] * 9, [1.0]),
        ([1.0], [np.nan]),
        ([1.0], [2.0]),
        ([5.0] * 500, [5.0] * 500),
        ([5.0] * 500, [6.0] * 500),
        ([0.0, 1.0] * 500, [0.0] * 900 + [1.0] * 100),
        ([0.0] * 500, list(range(500))),
        ([1e-300, 1e300] * 500, [-1e300, 1e-300] * 500),
        ([np.inf, 1.0] * 500, [-np.inf, 3.0] * 500),
        ([2.0**60 + 4096 * i for i in range(500)], [2.0**61] * 500),
        (list(range(500)), [np.nan] * 500),
    ],
)
def test_hostile_columns_give_plain_values(before, after):
    with np.errstate(all="ignore"):
        frames = [
            pl.DataFrame({"x": pl.Series(v, dtype=pl.Float64)}).fill_nan(None)
            for v in (before, after)
        ]
        reference = profile(frames[0])
        summaries = reference["x"], profile(frames[1], reference=reference)["x"]
        if reference["x"].rows:
            found = diagnose_numbers("x", *summaries)
            assert json.dumps([cause.to_dict() for cause in found], allow_nan=False)
            assert all(0 <= cause.weight <= 1 for cause in found)
