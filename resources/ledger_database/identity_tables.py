"""The identity register's tables, in the ledger's database (P11-05, P11-16).

What belongs here: names, columns, triggers. What does not: what a record means
(``clinical_assets/people``) and whether it is still the one that was written
(:mod:`resources.people.accounts`). An account is one record in canonical JSON, whose digest every
entry about it carries; nothing else in its row decides anything. No row is ever deleted: an id that
was used stays used.
"""

from collections.abc import Iterator

from sqlalchemy import Column, Connection, LargeBinary, MetaData, String, Table, Text, inspect

METADATA = MetaData()

ACCOUNTS = Table(
    "identity_accounts",
    METADATA,
    Column("id", String(64), primary_key=True),  # case-folded
    Column("record", LargeBinary, nullable=False),
)

SESSIONS = Table(
    "identity_sessions",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("record", LargeBinary, nullable=False),  # terms of the session, never changed
    Column("used_at", String(27), nullable=False),
    Column("ended", Text, nullable=False),  # why; empty while it goes on
)

REFUSAL = "the identity register forgets nobody"
_REFUSE = "identity_refuse"
FUNCTIONS = {_REFUSE: f" BEGIN RAISE EXCEPTION '{REFUSAL}'; END "}
"""Bodies of the functions that the triggers call in PostgreSQL."""


def create_identity_tables(connection: Connection) -> None:
    """Makes the tables and their triggers where they are missing."""
    METADATA.create_all(connection)
    for statement in _triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)


def missing_identity_tables(connection: Connection) -> tuple[str, ...]:
    """Names of the register's tables that are not there."""
    there = set(inspect(connection).get_table_names())
    return tuple(sorted(set(METADATA.tables) - there))


def sqlite_guards() -> dict[str, str]:
    """Statements that make the register's triggers, by name."""
    return {
        f"{table}_no_delete": (
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
        for table in METADATA.tables
    }


def postgresql_guards() -> dict[str, tuple[str, str, str]]:
    """Table, event and function of the register's triggers, by name."""
    made = {}
    for table in METADATA.tables:
        for event, each in (("delete", "ROW"), ("truncate", "STATEMENT")):
            when = f"BEFORE {event.upper()} ON {table} FOR EACH {each}"
            made[f"{table}_no_{event}"] = (table, when, _REFUSE)
    return made


def _triggers(dialect: str) -> Iterator[str]:
    if dialect == "sqlite":
        yield from sqlite_guards().values()
        return
    for name, body in FUNCTIONS.items():
        yield f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
    for name, (_, when, function) in postgresql_guards().items():
        yield f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION {function}()"
