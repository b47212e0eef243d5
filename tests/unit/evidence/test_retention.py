"""How long records are kept: periods, holds, and what a hospital may change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.retention import (
    BUILT_IN,
    HoldEvent,
    Record,
    expiry,
    in_force,
    judge_purge,
    parse_schedule,
)

MADE = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PACKAGE = Record("package", "m/1.0.0-abcdefab", frozenset(["m"]), MADE)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def hold(kind: str = "package", record: str = PACKAGE.id, *, held: bool = True, **more: str):
    return HoldEvent(kind, record, more.get("matter", "legal hold"), held, MADE, "Anna", "case")


def test_six_years_to_the_moment() -> None:
    end = datetime(2032, 11, 24, 12, 0, tzinfo=UTC)
    before = judge_purge(PACKAGE, (), end - timedelta(microseconds=1))
    assert (before.allowed, before.rule, before.expires_at) == (False, "not expired", end)
    assert "45 CFR 164.316(b)(2)(i)" in before.why
    assert judge_purge(PACKAGE, (), end).allowed


@given(since=TIMES, years=st.integers(6, 100))
def test_a_period_is_never_shorter_than_its_calendar_years(since: datetime, years: int) -> None:
    end = expiry(since, years)
    assert end.year == since.year + years
    assert end - since >= timedelta(days=365 * years + years // 4 - 1)


def test_the_29th_of_february_is_not_cut_short() -> None:
    assert expiry(datetime(2024, 2, 29, tzinfo=UTC), 6) == datetime(2030, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", [k for k, c in BUILT_IN.items() if c.never])
def test_what_is_never_purged_says_why(kind: str) -> None:
    verdict = judge_purge(Record(kind, "x", None, MADE), (), MADE + timedelta(days=100_000))
    assert (verdict.allowed, verdict.rule) == (False, "never")
    assert BUILT_IN[kind].never in verdict.why


def test_an_unknown_kind_and_an_unknown_age_are_refused() -> None:
    late = MADE + timedelta(days=100_000)
    assert judge_purge(Record("cards", "x", None, MADE), (), late).rule == "unknown kind"
    assert judge_purge(replace(PACKAGE, since=None), (), late).rule == "age unknown"
    assert judge_purge(replace(PACKAGE, in_use="champion"), (), late).rule == "in use"


def test_a_time_without_a_zone_decides_nothing() -> None:
    with pytest.raises(ValueError, match="zone"):
        judge_purge(PACKAGE, (), datetime(2040, 1, 1))
    with pytest.raises(ValueError, match="zone"):
        judge_purge(replace(PACKAGE, since=datetime(2020, 1, 1)), (), MADE)


@pytest.mark.parametrize(
    ("one", "keeps"),
    [
        (hold(), True),
        (hold(record="*"), True),
        (hold("model", "m"), True),
        (hold("model", "*"), True),
        (hold(record="m/other"), False),
        (hold("snapshot", "*"), False),
        (hold("model", "n"), False),
    ],
)
def test_a_hold_overrides_expiry(one: HoldEvent, keeps: bool) -> None:
    verdict = judge_purge(PACKAGE, [one], MADE + timedelta(days=100_000))
    assert verdict.allowed is not keeps
    assert (verdict.rule == "held") is keeps


def test_a_models_hold_keeps_what_cannot_be_told_to_be_of_another() -> None:
    unknown = Record("snapshot", "a" * 64, None, MADE)
    late = MADE + timedelta(days=100_000)
    assert judge_purge(unknown, [hold("model", "n")], late).rule == "held"
    assert judge_purge(unknown, [], late).allowed


def test_each_matter_is_lifted_for_itself() -> None:
    first, second = hold(matter="a"), hold(matter="b")
    lifted = hold(matter="a", held=False)
    assert in_force([first, second, lifted]) == (second,)
    assert in_force([lifted, first]) == (first,)
    assert in_force([first, hold(matter="a"), lifted]) == ()


EVENTS = st.builds(
    HoldEvent,
    st.sampled_from(["package", "model"]),
    st.sampled_from(["x", "*"]),
    st.sampled_from(["a", "b"]),
    st.booleans(),
    st.just(MADE),
    st.just("Anna"),
    st.just("case"),
)


@given(st.lists(EVENTS, max_size=30))
def test_in_force_is_what_the_last_word_about_each_says(events: list[HoldEvent]) -> None:
    last = {(e.kind, e.id, e.matter): e.held for e in events}
    found = {(e.kind, e.id, e.matter) for e in in_force(events)}
    assert found == {about for about, held in last.items() if held}


def test_a_hospital_keeps_longer() -> None:
    schedule = parse_schedule('[package]\nyears = 15\nsource = "Policy 12.3"\n')
    late = MADE + timedelta(days=10 * 366)
    assert judge_purge(PACKAGE, (), late).allowed
    refused = judge_purge(PACKAGE, (), late, schedule)
    assert refused.rule == "not expired"
    assert "15 years (Policy 12.3)" in refused.why
    assert schedule["snapshot"] == BUILT_IN["snapshot"]
    assert parse_schedule("") == BUILT_IN


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[package]\nyears = 5\nsource = "x"\n', "from 6 to 1000"),
        ('[package]\nyears = 6.5\nsource = "x"\n', "whole number"),
        ('[package]\nyears = true\nsource = "x"\n', "whole number"),
        ('[package]\nyears = 1001\nsource = "x"\n', "to 1000"),
        ('[package]\nyears = 9\nsource = " "\n', "which rule"),
        ("[package]\nyears = 9\n", "exactly years and source"),
        ('[package]\nyears = 9\nsource = "x"\nnever = ""\n', "exactly years and source"),
        ('[ledger]\nyears = 9\nsource = "x"\n', "kept for ever"),
        ('[packages]\nyears = 9\nsource = "x"\n', "names no kind 'packages'"),
        ("package = 9\n", "exactly years and source"),
        ("[package", "is not TOML"),
    ],
)
def test_a_wrong_schedule_is_refused(text: str, words: str) -> None:
    with pytest.raises(ClinicalError, match=words):
        parse_schedule(text)
