"""What witnesses hold against a ledger: cut, replaced and honest ones."""

from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.ledger.checkpoint import SigningKey
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from clinical_assets.ledger.verification import Problem, Row
from clinical_assets.ledger.witnessed import contradictions
from tests.unit.ledger.examples import KEY, ORIGIN, act, acts, note, rows

ROWS = rows()
KEYS = [KEY.public]
STRANGER = SigningKey.generate(ORIGIN)


def judged(
    notes: list[str], kept: list[Row], withdrawn: tuple[SigningKey, ...] = ()
) -> tuple[Problem, ...]:
    def root_at(size: int) -> bytes:
        assert 0 < size <= len(kept)
        frontier = Frontier()
        for row in kept[:size]:
            frontier.add(leaf_hash(row.body))
        return frontier.root()

    gone = [key.public for key in withdrawn]
    return contradictions(notes, ORIGIN, KEYS, len(kept), root_at, withdrawn=gone)


@given(sizes=st.lists(st.integers(0, 6)), length=st.integers(0, 6))
def test_exactly_a_shorter_ledger_contradicts(sizes: list[int], length: int) -> None:
    found = judged([note(ROWS, size) for size in sizes], ROWS[:length])
    largest = max(sizes, default=0)
    if largest <= length:
        assert found == ()
    else:
        assert [p.seq for p in found] == [length]
        assert f"checkpoint of {largest} entries" in found[0].what


@given(changed=st.integers(0, 5), sizes=st.lists(st.integers(0, 6), unique=True))
def test_a_rewritten_entry_is_found_by_the_first_checkpoint_over_it(
    changed: int, sizes: list[int]
) -> None:
    given_acts = acts()
    given_acts[changed] = act("zz", reason="rewritten")
    found = judged([note(ROWS, size) for size in sizes], rows(given_acts))
    over = sorted(size for size in sizes if size > changed)
    if not over:
        assert found == ()
        return
    before = max((size for size in sizes if size <= changed), default=0)
    assert [p.seq for p in found] == [before]
    assert f"up to {over[0] - 1} is not what was there" in found[0].what


def test_cut_and_rewritten_are_both_told_the_earlier_first() -> None:
    rewritten = rows([act("zz"), *acts()[1:]])[:4]
    found = judged([note(ROWS, 2), note(ROWS, 6)], rewritten)
    assert [p.seq for p in found] == [0, 4]


def test_an_emptied_ledger_is_found() -> None:
    assert [p.seq for p in judged([note(ROWS, 1)], [])] == [0]
    assert judged([note(ROWS, 0)], []) == ()


def test_two_histories_under_one_key_are_found() -> None:
    other = rows([act("zz"), *acts()[1:]])
    assert [p.seq for p in judged([note(ROWS, 3), note(other, 3)], ROWS)] == [0]


def test_what_proves_nothing_is_told_without_a_number() -> None:
    notes = [note(ROWS, 6, key=STRANGER), "hello", note(ROWS, 6, origin="other"), note(ROWS, 6)]
    found = judged(notes, ROWS)
    assert [p.seq for p in found] == [None, None, None]
    text = " ".join(map(str, found))
    for words in ("No known key signed", "not a checkpoint", "of ledger 'other'"):
        assert words in text


def test_an_altered_note_is_not_passed_over() -> None:
    altered = note(ROWS, 6).replace("\n6\n", "\n5\n")
    assert [p.seq for p in judged([altered], ROWS)] == [None]


def test_a_withdrawn_key_can_neither_prove_nor_stop() -> None:
    future = rows([*acts(), act("a9")])
    forged = [note(future, 7, key=STRANGER)]
    assert [p.seq for p in judged(forged, ROWS)] == [None]
    assert judged(forged, ROWS, withdrawn=(STRANGER,)) == ()
    assert [p.seq for p in judged([*forged, note(ROWS, 6)], ROWS[:5], (STRANGER,))] == [5]
