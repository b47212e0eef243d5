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
from clinical_assets.ledger.entry import Act, Subject
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.ledger_keys import LedgerKeys

KEY = "ledger-signing key"
"""What changes, in entries about keys."""


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
    """The key in force, if no entry tells of it; None where one does, or where it is lost.

    Raises:
        ClinicalError: the key cannot be read, or an entry about it was changed past the ledger.
    """
    if is_lost(ledger.store):
        return None
    key = ledger.store.keys.signing(ledger.store.origin).public
    about = Wanted(action="key.", subject_kind="key", subject_id=str(key))
    return None if ledger.reader.proven(about, connection, newest=1) else key


def put_on_record(ledger: Opened) -> None:
    """Writes down a key that is in force without an entry: whoever put it there did not.

    Raises:
        ClinicalError: it cannot be written, or the key not be read.
    """
    if unrecorded_key(ledger) is None:
        return
    store = ledger.store
    last = signer(store)

    def decide(connection: Connection) -> Sequence[Act]:
        found = unrecorded_key(ledger, connection)
        if found is None:  # another process was quicker
            return ()
        subject, change = replacement(None if last == found else last, found)
        return [
            Act(
                uuid4().hex,
                LEDGER,
                "key.created",
                subject,
                change,
                reason="it was found in force, and no entry told of it",
                software=store.software,
            )
        ]

    store.decide(decide)
