"""Run lengths: exact values, a naive enumeration, a simulation."""

import doctest
import itertools

import numpy as np
import pytest

from clinical_assets.drift.thresholds import (
    Persistence,
    bootstrap,
    budget,
    crossing_for,
    expected_run,
    persistence,
    policy,
    windows,
)
from clinical_assets.errors import ClinicalError


@pytest.mark.parametrize("module", [budget, persistence, policy, windows, bootstrap])
def test_examples(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_run_of_k_takes_the_known_time(k):
    p = 0.3
    exact = (1 - p**k) / ((1 - p) * p**k)  # Feller 1968, XIII.7
    assert expected_run(p, Persistence(k, k)) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("columns", [1, 3])
def test_k_of_n_agrees_with_every_history_written_out(columns):
    p, needed, longest = 0.6, Persistence(2, 3), 16
    alone = []
    for length in range(longest):
        quiet = 0.0
        for history in itertools.product([True, False], repeat=length):
            if not any(needed.alarms(history)):
                quiet += p ** sum(history) * (1 - p) ** (length - sum(history))
        alone.append(quiet)
    summed = sum(survival**columns for survival in alone)
    rest = alone[-1] ** columns * 20
    assert summed <= expected_run(p, needed, columns) <= summed + rest


@pytest.mark.parametrize("needed", [Persistence(1, 1), Persistence(2, 3), Persistence(4, 10)])
@pytest.mark.parametrize("columns", [1, 40])
@pytest.mark.parametrize("run", [15.0, 36525.0])
def test_the_crossing_keeps_the_run(needed, columns, run):
    crossing = crossing_for(run, needed, columns)
    assert 0 < crossing < 1
    assert expected_run(crossing, needed, columns) == pytest.approx(run, rel=1e-6)


def test_rarer_crossing_never_shortens_the_run():
    runs = [expected_run(p, Persistence(2, 3), 5) for p in (0.5, 0.1, 1e-2, 1e-4, 1e-9, 0.0)]
    assert runs == sorted(runs)
    assert runs[-1] == float("inf")


def test_a_budget_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="cannot alarm"):
        crossing_for(3, Persistence(3, 5))


def test_persistence_counts_the_last_windows_only():
    alarms = Persistence(2, 3).alarms([True, False, False, True, True, False, True])
    assert list(alarms) == [False, False, False, False, True, False, True]


@pytest.mark.parametrize("text", ["2", "0 of 3", "4 of 3", "2 of 11", "two of 3", "2 of 3 of 4"])
def test_a_persistence_that_makes_no_sense_is_refused(text):
    with pytest.raises(ClinicalError):
        Persistence.read(text)


def test_independent_streams_alarm_as_often_as_budgeted():
    needed, run = Persistence(2, 3), 20.0
    crossing = crossing_for(run, needed)
    rng = np.random.default_rng(4)
    times = []
    for _ in range(2000):
        crossed = rng.random(400) < crossing
        times.append(next(i for i, a in enumerate(needed.alarms(crossed), 1) if a))
    assert np.mean(times) == pytest.approx(run, rel=0.1)
