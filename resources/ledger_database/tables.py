"""The ledger's tables, for SQLite and PostgreSQL from one declaration.

What belongs here: names and columns. What does not: what is written (:mod:`.store`), and
what the database refuses to do with the tables (:mod:`.guards`).

``ledger_head`` is the one row that changes: the signed state after the newest entry.
``ledger_open_acts`` is derived: acts that were intended and have no outcome yet.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from resources.ledger_database.guards import create_guards

METADATA = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")

LAYOUTS = Table(
    "ledger_layouts",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
)

ENTRIES = Table(
    "ledger_entries",
    METADATA,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # What follows is for searching only; the truth is in the body.
    Column("at", String(27), nullable=False),
    Column("act", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("subject_kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("run", Text, nullable=False),
)
Index("ledger_entries_by_subject", ENTRIES.c.subject_kind, ENTRIES.c.subject_id, ENTRIES.c.seq)
Index("ledger_entries_by_action", ENTRIES.c.action, ENTRIES.c.seq)
Index("ledger_entries_by_actor", ENTRIES.c.actor, ENTRIES.c.seq)
Index("ledger_entries_by_act", ENTRIES.c.act)
# Times never go down, so they are found by bisection: one index less to write at each append.

NODES = Table(
    "ledger_nodes",
    METADATA,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("place", _Number, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

CHECKPOINTS = Table(
    "ledger_checkpoints",
    METADATA,
    Column("size", _Number, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

HEAD = Table(
    "ledger_head",
    METADATA,
    Column("one", SmallInteger, CheckConstraint("one = 1"), primary_key=True, autoincrement=False),
    Column("size", _Number, nullable=False),
    Column("note", Text, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
    # Left siblings from the newest leaf up to the last peak: so it is proven without a query.
    Column("path", LargeBinary, nullable=False),
    Column("at", String(27), nullable=False),
)

OPEN_ACTS = Table(
    "ledger_open_acts",
    METADATA,
    # Not keyed by the act: whoever names one act twice must not keep others from appending.
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("act", Text, nullable=False, index=True),
    Column("writer", Text, nullable=False),
)

APPEND_ONLY = (LAYOUTS, ENTRIES, NODES, CHECKPOINTS)
CHANGING = (HEAD, OPEN_ACTS)


def create_tables(connection: Connection) -> None:
    """Makes tables, indexes and triggers where they are missing."""
    METADATA.create_all(connection)
    create_guards(connection)
