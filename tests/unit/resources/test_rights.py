"""Commands ask for a right: nobody enrolled, nobody logged in, with it, without it, revoked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Actor
from resources import ledger as ledger_module
from resources.actors import acting
from resources.ledger import open_ledger
from resources.people.authentication import Authentication
from resources.people.demonstration_people import demonstration_people
from resources.rights import require_right
from resources.settings import Settings
from tests.unit.resources.ledgers import postgresql_database
from tests.unit.resources.register import RITA, Place
from tests.unit.resources.small_store import settings_of

QUENTIN = Actor("person", "quentin", "Quentin", "session")


class Now:
    """The clock of the machine."""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield settings_of(tmp_path / "store")
    ledger_module._opened.clear()


def place(settings: Settings) -> Place:
    return Place(open_ledger(settings).store, settings.keys, Now())  # type: ignore[arg-type]


def refused(settings: Settings, right: str) -> str:
    with pytest.raises(ClinicalError) as caught:
        require_right(settings, right)  # type: ignore[arg-type]
    return str(caught.value)


def test_where_nobody_was_enrolled_nobody_is_asked(settings: Settings) -> None:
    require_right(settings, "administer")
    size = open_ledger(settings).store.head().size
    demonstration_people(Authentication(open_ledger(settings).store, settings.keys))
    require_right(settings, "export")  # people who are made up are nobody to ask
    found = [entry.act.action for entry in place(settings).entries()[size:]]
    assert set(found) <= {"user.enrolled", "user.changed"}


def test_from_the_first_person_on_the_right_is_asked_for(settings: Settings) -> None:
    here = place(settings).administered()
    assert "Nobody is logged in" in refused(settings, "administer")
    here.enrolled("quentin", "Quentin", "quality")
    size = len(here.entries())
    with acting(RITA):
        require_right(settings, "administer")
        assert "have not the right to export" in refused(settings, "export")
    with acting(QUENTIN):
        require_right(settings, "export")
        assert "have not the right to administer" in refused(settings, "administer")
    told = [(e.act.actor.id, e.act.action, e.act.outcome) for e in here.entries()[size:]]
    assert told == [
        ("rita", "user.refused", "refused"),
        ("quentin", "user.refused", "refused"),
    ]
    with acting(RITA):
        here.register.revoke("quentin", reason="left")
    with acting(QUENTIN):
        assert "quentin" in refused(settings, "export")
    # A service is no person at a terminal.
    with acting(Actor("service", "local-installation", "Local", "service-credential")):
        assert "Nobody is logged in" in refused(settings, "export")


def test_a_register_that_was_emptied_by_hand_lets_nobody_in(settings: Settings) -> None:
    here = place(settings).administered()
    with here.intruder() as connection:
        connection.exec_driver_sql("DELETE FROM identity_accounts WHERE id = 'rita'")
    assert "rita" in refused(settings, "administer")


def test_on_a_server_somebody_has_to_be_logged_in_from_the_beginning(tmp_path: Path) -> None:
    with postgresql_database() as url:
        settings = settings_of(tmp_path / "store", url)
        try:
            assert "Nobody is logged in" in refused(settings, "export")
        finally:
            open_ledger(settings).store.engine.close()
            ledger_module._opened.clear()
