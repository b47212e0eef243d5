"""What others have seen of a ledger that is restored: notes, and whose signature on them counts.

What belongs here: telling notes of known keys from others, and the head of the ledger that is
replaced. What does not: what they show to be lost (:mod:`.losses`), and restoring
(:mod:`.restoring`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, read
from resources.backups.losses import signed_notes
from resources.ledger_database.copy import LedgerCopy, holds_ledger
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_database.tables import HEAD
from resources.ledger_keys import LedgerKeys
from resources.settings import Settings


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Public keys of the ledger that is restored: whose signatures count, and no longer count."""

    trusted: Sequence[PublicKey]
    withdrawn: Sequence[PublicKey]

    @classmethod
    def of(cls, given: Sequence[PublicKey], copy: LedgerCopy, *kept: LedgerKeys) -> "KnownKeys":
        """Keys that are given, those of the copy, and those in the folders that are ``kept``."""
        withdrawn = {str(key): key for keys in kept for key in keys.withdrawn()}
        trusted = {str(key): key for keys in kept for key in keys.trusted()}
        trusted |= {str(key): key for key in (*given, *copy.keys)}
        left = [k for line, k in trusted.items() if k.name == copy.origin and line not in withdrawn]
        return cls(left, tuple(withdrawn.values()))


def told_apart(
    notes: Sequence[str], copy: LedgerCopy, known: KnownKeys
) -> tuple[list[str], list[bool]]:
    """Notes that a known key signed; of each other one, whether it speaks of later entries.

    What only a withdrawn key signed is evidence of nothing, and is in neither.
    """
    signed = signed_notes(notes, known.trusted)
    gone = set(signed_notes(notes, known.withdrawn))
    unknown = []
    for note in sorted(set(notes) - set(signed) - gone):
        try:
            stated = read(note)
        except ClinicalError:
            unknown.append(False)
            continue
        if stated.origin == copy.origin:
            unknown.append(stated.size > copy.size)
    return signed, unknown


def of_unknown_keys(count: int, copy: LedgerCopy) -> ClinicalError:
    """The error that stops a restore of which nobody can tell what it loses."""
    return ClinicalError(
        f"Witnesses hold {count} note(s) about entries after the backup, signed by no key that is"
        " known here: what was lost cannot be told",
        where=f"ledger {copy.origin}",
        repair="Was the key rotated after the backup? Give its public key with a further --key, or"
        " the private keys with --with-keys; --ignore-unknown-notes restores all the same",
    )


def present_notes(settings: Settings) -> list[str]:
    """The signed head of the ledger that is there, if any: what is replaced is a witness, too.

    One that cannot be read tells nothing: it is then what the restore is for.
    """
    engine = LedgerEngine(settings.ledger_url)
    try:
        if not holds_ledger(settings.ledger_url):
            return []
        with engine.reading() as connection:
            return [str(note) for note in connection.execute(select(HEAD.c.note)).scalars()]
    except ClinicalError:
        if not engine.embedded:
            raise
        return []
    finally:
        engine.close()
