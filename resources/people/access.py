"""Who sees the register, and the review of who has access (P11-24).

What belongs here: reading accounts under a right. What does not: changing them (:mod:`.identity`).
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from clinical_assets.ledger.actions import Rows
from clinical_assets.ledger.entry import Act, Actor
from clinical_assets.people.account import Account
from clinical_assets.people.review import Reviewed, review
from resources.people.account_changes import REGISTER, AccountChanges
from resources.people.accounts import TamperedError


class Access(AccountChanges):
    """The register; arguments as of :class:`~resources.people.authentication.Authentication`."""

    def account(self, id: str) -> Account:
        """The account ``id`` (case-folded), to whoever has the right, and to everybody the own one.

        Raises:
            ClinicalError: the right is lacking, or there is none of that id.
        """
        found: list[Account] = []

        def decide(connection: Connection, _: Actor) -> Sequence[Act]:
            found.append(self.accounts.get(id, connection))
            return ()

        if self.present_person().id == id:
            with self.accounts.watching(), self.store.reading() as connection:
                return self.accounts.get(id, connection)
        self.with_right("review access", "show", decide)
        return found[0]

    def people(self) -> tuple[list[Account], list[TamperedError]]:
        """Every account, and apart from them those that were changed past the ledger.

        Raises:
            ClinicalError: the right is lacking.
        """
        found: list[tuple[list[Account], list[TamperedError]]] = []

        def decide(connection: Connection, _: Actor) -> Sequence[Act]:
            found.append(self.accounts.all(connection))
            return ()

        self.with_right("review access", "list", decide)
        return found[0]

    def review(self) -> list[Reviewed]:
        """Who has access, with what asks for attention; that it was reviewed is recorded (P11-24).

        Raises:
            ClinicalError: the right is lacking, or an account was changed past the ledger.
        """
        found: list[Reviewed] = []

        def decide(connection: Connection, actor: Actor) -> Sequence[Act]:
            accounts, tampered = self.accounts.all(connection)
            if tampered:
                raise tampered[0]
            found.extend(review(accounts, self.policy, self.accounts.time(connection)))
            seen = Rows(len(found), purpose="access review")
            return [self.accounts.act(actor, "access.reviewed", REGISTER, seen)]

        self.with_right("review access", "access.reviewed", decide)
        return found
