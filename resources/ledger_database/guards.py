"""What the database itself refuses to do with the ledger's tables (P11-05), if it still does.

What belongs here: triggers, and finding those that are missing, switched off or replaced. What does
not: the writer's rights (:mod:`.roles`). Rows of the append-only tables are never updated,
deleted or replaced, and an entry has the next number or is refused. Triggers bind whoever has the
application's rights; whoever owns the database can drop them, which verification does not rest on.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

REFUSAL = "the ledger is append-only"
# The append-only tables with their keys.
_KEYS = {
    "ledger_layouts": ("number",),
    "ledger_entries": ("seq",),
    "ledger_nodes": ("level", "place"),
    "ledger_checkpoints": ("size",),
}
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
        made = {k: v.replace(" IF NOT EXISTS", "") for k, v in _sqlite().items()}
        return tuple(sorted(name for name, sql in made.items() if found.get(name) != sql))
    query = (
        "SELECT t.tgname, t.tgrelid::regclass::text, t.tgtype, p.proname, p.prosrc, p.proconfig"
        " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
        " WHERE t.tgenabled = 'A' AND NOT t.tgisinternal AND t.tgqual IS NULL"
        " AND t.tgrelid IN (SELECT to_regclass(n) FROM unnest(%s::text[]) n)"
    )
    found_rows = connection.exec_driver_sql(query, ([*_KEYS],))
    path = [f"search_path={_path(connection)}"]
    there = {(n, t, int(kind), f, source) for n, t, kind, f, source, c in found_rows if c == path}
    return tuple(
        sorted(
            name
            for name, (table, when, function) in _postgresql().items()
            if (name, table, _kind(when), function, _FUNCTIONS[function]) not in there
        )
    )


def foreign_triggers(connection: Connection) -> tuple[str, ...]:
    """Names of triggers on the ledger's tables that this software did not make."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'ledger%'"
        ours = set(_sqlite())
    else:
        query = (
            "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND c.relname LIKE 'ledger%%'"
            " AND c.relnamespace = current_schema()::regnamespace"
        )
        ours = set(_postgresql())
    there = {str(name) for (name,) in connection.exec_driver_sql(query)}
    return tuple(sorted(there - ours))


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
