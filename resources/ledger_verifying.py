"""Verifying this installation's own ledger, whole or from where it was verified last.

What belongs here: bringing rows, checkpoints and keys together. What does not: what has to hold
(:mod:`clinical_assets.ledger.verification`), and what is remembered (:mod:`.ledger_memory`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Covering
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.losses import Loss, losses_in, unexplained
from clinical_assets.ledger.merkle import Frontier
from clinical_assets.ledger.verification import Problem, Report, verify_ledger
from resources.keys_on_record import is_lost, unanswered_key, unrecorded_key
from resources.ledger import Ledger
from resources.ledger_database.derived import derived_problems
from resources.ledger_database.guards import foreign_triggers, missing_triggers
from resources.ledger_database.identity_tables import missing_identity_tables
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LOST
from resources.ledger_memory import (
    Remembered,
    remember,
    remembered,
    seen_here,
)
from resources.people.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Attributes:
        losses: entries that a restore from a backup left behind, on record.
        unrecorded: why this verification is not in the ledger; empty where it is.
    """

    report: Report
    problems: tuple[Problem, ...]
    losses: tuple[Loss, ...] = ()
    unrecorded: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.problems


def verify_own(
    ledger: Ledger,
    *,
    whole: bool = True,
    witnessed: Sequence[str] = (),
    searches: bool = True,
) -> Verification:
    """Verifies the ledger and records that it did.

    Args:
        searches: also what searching and proving rests on (columns, nodes), where it is whole.
        whole: from the first entry on; else from the last verified checkpoint.
        witnessed: checkpoints that were kept elsewhere.
    """
    store, reader = ledger.store, ledger.reader
    problems: list[Problem] = []
    losses: tuple[Loss, ...] = ()
    note = ""
    try:
        note = store.checkpoint()
        losses = losses_in(reader.proven(Wanted(action="ledger.lost")), reader.root)
    except ClinicalError as error:
        problems.append(Problem(None, error.what))
    # What was seen before is a witness, too: an older state that was put back contradicts it.
    held, known = unexplained(witnessed, losses), unexplained(seen_here(ledger), losses)
    start = None if whole else _beginning(remembered(ledger), ledger, note)
    first = start.size if start else 0
    # Who can rewrite the kept notes before the start needs none of them; witnesses are all asked.
    kept = [n for n in reader.notes() if _size(n) >= first]
    report = verify_ledger(
        store.origin,
        reader.rows(first),
        kept,
        store.keys.trusted(),
        witnessed=held,
        remembered=known,
        withdrawn=store.keys.withdrawn(),
        start=start,
        earlier=lambda sizes: reader.consistencies(sizes, first),
    )
    problems += [*report.problems, *_guards_off(ledger), *_keys_wrong(ledger)]
    if searches and whole and not problems:
        problems += _beside_entries(ledger)
    if not problems:
        remember([*kept, *held, *known], ledger, report)
    unrecorded = _record(ledger, report, problems)
    return Verification(report, tuple(problems), losses, unrecorded)


def _beginning(last: Remembered | None, ledger: Ledger, note: str) -> Frontier | None:
    """The tree to go on from; None where the ledger does not begin with it any more, so that only
    reading it whole tells where it is another."""
    if last is None or _size(note) < last.frontier.size:
        return None
    try:
        same = ledger.reader.root(last.frontier.size) == last.frontier.root()
    except ClinicalError:
        return None
    return last.frontier if same else None


def _guards_off(ledger: Ledger) -> list[Problem]:
    with ledger.store.reading() as connection:
        off = missing_triggers(connection)
        foreign = foreign_triggers(connection)
        gone = missing_identity_tables(connection)
    found = [Problem(None, f"the table {table} of the register is missing") for table in gone]
    if off:
        more = f" and {len(off) - 3} more (`clinical ledger check` names all)"
        names = ", ".join(off[:3]) + (more if len(off) > 3 else "")
        found.append(
            Problem(None, f"{len(off)} trigger(s) of the database missing or off: {names}")
        )
    if foreign:
        names = ", ".join(foreign)
        what = f"the database acts by itself: foreign trigger(s) or rule(s) {names}"
        found.append(Problem(None, what))
    return found


def _keys_wrong(ledger: Ledger) -> list[Problem]:
    """The private key is gone, or is one that no entry tells of."""
    if is_lost(ledger.store):
        return [Problem(None, LOST[:1].lower() + LOST[1:])]
    try:
        found = unrecorded_key(ledger)
    except ClinicalError as error:
        return [Problem(None, error.what)]
    if found is not None:
        return [Problem(None, f"the signing key in force is one that no entry tells of: {found}")]
    if (found := unanswered_key(ledger)) is not None:
        what = f"the signing key was found replaced, and nobody answers for {found}"
        return [Problem(None, f"{what}: an administrator puts another in its place (key rotate)")]
    return []


def _beside_entries(ledger: Ledger) -> list[Problem]:
    """What is kept beside the entries, made from them: search columns, nodes, accounts."""
    problems = list(derived_problems(ledger.store))
    with ledger.store.reading() as connection:
        _, tampered = Accounts(ledger.store).all(connection)
    return problems + [Problem(None, error.what) for error in tampered]


def _record(ledger: Ledger, report: Report, problems: Sequence[Problem]) -> str:
    """Writes down that it was verified; why it could not be, for a ledger that takes no entry is
    told of all the same."""
    try:
        ledger.record(
            "ledger.verified",
            Subject("ledger", ledger.store.origin),
            Covering(report.size, report.root),
            outcome="failed" if problems else "done",
            reason="; ".join(map(str, problems[:3])),
        )
    except ClinicalError as error:
        return error.what
    return ""


def require_whole(ledger: Ledger, *, witnessed: Sequence[str] = ()) -> None:
    """Refuses to go on where the ledger, read from its first entry on, does not hold.

    Args:
        witnessed: checkpoints that were kept elsewhere.

    Raises:
        ClinicalError: something was changed past the ledger.
    """
    found = verify_own(ledger, whole=True, witnessed=witnessed, searches=False)
    if not found.passed:
        raise ClinicalError(
            f"The ledger does not hold: {'; '.join(map(str, found.problems[:3]))}",
            where=ledger.store.engine.place,
            repair="Keep the database for the investigation; `clinical ledger verify` tells more",
        )


def _size(note: str) -> int:
    """Entries that a note speaks of; a note that is none is left to the verification to name."""
    try:
        return read(note).size
    except ClinicalError:
        return 1 << 62
