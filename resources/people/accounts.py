"""Accounts in the ledger's database, each held against the ledger whenever it is read.

What belongs here: reading and writing one record, finding that it was changed past the ledger,
listing. What does not: when a record may change (:mod:`.authentication`, :mod:`.identity`).

Every entry with the subject kind ``user`` carries the digest of the account as it is after the act.
A record counts only if the newest entry about it carries its digest: a row that was edited,
swapped, inserted or put back past this software is refused. Which entry is the newest is known from
all of them (:mod:`.register_scan`), so that none is hidden by a search column.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select, update

from clinical_assets.canonical import from_plain, sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Nothing
from clinical_assets.ledger.entry import Act, Actor, Outcome, Subject
from clinical_assets.people.account import FORMAT, Account
from clinical_assets.people.person import Person, is_id
from clinical_assets.people.told import ROLES, TRAINING, told_roles, told_training
from resources.ledger_database.identity_tables import ACCOUNTS
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.people.register_scan import USER, register_scan

__all__ = ["USER", "Accounts", "Proven", "TamperedError", "read_account"]


class TamperedError(ClinicalError):
    """An account is not the one that the ledger speaks of; ``expected`` is the digest it names."""

    def __init__(self, id: str, expected: str, place: str) -> None:
        self.id, self.expected = id, expected
        super().__init__(
            f"The account {id} is not the one that the ledger speaks of: something other than this"
            " software wrote into the identity register",
            where=place,
            repair="It can do nothing until it is looked into: keep the database for the"
            " investigation, restore it from a backup",
        )


@dataclass(frozen=True, slots=True)
class Proven:
    """An account that the ledger vouches for, and the number of the entry that does."""

    account: Account
    seq: int


class Accounts:
    """The accounts of one ledger."""

    def __init__(self, store: LedgerStore) -> None:
        self.store = store
        self.scan = register_scan(store)

    def find(self, id: str, connection: Connection) -> Proven | None:
        """The account ``id`` (case-folded); None where there never was one.

        Raises:
            TamperedError: it was changed, put in or taken away past the ledger.
        """
        if not is_id(id):
            return None
        rows = select(ACCOUNTS.c.record).where(ACCOUNTS.c.id == id)
        stored = connection.execute(rows).scalar()
        newest = self.scan.within(connection).get((USER, id))
        if stored is None and newest is None:
            return None
        expected = "" if newest is None else newest.subject.sha256
        # SQLite hands out a text where somebody wrote one in the place of bytes.
        record = bytes(stored) if isinstance(stored, bytes | memoryview) else b""
        if newest is None or sha256(record) != expected:
            raise TamperedError(id, expected, self.store.engine.place)
        account = read_account(record)
        if account.person.id != id:
            raise TamperedError(id, expected, self.store.engine.place)
        return Proven(account, newest.seq)

    def get(self, id: str, connection: Connection) -> Account:
        """The account ``id``.

        Raises:
            ClinicalError: there is none.
            TamperedError: as :meth:`find`.
        """
        found = self.find(id, connection)
        if found is None:
            raise ClinicalError(
                "There is no account of that id",
                where="identity register",
                repair="`clinical users list` shows who is enrolled",
            )
        return found.account

    def ids(self, connection: Connection) -> tuple[str, ...]:
        """Every id that has a row or was ever enrolled, sorted."""
        rows = connection.execute(select(ACCOUNTS.c.id)).scalars()
        return tuple(sorted({*map(str, rows), *self.scan.enrolled(connection)}))

    def all(self, connection: Connection) -> tuple[list[Account], list[TamperedError]]:
        """Every account, by id, and apart from them those that were changed past the ledger."""
        accounts, tampered = [], []
        for id in self.ids(connection):
            try:
                found = self.find(id, connection)
            except TamperedError as error:
                tampered.append(error)
                continue
            if found is None:  # a row under what is no id
                tampered.append(TamperedError(id, "", self.store.engine.place))
            else:
                accounts.append(found.account)
        return accounts, tampered

    def add(self, account: Account, connection: Connection) -> None:
        """Keeps a new account; within the ``decide`` that writes its entry."""
        row = {"id": account.person.id, "record": account.to_bytes()}
        connection.execute(insert(ACCOUNTS).values(row))

    def put(self, account: Account, connection: Connection) -> None:
        """Keeps a changed account; within the ``decide`` that writes its entry."""
        row = update(ACCOUNTS).where(ACCOUNTS.c.id == account.person.id)
        connection.execute(row.values(record=account.to_bytes()))

    def time(self, connection: Connection) -> datetime:
        """The ledger's time, which never goes back: the server's, or that of the newest entry."""
        head = self.store.verified_head(connection)
        return max(self.store.now(connection), datetime.fromisoformat(head.at))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """What the block finds changed past the ledger is written down before it is raised on.

        The ledger is read before, so that a decision within need not do it while nobody else can
        write.
        """
        self.scan.refresh()
        try:
            yield
        except TamperedError as error:
            self._report(error)
            raise

    def _report(self, error: TamperedError) -> None:
        # The entry names the digest that holds, so that a restored record counts again. A row that
        # no entry speaks of gets none, and so counts never.
        subject = Subject(USER, error.id, sha256=error.expected)
        act = self.act(LEDGER, "user.tampered", subject, Nothing(), outcome="refused")
        self.store.append([act])

    def act(
        self,
        actor: Actor,
        action: str,
        about: Account | Subject,
        details: Any,
        *,
        outcome: Outcome = "done",
        reason: str = "",
    ) -> Act:
        """An act on an account, as it is after the act, or on something else."""
        if isinstance(about, Account):
            about = Subject(USER, about.person.id, sha256=about.digest)
        return Act(
            act=uuid4().hex,
            actor=actor,
            action=action,
            subject=about,
            details=details,
            outcome=outcome,
            reason=reason,
            software=self.store.software,
        )

    def enrolment(self, actor: Actor, account: Account, *, reason: str = "") -> list[Act]:
        """The acts by which an account is enrolled."""
        told = told_enrolment(account)
        return [self.act(actor, action, account, what, reason=reason) for action, what in told]


def told_enrolment(account: Account) -> Iterator[tuple[str, Change]]:
    """What entries tell of a new account, by action: its kind and name, and of a person the roles
    and trainings, on which later signatures are judged."""
    person = account.person
    kind = f"demonstration {person.kind}" if person.demonstration else person.kind
    yield "user.enrolled", Change(kind, "", person.name)
    if person.kind == "person":
        yield from told_rights(person)


def told_rights(person: Person) -> Iterator[tuple[str, Change]]:
    """A person's roles and trainings."""
    yield "user.changed", Change(ROLES, "", told_roles(person.roles))
    for training in person.trainings:
        yield "user.changed", Change(TRAINING, "", told_training(training))


def read_account(record: bytes) -> Account:
    """The account in a stored record.

    Raises:
        ClinicalError: this software cannot read it.
    """
    try:
        plain = json.loads(record)
        if plain.pop("format") != FORMAT:
            raise ValueError("another format")
        return from_plain(Account, plain)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError):
        raise ClinicalError(
            "A record of the identity register cannot be read",
            where=f"expected {FORMAT}",
            repair="Use the version of the software that wrote it, or a later one",
        ) from None
