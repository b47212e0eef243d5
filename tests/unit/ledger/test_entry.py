"""Entries in canonical form: one way to write each, and nothing untyped gets in."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.canonical import to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import ACTIONS, Change, Decision, Nothing, Rows
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject, read_entry
from tests.unit.ledger.examples import ANNA, BEGAN, act, rows

GOLDEN = Path(__file__).parents[2] / "golden/ledger-entry-v1.json"
AWKWARD = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["a|b=c\\", "line\nbreak\r", "\x00\x1b[31m", "\u202eevil\u2066", '"},{"seq":0', "é ü 漢 🙂"]
)


def test_an_entry_of_format_1_is_read_for_ever() -> None:
    """The bytes were written by the first version; they never change."""
    data = GOLDEN.read_bytes()
    entry = read_entry(data)
    assert entry == Entry(
        4,
        datetime(2026, 11, 24, 12, 0, 4, tzinfo=UTC),
        Act(
            "a4",
            Actor("person", "p-0001", "Anna Example", "session"),
            "user.changed",
            Subject("run", "r-1"),
            Change("role", "author", "quality"),
            reason="New post",
            software="0.1.0+abc",
        ),
    )
    assert entry.to_bytes() == data == rows()[4].body


@given(AWKWARD, AWKWARD, AWKWARD, st.integers(0, 2**53 - 1))
def test_any_text_comes_back_exactly(name: str, subject: str, reason: str, seq: int) -> None:
    actor = Actor("person", "p", name, "session")
    made = Entry(seq, BEGAN, act("a", subject=Subject("run", subject), reason=reason, actor=actor))
    assert read_entry(made.to_bytes()) == made
    assert b"\n" not in made.to_bytes()


@given(AWKWARD, AWKWARD, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1))
def test_the_quick_way_to_write_is_rfc_8785(gate: str, column: str, yes: bool, rows: int) -> None:
    """The oracle is the library that knows nothing but the standard."""
    for action, details in (
        ("gate.decided", Decision(gate, yes)),
        ("table.read", Rows(rows, (column, gate), column)),
    ):
        made = Entry(7, BEGAN, act(gate, action, details, reason=column))
        assert made.to_bytes() == rfc8785.dumps(json.loads(made.to_bytes()))
        assert json.loads(made.to_bytes())["details"] == to_plain(details)


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**80])
def test_a_number_that_javascript_cannot_hold_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="exceeds"):
        Entry(0, BEGAN, act("a", "table.read", Rows(number))).to_bytes()


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb"])
def test_a_lone_surrogate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        Entry(0, BEGAN, act("a", reason=text)).to_bytes()


def test_a_time_is_utc_whatever_its_zone() -> None:
    there = timezone(timedelta(hours=-7))
    made = Entry(0, BEGAN.astimezone(there), act("a"))
    assert made.to_bytes() == Entry(0, BEGAN, act("a")).to_bytes()
    with pytest.raises(ValueError, match="zone"):
        Entry(0, datetime(2026, 1, 1), act("a")).to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(extra=1),
        lambda p: p.pop("reason"),
        lambda p: p.update(format="clinical-ledger/2"),
        lambda p: p.update(action="unknown.action"),
        lambda p: p.update(at="2026-11-24T12:00:04Z"),
        lambda p: p.update(at="2026-11-24T14:00:04.000000+02:00"),
        lambda p: p.update(details={"name": "role"}),
        lambda p: p["details"].update(patient="Mrs X"),
        lambda p: p.update(outcome="perhaps"),
        lambda p: p.update(seq="4"),
        lambda p: p["actor"].update(kind="robot"),
    ],
)
def test_what_is_no_entry_is_refused(change) -> None:
    plain = json.loads(GOLDEN.read_bytes())
    change(plain)
    with pytest.raises(ClinicalError, match="cannot be read"):
        read_entry(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


def test_another_way_to_write_the_same_is_refused() -> None:
    spaced = json.dumps(json.loads(GOLDEN.read_bytes())).encode()
    with pytest.raises(ClinicalError, match="not canonical"):
        read_entry(spaced)


def test_an_action_takes_its_own_details_only() -> None:
    with pytest.raises(TypeError, match=r"user\.changed takes details of type Change"):
        Act("a", ANNA, "user.changed", Subject("user", "p"), Nothing())
    with pytest.raises(ValueError, match="knows no action"):
        Act("a", ANNA, "user.praised", Subject("user", "p"), Nothing())


def test_every_action_is_described() -> None:
    assert all(action.description for action in ACTIONS.values())
