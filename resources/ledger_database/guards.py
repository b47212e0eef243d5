"""What the database itself refuses to do with the ledger's tables (P11-05), if it still does.

What belongs here: triggers, and finding those that are missing, switched off, replaced, or foreign.
What does not: the writer's rights (:mod:`.roles`), and making the register's triggers
(:mod:`.identity_tables`). Rows of the append-only tables are never updated,
deleted or replaced, and an entry has the next number or is refused. Triggers bind whoever has the
application's rights; whoever owns the database can drop them, which verification does not rest on.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from resources.ledger_database import identity_tables as identity

REFUSAL = "the ledger is append-only"
# The append-only tables with their keys.
_KEYS = {
    "ledger_layouts": ("number",),
    "ledger_entries": ("seq",),
    "ledger_nodes": ("level", "place"),
    "ledger_checkpoints": ("size",),
}
_TABLES = (*_KEYS, "ledger_head", "ledger_open_acts", *identity.METADATA.tables)
"""The exact names: other applications may have tables in the same database."""
_ACTING = (
    "SELECT '', t.tgname::text, c.relname::text FROM pg_trigger t"
    " JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    " UNION ALL SELECT 'rule ', r.rulename::text, c.relname::text FROM pg_rewrite r"
    " JOIN pg_class c ON c.oid = r.ev_class"
    " WHERE c.relnamespace = current_schema()::regnamespace"
)
_NEXT = "ledger_entries_next"
_NEXT_NUMBER = "SELECT coalesce(max(seq) + 1, 0) FROM ledger_entries"
_FUNCTIONS = {
    "ledger_refuse": f"BEGIN RAISE EXCEPTION '{REFUSAL}'; END",
    "ledger_next": (
        f"BEGIN IF NEW.seq IS DISTINCT FROM ({_NEXT_NUMBER})"
        f" THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN NEW; END"
    ),
}


def create_guards(connection: Connection) -> None:
    """Puts the guards in place; may be repeated."""
    for statement in _statements(connection):
        connection.exec_driver_sql(statement)


def _statements(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        yield from _sqlite().values()
        return
    path = _path(connection)
    for name, body in _FUNCTIONS.items():
        yield (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
            f" SET search_path TO {path} AS $${body}$$"
        )
    for name, (table, when, function) in _postgresql().items():
        yield f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION {function}()"
        # ALWAYS: also where a session says that it only replays another server's changes.
        yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"


def missing_triggers(connection: Connection) -> tuple[str, ...]:
    """Names of guards that are missing, switched off, or not as this software makes them."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        found = {str(name): str(sql) for name, sql in connection.exec_driver_sql(query)}
        ours = {**_sqlite(), **identity.sqlite_guards()}
        made = {k: v.replace(" IF NOT EXISTS", "") for k, v in ours.items()}
        return tuple(sorted(name for name, sql in made.items() if found.get(name) != sql))
    path = [f"search_path={_path(connection)}"]
    there = list(_postgresql_found(connection))
    off = [
        name
        for name, (table, when, function) in _postgresql().items()
        if (name, table, _kind(when), function, _FUNCTIONS[function], "A", path) not in there
    ]
    for name, (table, when, function) in identity.postgresql_guards().items():
        same = (name, table, _kind(when), function, identity.FUNCTIONS[function])
        if not any((*same, on, None) in there for on in "OA"):
            off.append(name)
    return tuple(sorted(off))


def _postgresql_found(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """Triggers without conditions and for whole rows: name, table, kind, function, its body,
    whether it is switched on, and the function's settings."""
    query = (
        "SELECT t.tgname, c.relname, t.tgtype, p.proname, p.prosrc, t.tgenabled::text, p.proconfig"
        " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND t.tgqual IS NULL AND t.tgattr::text = ''"
        " AND t.tgrelid IN (SELECT to_regclass(n) FROM unnest(%s::text[]) n)"
    )
    for name, table, kind, *more in connection.exec_driver_sql(query, ([*_TABLES],)):
        yield (str(name), str(table), int(kind), *more)


def foreign_triggers(connection: Connection) -> tuple[str, ...]:
    """What this software did not make and that acts by itself on the tables of ledger and register:
    triggers, each as its name on its table, and in PostgreSQL rewriting rules.

    One that bears the name of a guard, on its table, is left to :func:`missing_triggers`.
    """
    if connection.dialect.name == "sqlite":
        made = {**_sqlite(), **identity.sqlite_guards()}
        ours = {(name, _table_of(statement)) for name, statement in made.items()}
        query = "SELECT '', name, lower(tbl_name) FROM sqlite_master WHERE type = 'trigger'"
        rows = connection.exec_driver_sql(query)
    else:
        guards = {**_postgresql(), **identity.postgresql_guards()}
        ours = {(name, table) for name, (table, _, _) in guards.items()}
        rows = connection.exec_driver_sql(_ACTING)
    found = {
        f"{kind}{name} on {table}"
        for kind, name, table in rows
        if table in _TABLES and (kind or (name, table) not in ours)
    }
    return tuple(sorted(found))


def _table_of(statement: str) -> str:
    """The table of a statement of ours that makes a trigger in SQLite."""
    return statement.partition(" ON ")[2].split()[0]


def _path(connection: Connection) -> str:
    """Where the functions look: temporary tables last, or one would pass for the ledger's."""
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    return f"{schema}, pg_temp"


def _sqlite() -> dict[str, str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    made = {}
    for table, keys in _KEYS.items():
        for event in ("update", "delete"):
            name = f"{table}_no_{event}"
            made[name] = (
                f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event.upper()} ON {table} {refuse}"
            )
        if table != "ledger_entries":
            # INSERT OR REPLACE deletes the older row without asking the trigger above.
            same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
            taken = f"SELECT 1 FROM {table} WHERE {same}"  # noqa: S608
            made[f"{table}_no_replace"] = (
                f"CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table} "
                f"WHEN EXISTS ({taken}) {refuse}"
            )
    made[_NEXT] = (
        f"CREATE TRIGGER IF NOT EXISTS {_NEXT} BEFORE INSERT ON ledger_entries "
        f"WHEN NEW.seq IS NOT ({_NEXT_NUMBER}) {refuse}"
    )
    return made


def _postgresql() -> dict[str, tuple[str, str, str]]:
    """Table, event and function by the trigger's name."""
    made = {}
    for table in _KEYS:
        made[f"{table}_no_change"] = (
            table,
            f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
            "ledger_refuse",
        )
        made[f"{table}_no_truncate"] = (
            table,
            f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
            "ledger_refuse",
        )
    made[_NEXT] = (
        "ledger_entries",
        "BEFORE INSERT ON ledger_entries FOR EACH ROW",
        "ledger_next",
    )
    return made


def _kind(when: str) -> int:
    """``pg_trigger.tgtype`` of it (bits of PostgreSQL's catalogue)."""
    bits = {"FOR EACH ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
    return sum(bit for word, bit in bits.items() if word in when)
