"""What a restored ledger has to be told of itself: the backup's own act, and who acts from then on.

What belongs here: settling the act that made the backup, and whether the credential that is here is
that of the restored register's service. What does not: restoring (:mod:`.restoring`); other acts
that had no outcome, which the next start looks into (:mod:`resources.reconciling`).
"""

from dataclasses import replace
from functools import partial

from clinical_assets.ledger.actions import Reconciled
from clinical_assets.ledger.entry import Entry
from resources.ledger import Ledger
from resources.reconciling import if_open


def settle_own_act(ledger: Ledger, name: str, size: int, sha256: str) -> tuple[Entry, ...]:
    """Records what became of the act ``backup.made`` whose intention the backup itself holds.

    Its outcome came after the copy. No process can write it into this ledger any more; that the
    backup was made is known: it verified. The entry is one of reconciliation, not a ``done`` that
    nobody wrote.

    Args:
        name: the backup's folder.
        size: entries in the backup.
        sha256: of the backup's manifest.

    Raises:
        ClinicalError: the ledger cannot be read or written.
    """
    opened = [ledger.reader.entry(one.seq) for one in ledger.reader.open_acts() if one.seq < size]
    made = [entry for entry in opened if entry.act.action == "backup.made"]
    # One backup is made at a time, so the newest is this one's, even if its folder was renamed.
    own = [entry for entry in made if entry.act.subject.id == name] or made
    if not own:
        return ()
    intended = own[-1]
    act = ledger.act(
        "ledger.reconciled",
        replace(intended.act.subject, sha256=sha256),
        Reconciled("found"),
        outcome="interrupted",
        reason=f"Entry {intended.seq} (backup.made) has no outcome in the backup that it made, and"
        " cannot have one there; the backup verified",
        origin=intended.act.origin,
        name=intended.act.act,
    )
    return ledger.store.decide(partial(if_open, ledger, act))
