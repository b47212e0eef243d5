"""Whether somebody is who they say: secret, second factor, lockout (P11-19, P11-20, P11-26).

What belongs here: proving a claim against the register, and setting an own secret. What does not:
sessions (:mod:`.sessions`), enrolling (:mod:`.identity`).

Every attempt is an entry, right or wrong. Whoever proves nothing gets the same answer after the
same work, whether the id is unknown, the secret or the code wrong, or the account locked, waiting
or revoked. A right secret is accepted only when the account, read again with nobody else writing,
may be tried at that moment: guesses made at once gain nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Attempt, Change, Nothing
from clinical_assets.ledger.entry import Act, Subject
from clinical_assets.people.account import Account
from clinical_assets.people.lockout import LockoutPolicy
from clinical_assets.people.person import Person, folded
from clinical_assets.people.secrets_policy import SecretPolicy
from resources.ledger_database.store import LEDGER, LedgerStore
from resources.people.accounts import USER, Accounts, TamperedError
from resources.people.claims import (
    Authenticated,
    Claim,
    MustChangeSecretError,
    actor_of,
    authenticated,
    counted,
    not_proven,
)
from resources.people.second_factor import SecondFactor
from resources.people.secret_hashing import SecretHashing

Method = Literal["login", "signing", "confirmation"]
Result = TypeVar("Result")
Then = Callable[[Connection, Account, datetime], tuple[Account, Sequence[Act], Result]]
_NEW = ("enrolled", "must-change-secret")
_ACTIONS: dict[Method, tuple[str, str]] = {
    "login": ("login.succeeded", "login.refused"),
    "signing": ("user.authenticated", "signature.refused"),
    "confirmation": ("user.authenticated", "login.refused"),
}


class Authentication:
    """Proves claims against the register in a ledger's database.

    Args:
        store: the ledger.
        keys: folder of keys.
        hashing: parameters of argon2id; others than the default are for tests.
        lockout, policy: the rules.
    """

    def __init__(
        self,
        store: LedgerStore,
        keys: Path,
        *,
        hashing: SecretHashing | None = None,
        lockout: LockoutPolicy | None = None,
        policy: SecretPolicy | None = None,
    ) -> None:
        self.store = store
        self.keys = keys
        self.accounts = Accounts(store)
        self.hashing = hashing or SecretHashing()
        self.lockout = lockout or LockoutPolicy()
        self.policy = policy or SecretPolicy()
        self.second_factor = SecondFactor(keys)

    def authenticate_for_signing(
        self,
        id: str,
        secret: str,
        totp: str | None = None,
    ) -> Authenticated:
        """Proves all components of a person who is about to sign; a session plays no part.

        Every time all of them are asked for, so that the rule of the first signing holds for each
        (P11-20). A service, and an account whose secret was issued, cannot (P11-16, P11-21).

        Raises:
            ClinicalError: it was not proven; that is recorded.
        """
        claim = Claim(id, secret, totp or "")

        def then(
            _: Connection, account: Account, at: datetime
        ) -> tuple[Account, Sequence[Act], Authenticated]:
            return account, (), authenticated(account, claim, at)

        return self.prove(claim, "signing", then)

    def change_secret(self, claim: Claim, new: str) -> None:
        """Sets an own secret in place of the one that ``claim`` shows (P11-21, P11-24).

        Raises:
            ClinicalError: the claim was not proven, or the new secret does not do.
        """
        self.prove(claim, "confirmation", lambda _, account, at: (account, (), None), new=new)

    def prove(
        self, claim: Claim, method: Method, then: Then[Result], *, new: str | None = None
    ) -> Result:
        """Proves ``claim``, then does what ``then`` says in the transaction that records it.

        Args:
            then: is given connection, account and time; returns the account as it shall be kept,
                further acts, and the result.
            new: a secret to set in place of the one shown.

        Raises:
            MustChangeSecretError: proven, but the secret has to be changed and no ``new`` is given.
            ClinicalError: not proven; the new secret does not do; or what ``then`` raises.
        """
        self.accounts.scan.keep_in(self.keys)
        with self.accounts.watching():
            return self._prove(claim, method, then, new)

    def _prove(self, claim: Claim, method: Method, then: Then[Result], new: str | None) -> Result:
        id = folded(claim.id)
        _ = self.store.origin
        with self.store.reading() as connection:
            seen = self.accounts.find(id, connection)
        kept = ""
        if seen is not None and seen.account.person.kind == "person":
            kept = seen.account.secret
        right = self.hashing.fits(kept, claim.secret)
        hashed = "" if new is None else self.hashing.hash(new)  # always: time must tell nothing
        result: list[Result] = []
        must_change = []
        unwanted: list[ClinicalError] = []

        def decide(connection: Connection) -> Sequence[Act]:
            found = self.accounts.find(id, connection)
            if found is None:
                return [self._refusal(Subject(USER, "unknown"), claim, method, "unknown id")]
            account, at = found.account, self.accounts.time(connection)
            if why := self._why_closed(account, method, at):
                return [self._refusal(account, claim, method, why)]
            step = self._step(account, claim, at) if right and account.secret == kept else None
            if step is None:
                return self._count(account.failed(at), claim, method, connection)
            if self._is_dormant(account, at, connection):
                return self._lock(account, claim, method, "not used for too long", connection)
            issued = account.person.state in _NEW
            if not account.own_secret and self.policy.is_stale(account.secret_at, at):
                return [self._refusal(account, claim, method, "issued secret is too old")]
            aged = (
                self.policy.is_too_old(account.secret_at, at) and not account.person.demonstration
            )
            if (issued or aged) and new is None:
                must_change.append(True)
                return self._ask_for_change(account, claim, method, connection)
            proven = account.succeeded(at, step)
            try:
                if new is not None:
                    self.demand_good(new, account.person, before=claim.secret)
                account = proven if new is None else proven.changed(hashed, at)
                account, acts, made = then(connection, account, at)
            except TamperedError:
                raise
            except ClinicalError as error:  # what was shown was right, and was an attempt, too
                unwanted.append(error)
                return self._proven_only(proven, claim, method, connection)
            self.accounts.put(account, connection)
            result.append(made)
            return [*self._successes(account, claim, method, new is not None), *acts]

        self.store.decide(decide)
        if unwanted:
            raise unwanted[0]
        if must_change:
            raise MustChangeSecretError
        if not result:
            raise not_proven()
        return result[0]

    def _why_closed(self, account: Account, method: Method, at: datetime) -> str:
        """Why nothing that is shown counts now; empty where it does."""
        person = account.person
        if person.kind != "person":
            return "a service"
        if person.demonstration and method != "signing":
            return "a demonstration person"
        if person.state in ("locked", "revoked"):
            return person.state
        if self.lockout.waits(account.failures, account.failed_at, at):
            return "waiting after failures"
        return ""

    def _step(self, account: Account, claim: Claim, at: datetime) -> int | None:
        """The step of the second factor to keep; None where its code is missing, wrong or used."""
        if not account.totp:
            return account.totp_step
        key = self.second_factor.decrypt(account.totp, account.person.id)
        step = self.second_factor.step_of(key, claim.code, at)
        return step if step is not None and step > account.totp_step else None

    def _count(
        self, failed: Account, claim: Claim, method: Method, connection: Connection
    ) -> Sequence[Act]:
        why = "wrong secret or code"
        locks = self.lockout.locks(failed.failures)
        if locks and not self.is_last_administrator(failed, connection):
            return self._lock(failed, claim, method, why, connection)
        self.accounts.put(failed, connection)
        return [self._refusal(failed, claim, method, why)]

    def _lock(
        self,
        account: Account,
        claim: Claim,
        method: Method,
        why: str,
        connection: Connection,
    ) -> Sequence[Act]:
        locked = account.locked()
        self.accounts.put(locked, connection)
        refusal = self._refusal(locked, claim, method, why)
        return [refusal, self.accounts.act(LEDGER, "user.locked", locked, Nothing(), reason=why)]

    def _ask_for_change(
        self, account: Account, claim: Claim, method: Method, connection: Connection
    ) -> Sequence[Act]:
        why = "the secret has to be changed"
        if account.person.state in _NEW:
            return [self._refusal(account, claim, method, why)]
        aged = account.must_change()
        self.accounts.put(aged, connection)
        change = Change("state", account.person.state, aged.person.state)
        noted = self.accounts.act(LEDGER, "user.changed", aged, change, reason="secret too old")
        return [self._refusal(aged, claim, method, why), noted]

    def _proven_only(
        self, proven: Account, claim: Claim, method: Method, connection: Connection
    ) -> Sequence[Act]:
        """That the claim was right, where nothing came of what was wanted with it."""
        self.accounts.put(proven, connection)
        attempt = Attempt(method, counted(proven, claim))
        act = self.accounts.act(
            actor_of(proven, "confirmation"),
            "user.authenticated",
            proven,
            attempt,
            reason="what was to follow was refused",
        )
        return [act]

    def _refusal(self, about: Account | Subject, claim: Claim, method: Method, why: str) -> Act:
        # An unknown id is not written down: what was typed there may be a secret.
        action, attempt = _ACTIONS[method][1], Attempt(method, claim.factors)
        return self.accounts.act(LEDGER, action, about, attempt, outcome="refused", reason=why)

    def _successes(
        self, account: Account, claim: Claim, method: Method, changed: bool
    ) -> Sequence[Act]:
        actor = actor_of(account, method)
        attempt = Attempt(method, counted(account, claim))
        acts = [self.accounts.act(actor, _ACTIONS[method][0], account, attempt)]
        if changed:
            own = Change("secret", "", "set by its owner")
            acts.append(self.accounts.act(actor, "user.changed", account, own))
        return acts

    def demand_good(self, new: str, person: Person, *, before: str = "") -> None:
        """Holds a secret that a person chose against the rules.

        Raises:
            ClinicalError: it does not do.
        """
        problems = list(self.policy.problems(new, person.id, person.name))
        if new == before:
            problems.append("it is the one that you have")
        if problems:
            raise ClinicalError(
                f"The new secret does not do: {'; '.join(problems)}",
                where="log-in",
                repair="Choose another, such as four or five words that do not belong together",
            )

    def _is_dormant(self, account: Account, at: datetime, connection: Connection) -> bool:
        used = account.person.state != "enrolled" and not account.person.demonstration
        dormant = used and self.policy.is_dormant(account.attended_at, at)
        return dormant and not self.is_last_administrator(account, connection)

    def is_last_administrator(self, account: Account, connection: Connection) -> bool:
        """Whether nobody else could unlock or enrol; such an account is delayed, never locked."""
        if "administrator" not in account.person.roles:
            return False
        others, _ = self.accounts.all(connection)
        return not any(
            "administrator" in other.person.roles and other.person.state == "active"
            for other in others
            if other.person.id != account.person.id
        )
