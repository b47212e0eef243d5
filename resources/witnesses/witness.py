"""Witnesses: second places that hold each checkpoint, out of reach of whoever holds the ledger.

What belongs here: what every kind of witness can do, the kind that keeps files, and opening them
from their addresses. What does not: waiting for one that is down (:mod:`.spool`).

A witness is worth what separates it from the ledger: another administrator, another machine, a
store that deletes nothing. A folder on the same disk only finds mistakes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from clinical_assets.errors import ClinicalError
from resources.witnesses.notes import MOST_READ, Counts, NoteStore, every
from resources.witnesses.syslog import SyslogWitness
from resources.witnesses.timestamp import TimestampWitness
from resources.witnesses.urls import FORMS, WitnessUrl, witness_url


class Witness(Protocol):
    """A second place for checkpoints."""

    name: str

    def publish(self, note: str) -> None:
        """Has the note held there; doing it twice does no harm.

        Raises:
            ClinicalError: it is not known to be held there.
        """

    def notes(self, origin: str, *, last: int | None = None, counts: Counts = every) -> list[str]:
        """Notes of a ledger held there, by size, or the ``last`` ones that count; empty if
        write-only."""


class Held(NamedTuple):
    """What witnesses hold of a ledger, and the names of those that did not answer."""

    notes: list[str]
    silent: list[str]


class StoredWitness:
    """A folder or bucket with one file for each note."""

    def __init__(self, url: WitnessUrl, kept: NoteStore) -> None:
        self.name = url.url
        self.kept = kept

    def publish(self, note: str) -> None:
        """Stores the note; once stored it is never changed from here.

        Raises:
            ClinicalError: it is no checkpoint or cannot be stored, or its name bears other bytes.
        """
        self.kept.put(note)

    def notes(self, origin: str, *, last: int | None = None, counts: Counts = every) -> list[str]:
        """Notes of a ledger: :meth:`.NoteStore.notes`; to be verified by the reader.

        Raises:
            ClinicalError: the folder or bucket cannot be read.
        """
        return self.kept.notes(origin, last=last, counts=counts)


def parse_witness(
    text: str, *, tokens: str = "", s3_options: Mapping[str, str] | None = None
) -> Witness:
    """The witness at an address; nothing is reached for yet.

    Args:
        text: one of the forms of :data:`.urls.FORMS`.
        tokens: folder or ``s3://`` address where time stamps are kept.
        s3_options: obstore's options; credentials come from the ``AWS_…`` variables.

    Raises:
        ClinicalError: it is no address of a witness, or time stamps have no place to be kept.
    """
    try:
        url = witness_url(text)
    except ValueError as error:
        raise ClinicalError(
            f"This is no address of a witness: it {error}",
            where="CLINICAL_WITNESSES",
            repair=f"Give {FORMS}",
        ) from None
    if url.kind == "syslog":
        return SyslogWitness(url)
    if url.kind == "timestamp":
        if not tokens:
            raise ClinicalError(
                "Time stamps have no place to be kept",
                where=url.url,
                repair="Name a folder or bucket among the witnesses, too",
            )
        return TimestampWitness(url, NoteStore(tokens, s3_options))
    return StoredWitness(url, NoteStore(url.target, s3_options))


def open_witnesses(
    texts: Sequence[str], *, s3_options: Mapping[str, str] | None = None
) -> tuple[Witness, ...]:
    """All witnesses of an installation; the first that keeps notes keeps time stamps, too.

    Raises:
        ClinicalError: as :func:`parse_witness`.
    """
    tokens = ""
    for text in texts:
        if not tokens and text.strip().startswith(("folder:", "s3://")):
            kept = parse_witness(text, s3_options=s3_options)
            assert isinstance(kept, StoredWitness)
            tokens = kept.kept.url
    return tuple(parse_witness(text, tokens=tokens, s3_options=s3_options) for text in texts)


def held_notes(
    witnesses: Sequence[Witness],
    origin: str,
    *,
    last: int | None = None,
    counts: Counts = every,
) -> Held:
    """The notes of a ledger that the witnesses hold, or the ``last`` ones of each that count.

    Of a witness where none of so many were enough, it is not known what it holds: it is silent.
    """
    held = Held([], [])
    for witness in witnesses:
        try:
            notes = witness.notes(origin, last=last, counts=counts)
        except ClinicalError:
            held.silent.append(witness.name)
            continue
        held.notes.extend(notes)
        if last is not None and len(notes) >= MOST_READ:
            held.silent.append(witness.name)
    return held
