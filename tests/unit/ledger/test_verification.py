"""What an intruder does to a ledger is found, and the first entry concerned is named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from clinical_assets.ledger.checkpoint import SigningKey
from clinical_assets.ledger.entry import Entry
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from clinical_assets.ledger.verification import Report, Row, verify_ledger
from tests.unit.ledger.examples import BEGAN, KEY, ORIGIN, acts, note, rows

KEPT = rows()
NOTES = [note(KEPT, 3), note(KEPT, 6)]
Attack = Callable[[list[Row]], list[Row]]


def verify(kept: list[Row], notes: list[str] = NOTES, **more: object) -> Report:
    return verify_ledger(ORIGIN, kept, notes, [KEY.public], **more)  # type: ignore[arg-type]


def hashed(row: Row, body: bytes) -> Row:
    """The row with other bytes and the hash that belongs to them."""
    return Row(row.seq, body, leaf_hash(body))


def rewritten() -> list[Row]:
    """Another history of the same length, with all hashes as they must be."""
    return rows(
        [replace(a, reason="another reason") if i == 1 else a for i, a in enumerate(acts())]
    )


def test_an_untouched_ledger_holds() -> None:
    report = verify(KEPT)
    assert report.passed
    assert (report.first, report.size, report.covered, report.checkpoints) == (0, 6, 6, 2)
    assert report.open_acts == (5,)


def test_entries_after_the_last_checkpoint_are_not_covered() -> None:
    report = verify(KEPT, NOTES[:1])
    assert report.passed
    assert (report.size, report.covered) == (6, 3)


ATTACKS: dict[str, tuple[Attack, int]] = {
    "a changed byte": (
        lambda k: [*k[:1], replace(k[1], body=k[1].body.replace(b"632", b"633")), *k[2:]],
        1,
    ),
    "a changed byte with its hash": (
        lambda k: [*k[:1], hashed(k[1], k[1].body.replace(b"632", b"633")), *k[2:]],
        0,
    ),
    "a changed hash": (lambda k: [*k[:4], replace(k[4], leaf=bytes(32)), k[5]], 4),
    "a deleted row": (lambda k: [*k[:2], *k[3:]], 2),
    "the first row deleted": (lambda k: k[1:], 0),
    "two rows swapped": (lambda k: [k[0], k[2], k[1], *k[3:]], 1),
    "two bodies swapped": (
        lambda k: [*k[:3], hashed(k[3], k[4].body), hashed(k[4], k[3].body), k[5]],
        3,
    ),
    "an inserted row": (lambda k: [*k[:2], hashed(k[1], k[1].body), *k[2:]], 2),
    "a cut tail": (lambda k: k[:5], 5),
    "everything cut": (lambda k: [], 0),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_found_and_its_first_entry_named(name: str) -> None:
    attack, first = ATTACKS[name]
    report = verify(attack(list(KEPT)))
    assert not report.passed
    assert report.problems[0].seq == first, [str(p) for p in report.problems]


def test_every_flipped_byte_is_found() -> None:
    for place, row in enumerate(KEPT):
        for at in range(len(row.body)):
            for flip in (0x01, 0x80):
                changed = bytearray(row.body)
                changed[at] ^= flip
                assert not verify(
                    [*KEPT[:place], hashed(row, bytes(changed)), *KEPT[place + 1 :]]
                ).passed


def test_a_history_rewritten_with_all_hashes_is_found_by_its_checkpoint() -> None:
    report = verify(rewritten())
    assert not report.passed
    assert report.problems[0].seq == 0
    assert "checkpoint of 3 entries has another root" in report.problems[0].what


def test_a_history_rewritten_with_the_stolen_key_is_found_by_a_witness() -> None:
    forged = rewritten()
    notes = [note(forged, 3), note(forged, 6)]
    assert verify(forged, notes).passed
    report = verify(forged, notes, witnessed=[NOTES[0]])
    assert not report.passed
    assert "witnessed checkpoint of 3 entries has another root" in report.problems[0].what


def test_a_tail_cut_with_its_checkpoints_is_found_by_a_witness() -> None:
    assert verify(KEPT[:4], NOTES[:1]).passed
    report = verify(KEPT[:4], NOTES[:1], witnessed=[NOTES[1]])
    assert [str(p) for p in report.problems] == [
        "entry 4: is the first that is missing: a witness holds a checkpoint of 6 entries"
    ]


def test_a_wrong_key_and_another_ledgers_checkpoint_are_found() -> None:
    stranger = SigningKey.generate(ORIGIN)
    assert not verify(KEPT, [note(KEPT, 3, stranger)]).passed
    elsewhere = SigningKey.generate("other/ledger")
    report = verify_ledger(
        ORIGIN, KEPT, [note(KEPT, 3, elsewhere, "other/ledger")], [elsewhere.public]
    )
    assert "is of ledger 'other/ledger'" in report.problems[0].what


def test_a_later_part_is_verified_from_a_tree_that_was_verified_before() -> None:
    start = Frontier()
    for row in KEPT[:3]:
        start.add(row.leaf)
    report = verify(KEPT[3:], NOTES[1:], start=start)
    assert report.passed
    assert (report.first, report.size, report.covered) == (3, 6, 6)


def test_an_entry_before_the_one_before_it_is_found() -> None:
    body = Entry(3, BEGAN, acts()[3]).to_bytes()
    report = verify([*KEPT[:3], hashed(KEPT[3], body), *KEPT[4:]], [])
    assert [str(p) for p in report.problems] == [
        "entry 3: its time 2026-11-24T12:00:00.000000Z is before that of the entry before it"
    ]


def test_two_entries_of_one_time_are_in_order() -> None:
    both = [Entry(seq, BEGAN, acts()[seq]).to_bytes() for seq in (0, 1)]
    assert verify([Row(i, body, leaf_hash(body)) for i, body in enumerate(both)], []).passed


def test_a_later_part_begins_no_earlier_than_the_part_verified_before_ended() -> None:
    start = Frontier.resume(3, _peaks(KEPT[:3]))
    late = BEGAN + timedelta(hours=1)
    report = verify(KEPT[3:], NOTES[1:], start=start, start_at=late)
    assert report.problems[0].seq == 3
    assert "is before" in report.problems[0].what


def _peaks(kept: list[Row]) -> tuple[bytes, ...]:
    frontier = Frontier()
    for row in kept:
        frontier.add(row.leaf)
    return frontier.peaks


def test_reading_stops_at_so_many_problems() -> None:
    broken = [replace(row, leaf=bytes(32)) for row in KEPT]
    assert len(verify(broken, [], most_problems=3).problems) == 3
