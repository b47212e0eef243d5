"""Text that is a time, and text that only looks like one."""

import doctest
from datetime import UTC, date, datetime

import polars as pl
import pytest

from clinical_assets.drift import iso8601
from clinical_assets.drift.iso8601 import first_other, strictly

_EIGHT = datetime(2026, 1, 31, 8)


def test_examples() -> None:
    found = doctest.testmod(iso8601)
    assert (found.attempted > 0, found.failed) == (True, 0)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T08:00", _EIGHT),
        ("2026-01-31 08:00", _EIGHT),
        ("2026-01-31 08:00:00", _EIGHT),
        ("2026-01-31T08:00:00.25", _EIGHT.replace(microsecond=250_000)),
        ("2026-01-31T08:00:00.000000000", _EIGHT),
        ("2026-01-31T08:00Z", _EIGHT.replace(tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", _EIGHT.replace(tzinfo=UTC)),
        ("2026-01-31 03:00:00.000-0500", _EIGHT.replace(tzinfo=UTC)),
        ("2026-01-31 03:00:00-05", _EIGHT.replace(tzinfo=UTC)),
    ],
)
def test_forms_of_the_standard_are_times(text: str, time: date) -> None:
    assert strictly(pl.Series("at", [None, text])).to_list() == [None, time]


@pytest.mark.parametrize(
    "texts",
    [
        ["01/02/2026"],
        ["31.01.2026"],
        ["20260131"],
        ["2026-1-5"],
        ["2026-02-30"],
        ["2026-01-31 8:00"],
        ["2026-01-31 08:00:00 UTC"],
        ["2026-01-31", "unknown"],
        ["2026-01-31", "2026-01-31T08:00"],
        ["2026-01-31T08:00", "2026-01-31T08:00Z"],
        ["2026"],
        [None],
        [],
    ],
)
def test_other_text_stays_text(texts: list[str | None]) -> None:
    given = pl.Series("at", texts, dtype=pl.String)
    assert strictly(given) is given


def test_the_first_text_unlike_most() -> None:
    assert first_other(pl.Series(["2026-01-31", None, "2026-02-01", "soon", "later"])) == 3
    zoned = ["2026-01-31T08:00Z", "2026-01-31T08:00", "2026-01-31T08:00Z"]
    assert first_other(pl.Series(zoned)) == 1
    assert first_other(pl.Series([None, "a", "b"])) == 1
