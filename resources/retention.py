"""The retention schedule and the legal holds of this installation.

What belongs here: reading the schedule's file, and holds as the ledger records them. What does not:
the decision (:mod:`clinical_assets.evidence.retention`) and deleting (:mod:`.purging`). A hold is
in force because entries of the ledger, read whole against its signed head, say so.
"""

from collections.abc import Iterable

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.retention import (
    BUILT_IN,
    LEGAL_HOLD,
    HoldEvent,
    Schedule,
    in_force,
    parse_schedule,
)
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Entry, Subject
from resources.ledger import Ledger
from resources.ledger_database.scan import LedgerScan
from resources.settings import Settings

HELD = "retention.held"
_HELD = "held"


def load_schedule(settings: Settings) -> Schedule:
    """The schedule in force: the built-in one, with what ``CLINICAL_RETENTION`` changes.

    Raises:
        ClinicalError: the file cannot be read or is wrong.
    """
    path = settings.retention
    if path is None:
        return BUILT_IN
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ClinicalError(
            f"The retention schedule cannot be read ({reason})",
            where="CLINICAL_RETENTION",
            repair="Correct the path or the file; until then nothing is purged",
        ) from error
    return parse_schedule(text, origin=path.name)


def holds_in_force(ledger: Ledger) -> tuple[HoldEvent, ...]:
    """The holds in force now. All of the ledger is read, so that none can be hidden.

    Raises:
        ClinicalError: an entry was changed past the ledger.
    """
    return in_force(hold_events(LedgerScan(ledger.store, [HELD]).refresh()))


def hold_events(entries: Iterable[Entry]) -> tuple[HoldEvent, ...]:
    """Every hold that the entries say was set or lifted, in their order."""
    return tuple(_event(entry) for entry in entries if _counts(entry))


def set_hold(
    ledger: Ledger,
    schedule: Schedule,
    kind: str,
    record: str,
    *,
    reason: str,
    matter: str = LEGAL_HOLD,
) -> Entry:
    """Keeps a record (or ``*``, or with kind ``model`` all records of a model) until lifted.

    Raises:
        ClinicalError: there is no such kind, no reason is given, or it cannot be written.
    """
    _demand(schedule, kind, record, matter, reason)
    about = Subject(kind, record)
    return ledger.record(HELD, about, Change(matter, "", _HELD), reason=reason)


def lift_hold(
    ledger: Ledger,
    schedule: Schedule,
    kind: str,
    record: str,
    *,
    reason: str,
    matter: str = LEGAL_HOLD,
) -> Entry:
    """Lifts a hold, as it was set.

    Raises:
        ClinicalError: no such hold is in force; else as :func:`set_hold`.
    """
    _demand(schedule, kind, record, matter, reason)
    found = holds_in_force(ledger)
    if not any((hold.kind, hold.id, hold.matter) == (kind, record, matter) for hold in found):
        raise ClinicalError(
            "No such hold is in force",
            where=f"{kind} {record}, matter {matter!r}",
            repair="`clinical retention show` lists those that are; a hold is lifted by the kind,"
            " id and matter that it was set with",
        )
    about = Subject(kind, record)
    return ledger.record(HELD, about, Change(matter, _HELD, ""), reason=reason)


def demand_reason(reason: str) -> None:
    """Refuses an act without a reason.

    Raises:
        ClinicalError: the reason is empty.
    """
    if not reason.strip():
        raise ClinicalError(
            "A reason is missing", where="--reason", repair="Say in a sentence why this is done"
        )


def _demand(schedule: Schedule, kind: str, record: str, matter: str, reason: str) -> None:
    demand_reason(reason)
    kinds = [*schedule, "model"]
    if kind not in kinds or not record.strip() or not matter.strip():
        raise ClinicalError(
            "A hold needs a kind that there is, the record's id (or *) and a matter",
            where=f"kind {kind!r}",
            repair="Use one of the kinds: " + ", ".join(kinds),
        )


def _counts(entry: Entry) -> bool:
    done = entry.act.action == HELD and entry.act.outcome == "done"
    return done and isinstance(entry.act.details, Change)


def _event(entry: Entry) -> HoldEvent:
    act = entry.act
    return HoldEvent(
        kind=act.subject.kind,
        id=act.subject.id,
        matter=act.details.name,
        held=act.details.after == _HELD,
        at=entry.at,
        by=act.actor.name,
        reason=act.reason,
    )
