"""A value that many rows have, told from counts that add up; and what is none."""

import doctest
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift import Profile, merged, profile
from clinical_assets.drift.profiles import spikes

Draw = Callable[[np.random.Generator, int], np.ndarray]
SMOOTH: dict[str, Draw] = {
    "normal": lambda r, n: r.normal(85, 17, n),
    "far": lambda r, n: r.normal(1e6, 1, n),
    "narrow": lambda r, n: r.normal(310.15, 0.7, n),
    "lognormal": lambda r, n: r.lognormal(4, 1, n),
    "wide": lambda r, n: r.lognormal(0, 3, n),
    "cauchy": lambda r, n: r.standard_cauchy(n),
    "huge": lambda r, n: r.standard_cauchy(n) * 10 ** r.uniform(-20, 20, n),
    "whole": lambda r, n: np.rint(r.normal(50_000, 800, n)),
    "counts": lambda r, n: np.rint(r.lognormal(6, 1.5, n)),
    "tenths": lambda r, n: np.round(r.normal(85, 170, n), 1),
    "thousandths": lambda r, n: np.round(r.normal(37, 3, n), 3),
    "rising": lambda r, n: r.beta(0.2, 0.2, n),
    "gamma": lambda r, n: r.gamma(0.1, 1, n),
    "two modes": lambda r, n: np.where(r.random(n) < 0.3, r.normal(5, 0.1, n), r.normal(99, 9, n)),
    "shrunk": lambda r, n: r.normal(85, 0.02, n),
}


def filed(values: np.ndarray, reference: np.ndarray) -> tuple[Profile, Profile]:
    """Both from files, in which the value that was counted is not kept."""
    known = profile(pl.DataFrame({"x": reference}))
    found = profile(pl.DataFrame({"x": values}), known)
    return tuple(Profile.from_bytes(each.to_bytes()) for each in (known, found))  # type: ignore[return-value]


def test_examples() -> None:
    found = doctest.testmod(spikes)
    assert (found.attempted > 0, found.failed) == (True, 0)


@pytest.mark.parametrize("current", SMOOTH)
@pytest.mark.parametrize("reference", SMOOTH)
def test_a_smooth_heavy_or_rounded_column_has_none(reference: str, current: str) -> None:
    for seed, n in ((1, 6000), (2, 30_000)):
        rng = np.random.default_rng(seed)
        _, found = filed(SMOOTH[current](rng, n), SMOOTH[reference](rng, n))
        if found["x"].distinct is None:
            assert found["x"].commonest is None


@pytest.mark.parametrize("share", [0.08, 0.3, 0.9])
@pytest.mark.parametrize("value", [0.0, -1.0, -999.0, 72.5, 85.123456, 9999.0])
@pytest.mark.parametrize("name", ["normal", "lognormal", "thousandths"])
def test_a_frequent_value_is_found_in_a_file(name: str, value: float, share: float) -> None:
    rng = np.random.default_rng(3)
    draw = SMOOTH[name]
    values = np.where(rng.random(20_000) < share, value, draw(rng, 20_000))
    _, found = filed(values, draw(rng, 20_000))
    (told, part), within = found["x"].commonest, found["x"].commonest_within
    assert abs(told - value) <= within <= 0.016 * abs(value)
    assert part == pytest.approx(np.mean(values == value), abs=0.005)
    if value not in (72.5, 85.123456):
        assert told == value


def test_what_was_counted_is_said_as_it_is() -> None:
    rng = np.random.default_rng(4)
    values = np.where(rng.random(9000) < 0.2, 72.123456789, rng.normal(85, 17, 9000))
    found = profile(pl.DataFrame({"x": values}))["x"]
    assert (found.commonest, found.commonest_within) == (
        (72.123456789, np.mean(values == 72.123456789)),
        0.0,
    )


def test_a_frequent_value_of_the_reference_is_known_by_its_tied_quantiles() -> None:
    rng = np.random.default_rng(5)
    values = np.where(rng.random(9000) < 0.2, 72.123456789, rng.normal(85, 17, 9000))
    known, _ = filed(values, values)
    assert known["x"].commonest_within == 0.0
    assert known["x"].commonest[0] == 72.123456789


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6000), max_size=4), st.booleans())
def test_parts_in_any_order_say_the_same(seed: int, cuts: list[int], stuck: bool) -> None:
    rng = np.random.default_rng(seed)
    known = profile(pl.DataFrame({"x": rng.lognormal(3, 1, 4000)}))
    values = rng.lognormal(3, 1, 6000)
    if stuck:
        values[rng.random(6000) < 0.2] = 42.424242
    ends = [0, *sorted(cuts), 6000]
    parts = [profile(pl.DataFrame({"x": values[a:b]}), known) for a, b in pairwise(ends)]
    read = Profile.from_bytes(profile(pl.DataFrame({"x": values}), known).to_bytes())
    for order in (parts, parts[::-1], parts[1:] + parts[:1]):
        whole = merged(order)
        assert whole.to_bytes() == read.to_bytes()
        if len(parts) > 1:
            assert whole["x"].commonest == read["x"].commonest
            assert whole["x"].commonest_within == read["x"].commonest_within
    assert (read["x"].commonest is not None) == stuck
