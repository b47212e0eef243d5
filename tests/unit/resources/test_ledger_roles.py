"""The writer's role on PostgreSQL: a real role that appends and can do nothing else."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from clinical_assets.errors import ClinicalError
from resources.ledger_database.identity_tables import METADATA as IDENTITY
from resources.ledger_database.roles import RIGHTS, prepare, privileges
from resources.ledger_database.tables import METADATA
from tests.unit.resources.ledgers import LedgerInUse, act, empty

DENIED = (
    "UPDATE ledger_entries SET body = ''",
    "DELETE FROM ledger_entries",
    "TRUNCATE ledger_nodes",
    "DELETE FROM ledger_head",
    "INSERT INTO ledger_head SELECT * FROM ledger_head",
    "UPDATE ledger_open_acts SET writer = ''",
    "DROP TABLE ledger_checkpoints",
    "DROP TRIGGER ledger_entries_next ON ledger_entries",
    "ALTER TABLE ledger_entries DISABLE TRIGGER ALL",
    "ALTER TABLE ledger_entries ADD COLUMN x INT",
    "CREATE OR REPLACE FUNCTION ledger_next() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN RETURN NEW; END $$",
    "CREATE RULE r AS ON INSERT TO ledger_entries DO INSTEAD NOTHING",
    "CREATE TABLE mine (x INT)",
    "SET session_replication_role TO replica",
)


@pytest.fixture
def prepared(postgresql_url: str, tmp_path: Path) -> Iterator[tuple[LedgerInUse, LedgerInUse]]:
    """The same ledger as its owner and as its writer use it."""
    empty(postgresql_url)
    role = f"writer-{uuid4().hex[:8]}"
    owner = LedgerInUse(postgresql_url, tmp_path)
    with owner.intruder() as connection:
        connection.exec_driver_sql(f'CREATE ROLE "{role}" LOGIN')
    prepare(owner.store(), role)
    writer = LedgerInUse(postgresql_url.replace("//postgres@", f"//{role}@"), tmp_path)
    writer.keys = owner.keys
    yield owner, writer
    with owner.intruder() as connection:
        connection.exec_driver_sql(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_the_writer_appends_and_has_no_right_too_many(
    prepared: tuple[LedgerInUse, LedgerInUse],
) -> None:
    _, writer = prepared
    ledger = writer.ledger()
    ledger.store.append([act("a", outcome="intended"), act()])
    ledger.store.append([act("a")])
    ledger.store.checkpoint()
    assert writer.verify().passed
    with writer.intruder() as connection:
        assert privileges(connection) == ()


def test_the_database_denies_the_writer_the_rest(
    prepared: tuple[LedgerInUse, LedgerInUse],
) -> None:
    _, writer = prepared
    for statement in DENIED:
        denied = pytest.raises(DBAPIError, match=r"denied|must be owner")
        with denied, writer.intruder() as connection:
            connection.exec_driver_sql(statement)


def test_every_table_has_its_rights(prepared: tuple[LedgerInUse, LedgerInUse]) -> None:
    assert set(RIGHTS) == {*METADATA.tables, *IDENTITY.tables}


def test_a_right_too_many_or_too_few_is_told(prepared: tuple[LedgerInUse, LedgerInUse]) -> None:
    owner, writer = prepared
    with owner.intruder() as connection:
        role = f'"{writer.url.split("//")[1].split("@")[0]}"'
        connection.exec_driver_sql(
            f"GRANT DELETE ON ledger_entries TO {role}; REVOKE INSERT ON ledger_nodes FROM {role};"
            f"GRANT UPDATE (note) ON ledger_checkpoints TO {role};"
            f"GRANT pg_execute_server_program TO {role}; ALTER ROLE {role} CREATEROLE;"
            "ALTER TABLE ledger_layouts DISABLE TRIGGER ledger_layouts_no_change"
        )
    with writer.intruder() as connection:
        assert privileges(connection) == (
            "may give itself other roles (CREATEROLE)",
            "is a member of pg_execute_server_program",
            "may DELETE ledger_entries",
            "may not INSERT ledger_nodes",
            "may UPDATE ledger_checkpoints",
            "trigger ledger_layouts_no_change is missing or altered",
        )


def test_the_owner_has_too_many_rights(prepared: tuple[LedgerInUse, LedgerInUse]) -> None:
    owner, _ = prepared
    with owner.intruder() as connection:
        found = privileges(connection)
    assert "is a superuser" in found
    assert "owns ledger_entries or may act as its owner, who can drop its triggers" in found


def test_who_prepares_owns_the_tables_and_who_writes_does_not(
    prepared: tuple[LedgerInUse, LedgerInUse],
) -> None:
    owner, writer = prepared
    with pytest.raises(ClinicalError, match="no role of this name"):
        prepare(owner.store(), 'nobody"; DROP TABLE ledger_head; --')
    role = writer.url.split("//")[1].split("@")[0]
    with pytest.raises(ClinicalError, match="only their owner can do this"):
        prepare(writer.store(), role)
    with pytest.raises(ClinicalError, match="may act as the owner"):
        prepare(owner.store(), "postgres")


def test_sqlite_knows_no_roles_but_whose_file_it_is(tmp_path: Path) -> None:
    in_use = LedgerInUse(f"sqlite:///{tmp_path}/l.db", tmp_path)
    store = in_use.store()
    store.append([act()])
    with pytest.raises(ClinicalError, match="SQLite knows no roles"):
        prepare(store, "writer")
    with in_use.intruder() as connection:
        assert privileges(connection) == ()
        (tmp_path / "l.db").chmod(0o666)
        connection.exec_driver_sql("DROP TRIGGER ledger_nodes_no_delete")
        assert privileges(connection) == (
            "users other than the file's owner may write it",
            "trigger ledger_nodes_no_delete is missing or altered",
        )
