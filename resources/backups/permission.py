"""Who may restore a backup, established before anything is moved (P11-07).

What belongs here: which register is asked, and asking it. What does not: restoring
(:mod:`.restoring`).

Where a ledger is there and can be read, its register says whether the person who is logged in may
replace it; a refusal is an entry of it. A backup of the same ledger needs no other permission.
Where there is none, or it is damaged, lost, of another name, or an older copy than this machine has
seen (a SQLite file; a PostgreSQL database stays, and its register is asked), the register in the
backup decides:
the verified copy is loaded into a database of its own, and whoever restores proves id, secret and
second factor to it, by the rules of every other proof but for the age of secrets and accounts:
those of a backup have no present use. What is written there is deleted with it.

Where the ledger's private key is lost, nobody can log in to it, and no attempt can be written down.
Whoever is not logged in proves the same to the present register then; a refusal leaves no trace.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Refusal
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.entry import Act, Actor
from clinical_assets.people.account import Account
from clinical_assets.people.person import folded
from clinical_assets.people.rights import Right, may
from clinical_assets.people.secrets_policy import SecretPolicy
from resources.backups.keys import PackedKeys
from resources.blobs import disk_faults
from resources.checkout import software
from resources.keys_on_record import is_lost
from resources.ledger import Ledger
from resources.ledger_database.copy import LedgerCopy, holds_ledger, load_ledger
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_database.reader import LedgerReader
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.ledger_keys import LOST, LedgerKeys
from resources.ledger_memory import OpenedStore, contradicts_seen
from resources.newest_seen import NewestSeen
from resources.people.access import Access
from resources.people.account_changes import REGISTER
from resources.people.accounts import TamperedError
from resources.people.claims import Claim, MustChangeSecretError, actor_of, not_proven
from resources.people.service_credentials import LOCAL, authenticated_service
from resources.settings import Settings

_RIGHT: Right = "administer"
_WANTED = "backup.restored"
_AGELESS = SecretPolicy(max_age=timedelta.max, dormant_after=timedelta.max)
_CREDENTIALS = "services"
_SECOND_FACTOR = "second-factor.key"


def restorer(
    settings: Settings,
    copy: LedgerCopy,
    keys: Path,
    trial: Path,
    claim: Callable[[], Claim],
) -> Actor | None:
    """The person who may restore; None where nobody is enrolled, here or in the backup.

    Args:
        copy: of the ledger; verified.
        keys: the folder of keys as it will be afterwards: :func:`keys_afterwards`.
        trial: an empty private folder; what is written there is for the caller to delete.
        claim: asks for what proves who restores.

    Raises:
        ClinicalError: the right is lacking or was not proven, or the credential that acts where
            nobody is enrolled is not there.
    """
    present = _usable_ledger(settings)
    if present is None:
        return _by_the_backup(settings, copy, keys, trial, claim)
    access = Access(present, settings.keys)
    try:
        actor = None
        if _has_people(access):
            actor = _present_administrator(access, claim)
            if present.origin == copy.origin:
                return actor
        try:
            return _by_the_backup(settings, copy, keys, trial, claim, present=actor)
        except ClinicalError:
            if is_lost(present):
                raise
            lacking = Refusal(_WANTED, _RIGHT)
            refused = access.accounts.act(
                actor or LEDGER, "user.refused", REGISTER, lacking, outcome="refused"
            )
            present.append([refused])
            raise
    finally:
        present.engine.close()


def administrator(ledger: Ledger, keys: Path, id: str, claim: Callable[[], Claim]) -> Actor:
    """Who answers for a ledger that was put back, in which a session that is open now is unknown.

    Args:
        id: of the person whom the command names; empty for whoever is logged in, if the ledger
            knows the session, and else for the one who is asked.
        claim: asks for what proves it.

    Raises:
        ClinicalError: the right is lacking, or was not proven.
    """
    access = Access(ledger.store, keys)
    if not _has_people(access):
        return ledger.actor
    if not id:
        with suppress(ClinicalError):  # nobody is logged in, or the session is not in this copy
            actor = access.present_person()
            id = actor.id
        if id:
            access.with_right(_RIGHT, "ledger.lost", lambda *_: ())
            return actor
    return _proven(access, claim(), "this ledger's")


def administrator_without_key(
    ledger: Ledger,
    keys: Path,
    id: str,
    claim: Callable[[], Claim],
    follows: Callable[[Actor], Sequence[Act]],
) -> Actor:
    """Who replaces the private key of a ledger that is lost; writes what ``follows`` says.

    Args:
        keys: folder of keys.
        id: of the person whom the command names; empty for whoever is logged in, if somebody is.
        claim: asks for what proves it.
        follows: is given the person, once the right is established, and lets the ledger be signed;
            its acts are written with the proof in one transaction.

    Raises:
        ClinicalError: the right is lacking, or was not proven; nothing is written then.
    """
    access = Access(ledger.store, keys, policy=_AGELESS)
    actor = None if _has_people(access) else _installation(ledger)
    if actor is None and not id:
        actor = _logged_in(access)
    if actor is None:
        return _proven_without_key(access, claim(), follows)
    ledger.store.append(follows(actor))
    return actor


def keys_afterwards(settings: Settings, packed: PackedKeys | None, trial: Path) -> Path:
    """A folder in ``trial`` with what proves people and services as it will be after a restore.

    Raises:
        ClinicalError: keys cannot be read or unpacked.
    """
    made = trial / "keys"
    with disk_faults(settings.keys):
        made.mkdir(mode=0o700)
        services = settings.keys / _CREDENTIALS
        if services.is_dir():
            shutil.copytree(services, made / _CREDENTIALS)
        with suppress(FileNotFoundError):
            shutil.copy2(settings.keys / _SECOND_FACTOR, made / _SECOND_FACTOR)
    if packed is not None:
        packed.unpack(made)
    return made


class _TrialKeys:
    """The backup's public keys, and one of its own that signs what is written in the trial."""

    def __init__(self, copy: LedgerCopy) -> None:
        self._key = SigningKey.generate(copy.origin)
        self._trusted = (*copy.keys, self._key.public)

    def signing(self, name: str) -> SigningKey:
        """A key that exists for the trial only."""
        del name
        return self._key

    def withdrawn(self) -> Sequence[PublicKey]:
        """None: a copy holds no checkpoint that only such a key signed."""
        return ()

    def trusted(self) -> Sequence[PublicKey]:
        """Its public half, and the keys of the backup."""
        return self._trusted


def _usable_ledger(settings: Settings) -> LedgerStore | None:
    """The ledger that is here, if head and register can be read and hold; else None."""
    embedded = LedgerEngine(settings.ledger_url).embedded
    try:
        if not holds_ledger(settings.ledger_url):
            return None
    except ClinicalError:
        if embedded:  # a file that is no database any more
            return None
        raise
    keys = LedgerKeys(settings.keys)
    store = LedgerStore(settings.ledger_url, keys, software=software(), accept=keys.is_there)
    try:
        store.head()
        access = Access(store, settings.keys)
        with store.reading() as connection:
            if access.accounts.all(connection)[1]:
                raise ClinicalError("The register was changed past the ledger", repair="Restore")
        if _put_back(settings, store):
            raise ClinicalError("The ledger is an older copy", repair="Restore")
    except ClinicalError:
        store.engine.close()
        if embedded:
            return None
        raise
    return store


def _put_back(settings: Settings, store: LedgerStore) -> bool:
    """Whether this machine has seen a later state: a register that was put back permits nothing."""
    seen = NewestSeen(settings.keys)
    opened = OpenedStore(store, LedgerReader(store), settings.ledger_folder, seen)
    return bool(contradicts_seen(opened))


def _has_people(access: Access) -> bool:
    """Whether anybody is or was enrolled; what was changed past the ledger counts as somebody."""
    with access.store.reading() as connection:
        try:
            return access.has_people(connection)
        except TamperedError:
            return True


def _by_the_backup(
    settings: Settings,
    copy: LedgerCopy,
    keys: Path,
    trial: Path,
    claim: Callable[[], Claim],
    *,
    present: Actor | None = None,
) -> Actor | None:
    url = f"sqlite:///{trial / 'register.db'}"
    load_ledger(url, copy)
    store = LedgerStore(url, _TrialKeys(copy), software=software())
    try:
        access = Access(store, keys, policy=_AGELESS)
        if _has_people(access):
            return _proven(access, claim())
        if present is None and LedgerEngine(settings.ledger_url).embedded:
            _demand_credential(store, keys)
        return present
    finally:
        store.engine.close()


def _proven(access: Access, claim: Claim, whose: str = "the backup's") -> Actor:
    _demand_second_factor(access, claim)

    def then(
        _: Connection, account: Account, __: datetime
    ) -> tuple[Account, Sequence[Act], tuple[Actor, bool]]:
        found = actor_of(account, "confirmation"), may(account.person.roles, _RIGHT)
        return account, (), found

    try:
        actor, allowed = access.prove(claim, "confirmation", then)
    except MustChangeSecretError:
        raise ClinicalError(
            "A secret that was issued, and not yet replaced by an own one, proves nothing here",
            where=f"{whose} identity register",
            repair="Let another administrator do it",
        ) from None
    if not allowed:
        raise _no_right(actor, whose)
    return actor


def _no_right(actor: Actor, whose: str) -> ClinicalError:
    return ClinicalError(
        f"By {whose} register you have not the right to {_RIGHT}; nothing was done",
        where=f"account {actor.id}",
        repair="Let an administrator do it: docs/roles.md has the table",
    )


def _present_administrator(access: Access, claim: Callable[[], Claim]) -> Actor:
    """Who may replace the ledger that is here: logged in, unless its private key is lost."""
    if not is_lost(access.store):
        access.with_right(_RIGHT, _WANTED, lambda *_: ())
        return access.present_person()
    ageless = Access(access.store, access.keys, policy=_AGELESS)
    return _logged_in(ageless) or _proven_without_key(ageless, claim(), None)


def _logged_in(access: Access) -> Actor | None:
    """The administrator who is logged in, where the private key is lost; None for nobody.

    Raises:
        ClinicalError: whoever is logged in has not the right.
    """
    try:
        actor = access.present_person()
    except ClinicalError:
        return None
    try:
        access.with_right(_RIGHT, _WANTED, lambda *_: ())
    except ClinicalError as error:
        if error.what == LOST:  # the refusal cannot be written down
            raise _no_right(actor, "this ledger's") from error
        raise
    return actor


def _installation(ledger: Ledger) -> Actor:
    """Who acts where nobody is enrolled: the service, or the ledger itself where there is none yet,
    since to enrol it is an entry."""
    try:
        return ledger.actor
    except ClinicalError as error:
        if error.what == LOST:
            return LEDGER
        raise


class _NothingWrittenError(Exception):
    """Ends a decision after a proof, so that nothing of it is written."""


def _proven_without_key(
    access: Access, claim: Claim, follows: Callable[[Actor], Sequence[Act]] | None
) -> Actor:
    """Proves the claim to a register whose ledger cannot be signed, so that no attempt is written
    but one that ``follows`` goes on from; without it, none."""
    _demand_second_factor(access, claim)
    found: list[tuple[Actor, bool]] = []

    def then(_: Connection, account: Account, __: datetime) -> tuple[Account, Sequence[Act], None]:
        found.append((actor_of(account, "confirmation"), may(account.person.roles, _RIGHT)))
        actor, allowed = found[-1]
        if follows is None or not allowed:
            raise _NothingWrittenError
        return account, follows(actor), None

    try:
        access.prove(claim, "confirmation", then)
    except _NothingWrittenError:
        pass
    except ClinicalError as error:
        if error.what == LOST and not found:  # a refusal cannot be written down
            raise not_proven() from error
        raise
    actor, allowed = found[-1]
    if not allowed:
        raise _no_right(actor, "this ledger's")
    return actor


def _demand_second_factor(access: Access, claim: Claim) -> None:
    with access.store.reading() as connection:
        found = access.accounts.find(folded(claim.id), connection)
    if found is None or not found.account.totp:
        return
    try:
        access.second_factor.decrypt(found.account.totp, found.account.person.id)
    except ClinicalError:
        raise ClinicalError(
            "The second factor cannot be checked: the key that encrypts it is not here",
            where=_SECOND_FACTOR,
            repair="Give --with-keys with the file that `clinical backup make --with-keys` wrote,"
            f" or put {_SECOND_FACTOR} back into the folder of keys, or let an administrator do it"
            " who has no second factor",
        ) from None


def _demand_credential(store: LedgerStore, keys: Path) -> None:
    """Where nobody is enrolled, the installation's service restores; it has to be the same one."""
    try:
        authenticated_service(store, keys)
    except ClinicalError as error:
        raise ClinicalError(
            "Nobody is enrolled in the backup, and the credential by which its installation acts is"
            " not here",
            where=f"{_CREDENTIALS}/{LOCAL}.secret",
            repair="Give --with-keys with the file that `clinical backup make --with-keys` wrote,"
            " or put the folder of keys back first",
        ) from error
