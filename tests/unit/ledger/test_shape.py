"""The fast reader of entries recognises nothing that the slow one, its oracle, would refuse."""

import json
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import ACTIONS
from clinical_assets.ledger.entry import Act, Actor, Entry, Origin, Outcome, Subject, read_entry
from clinical_assets.ledger.entry import time_text as written
from clinical_assets.ledger.shape import Seen, recognised
from tests.unit.ledger.examples import BEGAN, act, rows

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"', "\\", "\x00\x08\x0b\x0c\x1f\x7f", "\n\r\t", '","seq":7,"', "\u2028\ud7ff\ue000\uffff🙂"]
)
BODIES = [row.body for row in rows()]


def records(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values(hint) for name, hint in get_type_hints(kind).items()})


def values(hint: Any) -> st.SearchStrategy[Any]:
    simple = {str: TEXT, int: st.integers(-(2**53) + 1, 2**53 - 1), bool: st.booleans()}
    if hint in simple:
        return simple[hint]
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    return st.sampled_from(get_args(hint))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    action = draw(st.sampled_from(sorted(ACTIONS)))
    made = Act(
        draw(TEXT),
        draw(records(Actor)),
        action,
        draw(records(Subject)),
        draw(records(ACTIONS[action].details)),
        draw(values(Outcome)),
        draw(TEXT),
        draw(records(Origin)),
        draw(TEXT),
    )
    when = draw(
        st.datetimes(
            timezones=st.just(BEGAN.tzinfo), min_value=BEGAN.replace(year=1000, tzinfo=None)
        )
    )
    return Entry(draw(st.integers(0, 10**15 - 1)), when, made)


def slow(body: bytes) -> Seen | None:
    try:
        entry = read_entry(body)
    except ClinicalError:
        return None
    return Seen(entry.seq, written(entry.at), entry.act.act, entry.act.outcome)


def small(entry: Entry) -> bool:
    """Whether the shape has to recognise it: no long numbers, and not written on a leap day."""
    details = entry.act.details
    return (entry.at.month, entry.at.day) != (2, 29) and all(
        abs(getattr(details, name)) < 10**15
        for name, hint in get_type_hints(type(details)).items()
        if hint is int
    )


LEAP_DAY = Entry(0, datetime(2000, 2, 29, tzinfo=UTC), act("a"))


@given(entries())
@example(LEAP_DAY)
def test_every_entry_is_recognised_for_what_the_slow_reader_reads(entry: Entry) -> None:
    body = entry.to_bytes()
    assert slow(body) is not None
    assert recognised(body) == (slow(body) if small(entry) else None)


@given(entries(), st.data())
def test_no_changed_entry_is_recognised_that_the_slow_reader_refuses(
    entry: Entry, data: st.DataObject
) -> None:
    body = bytearray(entry.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b"\\u0041", b"-0"]))
        body[at : at + data.draw(st.integers(0, 2))] = piece
    seen = recognised(bytes(body))
    assert seen is None or seen == slow(bytes(body))


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_every_byte_set_to_a_telling_one_is_judged_as_the_slow_reader_does(body: bytes) -> None:
    for at in range(len(body)):
        for value in b'\x00"\\,:0x-\xff':
            changed = body[:at] + bytes([value]) + body[at + 1 :]
            seen = recognised(changed)
            assert seen is None or seen == slow(changed), changed


TELLING = [
    ("2026-11-24", "2026-02-29"),
    ("2026-11-24", "2026-02-30"),
    ("2026-11-24", "2026-11-31"),
    ("2026-11-24", "2026-13-01"),
    ("2026-11-24", "0000-11-24"),
    ("T12:", "T24:"),
    ("12:00:04", "12:00:60"),
    ("2026-11-24", "２026-11-24"),
    ('"seq":4', '"seq":04'),
    ('"seq":4', '"seq":-0'),
    ('"seq":4', '"seq":4.0'),
    ('"seq":4', '"seq":4,"seq":4'),
    ("New post", "New\\u0020post"),
    ("New post", "New\\/post"),
    ("New post", "\\u000a"),
    ("New post", "\\u001F"),
    ("New post", "\\ud800"),
    ("New post", "\n"),
    ('"reason":"New post"', '"reason":"New post","reason":""'),
    ('"kind":"person"', '"kind":"robot"'),
    ("user.changed", "user.revoked"),
    ("user.changed", "user.praised"),
    ('"outcome":"done"', '"outcome":"doneX"'),
]


@pytest.mark.parametrize(("old", "new"), TELLING)
def test_a_subtle_departure_is_not_recognised(old: str, new: str) -> None:
    changed = BODIES[4].decode().replace(old, new).encode()
    assert changed != BODIES[4]
    assert slow(changed) is None
    assert recognised(changed) is None


def test_every_action_has_a_shape() -> None:
    for name, action in ACTIONS.items():
        hints = get_type_hints(action.details).items()
        details = {field: {str: "x", int: 1, bool: True}.get(hint, ()) for field, hint in hints}
        body = Entry(0, BEGAN, act("a", name, action.details(**details))).to_bytes()
        assert recognised(body) is not None, name


def test_bytes_that_overflow_a_number_are_refused_not_crashed_on() -> None:
    for number in ("1e999", str(2**60), "1" * 5000, "NaN"):
        plain = BODIES[4].replace(b'"seq":4', f'"seq":{number}'.encode())
        with pytest.raises(ClinicalError, match="cannot be read"):
            read_entry(plain)
    surrogate = json.loads(BODIES[4])
    surrogate["reason"] = "\ud800"
    with pytest.raises(ClinicalError, match="cannot be read"):
        read_entry(json.dumps(surrogate, sort_keys=True, separators=(",", ":")).encode())
