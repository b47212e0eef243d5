"""What people do about their own account, each time proving who they are (P11-10).

What belongs here: accepting the accountability statement, a second factor of one's own. What does
not: changing the secret (:mod:`.authentication`) and what administrators do (:mod:`.identity`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change
from clinical_assets.ledger.entry import Act
from clinical_assets.people.account import Account
from clinical_assets.people.statement import CURRENT
from resources.people.authentication import Authentication
from resources.people.claims import Claim, actor_of


def accept_statement(register: Authentication, claim: Claim) -> None:
    """Accepts the accountability statement in its present version; the digest is recorded.

    Raises:
        ClinicalError: the claim was not proven.
    """

    def then(_: Connection, account: Account, __: datetime) -> tuple[Account, Sequence[Act], None]:
        before = account.person.acceptance
        account = replace(account, person=replace(account.person, acceptance=CURRENT))
        told = Change(
            "accountability statement",
            "" if before is None else f"version {before.version}, SHA-256 {before.sha256}",
            f"version {CURRENT.version}, SHA-256 {CURRENT.sha256}",
        )
        actor = actor_of(account, "confirmation")
        return account, [register.accounts.act(actor, "statement.accepted", account, told)], None

    register.prove(claim, "confirmation", then)


def set_second_factor(register: Authentication, claim: Claim, key: str, code: str) -> None:
    """Makes ``key`` the second factor, once ``code`` shows that an app has it.

    Args:
        claim: with a code of the second factor before, where there is one.
        key: of :meth:`.SecondFactor.new_key`.

    Raises:
        ClinicalError: the claim was not proven, or the code is not one of the key.
    """
    factor = register.second_factor

    def then(_: Connection, account: Account, at: datetime) -> tuple[Account, Sequence[Act], None]:
        step = factor.step_of(key, code, at)
        if step is None:
            raise ClinicalError(
                "The code is not one of the new second factor",
                where="second factor",
                repair="Check the clock of the device that shows it, and begin again",
            )
        told = Change("second factor", "set" if account.totp else "none", "set by its owner")
        encrypted = factor.encrypt(key, account.person.id)
        account = replace(account, totp=encrypted, totp_step=step)
        actor = actor_of(account, "confirmation")
        return account, [register.accounts.act(actor, "user.changed", account, told)], None

    register.prove(claim, "confirmation", then)
