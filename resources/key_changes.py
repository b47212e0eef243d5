"""Changing the ledger's signing key on record: intended, changed, published under the new key."""

from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.checkpoint import PublicKey
from clinical_assets.ledger.entry import Subject
from resources.witnessing import Witnessing

_NAME = "ledger-signing key"


def rotate_key(opened: Witnessing, reason: str) -> tuple[PublicKey, PublicKey]:
    """Puts a new key in force and publishes a checkpoint under it; the old key and the new one.

    Raises:
        ClinicalError: the key cannot be changed, or a witness contradicts the ledger.
    """
    ledger, origin = opened.ledger, opened.ledger.store.origin
    before = opened.keys.signing(origin).public
    about = Subject("key", str(before))
    with ledger.doing("key.retired", about, Change(_NAME, str(before), ""), reason=reason) as doing:
        old, new = opened.keys.rotate(origin)
        doing.details = Change(_NAME, str(old), str(new.public))
    created = Change(_NAME, "", str(new.public))
    ledger.record("key.created", Subject("key", str(new.public)), created, reason=reason)
    opened.publish()
    return old, new.public


def withdraw_key(opened: Witnessing, vkey: str, reason: str) -> PublicKey:
    """Lets a key's signatures count no longer, and publishes a checkpoint that is not its own.

    Raises:
        ClinicalError: it is the key in force, or none of this installation's.
    """
    about, change = Subject("key", vkey), Change(_NAME, vkey, "withdrawn")
    with opened.ledger.doing("key.withdrawn", about, change, reason=reason):
        found = opened.keys.withdraw(vkey)
    opened.publish()
    return found
