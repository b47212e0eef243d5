"""How long each kind of record is kept, and whether one may be purged (P11-03, HIP-18).

What belongs here: the schedule, legal holds, and the decision over them. What does not: where
records lie, who asks, the clock. The least period of documentation is six years from its creation
or from the day when it was last in effect, whichever is later (45 CFR 164.316(b)(2)(i)); a hospital
makes it longer where its law or a device's lifetime demands it, never shorter.

What a decision cannot be based on is a refusal: a record whose age nobody proved is kept.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clinical_assets.errors import ClinicalError

HIPAA = "45 CFR 164.316(b)(2)(i)"
LEAST_YEARS = 6
EVERYTHING = "*"
LEGAL_HOLD = "legal hold"


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """How long records of one kind are kept.

    Attributes:
        kind: name of the kind; the ledger's entries about such a record name it, too.
        years: calendar years; None: for ever.
        source: the rule, law or policy that says so.
        never: why this software never purges a record of this kind; empty where it can.
        description: what such a record is.
    """

    kind: str
    years: int | None
    source: str
    description: str
    never: str = ""


_BUILT_IN = (
    RetentionClass("package", LEAST_YEARS, HIPAA, "A model package: folder and zip"),
    RetentionClass("snapshot", LEAST_YEARS, HIPAA, "A file of the snapshot store"),
    RetentionClass("table", LEAST_YEARS, HIPAA, "The rows of one version of a table"),
    RetentionClass(
        "ledger",
        None,
        "21 CFR 11.10(e): as long as the records it is about",
        "The ledger's entries and checkpoints",
        "Every entry is a leaf of one signed tree: without one of them no later one verifies",
    ),
    RetentionClass(
        "signature",
        None,
        "21 CFR 11.70: linked to its record",
        "An electronic signature",
        "It is an entry of the ledger",
    ),
    RetentionClass(
        "card",
        LEAST_YEARS,
        HIPAA,
        "A model card or datasheet",
        "It is a part of its package and goes with it",
    ),
    RetentionClass(
        "run",
        LEAST_YEARS,
        HIPAA,
        "A run's history in Dagster",
        "Gates are read again from it, and it cannot be taken out of Dagster's log piecewise",
    ),
    RetentionClass(
        "experiment",
        LEAST_YEARS,
        HIPAA,
        "A run in MLflow, of a refused candidate too",
        "It is the record of what was tried and refused, and MLflow deletes without a proof",
    ),
)
Schedule = Mapping[str, RetentionClass]
BUILT_IN: Schedule = {one.kind: one for one in _BUILT_IN}


@dataclass(frozen=True, slots=True)
class HoldEvent:
    """A legal hold that was set or lifted.

    Attributes:
        kind, id: the record; ``id`` may be ``*`` for every record of the kind, and kind ``model``
            stands for every record of that model.
        matter: what it is for; each matter is lifted for itself.
        held: True where it was set, False where it was lifted.
        at, by, reason: when, by whom (printed name), why.
    """

    kind: str
    id: str
    matter: str
    held: bool
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record whose purge is asked for.

    Attributes:
        kind, id: which it is.
        models: the models that it belongs to; None where nobody can tell.
        since: when it was created or last in effect, whichever is later, with a zone; None where
            nothing proves it.
        in_use: why it is in effect now; empty where it is not.
    """

    kind: str
    id: str
    models: frozenset[str] | None
    since: datetime | None
    in_use: str = ""


@dataclass(frozen=True, slots=True)
class PurgeVerdict:
    """Whether a record may be purged.

    Attributes:
        rule: which rule decided: ``unknown kind``, ``never``, ``held``, ``in use``,
            ``age unknown``, ``not expired``, ``expired``.
        why: the rule in words.
        expires_at: the first moment at which its period is over; None where it has none.
    """

    allowed: bool
    rule: str
    why: str
    expires_at: datetime | None = None


def expiry(since: datetime, years: int) -> datetime:
    """The same moment ``years`` calendar years later; 29 February becomes 1 March.

    >>> from datetime import UTC
    >>> expiry(datetime(2024, 2, 29, 12, tzinfo=UTC), 6).isoformat()
    '2030-03-01T12:00:00+00:00'
    """
    try:
        return since.replace(year=since.year + years)
    except ValueError:
        return since.replace(year=since.year + years, month=3, day=1)


def in_force(events: Iterable[HoldEvent]) -> tuple[HoldEvent, ...]:
    """The holds that were set and not lifted, the oldest first; ``events`` in their order."""
    found: dict[tuple[str, str, str], HoldEvent] = {}
    for event in events:
        about = (event.kind, event.id, event.matter)
        if event.held:
            found.setdefault(about, event)
        else:
            found.pop(about, None)
    return tuple(found.values())


def holds_on(record: Record, holds: Sequence[HoldEvent]) -> tuple[HoldEvent, ...]:
    """Those of the holds in force that keep this record.

    A model's hold keeps every record that cannot be told to be of other models only.
    """
    return tuple(
        hold
        for hold in holds
        if (hold.kind == record.kind and hold.id in (record.id, EVERYTHING))
        or (
            hold.kind == "model"
            and (record.models is None or hold.id == EVERYTHING or hold.id in record.models)
        )
    )


def judge_purge(
    record: Record, holds: Sequence[HoldEvent], now: datetime, schedule: Schedule = BUILT_IN
) -> PurgeVerdict:
    """Whether ``record`` may be purged at ``now``.

    Args:
        holds: those in force; a hold overrides expiry.
        now: with a zone.
        schedule: by kind.

    Raises:
        ValueError: a time has no zone.
    """
    found = schedule.get(record.kind)
    if found is None:
        return PurgeVerdict(False, "unknown kind", f"There is no kind {record.kind!r} of records")
    if found.years is None or found.never:
        return PurgeVerdict(False, "never", f"{found.description} is never purged. {found.never}")
    if now.tzinfo is None or (record.since is not None and record.since.tzinfo is None):
        raise ValueError("a time of a retention period has a zone")
    end = None if record.since is None else expiry(record.since, found.years)
    if keeping := holds_on(record, holds):
        first = keeping[0]
        return PurgeVerdict(
            False,
            "held",
            f"{len(keeping)} legal hold(s) keep it; the first was set by {first.by} on"
            f" {first.at:%Y-%m-%d} ({first.matter})",
            end,
        )
    if record.in_use:
        return PurgeVerdict(False, "in use", f"It is in effect: {record.in_use}", end)
    if end is None:
        return PurgeVerdict(
            False, "age unknown", "No entry of the ledger says when it was made, so it is kept"
        )
    if now < end:
        return PurgeVerdict(
            False,
            "not expired",
            f"It is kept for {found.years} years ({found.source}), until {end:%Y-%m-%d}",
            end,
        )
    return PurgeVerdict(True, "expired", f"Its {found.years} years ended on {end:%Y-%m-%d}", end)


def parse_schedule(text: str, *, origin: str = "") -> Schedule:
    """The built-in schedule with what a hospital's TOML file changes.

    The file has one table for each kind that differs, with ``years`` (a whole number, at least
    six) and ``source`` (the rule or policy that says so). Nothing else can be changed: what is
    never purged stays so.

    Raises:
        ClinicalError: the file is no TOML, or a value is not allowed.
    """
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(f"is not TOML ({error})", origin) from error
    schedule = dict(BUILT_IN)
    for kind, entry in stated.items():
        known = BUILT_IN.get(kind)
        if known is None:
            raise _wrong(f"names no kind {kind!r}; the kinds are: {', '.join(BUILT_IN)}", origin)
        if not isinstance(entry, dict) or set(entry) != {"years", "source"}:
            raise _wrong(f"must give {kind} exactly years and source", origin)
        years, source = entry["years"], entry["source"]
        if known.years is None:
            raise _wrong(f"cannot limit {kind}: it is kept for ever ({known.source})", origin)
        if type(years) is not int or not known.years <= years <= 1000:
            raise _wrong(
                f"must keep {kind} for a whole number of years from {known.years} to 1000"
                f" ({known.source} demands at least {known.years})",
                origin,
            )
        if not isinstance(source, str) or not source.strip():
            raise _wrong(f"must say which rule demands the period of {kind}", origin)
        schedule[kind] = replace(known, years=years, source=source.strip())
    return schedule


def _wrong(what: str, origin: str) -> ClinicalError:
    return ClinicalError(
        f"The retention schedule {what}",
        where=origin or "CLINICAL_RETENTION",
        repair="Correct the file; docs/backup.md shows one. Until then nothing is purged",
    )
