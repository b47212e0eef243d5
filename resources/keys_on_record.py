"""Whether the key that signs a ledger is told of by one of its entries.

What belongs here: which key signed last, and putting a key on record that is in force without an
entry. What does not: changing keys (:mod:`.key_changes`) and the keys on disk
(:mod:`.ledger_keys`). A key that took the place of another in silence would hide that the other
was taken away.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol
from uuid import uuid4

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.checkpoint import PublicKey, verify
from clinical_assets.ledger.entry import Act, Entry, Subject
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.ledger_keys import LedgerKeys

KEY = "ledger-signing key"
"""What changes, in entries about keys."""
_FOUND = "it was found in force, and no entry told of it"


class Opened(Protocol):
    """What this module needs of a ledger."""

    store: LedgerStore
    reader: LedgerReader


def own_keys(store: LedgerStore) -> LedgerKeys:
    """The keys that the ledger signs with: what they hold back, no other object has.

    Raises:
        TypeError: they are none of a folder.
    """
    if not isinstance(store.keys, LedgerKeys):
        raise TypeError(f"these are no keys of a folder: {store.keys!r}")
    return store.keys


def is_lost(store: LedgerStore) -> bool:
    """Whether the ledger's private key should be in a folder, and is not."""
    return isinstance(store.keys, LedgerKeys) and store.keys.is_lost(store.origin)


def signer(store: LedgerStore) -> PublicKey:
    """The key that signed the newest state: the one that was in force last.

    Raises:
        ClinicalError: no trusted key did, or the ledger does not hold.
    """
    note = store.head().note
    for key in store.keys.trusted():
        with suppress(ClinicalError):
            verify(note, [key])
            return key
    raise ClinicalError(
        "No known key signed the newest state of the ledger",
        where=store.engine.place,
        repair="Put the ledger's public keys back into ledger-trusted in the folder of keys",
    )


def replacement(former: PublicKey | None, new: PublicKey) -> tuple[Subject, Change]:
    """What an entry ``key.created`` says of a key that came into force in the place of another."""
    return Subject("key", str(new)), Change(KEY, "" if former is None else str(former), str(new))


def unrecorded_key(ledger: Opened, connection: Connection | None = None) -> PublicKey | None:
    """The key in force, if no entry says that it came into force, or a later one that it was
    retired or withdrawn; None where it is on record, or lost.

    Raises:
        ClinicalError: the key cannot be read, or an entry about it was changed past the ledger.
    """
    if is_lost(ledger.store):
        return None
    key, newest = _newest_about(ledger, connection)
    return None if newest is not None and newest.act.action == "key.created" else key


def unanswered_key(ledger: Opened) -> PublicKey | None:
    """The key in force, if it took the place of another and nobody answers for that: it was found
    so, and written down by :func:`put_on_record`.

    Raises:
        ClinicalError: as :func:`unrecorded_key`.
    """
    if is_lost(ledger.store):
        return None
    key, newest = _newest_about(ledger, None)
    found_so = newest is not None and newest.act.reason == _FOUND and newest.act.details.before
    return key if found_so else None


def _newest_about(ledger: Opened, connection: Connection | None) -> tuple[PublicKey, Entry | None]:
    """The key in force, and the newest entry that says what became of it."""
    key = ledger.store.keys.signing(ledger.store.origin).public
    about = Wanted(action="key.", subject_kind="key", subject_id=str(key), outcome="done")
    found = ledger.reader.proven(about, connection, newest=1)
    return key, (found[0] if found else None)


def put_on_record(ledger: Opened) -> None:
    """Writes down a key that is in force without an entry: whoever put it there did not.

    Raises:
        ClinicalError: it cannot be written, or the key not be read.
    """
    if unrecorded_key(ledger) is None:
        return
    store = ledger.store
    created = Wanted(action="key.created", subject_kind="key", outcome="done")
    last = [e.act.subject.id for e in ledger.reader.proven(created, newest=1)]

    def decide(connection: Connection) -> Sequence[Act]:
        found = unrecorded_key(ledger, connection)
        if found is None:  # another process was quicker
            return ()
        subject = Subject("key", str(found))
        change = Change(KEY, last[0] if last else "", str(found))
        return [
            Act(
                uuid4().hex,
                LEDGER,
                "key.created",
                subject,
                change,
                reason=_FOUND,
                software=store.software,
            )
        ]

    store.decide(decide)
