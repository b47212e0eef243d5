"""How an administrator's change of an account is made: right, change and entry in one transaction.

What belongs here: the mechanism. What does not: which changes there are (:mod:`.identity`).

Who acts is never an argument: it is the person of the terminal session, whose right is looked up in
the register with nobody else writing (P11-05, P11-07). A refused attempt is an entry, too.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Refusal
from clinical_assets.ledger.entry import Act, Actor, Subject
from clinical_assets.people.account import Account
from clinical_assets.people.person import Person, folded
from clinical_assets.people.rights import Right, may
from resources.actors import authenticated_actor
from resources.people.authentication import Authentication
from resources.people.secret_hashing import hash_of_random
from resources.people.sessions import Sessions

REGISTER = Subject("register", "identity")
Changing = Callable[[Account, datetime, Connection], Account]
Details = Callable[[Account, Account], Any]


class AccountChanges(Authentication):
    """The register; arguments as of :class:`~resources.people.authentication.Authentication`."""

    def with_right(
        self,
        right: Right,
        wanted: str,
        decide: Callable[[Connection, Actor], Sequence[Act]],
    ) -> None:
        """Does what ``decide`` says if the person who is logged in has ``right``.

        Args:
            wanted: what is attempted, for the entry of a refusal.

        Raises:
            ClinicalError: nobody is logged in, the right is lacking (which is recorded), or what
                ``decide`` raises.
        """
        actor = self.present_person()
        self.accounts.scan.keep_in(self.keys)
        refused = []

        def with_right(connection: Connection) -> Sequence[Act]:
            account = self.accounts.get(actor.id, connection)
            if account.person.state == "active" and may(account.person.roles, right):
                return decide(connection, actor)
            refused.append(True)
            lacking = Refusal(wanted, right)
            act = self.accounts.act(actor, "user.refused", REGISTER, lacking, outcome="refused")
            return [act]

        with self.accounts.watching():
            self.store.decide(with_right)
        if refused:
            raise ClinicalError(
                f"You have not the right to {right}, so nothing was changed; this is recorded",
                where=f"account {actor.id}",
                repair="Ask somebody whose role gives it: docs/roles.md has the table",
            )

    def change(
        self,
        id: str,
        right: Right,
        changing: Changing,
        details: Details,
        *,
        action: str = "user.changed",
        reason: str = "",
        own: bool = True,
        demonstration: bool = False,
    ) -> Account:
        """Changes the account ``id``; the account afterwards.

        Args:
            details: of the entry, from the account before and after.
            own: whether people may do it to their own account.
            demonstration: whether it may be done to a made-up person.

        Raises:
            ClinicalError: as :meth:`with_right`, or it may not be done to this account.
        """
        found: list[Account] = []

        def decide(connection: Connection, actor: Actor) -> Sequence[Act]:
            account = self.accounts.get(folded(id), connection)
            if not own and account.person.id == actor.id:
                raise _not_allowed(
                    "Nobody changes the own roles or trainings, or confirms the own account",
                    account,
                )
            if account.person.demonstration and not demonstration:
                raise _not_allowed("A demonstration person is only ever revoked", account)
            account.demand_not_revoked()
            changed = changing(account, self.accounts.time(connection), connection)
            self.accounts.put(changed, connection)
            found.append(changed)
            told = details(account, changed)
            return [self.accounts.act(actor, action, changed, told, reason=reason)]

        self.with_right(right, action, decide)
        return found[0]

    def add(self, person: Person, secret: str) -> str:
        """Enrols ``person``, whose ``secret`` is issued here; the secret.

        Raises:
            ClinicalError: as :meth:`with_right`, or the id was used before.
        """
        service = person.kind == "service"
        hashed = hash_of_random(secret) if service else self.hashing.hash(secret)

        def decide(connection: Connection, actor: Actor) -> Sequence[Act]:
            self.demand_new(person.id, connection)
            at = self.accounts.time(connection)
            account = Account(person, hashed, service, at, at)
            self.accounts.add(account, connection)
            return self.accounts.enrolment(actor, account)

        self.with_right("enrol", "user.enrolled", decide)
        return secret

    def demand_new(self, id: str, connection: Connection) -> None:
        """Raises :class:`ClinicalError` where ``id`` was ever used (P11-16)."""
        if self.accounts.find(id, connection) is not None:
            raise ClinicalError(
                f"The id {id} is taken; an id is never given to another, even after a revocation",
                where="identity register",
                repair="Choose another id",
            )

    def demand_not_last(self, account: Account, connection: Connection) -> None:
        """Raises :class:`ClinicalError` where nobody could administer without ``account``."""
        active = account.person.state == "active"
        if active and self.is_last_administrator(account, connection):
            raise _not_allowed("This is the only active administrator", account)

    def has_people(self, connection: Connection) -> bool:
        """Whether a human being is or ever was enrolled; made-up people do not count.

        Raises:
            TamperedError: an account was changed past the ledger, or taken away.
        """
        accounts, tampered = self.accounts.all(connection)
        if tampered:
            raise tampered[0]
        return any(a.person.kind == "person" and not a.person.demonstration for a in accounts)

    def present_person(self) -> Actor:
        """The person who acts here: of the terminal session.

        Raises:
            ClinicalError: nobody is logged in, or the session has ended.
        """
        actor = authenticated_actor() or Sessions(self).actor()
        if actor is None or actor.kind != "person":
            raise ClinicalError(
                "Nobody is logged in at this terminal",
                where="identity register",
                repair="Log in with `clinical login`; the first administrator is enrolled with"
                " `clinical users bootstrap`",
            )
        return actor


def _not_allowed(what: str, account: Account) -> ClinicalError:
    return ClinicalError(
        what,
        where=f"account {account.person.id}",
        repair="Let another administrator do it, or enrol a second one first",
    )
