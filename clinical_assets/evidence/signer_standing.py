"""What entries of the ledger say of a right to sign: kind, roles, training (P11-07, P11-09).

What belongs here: the state that entries about one account leave, and whether a signature given
then fits it. What does not: whether the signer was there (:mod:`.signer_proofs`), and what a role
may sign (:mod:`.signing_rights`). The register answers before a signature is written; this is for
those that were written past it.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from clinical_assets.ledger.actions import Change
from clinical_assets.people.person import last_day
from clinical_assets.people.told import ROLES, TRAINING, roles_told, training_told

SERVICE = "service"


@dataclass(slots=True)
class SignerStanding:
    """What entries so far say of one account.

    Attributes:
        roles: None until an entry tells them. Ledgers that were begun before enrolments told roles
            say nothing of them until they change, and then nothing is held against a signature.
        trained: by name of the training, the last day of its newest record.
    """

    service: bool = False
    roles: frozenset[str] | None = None
    trained: dict[str, date] = field(default_factory=dict)

    def enrolled(self, told: Change) -> None:
        """Goes on with an enrolment."""
        self.service = told.name == SERVICE

    def changed(self, told: Change) -> None:
        """Goes on with a change of the account."""
        if told.name == ROLES:
            self.roles = roles_told(told.after)
        elif told.name == TRAINING and (training := training_told(told.after)):
            name, until = training
            self.trained[name] = max(until, self.trained.get(name, until))

    def problem(self, role: str, at: datetime) -> str:
        """Why a signature in this role, begun at this time, is not borne out; empty if it is."""
        if self.service:
            return "its signer is a service"
        if self.roles is None:
            return ""
        if role not in self.roles:
            return f"its signer did not hold the role {role}"
        trained = last_day(self.trained.items())
        if trained is None:
            return "its signer had no training record"
        if trained < at.astimezone(UTC).date():
            return f"its signer's training had ended on {trained.isoformat()}"
        return ""
