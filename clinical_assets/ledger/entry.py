"""One entry: who did what to what, when and why, and what became of it (P11-05).

What belongs here: the record, its canonical bytes, and reading them back. What does not: hashes
of the tree (:mod:`.merkle`) and storage. An entry's bytes are canonical JSON (RFC 8785); the leaf
of the tree is made of these bytes, so they are kept as they were written.

An act that changes something outside of the ledger has two entries of the same ``act``: one with
outcome ``intended``, on disk before the change, and one with what became of it. An entry of an act
that changes nothing else stands alone.
"""

import json
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, get_args

from pydantic import ValidationError

from clinical_assets.canonical import canonical_json, from_plain, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import ACTIONS, details_of

FORMAT = "clinical-ledger/1"
Outcome = Literal["done", "intended", "failed", "refused", "interrupted"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_NOT_AN_ENTRY = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as authenticated; never as claimed by an argument, variable or tag.

    Attributes:
        kind: a person or a registered service.
        id: unique for ever; ``name`` is the printed name at the time of the act.
        method: how it was authenticated (``session``, ``signing``, ``service-credential``,
            ``local-installation``).
        on_behalf_of: the person for whom a service acts; empty where it acts by itself.
    """

    kind: Literal["person", "service"]
    id: str
    name: str
    method: str
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was acted upon: its kind and id, and the version and content digest if it has them."""

    kind: str
    id: str
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in Dagster the act came from; empty outside of a run."""

    run: str = ""
    asset: str = ""
    partition: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """An act as it is handed to the ledger, which adds number and time.

    Attributes:
        act: unique name of the act; the entries of one act share it.
        action: one of :data:`~clinical_assets.ledger.actions.ACTIONS`.
        details: the record that belongs to the action.
        reason: why, in the actor's words; empty where the action says it.
        software: version and commit of this software.
    """

    act: str
    actor: Actor
    action: str
    subject: Subject
    details: Any
    outcome: Outcome = "done"
    reason: str = ""
    origin: Origin = Origin()
    software: str = ""

    def __post_init__(self) -> None:
        known = ACTIONS.get(self.action)
        if known is None:
            raise ValueError(f"the ledger knows no action {self.action!r}")
        if type(self.details) is not known.details:
            raise TypeError(
                f"{self.action} takes details of type {known.details.__name__}, "
                f"not {type(self.details).__name__}"
            )


@dataclass(frozen=True, slots=True)
class Entry:
    """An act in its place: number from 0, and the time of the server that wrote it (UTC)."""

    seq: int
    at: datetime
    act: Act

    def to_bytes(self) -> bytes:
        """Canonical JSON: what is stored, hashed and exported.

        Raises:
            ValueError: the time has no zone.
        """
        act = self.act
        plain = {
            "format": FORMAT,
            "seq": self.seq,
            "at": time_text(self.at),
            "act": act.act,
            "actor": _members(act.actor),
            "action": act.action,
            "subject": _members(act.subject),
            "details": _members(act.details),
            "outcome": act.outcome,
            "reason": act.reason,
            "origin": _members(act.origin),
            "software": act.software,
        }
        # All else is text, by its type; what is in the details, the action decides.
        if self.seq <= _LARGEST and _is_plain(plain["details"]):
            return _write(plain).encode()
        return canonical_json({**plain, "details": to_plain(act.details)})


def read_entry(data: bytes) -> Entry:
    """The entry that :meth:`Entry.to_bytes` wrote as ``data``.

    Raises:
        ClinicalError: the bytes are no entry, or not in canonical form.
    """
    try:
        plain = json.loads(data)
        if plain.pop("format") != FORMAT or not _TIME.fullmatch(plain["at"]):
            raise _unreadable("format or time")
        seq, at = plain.pop("seq"), datetime.fromisoformat(plain.pop("at"))
        details = details_of(plain["action"], plain.pop("details"))
        entry = Entry(int(seq), at, _act(from_plain(_Plain, plain), details))
        written = entry.to_bytes()
    except _NOT_AN_ENTRY as error:
        kind = "details" if isinstance(error, ValidationError) else "fields"
        raise _unreadable(kind) from None
    if written != data:
        raise _unreadable("form, which is not canonical")
    return entry


@dataclass(frozen=True, slots=True)
class _Plain:
    """An act's fields but the details, whose type the action decides."""

    act: str
    actor: Actor
    action: str
    subject: Subject
    outcome: Outcome
    reason: str
    origin: Origin
    software: str


def _act(plain: _Plain, details: Any) -> Act:
    return Act(
        plain.act,
        plain.actor,
        plain.action,
        plain.subject,
        details,
        plain.outcome,
        plain.reason,
        plain.origin,
        plain.software,
    )


# What RFC 8785 demands of texts, truth values and whole numbers, the standard library does, too,
# and six times as fast; fractions and numbers that JavaScript cannot hold go the slow way.
_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_LARGEST = 2**53 - 1


def _members(record: Any) -> dict[str, Any]:
    kind: Any = type(record)
    return {name: getattr(record, name) for name in _names(kind)}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is bool:
        return True
    if kind is int:
        return bool(-_LARGEST <= value <= _LARGEST)
    if kind is dict:
        return all(map(_is_plain, value.values()))
    return kind is tuple and all(map(_is_plain, value))


def time_text(at: datetime) -> str:
    """UTC with microseconds and ``Z`` (RFC 3339), always of the same length.

    >>> time_text(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
    '2026-11-24T12:00:00.000000Z'
    """
    if at.tzinfo is None:
        raise ValueError("a time in the ledger has a zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _unreadable(what: str) -> ClinicalError:
    return ClinicalError(
        f"An entry of the ledger cannot be read: it departs in its {what}",
        where=f"expected {FORMAT}",
        repair="Verify the ledger; read it with the version of the software that wrote it",
    )
