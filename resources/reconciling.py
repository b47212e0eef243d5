"""Acts that were intended and have no outcome: looked into at the next start, and written down.

What belongs here: finding the acts of processes that have ended, asking what became of them, and
recording the answer. What does not: how the lake, the snapshots or the registry are asked; their
probes are handed in. Nothing is undone or finished here: what was found is recorded, not hidden.

The record is an entry ``ledger.reconciled`` of the same act with outcome ``interrupted``. It is
decided upon while nobody else writes and from entries that are proven, so that two processes
record an act once, and an act that ends after all in the meantime is not called interrupted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from clinical_assets.ledger.actions import Reconciled
from clinical_assets.ledger.entry import Act, Entry
from resources.ledger import Ledger
from resources.ledger_database.reader import Wanted

Found = Literal["found", "absent", "cannot be told"]
UNTOLD: Found = "cannot be told"
Probe = Callable[[Entry], Found]


def reconcile(
    ledger: Ledger, probes: Mapping[str, Probe], *, leave: Collection[str] = ()
) -> list[Entry]:
    """Looks into every open act whose process has ended; the entries that say what was found.

    Args:
        probes: by action, what tells from an intended entry whether its change is there
            (``found``) or not (``absent``). Where there is none, or it fails, it cannot be told.
        leave: actions whose acts stay open, for somebody who can tell.

    Raises:
        ClinicalError: the ledger cannot be read or written.
    """
    recorded: list[Entry] = []
    for opened in ledger.reader.open_acts():
        intended = ledger.reader.entry(opened.seq)
        if intended.act.action in leave or ledger.writers.may_be_alive(
            opened.writer, intended.at, datetime.now(UTC)
        ):
            continue
        act = ledger.act(
            "ledger.reconciled",
            intended.act.subject,
            Reconciled(_looked_into(intended, probes)),
            outcome="interrupted",
            reason=f"Entry {intended.seq} ({intended.act.action}) had no outcome",
            origin=intended.act.origin,
            name=intended.act.act,
        )
        recorded += ledger.store.decide(partial(if_open, ledger, act))
    return recorded


def _looked_into(intended: Entry, probes: Mapping[str, Probe]) -> Found:
    probe = probes.get(intended.act.action)
    if probe is None:
        return UNTOLD
    try:
        return probe(intended)
    except Exception:  # a store that is away must not keep the others from being looked into
        return UNTOLD


def if_open(ledger: Ledger, act: Act, connection: Connection) -> Sequence[Act]:
    """``act``, if the act of its name has no outcome yet; for :meth:`LedgerStore.decide`."""
    entries = ledger.reader.proven(Wanted(act=act.act), connection)
    return [act] if entries and entries[-1].act.outcome == "intended" else []
