"""Changing the ledger's signing key on record: intended, changed, published under the new key.

What belongs here: the order of entries, keys and checkpoints. What does not: the keys on disk
(:mod:`.ledger_keys`), and asking for what proves who changes them (the commands).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject
from resources.actors import acting
from resources.backups.permission import administrator_without_key
from resources.keys_on_record import KEY, own_keys, replacement, signer
from resources.ledger_keys import LedgerKeys
from resources.ledger_memory import contradicts_seen
from resources.people.claims import Claim
from resources.reconciling import Found
from resources.witnessing import Witnessing


def rotate_key(opened: Witnessing, reason: str) -> tuple[PublicKey, PublicKey]:
    """Puts a new key in force and publishes a checkpoint under it; the old key and the new one.

    Raises:
        ClinicalError: the key is lost (:func:`replace_lost_key`) or cannot be changed, or a witness
            contradicts the ledger.
    """
    ledger, origin = opened.ledger, opened.ledger.store.origin
    before = str(opened.keys.signing(origin).public)
    new = SigningKey.generate(origin)
    named = str(new.public)
    # Both are on record, under the old key, before the new one signs anything.
    with (
        ledger.doing("key.created", Subject("key", named), Change(KEY, "", named), reason=reason),
        ledger.doing(
            "key.retired", Subject("key", before), Change(KEY, before, named), reason=reason
        ) as retiring,
    ):
        old, _ = opened.keys.rotate(origin, new)
        retiring.subject = Subject("key", str(old))  # another may have rotated in between
        retiring.details = Change(KEY, str(old), named)
    opened.publish()
    return old, new.public


def replace_lost_key(
    opened: Witnessing, folder: Path, reason: str, *, id: str, claim: Callable[[], Claim]
) -> tuple[PublicKey, PublicKey]:
    """Puts a new key in force for one that is lost; the lost key and the new one.

    Nobody can log in without a key, so whoever is not logged in proves here who they are. That
    proof and the new key are the first entries under it, in one transaction; the key is in force
    once they are on disk. An older copy than this machine has seen gets a new key, too, since
    nobody could answer for the loss without one; what was lost is then still to be answered for,
    and nothing is published.

    Args:
        folder: of keys.
        id: of the person whom the command names; empty for whoever is logged in.
        claim: asks for what proves it.

    Raises:
        ClinicalError: the right is lacking or was not proven, then nothing is written; the key is
            not lost; or a witness contradicts the ledger.
    """
    ledger, keys = opened.ledger, own_keys(opened.ledger.store)
    former, made = signer(ledger.store), list[PublicKey]()
    why = f"{reason} (the private key was lost)"
    with ledger.memory.answering(), keys.replacing(ledger.store.origin) as bring_up:

        def follows(actor: Actor) -> Sequence[Act]:
            made.append(bring_up())
            subject, change = replacement(former, made[-1])
            with acting(actor):
                return [ledger.act("key.created", subject, change, reason=why)]

        actor = administrator_without_key(ledger, folder, id, claim, follows)
    if not contradicts_seen(ledger):
        with acting(actor):
            opened.publish()
    return former, made[-1]


def withdraw_key(opened: Witnessing, vkey: str, reason: str) -> PublicKey:
    """Lets a key's signatures count no longer, and publishes a checkpoint that is not its own.

    Raises:
        ClinicalError: it is the key in force, or none of this installation's.
    """
    about, change = Subject("key", vkey), Change(KEY, vkey, "withdrawn")
    with opened.ledger.doing("key.withdrawn", about, change, reason=reason):
        found = opened.keys.withdraw(vkey)
    opened.publish()
    return found


def probe_key(keys: LedgerKeys, origin: str, entry: Entry) -> Found:
    """Whether an interrupted rotation put its new key in force."""
    named = entry.act.details.after
    if keys.is_lost(origin):
        return "cannot be told"
    if str(keys.signing(origin).public) == named:
        return "found"
    known = {str(key) for key in (*keys.trusted(), *keys.withdrawn())}
    return "cannot be told" if named in known else "absent"  # trusted before it is in force
