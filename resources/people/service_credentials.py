"""The credential by which this process is a service: 256 random bits in a private file (HIP-02).

What belongs here: making, finding and checking it. What does not: who acts where a person is logged
in (:mod:`.sessions`). Daemons, workers and the command line read ``<keys>/services/<id>.secret``;
the register keeps its SHA-256, which is enough for what nobody can guess.

On SQLite (the embedded profile) the service ``local-installation`` is enrolled at its first act. On
PostgreSQL an administrator enrols each service. A revocation takes effect at the next act: before
each, what was written since the act before is read, and if there is an entry about the service in
it, the account is held against the ledger again. There is no time in between to wait for.
"""

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Attempt
from clinical_assets.ledger.entry import Act, Actor
from clinical_assets.people.account import Account
from clinical_assets.people.person import Person
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.people.accounts import USER, Accounts
from resources.people.claims import actor_of
from resources.people.register_scan import register_scan, seq_of
from resources.people.secret_hashing import hash_of_random, random_secret
from resources.private_files import create_private, read_private

LOCAL = "local-installation"
METHOD = "service-credential"
_NAME = "This installation"


@dataclass(frozen=True, slots=True)
class _Known:
    process: int
    keys: Path
    seq: int
    actor: Actor


_known: "WeakKeyDictionary[LedgerStore, _Known]" = WeakKeyDictionary()


def credential_file(keys: Path, id: str) -> Path:
    """Where the credential of the service ``id`` lies."""
    return keys / "services" / f"{id}.secret"


def authenticated_service(store: LedgerStore, keys: Path) -> Actor:
    """The service that this process is.

    Raises:
        ClinicalError: there is no credential, or it is not that of an active service.
    """
    known = _known.get(store)
    if (
        known is not None
        and (known.process, known.keys) == (os.getpid(), keys)
        and seq_of(register_scan(store).refresh(), USER, known.actor.id) == known.seq
    ):
        return known.actor
    fresh = _authenticate(store, keys)
    _known[store] = fresh
    return fresh.actor


def misses_credential(store: LedgerStore, keys: Path) -> bool:
    """Whether the register knows services, and what is here is the credential of none of them.

    Nothing is made and nothing recorded: it asks, as after a restore, before anybody acts.
    """
    accounts = Accounts(store)
    with accounts.watching(), store.reading() as connection:
        known, _ = accounts.all(connection)
    services = {a.person.id: a for a in known if a.person.kind == "service"}
    files = sorted((keys / "services").glob("[!.]*.secret"))
    if store.engine.embedded:
        files = [credential_file(keys, LOCAL)]
        if LOCAL not in services:
            return False  # enrolled at its first act
    if len(files) != 1 or files[0].stem not in services:
        return True
    secret = (read_private(files[0]) or b"").decode("ascii", "replace").strip()
    return not _is(services[files[0].stem], secret)


def _authenticate(store: LedgerStore, keys: Path) -> _Known:
    accounts = Accounts(store)
    accounts.scan.keep_in(keys)
    id, secret = _credential(store, keys)
    with accounts.watching(), store.reading() as connection:
        found = accounts.find(id, connection)
    if found is None and id == LOCAL and store.engine.embedded:
        _enrol_local(accounts, secret)
        with accounts.watching(), store.reading() as connection:
            found = accounts.find(id, connection)
    account = None if found is None else found.account
    if found is None or account is None or not _is(account, secret):
        if account is not None:
            _note_refusal(accounts, id)
        raise _refused(id)
    return _Known(os.getpid(), keys, found.seq, actor_of(account, METHOD))


def _is(account: Account, secret: str) -> bool:
    right = hmac.compare_digest(account.secret, hash_of_random(secret))
    return account.person.kind == "service" and account.person.state == "active" and right


def _credential(store: LedgerStore, keys: Path) -> tuple[str, str]:
    folder = keys / "services"
    files = sorted(folder.glob("[!.]*.secret"))
    if store.engine.embedded:
        files = [credential_file(keys, LOCAL)]
        create_private(files[0], random_secret().encode())
    if len(files) != 1:
        what = "no credential" if not files else f"{len(files)} credentials"
        raise ClinicalError(
            f"This process has {what} of a service, so nobody answers for what it does",
            where=str(folder),
            repair="An administrator enrols the service with `clinical users enrol-service`; the"
            " folder holds the one file of the service that runs here",
        )
    found = read_private(files[0])
    return files[0].stem, (found or b"").decode("ascii", "replace").strip()


def _enrol_local(accounts: Accounts, secret: str) -> None:
    """Once, whatever number of processes come first: who decides second finds it enrolled."""

    def decide(connection: Connection) -> Sequence[Act]:
        if accounts.find(LOCAL, connection) is not None:
            return []
        at = accounts.time(connection)
        person = Person(LOCAL, "service", _NAME, "active", ("service",))
        account = Account(person, hash_of_random(secret), True, at, at)
        accounts.add(account, connection)
        return accounts.enrolment(LEDGER, account, reason="first use of the embedded profile")

    with accounts.watching():
        accounts.store.decide(decide)


def _note_refusal(accounts: Accounts, id: str) -> None:
    def decide(connection: Connection) -> Sequence[Act]:
        account = accounts.get(id, connection)
        attempt = Attempt(METHOD, ("secret",))
        return [accounts.act(LEDGER, "login.refused", account, attempt, outcome="refused")]

    accounts.store.decide(decide)


def _refused(id: str) -> ClinicalError:
    return ClinicalError(
        f"The service {id} was not accepted: unknown, revoked, or of another credential",
        where="service credential",
        repair="Nothing can be done in its name; an administrator looks with `clinical users show`"
        " and issues another with `clinical users reset`",
    )
