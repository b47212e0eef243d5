"""Made-up people: marked everywhere, embedded only, unable to do anything but sign."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signer_proofs import SignerProofs
from clinical_assets.ledger.entry import Actor
from resources.actors import acting
from resources.people.claims import Claim
from resources.people.demonstration_people import ROLES, demonstration_people
from resources.people.sessions import Sessions
from tests.unit.resources.register import RITA, Place, on_postgresql, on_sqlite, postgresql_database


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return on_sqlite(tmp_path)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql_database() as name:
        yield name


def test_they_sign_and_are_plainly_marked(place: Place) -> None:
    people = demonstration_people(place.register)
    assert tuple(people) == ROLES
    for role, person in people.items():
        shown = place.register.authenticate_for_signing(person.id, person.secret)
        assert shown.demonstration
        assert not shown.enrolment_verified
        assert shown.statement_accepted
        assert shown.roles == (role,)
        assert shown.actor.name.endswith("(demonstration)")
        assert person.secret not in repr(person)
    enrolled = [e.act for e in place.entries("user.enrolled")][1:]
    assert {act.details.name for act in enrolled} == {"demonstration person"}
    assert {act.actor.id for act in enrolled} == {"local-installation"}


def test_the_next_run_renews_their_secrets(place: Place) -> None:
    first = demonstration_people(place.register)["quality"]
    place.clock.forward(days=400)
    second = demonstration_people(place.register)["quality"]
    with pytest.raises(ClinicalError):
        place.register.authenticate_for_signing(first.id, first.secret)
    shown = place.register.authenticate_for_signing(second.id, second.secret)
    assert shown.trained_until is not None
    assert shown.trained_until > place.clock.now.date()


def test_they_do_not_log_in_and_keep_nobody_out(place: Place) -> None:
    person = demonstration_people(place.register)["author"]
    with pytest.raises(ClinicalError, match="not accepted together"):
        Sessions(place.register).log_in(Claim(person.id, person.secret))
    with pytest.raises(ClinicalError, match="not accepted together"):
        place.register.change_secret(Claim(person.id, person.secret), "horse staple battery")
    place.administered()  # the first administrator is still the first person
    with acting(RITA):
        with pytest.raises(ClinicalError, match="only ever revoked"):
            place.register.set_roles(person.id, grant=["quality"])
        place.register.revoke(person.id, "no demonstrations here")


def test_they_administer_nothing(place: Place) -> None:
    person = demonstration_people(place.register)["author"]
    actor = Actor("person", person.id, person.name, "signing")
    with acting(actor), pytest.raises(ClinicalError, match="not the right"):
        place.register.people()


def test_there_are_none_on_postgresql(database: str, tmp_path: Path) -> None:
    place = on_postgresql(database, tmp_path)
    with pytest.raises(ClinicalError, match="no demonstration people"):
        demonstration_people(place.register)
    _ = place.store.origin
    assert place.entries("user.") == []
    place.store.engine.close()


def test_there_are_none_where_a_human_being_is_enrolled(place: Place) -> None:
    demonstration_people(place.register)
    assert not SignerProofs(place.entries("user.")).people
    place.administered()
    before = place.entries("user.")
    assert SignerProofs(before).people
    with pytest.raises(ClinicalError, match="generated people neither sign nor count"):
        demonstration_people(place.register)
    assert place.entries("user.") == before


def test_an_id_of_a_human_being_is_not_taken_over(place: Place) -> None:
    place.administered()
    place.enrolled("demo-quality", "Dora Demo", "quality")
    with pytest.raises(ClinicalError, match="People are enrolled here"):
        demonstration_people(place.register)
    assert place.state("demo-quality") == "active"
