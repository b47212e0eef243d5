"""A recorded loss explains just the checkpoints that it lists."""

import pytest

from clinical_assets.ledger.actions import Lost
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import read_entry
from clinical_assets.ledger.losses import checkpoint_name, loss_of, losses_in, unexplained
from clinical_assets.ledger.merkle import Frontier
from clinical_assets.ledger.verification import Row, verify_ledger
from tests.unit.ledger.examples import KEY, ORIGIN, act, note, rows

KEPT = 3
OLD = rows([act(f"old-{n}") for n in range(8)])
WITNESSED = [note(OLD, size) for size in (2, 5, 8)]


def root(of: list[Row], size: int) -> bytes:
    frontier = Frontier()
    for row in of[:size]:
        frontier.add(row.leaf)
    return frontier.root()


def restored(lost: Lost, more: int = 6) -> list[Row]:
    """The first entries, a recorded loss, and a history of its own after it."""
    begin = [act(f"old-{n}") for n in range(KEPT)]
    recorded = act("loss", "ledger.lost", lost, reason="The disk failed")
    return rows([*begin, recorded, *(act(f"new-{n}") for n in range(more))])


def lost() -> Lost:
    return loss_of(KEPT, root(OLD, KEPT), [read(n) for n in WITNESSED[1:]])


def verified(now: list[Row], witnessed: list[str]):
    entries = [read_entry(row.body) for row in now]
    losses = losses_in(entries, lambda size: root(now, size))
    left = unexplained(witnessed, losses)
    return losses, verify_ledger(ORIGIN, now, [], [KEY.public], witnessed=left)


def test_without_a_record_the_witness_contradicts() -> None:
    now = rows([act(f"old-{n}") for n in range(KEPT)] + [act(f"new-{n}") for n in range(7)])
    assert not verify_ledger(ORIGIN, now, [], [KEY.public], witnessed=WITNESSED).passed


def test_a_recorded_loss_is_reported_and_explains_its_checkpoints() -> None:
    losses, report = verified(restored(lost()), WITNESSED)
    assert report.passed
    assert report.checkpoints == 1  # the one of two entries, which both histories share
    assert [str(loss) for loss in losses] == [
        "entry 3 records a loss: entries 3 to 7 of an earlier state are gone"
        " (Anna Example: The disk failed)"
    ]


def test_a_later_rewrite_of_the_new_history_is_still_found() -> None:
    now = restored(lost())
    seen = note(now, 6)
    rewritten = [*now[:4], *rows([act(f"old-{n}") for n in range(4)] + [act("x")] * 6)[4:]]
    assert verified(now, [*WITNESSED, seen])[1].passed
    assert not verified(rewritten, [*WITNESSED, seen])[1].passed


def test_a_checkpoint_of_the_lost_span_that_nobody_listed_contradicts() -> None:
    _, report = verified(restored(lost()), [*WITNESSED, note(OLD, 6)])
    assert not report.passed


def test_a_loss_that_does_not_fit_explains_nothing() -> None:
    good = lost()
    for bad in (
        Lost(KEPT, root(OLD, 4).hex(), good.until, good.checkpoints),
        Lost(0, root(OLD, 0).hex(), good.until, good.checkpoints),
        Lost(4, root(OLD, 4).hex(), good.until, good.checkpoints),
        Lost(KEPT, good.root, good.until, (*good.checkpoints, checkpoint_name(read(WITNESSED[0])))),
    ):
        losses, report = verified(restored(bad), WITNESSED)
        assert losses == ()
        assert not report.passed


def test_a_refused_record_explains_nothing() -> None:
    recorded = act("loss", "ledger.lost", lost(), outcome="refused")
    now = rows([*(act(f"old-{n}") for n in range(KEPT)), recorded])
    assert losses_in([read_entry(r.body) for r in now], lambda size: root(now, size)) == ()


@pytest.mark.parametrize("sizes", [(), (2, 5), (3,)])
def test_a_rewritten_history_is_no_loss(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="more entries than were kept"):
        loss_of(KEPT, root(OLD, KEPT), [read(note(OLD, size)) for size in sizes])


def test_what_is_no_note_stays_for_the_verification_to_name() -> None:
    assert unexplained(["nonsense"], ()) == ["nonsense"]
