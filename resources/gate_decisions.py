"""What the ledger holds of a model's gates, whatever a caller says of them.

What belongs here: the newest decision of each gate before a time. What does not: check results in
Dagster (:mod:`.evidence`), which a release reads too, and the verdicts themselves. Clause: P11-06.
"""

from datetime import datetime

from sqlalchemy import Connection

from clinical_assets.gates import GATES
from clinical_assets.ledger.actions import Decision
from clinical_assets.ledger.entry import time_text
from resources.ledger import Ledger
from resources.ledger_database.reader import Wanted

_NEWEST = 60  # decisions about one asset that are looked at; it has six gates at most


def gates_against(
    ledger: Ledger, model: str, before: datetime | None = None, connection: Connection | None = None
) -> str:
    """Which gates speak against a release, or are silent; empty where all passed.

    Args:
        before: decisions of then or later count for nothing.

    Raises:
        ClinicalError: an entry was changed past the ledger.
    """
    until = "" if before is None else time_text(before)
    passed: dict[str, bool] = {}
    for asset in dict.fromkeys(GATES.values()):
        wanted = Wanted(
            subject_kind="asset",
            subject_id=f"{model}/{asset}",
            action="gate.decided",
            until=until,
        )
        for entry in ledger.reader.proven(wanted, connection, newest=_NEWEST):
            decided = entry.act.details
            if isinstance(decided, Decision) and GATES.get(decided.gate) == asset:
                passed[decided.gate] = decided.passed
    refused = [gate for gate in GATES if passed.get(gate) is False]
    silent = [gate for gate in GATES if gate not in passed]
    told = [f"the ledger holds that gate {', '.join(refused)} refused"] if refused else []
    told += [f"the ledger holds no decision of gate {', '.join(silent)}"] if silent else []
    return "; ".join(told)
