"""An account: a person or service, and what is known of its secret. And how it changes.

What belongs here: the record that the register keeps, and its transitions. What does not: hashing,
storing, the clock. The record holds a hash of the secret, never the secret; its digest, which
entries of the ledger carry, tells nothing about either, because the hash is salted.

States (:data:`~clinical_assets.people.person.State`): an issued secret makes ``enrolled`` or
``must-change-secret``; the owner's own makes ``active``; too many failures or too long a disuse
``locked``; ``revoked`` is final (P11-16, P11-21, P11-25).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from clinical_assets.canonical import canonical_json, digest_of, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.people.person import Person, State

FORMAT = "clinical-account/1"


@dataclass(frozen=True, slots=True)
class Account:
    """What the register keeps of one person or service. Times are UTC.

    Attributes:
        secret: hash of the secret; empty once revoked.
        own_secret: its owner set it; else it was issued, and only changes to an own one.
        secret_at: when it was set or issued.
        totp: the encrypted key of the second factor; empty without one.
        totp_step: number of the newest 30 seconds whose code was accepted.
        failures: wrong attempts since the last right one, the newest at ``failed_at``.
        used_at: the last right one; at first, when the account was made.
        epoch: number that sessions name; it rises when those that there are become void.
    """

    person: Person
    secret: str
    own_secret: bool
    secret_at: datetime
    used_at: datetime
    epoch: int = 0
    totp: str = ""
    totp_step: int = 0
    failures: int = 0
    failed_at: datetime | None = None

    def to_bytes(self) -> bytes:
        """Canonical JSON: what is stored."""
        return canonical_json({"format": FORMAT, **to_plain(self)})

    @property
    def digest(self) -> str:
        """SHA-256 of :meth:`to_bytes`: every entry about the account carries it."""
        return digest_of({"format": FORMAT, **to_plain(self)})

    @property
    def attended_at(self) -> datetime:
        """When it was last used or given a secret: it is dormant for as long as that is ago."""
        return max(self.used_at, self.secret_at)

    def failed(self, now: datetime) -> "Account":
        """After a wrong secret or code."""
        return replace(self, failures=self.failures + 1, failed_at=now)

    def succeeded(self, now: datetime, totp_step: int) -> "Account":
        """After all components were right; ``totp_step`` is that of the code, or the one before."""
        return replace(self, failures=0, failed_at=None, used_at=now, totp_step=totp_step)

    def locked(self) -> "Account":
        """After too many failures, or too long without use: until an administrator unlocks."""
        return replace(self._in("locked"), epoch=self.epoch + 1)

    def must_change(self) -> "Account":
        """The secret has grown too old."""
        return self._in("must-change-secret")

    def unlocked(self, now: datetime) -> "Account":
        """An administrator lets it try again, with the secret that it had.

        Raises:
            ClinicalError: it is not locked.
        """
        if self.person.state != "locked":
            raise _refused(self.person, "is not locked", "Look at it with `clinical users show`")
        state: State = "active" if self.own_secret else "must-change-secret"
        return replace(self._in(state), failures=0, failed_at=None, used_at=now)

    def issued(self, secret: str, now: datetime) -> "Account":
        """An administrator had a secret issued for one use, and knows it: nothing else is possible
        with it than to set an own one (P11-21).

        Raises:
            ClinicalError: it is revoked.
        """
        self.demand_not_revoked()
        state: State = "enrolled" if self.person.state == "enrolled" else "must-change-secret"
        return self._with_secret(secret, now, own=False, state=state)

    def changed(self, secret: str, now: datetime) -> "Account":
        """The owner set an own secret.

        Raises:
            ClinicalError: it is revoked or locked.
        """
        self.demand_not_revoked()
        if self.person.state == "locked":
            raise _refused(self.person, "is locked", "An administrator unlocks it")
        return self._with_secret(secret, now, own=True, state="active")

    def revoked(self) -> "Account":
        """For good; the record stays, and with it the id (P11-16, P11-25).

        Raises:
            ClinicalError: it is revoked already.
        """
        self.demand_not_revoked()
        return replace(self._in("revoked"), secret="", totp="", epoch=self.epoch + 1)

    def demand_not_revoked(self) -> None:
        """Raises :class:`ClinicalError` where it is revoked."""
        if self.person.state == "revoked":
            raise _refused(self.person, "is revoked for good", "Enrol the person under a new id")

    def _with_secret(self, secret: str, now: datetime, *, own: bool, state: State) -> "Account":
        return replace(
            self._in(state),
            secret=secret,
            own_secret=own,
            secret_at=now,
            epoch=self.epoch + 1,
            failures=0,
            failed_at=None,
        )

    def _in(self, state: State) -> "Account":
        return replace(self, person=replace(self.person, state=state))


def _refused(person: Person, what: str, repair: str) -> ClinicalError:
    return ClinicalError(f"The account {person.id} {what}", where="register", repair=repair)
