"""The datasheet: measured against numpy, suppressed where it must be, silent about nothing."""

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.canonical import from_plain, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.datasheet import Datasheet, build_datasheet
from clinical_assets.evidence.datasheet_document import datasheet_html, datasheet_markdown
from clinical_assets.evidence.datasheet_questions import QUESTIONS
from clinical_assets.evidence.forms import datasheet_forms
from clinical_assets.evidence.suppression import suppress_partition
from clinical_assets.modelling.spec import Column
from tests.unit.evidence import examples


def sheet(rows: int = 180, **answers: str) -> Datasheet:
    return build_datasheet(
        examples.spec(),
        examples.source(),
        examples.dataset(rows),
        examples.split(rows),
        answers=answers or None,
    )


def test_splits_and_quartiles_are_those_of_the_rows() -> None:
    found = sheet()
    assert [(s.role, s.n, s.events) for s in found.splits] == [
        ("train", 60, 12),
        ("calibration", 60, 12),
        ("test", 60, 12),
    ]
    rows = examples.dataset(180)[60:120]
    summary = next(s for s in found.summaries if (s.role, s.column) == ("calibration", "age_years"))
    expected = np.quantile(rows["age_years"].to_numpy(), [0.25, 0.5, 0.75])
    assert summary.quartiles == pytest.approx(tuple(expected), abs=1e-12)


def test_small_cells_are_hidden_and_none_of_their_kin_tells() -> None:
    found = sheet(30)
    assert [s.events for s in found.splits] == [None, None, None]
    assert all(s.quartiles is None for s in found.summaries)
    assert all(b.n is None or b.n == 0 or b.n >= 11 for b in found.bands)
    text = datasheet_markdown(found)
    assert "suppressed (n\\<11)" in text


def test_missing_values_of_a_subgroup_column_stand_in_one_place_only() -> None:
    found = sheet()
    bmi = [s for s in found.summaries if s.column == "bmi_kg_per_m2"]
    assert all(s.banded and s.missing is None for s in bmi)
    missing = [b for b in found.bands if (b.subgroup, b.band) == ("bmi", "missing")]
    assert [(b.role, b.n) for b in missing] == [("train", None), ("calibration", 0)]
    assert not any(b.role == "test" for b in found.bands)


def attack(total: int, shown: Sequence[int | None]) -> list[set[int]]:
    """Every value each hidden cell may have, for a reader who knows total and shown cells."""
    hidden = [i for i, value in enumerate(shown) if value is None]
    rest = total - sum(value for value in shown if value is not None)

    def ways(cells: int, left: int) -> list[tuple[int, ...]]:
        if cells == 0:
            return [()] if left == 0 else []
        return [(v, *w) for v in range(left + 1) for w in ways(cells - 1, left - v)]

    found = ways(len(hidden), rest)
    return [{w[i] for w in found} for i in range(len(hidden))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 25), min_size=2, max_size=3))
def test_no_small_cell_can_be_found_by_subtraction(counts: list[int]) -> None:
    shown = suppress_partition(counts)
    assert all(s is None or s == c for s, c in zip(shown, counts, strict=True))
    assert not any(s is not None and 0 < s < 11 for s in shown)
    if any(c >= 11 for c in counts):
        assert all(len(values) > 1 for values in attack(sum(counts), shown))


def test_every_question_is_shown_and_the_unanswered_are_counted() -> None:
    found = sheet()
    assert [a.id for a in found.answers] == [q.id for q in QUESTIONS]
    assert len({q.id for q in QUESTIONS}) == len(QUESTIONS) == 50
    empty = [a for a in found.answers if not a.text]
    assert found.unanswered == len(empty) > 0
    assert all(a.basis == "not answered" for a in empty)
    text = datasheet_markdown(found)
    assert all(f"`{q.id}`" in text for q in QUESTIONS)
    assert f"{found.unanswered} not answered" in text


def test_a_typed_answer_counts_and_a_measured_one_cannot_be_typed() -> None:
    given_one = build_datasheet(
        examples.spec(),
        examples.source(),
        examples.dataset(),
        examples.split(),
        answers={"motivation-3": "Public funds."},
    )
    assert given_one.unanswered == sheet(60).unanswered - 1
    for wrong in ("composition-2", "motivation-9"):
        with pytest.raises(ClinicalError, match=wrong):
            build_datasheet(
                examples.spec(),
                examples.source(),
                examples.dataset(),
                examples.split(),
                answers={wrong: "42"},
            )


def test_facts_of_the_register_are_used_and_their_lack_is_shown() -> None:
    assert "the consent form of the time is not at hand" in datasheet_markdown(sheet())
    silent = build_datasheet(
        examples.spec(),
        examples.source(consent="", license=""),
        examples.dataset(),
        examples.split(),
    )
    by_id = {a.id: a for a in silent.answers}
    assert by_id["collection-9"].basis == "not answered"
    assert by_id["distribution-4"].basis == "not answered"


def test_duplicates_and_repeated_identifiers_are_counted_in_words() -> None:
    plain = {a.id: a.text for a in sheet().answers}
    assert plain["composition-9"].startswith("No two rows are equal")
    twice = pl.concat([examples.dataset(30), examples.dataset(30)]).with_columns(
        pl.Series("patient_id", [f"r{i:03d}" for i in range(60)])
    )
    found = build_datasheet(examples.spec(), examples.source(), twice, examples.split())
    text = {a.id: a.text for a in found.answers}["composition-9"]
    assert text.startswith("30 rows equal another row")


def test_text_levels_are_counted_and_free_text_is_not_listed() -> None:
    site = Column("site", "string", "1", "Where", levels=("north", "south"))
    note = Column("note", "string", "1", "Free text", nullable=True)
    model = examples.spec(columns=(*examples.spec().columns, site, note))
    rows = examples.dataset(180).with_columns(
        pl.Series("site", ["north", "south", "south"] * 60),
        pl.Series("note", [f"secret {i}" for i in range(180)]),
    )
    found = build_datasheet(model, examples.source(), rows, examples.split(180))
    levels = next(s for s in found.summaries if s.column == "site").levels
    assert levels == {"north": 20, "south": 40}
    assert all(b"secret" not in data for data in datasheet_forms(found).values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, s: (d.drop("age_years"), s), "age_years"),
        (lambda d, s: (d, s.drop("role")), "split.role"),
        (lambda d, s: (d, s.head(50)), "split holds 50 rows"),
        (lambda d, s: (d.head(50), s), "data set holds 50 rows"),
        (lambda d, s: (d, pl.concat([s, s.head(1)])), "split holds 61 rows"),
        (lambda d, s: (d, s.with_columns(role=pl.lit("holdout"))), "0 of them"),
        (lambda d, s: (d.clear(), s.clear()), "data set holds 0 rows"),
    ],
    ids=["column", "role column", "short split", "short data", "twice", "roles", "empty"],
)
def test_a_split_that_does_not_fit_is_refused(change: object, message: str) -> None:
    assert callable(change)
    dataset, split = change(examples.dataset(), examples.split())
    with pytest.raises(ClinicalError, match=message):
        build_datasheet(examples.spec(), examples.source(), dataset, split)


def test_no_row_value_or_identifier_of_one_person_is_shown() -> None:
    for data in datasheet_forms(sheet()).values():
        assert b"r000" not in data
        assert b"80.00" not in data  # the smallest glucose value
        assert b"259.0" not in data  # the largest


def test_the_datasheet_survives_json_and_renders_the_same_twice() -> None:
    found = sheet()
    assert from_plain(Datasheet, to_plain(found)) == found
    assert datasheet_forms(found) == datasheet_forms(sheet())
    assert json.loads(datasheet_forms(found)["datasheet.json"])["unanswered"] == found.unanswered


def test_markup_in_the_register_stays_text() -> None:
    evil = dataclasses.replace(examples.source(), collected_by="<script>x</script>")
    found = build_datasheet(examples.spec(), evil, examples.dataset(), examples.split())
    assert "<script>" not in datasheet_html(found)
    assert "&lt;script&gt;" in datasheet_html(found)
