"""The ledger's tables, and what the database itself refuses to do with them (P11-05).

What belongs here: names, columns and triggers, for SQLite and PostgreSQL from one declaration.
What does not: what is written (:mod:`.ledger_store`). Rows of the append-only tables are never
updated or deleted, and an entry has the next number or is refused: triggers see to it for whoever
has the application's rights. Whoever owns the database can drop triggers; verification finds that.

``ledger_head`` is the one row that changes: the signed state after the newest entry.
``ledger_open_acts`` is derived: acts that were intended and have no outcome yet.
"""

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Boolean,
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
Index("ledger_entries_by_time", ENTRIES.c.at)

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
    Column("at", String(27), nullable=False),
    Column("clock_behind", Boolean, nullable=False),
)

OPEN_ACTS = Table(
    "ledger_open_acts",
    METADATA,
    Column("act", Text, primary_key=True),
    Column("seq", _Number, nullable=False),
    Column("writer", Text, nullable=False),
)

APPEND_ONLY = (LAYOUTS, ENTRIES, NODES, CHECKPOINTS)
CHANGING = (HEAD, OPEN_ACTS)
REFUSAL = "the ledger is append-only"


def create_tables(connection: Connection) -> None:
    """Makes tables, indexes and triggers where they are missing."""
    METADATA.create_all(connection)
    for statement in _triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)


def missing_triggers(connection: Connection) -> tuple[str, ...]:
    """Names of the triggers that should be there and are not."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    else:
        found = connection.exec_driver_sql(
            "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND NOT tgisinternal"
        )
    there = {row[0] for row in found}
    return tuple(sorted(set(_trigger_names(connection.dialect.name)) - there))


def _trigger_names(dialect: str) -> Iterator[str]:
    for table in APPEND_ONLY:
        for event in ("update", "delete") if dialect == "sqlite" else ("change", "truncate"):
            yield f"{table.name}_no_{event}"
    yield "ledger_entries_next"


def _triggers(dialect: str) -> Iterator[str]:
    yield from _sqlite_triggers() if dialect == "sqlite" else _postgresql_triggers()


def _sqlite_triggers() -> Iterator[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    for table in APPEND_ONLY:
        for event in ("update", "delete"):
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {table.name}_no_{event} "
                f"BEFORE {event.upper()} ON {table.name} {refuse}"
            )
    # It refuses INSERT OR REPLACE, too, which deletes without asking the trigger above.
    yield (
        "CREATE TRIGGER IF NOT EXISTS ledger_entries_next BEFORE INSERT ON ledger_entries "
        "WHEN NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entries) " + refuse
    )


def _postgresql_triggers() -> Iterator[str]:
    yield (
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    yield (
        "CREATE OR REPLACE FUNCTION ledger_next() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entries) THEN "
        f"RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN NEW; END $$"
    )
    for table in APPEND_ONLY:
        yield (
            f"CREATE OR REPLACE TRIGGER {table.name}_no_change BEFORE UPDATE OR DELETE "
            f"ON {table.name} FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"
        )
        yield (
            f"CREATE OR REPLACE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE "
            f"ON {table.name} FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        )
    yield (
        "CREATE OR REPLACE TRIGGER ledger_entries_next BEFORE INSERT ON ledger_entries "
        "FOR EACH ROW EXECUTE FUNCTION ledger_next()"
    )
