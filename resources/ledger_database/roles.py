"""Rights on the ledger's tables in PostgreSQL: what the writer's role may do, and nothing more.

What belongs here: granting, which the owner of the database does once, and telling which rights the
present user has that it should not have, which the installation's qualification shows (P11-05).
What does not: triggers (:mod:`.guards`). A writer that owns the tables could drop their
triggers; so the owner's name is for preparing only, and the software runs under the writer's.
"""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from resources.ledger_database.guards import missing_triggers
from resources.ledger_database.identity_tables import ACCOUNTS, SESSIONS
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.tables import APPEND_ONLY, HEAD, OPEN_ACTS

_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
RIGHTS: dict[str, tuple[str, ...]] = {
    **{table.name: ("SELECT", "INSERT") for table in APPEND_ONLY},
    HEAD.name: ("SELECT", "UPDATE"),
    OPEN_ACTS.name: ("SELECT", "INSERT", "DELETE"),
    ACCOUNTS.name: ("SELECT", "INSERT", "UPDATE"),
    SESSIONS.name: ("SELECT", "INSERT", "UPDATE"),
}
_POWERS = {
    "rolsuper": "is a superuser",
    "rolcreaterole": "may give itself other roles (CREATEROLE)",
    "rolreplication": "may copy the whole database (REPLICATION)",
}
_SERVER_ROLES = ("pg_write_server_files", "pg_execute_server_program")


def prepare(store: LedgerStore, writer: str) -> None:
    """Makes the ledger where there is none, and gives ``writer`` the rights to append to it.

    Args:
        store: opened as the owner of the database.
        writer: name of an existing role, which the software will connect as.

    Raises:
        ClinicalError: the database has no rights of this kind, there is no such role, or the
            present user may not grant them.
    """
    if store.engine.embedded:
        raise ClinicalError(
            "SQLite knows no roles: whoever can write the file can write everything in it",
            where=store.engine.place,
            repair="Keep the ledger in PostgreSQL, or the file to the user that runs the software",
        )
    _ = store.origin
    with store.engine.writing() as transaction:
        connection = transaction.connection
        problem = _unfit(connection, writer)
        if problem:
            raise ClinicalError(problem[0], where=store.engine.place, repair=problem[1])
        for statement in _grants(connection, writer):
            connection.exec_driver_sql(statement)


def privileges(connection: Connection) -> tuple[str, ...]:
    """What the present user could do to the ledger and should not, or lacks; empty if all is well.

    In SQLite: whether others can write the file, and whether its triggers are in place.
    """
    own = _of_file(connection) if connection.dialect.name == "sqlite" else _of_role(connection)
    triggers = [f"trigger {n} is missing or altered" for n in missing_triggers(connection)]
    return (*own, *triggers)


def _unfit(connection: Connection, writer: str) -> tuple[str, str] | None:
    """Why the rights cannot be given, and what to do; PostgreSQL itself would only warn."""
    owner = "SELECT relowner FROM pg_class WHERE oid = to_regclass(%s)"
    acts_as = f"SELECT pg_has_role(%s, ({owner}), 'MEMBER')"
    if not _scalar(connection, acts_as, str(_scalar(connection, "SELECT current_user")), HEAD.name):
        return "The ledger's tables are another role's; only their owner can do this", (
            "Connect as the owner of the tables"
        )
    if not _scalar(connection, "SELECT count(*) FROM pg_roles WHERE rolname = %s", writer):
        return "There is no role of this name", (
            "Make it first, as `CREATE ROLE name LOGIN`, then prepare again"
        )
    if _scalar(connection, acts_as, writer, HEAD.name):
        return "The writer's role may act as the owner of the tables", (
            "Take a role of its own for writing, which is a member of no other"
        )
    return None


def _grants(connection: Connection, writer: str) -> Iterator[str]:
    role = connection.dialect.identifier_preparer.quote(writer)
    schema = _scalar(connection, "SELECT quote_ident(current_schema())")
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}"
    for table, rights in RIGHTS.items():
        yield f"REVOKE ALL ON {schema}.{table} FROM PUBLIC, {role}"
        yield f"GRANT {', '.join(rights)} ON {schema}.{table} TO {role}"


def _of_role(connection: Connection) -> Iterator[str]:
    row = connection.exec_driver_sql(
        f"SELECT {', '.join(_POWERS)} FROM pg_roles WHERE rolname = current_user"  # noqa: S608
    ).one()
    yield from (words for held, words in zip(row, _POWERS.values(), strict=True) if held)
    for role in _SERVER_ROLES:
        if _scalar(connection, "SELECT pg_has_role(current_user, %s, 'MEMBER')", role):
            yield f"is a member of {role}"
    for table, rights in RIGHTS.items():
        owner = "SELECT relowner FROM pg_class WHERE oid = to_regclass(%s)"
        if _scalar(connection, f"SELECT pg_has_role(current_user, ({owner}), 'MEMBER')", table):
            yield f"owns {table} or may act as its owner, who can drop its triggers"
        for right in _ALL:
            held = _holds(connection, table, right)
            if held and right not in rights:
                yield f"may {right} {table}"
            elif not held and right in rights:
                yield f"may not {right} {table}"
    for setting in ("fsync", "full_page_writes"):
        if _scalar(connection, "SELECT current_setting(%s)", setting) == "off":
            yield f"the server's {setting} is off: what is acknowledged may be lost"


def _holds(connection: Connection, table: str, right: str) -> bool:
    of_table = "SELECT has_table_privilege(current_user, to_regclass(%s), %s)"
    of_column = "SELECT has_any_column_privilege(current_user, to_regclass(%s), %s)"
    held = _scalar(connection, of_table, table, right)
    if not held and right in ("SELECT", "INSERT", "UPDATE", "REFERENCES"):
        held = _scalar(connection, of_column, table, right)
    return bool(held)


def _of_file(connection: Connection) -> Iterator[str]:
    for _, name, path in connection.exec_driver_sql("PRAGMA database_list"):
        if name == "main" and Path(path).stat().st_mode & 0o022:
            yield "users other than the file's owner may write it"


def _scalar(connection: Connection, query: str, *values: str) -> object:
    return connection.exec_driver_sql(query, values).scalar_one()
