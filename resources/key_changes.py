"""Changing the ledger's signing key on record: intended, changed, published under the new key."""

from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.entry import Entry, Subject
from resources.ledger_keys import LedgerKeys
from resources.reconciling import Found
from resources.witnessing import Witnessing

_NAME = "ledger-signing key"


def rotate_key(opened: Witnessing, reason: str) -> tuple[PublicKey, PublicKey]:
    """Puts a new key in force and publishes a checkpoint under it; the old key and the new one.

    Where the private key is lost, nothing is retired: the new one says itself that it is new.

    Raises:
        ClinicalError: the key cannot be changed, or a witness contradicts the ledger.
    """
    ledger, origin = opened.ledger, opened.ledger.store.origin
    if opened.keys.is_lost(origin):
        former = next(key for key in opened.keys.trusted() if key.name == origin)
        made = opened.keys.replace_lost(origin).public
        subject, told = Subject("key", str(made)), Change(_NAME, str(former), str(made))
        ledger.record("key.created", subject, told, reason=f"{reason} (the private key was lost)")
        opened.publish()
        return former, made
    before = str(opened.keys.signing(origin).public)
    new = SigningKey.generate(origin)
    named = str(new.public)
    # Both are on record, under the old key, before the new one signs anything.
    with (
        ledger.doing("key.created", Subject("key", named), Change(_NAME, "", named), reason=reason),
        ledger.doing(
            "key.retired", Subject("key", before), Change(_NAME, before, named), reason=reason
        ) as retiring,
    ):
        old, _ = opened.keys.rotate(origin, new)
        retiring.subject = Subject("key", str(old))  # another may have rotated in between
        retiring.details = Change(_NAME, str(old), named)
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


def probe_key(keys: LedgerKeys, origin: str, entry: Entry) -> Found:
    """Whether an interrupted rotation put its new key in force."""
    named = entry.act.details.after
    if str(keys.signing(origin).public) == named:
        return "found"
    known = {str(key) for key in (*keys.trusted(), *keys.withdrawn())}
    return "cannot be told" if named in known else "absent"  # trusted before it is in force
