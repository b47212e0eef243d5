"""Changes of the ledger's storage from one layout to the next.

What belongs here: for each layout after the first, what is made that the one before did not have.
What does not: the entries, which no migration touches; their bytes and numbers stay, so that every
old checkpoint verifies. A step runs in the transaction that records it (``ledger.migrated``), and
is never changed once it was released: a later change is a further layout.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from resources.ledger_database.identity_tables import create_identity_tables

STEPS: dict[int, Callable[[Connection], None]] = {
    2: create_identity_tables,  # the identity register
}
LAYOUT = max(STEPS)


def migrate(connection: Connection, found: int) -> None:
    """Brings tables of layout ``found`` to :data:`LAYOUT`, step by step."""
    for number in range(found + 1, LAYOUT + 1):
        STEPS[number](connection)
