"""Verifying this installation's own ledger, whole or from where it was verified last.

What belongs here: bringing rows, checkpoints and keys together, and remembering how far it was
verified. What does not: what has to hold (:mod:`clinical_assets.ledger.verification`). What is
remembered is a signed checkpoint and the peaks of its tree, in a file beside the ledger: whoever
alters it makes it useless, because the peaks have to give the root that the key signed.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Covering
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, read, verify
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.losses import Loss, losses_in, unexplained
from clinical_assets.ledger.merkle import Frontier
from clinical_assets.ledger.verification import Problem, Report, verify_ledger
from resources.ledger import Ledger
from resources.ledger_database.derived import derived_problems
from resources.ledger_database.guards import missing_triggers
from resources.ledger_database.identity_tables import missing_identity_tables
from resources.ledger_database.reader import Wanted
from resources.people.accounts import Accounts

_MEMORY = "verified.json"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found; ``losses``: entries that a restore from a backup left behind, on record."""

    report: Report
    problems: tuple[Problem, ...]
    losses: tuple[Loss, ...] = ()

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
    memory = ledger.folder / _MEMORY
    problems: list[Problem] = []
    losses: tuple[Loss, ...] = ()
    note = ""
    try:
        note = store.checkpoint()
        losses = losses_in(reader.proven(Wanted(action="ledger.lost")), reader.root)
    except ClinicalError as error:
        problems.append(Problem(None, error.what))
    remembered = _remembered(memory, ledger)
    # What was verified before is a witness, too: an older state that was put back contradicts it.
    held = unexplained([*witnessed, *([remembered.note] if remembered else [])], losses)
    later = remembered is not None and _size(note) < remembered.frontier.size
    start = None if whole or remembered is None or later else remembered.frontier
    first = start.size if start else 0
    # Who can rewrite the kept notes before the start needs none of them; witnesses are all asked.
    kept = [n for n in reader.notes() if _size(n) >= first]
    report = verify_ledger(
        store.origin,
        reader.rows(first),
        kept,
        store.keys.trusted(),
        witnessed=held,
        withdrawn=store.keys.withdrawn(),
        start=start,
        earlier=lambda sizes: reader.consistencies(sizes, first),
    )
    problems += [*report.problems, *_guards_off(ledger)]
    if searches and whole and not problems:
        problems += _beside_entries(ledger)
    if not problems:
        _remember(memory, [*kept, *held], ledger, report)
    _record(ledger, report, problems)
    return Verification(report, tuple(problems), losses)


def _guards_off(ledger: Ledger) -> list[Problem]:
    with ledger.store.reading() as connection:
        off = missing_triggers(connection)
        gone = missing_identity_tables(connection)
    found = [Problem(None, f"the table {table} of the register is missing") for table in gone]
    if off:
        more = f" and {len(off) - 3} more (`clinical ledger check` names all)"
        names = ", ".join(off[:3]) + (more if len(off) > 3 else "")
        found.append(
            Problem(None, f"{len(off)} trigger(s) of the database missing or off: {names}")
        )
    return found


def _beside_entries(ledger: Ledger) -> list[Problem]:
    """What is kept beside the entries, made from them: search columns, nodes, accounts."""
    problems = list(derived_problems(ledger.store))
    with ledger.store.reading() as connection:
        _, tampered = Accounts(ledger.store).all(connection)
    return problems + [Problem(None, error.what) for error in tampered]


def _record(ledger: Ledger, report: Report, problems: Sequence[Problem]) -> None:
    with suppress(ClinicalError):  # a ledger that takes no entry is told of all the same
        ledger.record(
            "ledger.verified",
            Subject("ledger", ledger.store.origin),
            Covering(report.size, report.root),
            outcome="failed" if problems else "done",
            reason="; ".join(map(str, problems[:3])),
        )


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


def _remember(memory: Path, notes: Sequence[str], ledger: Ledger, report: Report) -> None:
    """Keeps the newest checkpoint that agreed; what others wrote meanwhile is for the next time."""
    if not report.peaks:
        return
    root = Frontier.resume(report.covered, report.peaks).root()
    stated = Checkpoint(ledger.store.origin, report.covered, root)
    keys = ledger.store.keys.trusted()
    note = next((n for n in notes if _size(n) == stated.size and _states(n, keys, stated)), None)
    if note is None:
        return
    draft = memory.with_suffix(".draft")
    with suppress(OSError):  # a full disk keeps nobody from the verdict; it is read again next time
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"note": note, "peaks": [peak.hex() for peak in report.peaks]}))
        draft.replace(memory)


def _states(note: str, keys: Sequence[PublicKey], stated: Checkpoint) -> bool:
    try:
        return verify(note, keys) == stated
    except ClinicalError:
        return False


class _Remembered(NamedTuple):
    """The signed checkpoint up to which the ledger was verified last, and its tree."""

    note: str
    frontier: Frontier


def kept_note(folder: Path) -> list[str]:
    """What a ledger's folder says was verified last, whoever signed it; for a restore, to which the
    ledger is gone."""
    try:
        return [str(json.loads((folder / _MEMORY).read_text())["note"])]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def verified_last(ledger: Ledger) -> tuple[str, ...]:
    """The signed checkpoint up to which the ledger was verified last on this machine, if any."""
    found = _remembered(ledger.folder / _MEMORY, ledger)
    return () if found is None else (found.note,)


def contradicts_verified(ledger: Ledger) -> str:
    """How the ledger contradicts the checkpoint verified last on this machine: an older copy in its
    place undoes a quarantine or a revocation. Empty where it does not, or a recorded loss says why.

    Costs one root, so that whatever is decided from the ledger can ask it.
    """
    notes = verified_last(ledger)
    if not notes:
        return ""
    stated, reader = read(notes[0]), ledger.reader
    size = ledger.store.head().size
    if stated.size <= size and reader.root(stated.size) == stated.root:
        return ""
    if not unexplained(notes, losses_in(reader.proven(Wanted(action="ledger.lost")), reader.root)):
        return ""
    return (
        f"the ledger, of {size} entries, is not the one of {stated.size} entries that was verified"
        " here: an older copy was put back, or it was rewritten"
    )


def demand_not_put_back(ledger: Ledger) -> None:
    """Refuses to log in, change accounts or sign upon an older copy of the ledger.

    Raises:
        ClinicalError: as :func:`contradicts_verified` says.
    """
    if problem := contradicts_verified(ledger):
        raise ClinicalError(
            f"Nobody is let in: {problem}",
            where=ledger.store.engine.place,
            repair="Keep the database for the investigation, run `clinical ledger verify`; after a"
            " restore, `clinical backup acknowledge` answers for what was lost",
        )


def _remembered(memory: Path, ledger: Ledger) -> _Remembered | None:
    """What was verified last; None where that cannot be relied upon."""
    try:
        found = json.loads(memory.read_text())
        checkpoint = verify(found["note"], ledger.store.keys.trusted())
        frontier = Frontier.resume(checkpoint.size, [bytes.fromhex(p) for p in found["peaks"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ClinicalError):
        return None
    fits = checkpoint.origin == ledger.store.origin and frontier.root() == checkpoint.root
    return _Remembered(str(found["note"]), frontier) if fits else None
