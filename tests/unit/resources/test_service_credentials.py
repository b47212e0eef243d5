"""The service that a process is: enrolled once where embedded, refused once revoked."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.checkpoint import SigningKey
from clinical_assets.ledger.entry import Subject
from resources.actors import acting
from resources.ledger import Ledger
from resources.ledger_database.identity_tables import ACCOUNTS
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.writers import Writers
from resources.people.accounts import TamperedError
from resources.people.identity import service_of
from resources.people.service_credentials import LOCAL, authenticated_service, credential_file
from resources.private_files import create_private, read_private
from tests.unit.resources.register import (
    RITA,
    Keys,
    Place,
    again,
    hide,
    on_postgresql,
    on_sqlite,
    postgresql_database,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return on_sqlite(tmp_path)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql_database() as name:
        yield name


def test_the_local_installation_is_enrolled_at_its_first_act(place: Place) -> None:
    actor = authenticated_service(place.store, place.keys)
    assert (actor.kind, actor.id, actor.method) == ("service", LOCAL, "service-credential")
    assert authenticated_service(place.store, place.keys) is actor
    assert authenticated_service(again(place).store, place.keys) == actor
    enrolled = place.entries("user.enrolled")
    assert [(e.act.actor.id, e.act.subject.id) for e in enrolled] == [("ledger", LOCAL)]
    assert credential_file(place.keys, LOCAL).stat().st_mode & 0o777 == 0o600
    secret = credential_file(place.keys, LOCAL).read_bytes()
    assert secret not in b"".join(e.to_bytes() for e in place.entries())


def _act(url: str, keys: Path, name: str, pem: bytes, start, folder: Path) -> None:
    ledger_keys = Keys()
    ledger_keys.key = SigningKey.from_pem(name, pem)
    store = LedgerStore(url, ledger_keys)
    ledger = Ledger(store, lambda made: service_of(made, keys), Writers(folder), folder)
    start.wait()
    ledger.record("run.started", Subject("run", "r"), Nothing())


def test_processes_that_come_first_together_enrol_one_service(place: Place) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    url, name = str(place.store.engine.url), place.store.origin
    arguments = (url, place.keys, name, place.store.keys.key.pem, start, place.keys / "writers")
    workers = [context.Process(target=_act, args=arguments) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(place.entries("user.enrolled")) == 1
    assert [e.act.actor.id for e in place.entries("run.started")] == [LOCAL, LOCAL]


def test_a_revocation_takes_effect_at_the_next_act(place: Place, tmp_path: Path) -> None:
    ledger = Ledger(
        place.store,
        lambda made: service_of(made, place.keys),
        Writers(tmp_path / "writers"),
        tmp_path,
    )
    ledger.record("run.started", Subject("run", "r"), Nothing())
    place.administered()
    other = again(place)
    with acting(RITA):
        other.register.revoke(LOCAL, "stolen")
    for _ in range(2):
        with pytest.raises(ClinicalError, match="was not accepted"):
            ledger.record("run.started", Subject("run", "r"), Nothing())
    with pytest.raises(ClinicalError), ledger.doing("run.started", Subject("run", "r"), Nothing()):
        pytest.fail("the act must not happen")
    assert len(place.entries("run.started")) == 1
    assert place.last()[1:3] == ("login.refused", "refused")


def test_a_revocation_that_is_hidden_by_its_search_column_still_counts(place: Place) -> None:
    authenticated_service(place.store, place.keys)
    with place.store.engine.reading() as connection:
        before = connection.execute(select(ACCOUNTS.c.record)).scalar()
    place.administered()
    with acting(RITA):
        place.register.revoke(LOCAL, "stolen")
    with place.intruder() as connection:
        hide(place, connection, "user.revoked")
        row = update(ACCOUNTS).where(ACCOUNTS.c.id == LOCAL)
        connection.execute(row.values(record=before))
    for seen_by in (place, again(place)):
        with pytest.raises(TamperedError, match=f"The account {LOCAL} is not the one"):
            authenticated_service(seen_by.store, seen_by.keys)


def test_another_credential_is_refused(place: Place) -> None:
    authenticated_service(place.store, place.keys)
    credential_file(place.keys, LOCAL).write_text("a guess")
    with pytest.raises(ClinicalError, match="was not accepted"):
        authenticated_service(again(place).store, place.keys)
    assert place.last()[1:3] == ("login.refused", "refused")


def test_a_credential_that_others_can_read_is_refused(place: Place) -> None:
    authenticated_service(place.store, place.keys)
    credential_file(place.keys, LOCAL).chmod(0o640)
    with pytest.raises(ClinicalError, match="others than its owner"):
        authenticated_service(again(place).store, place.keys)


def test_on_postgresql_each_service_is_enrolled(database: str, tmp_path: Path) -> None:
    place = on_postgresql(database, tmp_path)
    with pytest.raises(ClinicalError, match="no credential") as caught:
        authenticated_service(place.store, place.keys)
    assert "clinical users enrol-service" in str(caught.value)
    assert place.entries("user.") == []
    place.administered()
    with acting(RITA):
        secret = place.register.enrol_service("worker", "Worker of the night")
    path = credential_file(place.keys, "worker")
    create_private(path, secret.encode())
    actor = authenticated_service(place.store, place.keys)
    assert (actor.id, actor.name) == ("worker", "Worker of the night")
    with acting(RITA):
        place.register.reset("worker", service=True)
    with pytest.raises(ClinicalError, match="was not accepted"):
        authenticated_service(place.store, place.keys)
    create_private(credential_file(place.keys, "second"), b"x")
    with pytest.raises(ClinicalError, match="2 credentials"):
        authenticated_service(again(place).store, place.keys)
    place.store.engine.close()


def test_a_person_is_no_service(database: str, tmp_path: Path) -> None:
    place = on_postgresql(database, tmp_path).administered()
    create_private(credential_file(place.keys, "rita"), b"horse staple battery")
    with pytest.raises(ClinicalError, match="was not accepted"):
        authenticated_service(place.store, place.keys)
    place.store.engine.close()


def test_private_files(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    assert read_private(path) is None
    assert create_private(path, b"one")
    assert not create_private(path, b"two")
    assert read_private(path) == b"one"
    assert [p.name for p in path.parent.iterdir()] == ["secret"]
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(ClinicalError, match="cannot be used"):
        read_private(tmp_path / "link")
    with pytest.raises(ClinicalError, match="cannot be used"):
        create_private(path / "below", b"x")
    with pytest.raises(ClinicalError, match="no plain file"):
        read_private(tmp_path)
