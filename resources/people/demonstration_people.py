"""People who are made up, so that a demonstration can show signatures (issue part 7).

What belongs here: enrolling them with fresh secrets for one run. What does not: signing. They exist
in the embedded profile only; register, entries and printed names say what they are; they cannot log
in, administer or be given other roles. Their secrets are random, live in this process's memory and
are replaced by the next run's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Act, Actor
from clinical_assets.people.account import Account
from clinical_assets.people.person import Enrolment, Person, Training, check
from clinical_assets.people.roles import Role
from clinical_assets.people.statement import CURRENT
from resources.people.account_changes import AccountChanges
from resources.people.accounts import told_rights
from resources.people.authentication import Authentication
from resources.people.secret_hashing import hash_of_random, random_secret
from resources.people.service_credentials import authenticated_service

ROLES: tuple[Role, ...] = ("author", "clinical reviewer", "ethics board", "quality")
_VALID = timedelta(days=1)
_WHY = "demonstration"
_METHOD = "none: a demonstration person is no human being"


@dataclass(frozen=True, slots=True)
class DemonstrationPerson:
    """A made-up person and the secret that signs in its name during one run."""

    id: str
    name: str
    role: Role
    secret: str = field(repr=False)


def people_are_enrolled(register: AccountChanges) -> bool:
    """Whether a human being is or ever was enrolled.

    Raises:
        TamperedError: an account was changed past the ledger, or taken away.
    """
    with register.store.reading() as connection:
        return register.has_people(connection)


def demonstration_people(register: Authentication) -> dict[Role, DemonstrationPerson]:
    """One made-up person for each of :data:`ROLES`, ready to sign until the next call.

    Raises:
        ClinicalError: the ledger is not that of the embedded profile, people are enrolled in it, or
            one of them was revoked.
    """
    if not register.store.engine.embedded:
        raise ClinicalError(
            "There are no demonstration people outside of the embedded profile",
            where=register.store.engine.place,
            repair="Enrol people with `clinical users enrol`; they sign with `clinical sign`",
        )
    by = authenticated_service(register.store, register.keys)
    made = {role: _made_up(role) for role in ROLES}

    def decide(connection: Connection) -> Sequence[Act]:
        if AccountChanges(register.store, register.keys).has_people(connection):
            raise ClinicalError(
                "People are enrolled here, so that generated people neither sign nor count",
                where="identity register",
                repair="Run `clinical demo --stop-before-signing` and let them sign"
                " (docs/signing.md), or run the demonstration in another store (CLINICAL_STORE)",
            )
        at = register.accounts.time(connection)
        return [
            act
            for person in made.values()
            for act in _renewed(register, by, person, at, connection)
        ]

    with register.accounts.watching():
        register.store.decide(decide)
    return made


def _made_up(role: Role) -> DemonstrationPerson:
    id = f"demo-{role.replace(' ', '-')}"
    return DemonstrationPerson(id, f"Demo {role.title()} (demonstration)", role, random_secret())


def _renewed(
    register: Authentication,
    by: Actor,
    made: DemonstrationPerson,
    at: datetime,
    connection: Connection,
) -> list[Act]:
    accounts, hashed = register.accounts, hash_of_random(made.secret)
    found = accounts.find(made.id, connection)
    if found is None:
        account = Account(_person(made, at.date()), hashed, True, at, at)
        accounts.add(account, connection)
        return accounts.enrolment(by, account, reason=_WHY)
    if not found.account.person.demonstration:
        raise ClinicalError(
            f"The id {made.id} belongs to somebody who is not made up",
            where="identity register",
            repair="Run the demonstration in another store (CLINICAL_STORE)",
        )
    found.account.demand_not_revoked()
    account = replace(
        found.account,
        person=_person(made, at.date()),
        secret=hashed,
        secret_at=at,
        used_at=at,
        failures=0,
        failed_at=None,
    )
    accounts.put(account, connection)
    renewed = Change("demonstration secret", "", "renewed for one run")
    told = [("user.changed", renewed), *told_rights(account.person)]
    return [accounts.act(by, action, account, what, reason=_WHY) for action, what in told]


def _person(made: DemonstrationPerson, on: date) -> Person:
    person = Person(
        id=made.id,
        kind="person",
        name=made.name,
        state="active",
        roles=(made.role,),
        enrolment=Enrolment("nobody", _METHOD, on),
        trainings=(Training("demonstration", on, on + _VALID),),
        acceptance=CURRENT,
        demonstration=True,
    )
    check(person)
    return person
