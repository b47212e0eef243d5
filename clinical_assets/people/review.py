"""What a review of access looks at: each account, and what about it asks for attention (P11-24).

What belongs here: the findings. What does not: reading the register, and what the reviewer decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from clinical_assets.people.account import Account
from clinical_assets.people.readiness import signing_problems
from clinical_assets.people.rights import may
from clinical_assets.people.secrets_policy import SecretPolicy
from clinical_assets.people.statement import CURRENT


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One account as a review shows it; it holds no hash.

    Attributes:
        used_at: last right secret, UTC; of a service, when it was enrolled.
        findings: what asks for attention, a phrase each.
    """

    id: str
    name: str
    kind: str
    state: str
    roles: tuple[str, ...]
    demonstration: bool
    second_factor: bool
    used_at: datetime
    trained_until: date | None
    findings: tuple[str, ...]


def review(accounts: Sequence[Account], policy: SecretPolicy, now: datetime) -> list[Reviewed]:
    """Every account with its findings, in the order given."""
    administrators = [
        account
        for account in accounts
        if "administrator" in account.person.roles and account.person.state == "active"
    ]
    alone = len(administrators) == 1
    return [_reviewed(account, policy, now, alone) for account in accounts]


def _reviewed(account: Account, policy: SecretPolicy, now: datetime, alone: bool) -> Reviewed:
    person = account.person
    return Reviewed(
        id=person.id,
        name=person.name,
        kind=person.kind,
        state=person.state,
        roles=person.roles,
        demonstration=person.demonstration,
        second_factor=bool(account.totp),
        used_at=account.used_at,
        trained_until=person.trained_until,
        findings=tuple(_findings(account, policy, now, alone)),
    )


def _findings(account: Account, policy: SecretPolicy, now: datetime, alone: bool) -> Iterator[str]:
    person = account.person
    if person.kind == "service" or person.demonstration or person.state == "revoked":
        return
    if person.state == "locked":
        yield "locked"
    if policy.is_dormant(account.attended_at, now):
        yield f"not used for more than {policy.dormant_after.days} days"
    if not account.own_secret:
        stale = policy.is_stale(account.secret_at, now)
        yield "issued secret not used in time" if stale else "has not set an own secret yet"
    elif policy.is_too_old(account.secret_at, now):
        yield f"secret older than {policy.max_age.days} days"
    if may(person.roles, "sign"):
        yield from signing_problems(
            person.roles,
            enrolment_verified=person.enrolment is not None,
            trained_until=person.trained_until,
            statement_accepted=person.acceptance == CURRENT,
            on=now.date(),
        )
    if not person.roles:
        yield "has no role"
    if alone and "administrator" in person.roles:
        yield "the only active administrator: nobody could unlock this account"
