"""The identity register as its administrators use it (P11-16, P11-17, P11-25).

What belongs here: which changes of accounts there are. What does not: how one is made
(:mod:`.account_changes`), who sees the register (:mod:`.access`), proving who somebody is
(:mod:`.authentication`), and what people do about their own account (:mod:`.own_account`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signer_proofs import SignerProofs
from clinical_assets.ledger.actions import Change, Nothing, Verified
from clinical_assets.ledger.entry import Act, Actor
from clinical_assets.people.account import Account
from clinical_assets.people.person import Enrolment, Person, Training, check, folded
from clinical_assets.people.told import ROLES, TRAINING, told_roles, told_training
from resources.ledger_database.scan import LedgerScan
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.people.access import Access
from resources.people.authentication import Authentication
from resources.people.secret_hashing import hash_of_random, one_time_secret, random_secret
from resources.people.service_credentials import authenticated_service
from resources.people.sessions import Sessions


class HasStore(Protocol):
    """What this module needs of a ledger."""

    store: LedgerStore


def service_of(ledger: HasStore, keys: Path) -> Actor:
    """The service that this process is; see :mod:`.service_credentials`.

    Raises:
        ClinicalError: there is no credential, or it is not that of an active service.
    """
    return authenticated_service(ledger.store, keys)


def session_actor(store: LedgerStore, keys: Path) -> Actor | None:
    """The person who is logged in at this terminal; None where nobody is.

    Raises:
        ClinicalError: the session has ended or does not hold.
    """
    return Sessions(Authentication(store, keys)).actor()


class IdentityRegister(Access):
    """The register in a ledger's database; arguments as of :class:`.Authentication`."""

    def bootstrap(
        self,
        id: str,
        name: str,
        secret: str,
        *,
        verified_by: str,
        method: str,
        on: date,
    ) -> None:
        """Enrols the first administrator, who sets an own secret at once.

        Args:
            verified_by, method, on: who verified the identity, how, on which day (P11-17).

        Raises:
            ClinicalError: a person was enrolled before, or something stated does not do.
        """
        enrolment = Enrolment(verified_by, method, on)
        person = Person(folded(id), "person", name, "active", ("administrator",), enrolment)
        check(person)
        self.demand_good(secret, person)
        hashed = self.hashing.hash(secret)

        def decide(connection: Connection) -> Sequence[Act]:
            if self.has_people(connection):
                raise ClinicalError(
                    "The register holds people already",
                    where="identity register",
                    repair="An administrator enrols others with `clinical users enrol`",
                )
            self.demand_new(person.id, connection)
            at = self.accounts.time(connection)
            account = Account(person, hashed, True, at, at)
            self.accounts.add(account, connection)
            return self.accounts.enrolment(LEDGER, account, reason="first administrator")

        with self.accounts.watching():
            self.store.decide(decide)

    def enrol(
        self,
        id: str,
        name: str,
        roles: Sequence[str],
        *,
        verified_by: str,
        method: str,
        on: date,
    ) -> str:
        """Enrols a person; the secret for first use, which is shown once and kept nowhere.

        Args:
            verified_by, method, on: who verified the identity, how, on which day (P11-17).

        Raises:
            ClinicalError: the right is lacking, the id was ever used, or something does not do.
        """
        enrolment = Enrolment(verified_by, method, on)
        person = Person(folded(id), "person", name, "enrolled", (), enrolment)
        return self.add(_with_roles(person, roles), one_time_secret())

    def enrol_service(self, id: str, name: str) -> str:
        """Enrols a service; its credential, which belongs into a private file of that service.

        Raises:
            ClinicalError: as :meth:`enrol`.
        """
        person = Person(folded(id), "service", name, "active", ("service",))
        check(person)
        return self.add(person, random_secret())

    def reset(self, id: str, *, service: bool = False, without_totp: bool = False) -> str:
        """Issues another secret; of a person one for first use, good only for setting an own one.

        Sessions end. The second factor stays, unless it was lost. Whoever issues a secret could use
        it before the owner does; so nobody signs with the account until somebody else has
        confirmed its owner (:meth:`confirm_owner`, P11-21).

        Args:
            service: whether the account is expected to be a service; the secret is its credential.

        Raises:
            ClinicalError: the right is lacking, or the account is revoked or of the other kind.
        """
        secret = random_secret() if service else one_time_secret()
        hashed = hash_of_random(secret) if service else self.hashing.hash(secret)

        def changed(account: Account, at: datetime, _: Connection) -> Account:
            if service != (account.person.kind == "service"):
                raise ClinicalError(
                    f"The account is that of a {account.person.kind}",
                    where=f"account {account.person.id}",
                    repair="Only a service's credential goes into a file (--output)",
                )
            if service:
                return account.changed(hashed, at)
            return replace(account.issued(hashed, at), totp="" if without_totp else account.totp)

        what = "secret and second factor" if without_totp else "secret"
        told = Change(what, "", "issued")
        self.change(id, "reset", changed, lambda *_: told)
        return secret

    def confirm_owner(self, id: str, *, verified_by: str, method: str) -> None:
        """Confirms after a reset that the owner has the account again, who may then sign (P11-21).

        Not by whoever issued the secret, not by the account itself, not by one that waits for a
        confirmation; and only once the owner has set an own secret, so that whoever issued the one
        before cannot come first.

        Args:
            verified_by, method: who verified that the owner set the secret, and how.

        Raises:
            ClinicalError: the right is lacking, nothing waits for it, or it may not be done here.
        """
        if not (verified_by.strip() and method.strip()):
            raise _unconfirmed(folded(id), "It is not said who verified the owner, or how")

        by = self.present_person().id
        scan = LedgerScan(self.store, ("user.changed", "user.owner_confirmed"))
        scan.refresh()

        def changed(account: Account, _: datetime, connection: Connection) -> Account:
            person = account.person
            proofs = SignerProofs(scan.within(connection))
            issued_by = proofs.issued_by(person.id)
            if not issued_by or person.kind != "person":
                raise _unconfirmed(person.id, "The account waits for no confirmation")
            if by == issued_by:
                raise _unconfirmed(person.id, "Whoever issued a secret does not confirm its owner")
            if proofs.issued_by(by):
                raise _unconfirmed(by, "Your own account waits for a confirmation")
            if not account.own_secret or person.state != "active":
                raise _unconfirmed(person.id, "The owner has not set an own secret yet")
            return account

        told = Verified(verified_by, method)
        action = "user.owner_confirmed"
        self.change(id, "confirm", changed, lambda *_: told, action=action, own=False)

    def unlock(self, id: str) -> None:
        """Lets a locked account try again with its secret.

        Raises:
            ClinicalError: the right is lacking, or it is not locked.
        """
        self.change(
            id,
            "reset",
            lambda account, at, _: account.unlocked(at),
            lambda before, after: Change("state", before.person.state, after.person.state),
        )

    def revoke(self, id: str, reason: str) -> None:
        """Takes an account its access, for good and at once; what it signed stays (P11-25).

        Raises:
            ClinicalError: the right is lacking, or nobody could administer afterwards.
        """

        def changed(account: Account, _: datetime, connection: Connection) -> Account:
            self.demand_not_last(account, connection)
            return account.revoked()

        self.change(
            id,
            "revoke",
            changed,
            lambda *_: Nothing(),
            action="user.revoked",
            reason=reason,
            demonstration=True,
        )

    def set_roles(
        self,
        id: str,
        *,
        grant: Sequence[str] = (),
        withdraw: Sequence[str] = (),
    ) -> tuple[str, ...]:
        """Grants and withdraws roles; the roles that the account has then. Nobody's own (P11-07).

        Raises:
            ClinicalError: the right is lacking, or roles exclude each other.
        """

        def changed(account: Account, _: datetime, connection: Connection) -> Account:
            if "administrator" in withdraw:
                self.demand_not_last(account, connection)
            kept = [role for role in account.person.roles if role not in withdraw]
            return replace(account, person=_with_roles(account.person, [*kept, *grant]))

        def told(before: Account, after: Account) -> Change:
            return Change(ROLES, *(told_roles(each.person.roles) for each in (before, after)))

        return self.change(id, "enrol", changed, told, own=False).person.roles

    def rename(self, id: str, name: str) -> None:
        """Changes the printed name from now on; what was signed keeps the former one.

        Raises:
            ClinicalError: the right is lacking, or the name does not do.
        """

        def changed(account: Account, _: datetime, __: Connection) -> Account:
            person = replace(account.person, name=name)
            check(person)
            return replace(account, person=person)

        def told(before: Account, after: Account) -> Change:
            return Change("name", before.person.name, after.person.name)

        self.change(id, "enrol", changed, told)

    def add_training(self, id: str, training: Training) -> None:
        """Records a training of somebody else (P11-09).

        Raises:
            ClinicalError: the right is lacking, or the dates contradict each other.
        """

        def changed(account: Account, _: datetime, __: Connection) -> Account:
            person = replace(account.person, trainings=(*account.person.trainings, training))
            check(person)
            return replace(account, person=person)

        told = Change(TRAINING, "", told_training(training))
        self.change(id, "train", changed, lambda *_: told, own=False)


def _unconfirmed(id: str, what: str) -> ClinicalError:
    return ClinicalError(
        f"{what}, so nothing was confirmed",
        where=f"account {id}",
        repair="After a reset the owner logs in and sets a secret; then somebody of quality, or a"
        " privacy officer, who did not issue it, verifies that it was the owner",
    )


def _with_roles(person: Person, roles: Sequence[str]) -> Person:
    """The person with ``roles``, checked, in a fixed order."""
    made = replace(person, roles=tuple(sorted(set(roles))))  # type: ignore[arg-type]
    check(made)
    return made
