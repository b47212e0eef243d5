"""What the database refuses to whoever has the application's rights."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from resources.ledger_database.guards import REFUSAL, foreign_triggers, missing_triggers
from resources.ledger_verifying import verify_own
from tests.unit.resources.ledgers import LedgerInUse, act

TABLES = ("ledger_layouts", "ledger_entries", "ledger_nodes", "ledger_checkpoints")
COPIED = {
    "ledger_entries": (
        "seq, leaf, body, at, act, actor, action, outcome, subject_kind, subject_id, run"
    ),
    "ledger_nodes": "level, place, hash",
    "ledger_checkpoints": "size, note",
    "ledger_layouts": "number, origin",
}


@pytest.fixture
def used(in_use: LedgerInUse) -> LedgerInUse:
    store = in_use.store()
    store.append([act() for _ in range(5)])
    store.checkpoint()
    store.engine.close()
    return in_use


def is_refused(used: LedgerInUse, statement: str) -> bool:
    """Whether the guards refuse the statement, in their words, and the ledger is as it was."""
    try:
        with used.intruder() as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        return REFUSAL in str(error) and used.verify().passed
    return False


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_changed_or_deleted(used: LedgerInUse, table: str) -> None:
    column = COPIED[table].split(",")[0]
    assert is_refused(used, f"UPDATE {table} SET {column} = {column}")
    assert is_refused(used, f"DELETE FROM {table}")


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_replaced(used: LedgerInUse, table: str) -> None:
    columns = COPIED[table]
    key = "level, place" if table == "ledger_nodes" else columns.split(",")[0]
    same = f"SELECT {columns} FROM {table} WHERE true"
    if used.postgresql:
        first = columns.split(",")[0]
        assert is_refused(
            used,
            f"INSERT INTO {table} ({columns}) {same} "
            f"ON CONFLICT ({key}) DO UPDATE SET {first} = EXCLUDED.{first}",
        )
    else:
        assert is_refused(used, f"INSERT OR REPLACE INTO {table} ({columns}) {same}")
        assert is_refused(used, f"UPDATE OR REPLACE {table} SET {columns.split(',')[0]} = 0")


@pytest.mark.parametrize("table", TABLES)
def test_no_table_is_emptied(used: LedgerInUse, table: str) -> None:
    assert is_refused(
        used, f"TRUNCATE {table} CASCADE" if used.postgresql else f"DELETE FROM {table}"
    )


@pytest.mark.parametrize("number", ["99", "-1", "8", "3"])
def test_an_entry_has_the_next_number(used: LedgerInUse, number: str) -> None:
    rest = COPIED["ledger_entries"].removeprefix("seq, ")
    assert is_refused(
        used,
        f"INSERT INTO ledger_entries (seq, {rest}) "
        f"SELECT {number}, {rest} FROM ledger_entries WHERE seq = 2",
    )


def test_a_temporary_table_does_not_pass_for_the_entries(used: LedgerInUse) -> None:
    if not used.postgresql:
        pytest.skip("SQLite's triggers name the table of their own database")
    rest = COPIED["ledger_entries"].removeprefix("seq, ")
    assert is_refused(
        used,
        "CREATE TEMP TABLE ledger_entries AS SELECT * FROM public.ledger_entries LIMIT 0; "
        f"INSERT INTO public.ledger_entries (seq, {rest}) "
        f"SELECT 0, {rest} FROM public.ledger_entries WHERE seq = 2",
    )


def test_replaying_another_server_does_not_switch_triggers_off(used: LedgerInUse) -> None:
    if not used.postgresql:
        pytest.skip("PostgreSQL only")
    assert is_refused(used, "SET session_replication_role TO replica; DELETE FROM ledger_nodes")


def test_a_trigger_that_is_missing_off_or_another_is_told(used: LedgerInUse) -> None:
    with used.intruder() as connection:
        assert missing_triggers(connection) == ()
        if used.postgresql:
            connection.exec_driver_sql(
                "ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_no_change;"
                "DROP TRIGGER ledger_nodes_no_truncate ON ledger_nodes;"
                "CREATE OR REPLACE FUNCTION ledger_next() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN NEW; END $$"
            )
            assert missing_triggers(connection) == (
                "ledger_entries_next",
                "ledger_entries_no_change",
                "ledger_nodes_no_truncate",
            )
        else:
            connection.exec_driver_sql("DROP TRIGGER ledger_nodes_no_delete")
            connection.exec_driver_sql("DROP TRIGGER ledger_entries_next")
            connection.exec_driver_sql(
                "CREATE TRIGGER ledger_entries_next BEFORE INSERT ON ledger_entries WHEN false "
                "BEGIN SELECT RAISE(ABORT, 'never'); END"
            )
            assert missing_triggers(connection) == (
                "ledger_entries_next",
                "ledger_nodes_no_delete",
            )


def body_of(used: LedgerInUse, connection: Connection, body: str, function: str = "quiet") -> str:
    """What a foreign trigger does, in the words of the database."""
    if not used.postgresql:
        return f"BEGIN {body} END"
    connection.exec_driver_sql(
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN {body} RETURN NEW; END $$"
    )
    return f"FOR EACH ROW EXECUTE FUNCTION {function}()"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("quiet", "ledger_head"),
        ("quiet", "ledger_entries"),
        ("quiet", "identity_accounts"),
        ("quiet", "identity_sessions"),
        ("ledger_entries_no_change", "ledger_open_acts"),
        ("ledger_nodes_no_truncate", "identity_accounts"),
    ],
)
def test_a_trigger_that_somebody_else_put_in_is_told(
    used: LedgerInUse, name: str, table: str
) -> None:
    with used.intruder() as connection:
        assert foreign_triggers(connection) == ()
        body = body_of(used, connection, "DELETE FROM ledger_checkpoints;")
        connection.exec_driver_sql(f"CREATE TRIGGER {name} AFTER INSERT ON {table} {body}")
        assert foreign_triggers(connection) == (f"{name} on {table}",)
        assert missing_triggers(connection) == ()
    found = verify_own(used.ledger())
    assert f"foreign trigger(s) or rule(s) {name} on {table}" in str(found.problems[0])


@pytest.mark.parametrize(
    "rule",
    [
        "ON UPDATE TO ledger_head DO ALSO DELETE FROM ledger_open_acts",
        "ON INSERT TO ledger_nodes DO ALSO NOTHING",
        "ON DELETE TO identity_sessions DO INSTEAD NOTHING",
    ],
)
def test_a_rule_that_rewrites_what_is_done_to_the_tables_is_told(
    used: LedgerInUse, rule: str
) -> None:
    if not used.postgresql:
        pytest.skip("PostgreSQL only")
    table = rule.split()[3]
    with used.intruder() as connection:
        connection.exec_driver_sql("CREATE VIEW told AS SELECT * FROM ledger_entries")
        connection.exec_driver_sql("CREATE RULE own AS ON INSERT TO told DO INSTEAD NOTHING")
        assert foreign_triggers(connection) == ()
        connection.exec_driver_sql(f"CREATE RULE sly AS {rule}")
        assert foreign_triggers(connection) == (f"rule sly on {table}",)
    assert f"rule sly on {table}" in str(verify_own(used.ledger()).problems[0])


@pytest.mark.parametrize("table", ["ledgerbook_of_finance", "ledger_entries_2019", "identityx"])
def test_what_other_applications_do_with_their_own_tables_is_theirs(
    used: LedgerInUse, table: str
) -> None:
    with used.intruder() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {table} (one INTEGER)")
        body = body_of(used, connection, f"DELETE FROM {table};")
        connection.exec_driver_sql(f"CREATE TRIGGER quiet AFTER INSERT ON {table} {body}")
        if used.postgresql:
            connection.exec_driver_sql(f"CREATE RULE r AS ON DELETE TO {table} DO INSTEAD NOTHING")
        assert foreign_triggers(connection) == ()
    assert verify_own(used.ledger()).passed


def test_a_guard_that_was_replaced_under_its_name_is_told(used: LedgerInUse) -> None:
    """Whatever became weaker: the body, the event, the condition, or the columns."""
    with used.intruder() as connection:
        if used.postgresql:
            for name, when in (
                ("ledger_nodes_no_change", "BEFORE UPDATE OF hash OR DELETE ON ledger_nodes"),
                ("ledger_entries_no_change", "BEFORE DELETE ON ledger_entries"),
            ):
                table = when.split()[-1]
                connection.exec_driver_sql(
                    f"CREATE OR REPLACE TRIGGER {name} {when} FOR EACH ROW EXECUTE FUNCTION"
                    f" ledger_refuse(); ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
                )
            connection.exec_driver_sql(
                "ALTER TABLE identity_accounts DISABLE TRIGGER identity_accounts_no_delete"
            )
            connection.exec_driver_sql(
                "CREATE OR REPLACE TRIGGER identity_sessions_no_truncate BEFORE DELETE ON"
                " identity_sessions FOR EACH ROW EXECUTE FUNCTION identity_refuse()"
            )
            expected = (
                "identity_accounts_no_delete",
                "identity_sessions_no_truncate",
                "ledger_entries_no_change",
                "ledger_nodes_no_change",
            )
        else:
            for name, when in (
                ("ledger_nodes_no_update", "BEFORE UPDATE OF level ON ledger_nodes"),
                ("identity_accounts_no_delete", "AFTER DELETE ON identity_accounts"),
            ):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
                connection.exec_driver_sql(f"CREATE TRIGGER {name} {when} BEGIN SELECT 1; END")
            connection.exec_driver_sql("DROP TRIGGER identity_sessions_no_delete")
            expected = (
                "identity_accounts_no_delete",
                "identity_sessions_no_delete",
                "ledger_nodes_no_update",
            )
        assert missing_triggers(connection) == expected
        assert foreign_triggers(connection) == ()
    assert f"{len(expected)} trigger(s) of the database" in str(verify_own(used.ledger()).problems)
