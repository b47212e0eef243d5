"""What is shown to prove who one is, and what has been proven (P11-19).

What belongs here: the records. What does not: proving (:mod:`.authentication`). A secret is held
only while it is checked; no text made of these records shows it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Actor
from clinical_assets.people.account import Account
from clinical_assets.people.statement import CURRENT


class MustChangeSecretError(ClinicalError):
    """The secret was right, but it was issued or is too old: first an own one has to be set."""

    def __init__(self) -> None:
        super().__init__(
            "This secret has to be changed before anything else",
            where="log-in",
            repair="Log in with `clinical login` and set a secret of your own",
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody shows: an id, a secret, and the code of a second factor where there is one."""

    id: str
    secret: str = field(repr=False)
    code: str = field(default="", repr=False)

    @property
    def factors(self) -> tuple[str, ...]:
        """What was shown, by kind."""
        return ("password", "totp") if self.code else ("password",)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A person who showed all components just now, in order to sign; good for one signature.

    Attributes:
        actor: with the method ``signing``.
        trained_until: last day of the training; None without any.
        enrolment_verified: whether it is recorded who verified the identity.
        statement_accepted: whether the accountability statement was accepted as it is now.
        factors: what was shown: ``password``, ``totp``.
        authenticated_at: UTC, the ledger's time.
        demonstration: a made-up person.
    """

    actor: Actor
    roles: tuple[str, ...]
    trained_until: date | None
    enrolment_verified: bool
    statement_accepted: bool
    factors: tuple[str, ...]
    authenticated_at: datetime
    demonstration: bool


def actor_of(account: Account, method: str) -> Actor:
    """The person or service as an actor."""
    person = account.person
    return Actor(person.kind, person.id, person.name, method)


def counted(account: Account, claim: Claim) -> tuple[str, ...]:
    """The factors that were proven: a code that no second factor asked for proves nothing."""
    return claim.factors if account.totp else ("password",)


def authenticated(account: Account, claim: Claim, at: datetime) -> Authenticated:
    """What the account says of a person whose claim was proven at ``at``."""
    person = account.person
    return Authenticated(
        actor=actor_of(account, "signing"),
        roles=person.roles,
        trained_until=person.trained_until,
        enrolment_verified=person.enrolment is not None and not person.demonstration,
        statement_accepted=person.acceptance == CURRENT,
        factors=counted(account, claim),
        authenticated_at=at,
        demonstration=person.demonstration,
    )


def not_proven() -> ClinicalError:
    """The one answer to every claim that does not hold, whatever is wrong with it."""
    return ClinicalError(
        "Id, secret and code were not accepted together",
        where="log-in",
        repair="Check them and try again; after several failures an account waits, then is locked:"
        " an administrator unlocks it",
    )
