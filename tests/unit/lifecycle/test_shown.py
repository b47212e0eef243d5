"""What asset pages show of people: no bar, share or cell from which 1–10 of them can be read."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.lifecycle import plots, show
from clinical_assets.small_cells import is_small


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 500), st.floats(0.01, 0.99))
def test_no_bar_stands_for_one_to_ten_people(seed: int, rows: int, prevalence: float) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(100, 30, rows).round(1)
    outcome = random.random(rows) < prevalence
    edges, others, events = plots.histogram(values, outcome)
    assert len(edges) == len(others) + 1 == len(events) + 1
    assert all(np.diff(edges) > 0)
    assert not any(is_small(int(cell)) for cell in (*others, *events))
    if others.sum() + events.sum():
        assert (others.sum(), events.sum()) == ((~outcome).sum(), outcome.sum())
        assert edges[0] <= values.min() <= values.max() < edges[-1]


def test_the_edges_of_a_histogram_are_nobodys_value() -> None:
    values = np.append(np.full(40, 50.0), 99.7)
    edges, _, _ = plots.histogram(values, np.arange(41) % 2 == 0)
    assert 99.7 not in edges
    assert set(edges * 10 % 1) == {0.0}


def test_missing_values_of_the_real_figures_are_told_roughly(dataset: pl.DataFrame) -> None:
    """Exact totals less the parts on the datasheet would give the calibration rows away."""
    said = show.describe(dataset, MODEL.columns)
    assert "| `bmi_kg_per_m2` | kg/m2 | 632 | 1 to 10 |" in said
    assert "| `diastolic_bp_mmhg` | mm[Hg] | 632 | under 5 % |" in said
    assert "| `age_years` | a | 632 | none |" in said


@pytest.mark.parametrize(("part", "said"), [(0, "none"), (10, "1 to 10"), (11, "under 5 %")])
def test_a_share_in_words(part: int, said: str) -> None:
    assert show.roughly(part, 632) == said


def test_small_cells_of_the_roles_are_withheld_with_a_sibling() -> None:
    frame = pl.DataFrame(
        {"role": ["train"] * 60 + ["calibration"] * 20 + ["test"] * 60,
         "y": [True] * 30 + [False] * 30 + [True] * 4 + [False] * 16 + [True] * 25 + [False] * 35}
    )  # fmt: skip
    said = show.counts(frame, "role", "y").splitlines()
    assert said[3] == "| calibration | 20 | suppressed | suppressed |"
    assert sum("suppressed" in line for line in said) == 2
