"""How entries of the ledger tell a person's roles and trainings, and how they are read back.

What belongs here: the two texts. What does not: the entries, and what follows from them
(:mod:`clinical_assets.evidence.signer_standing`).
"""

from collections.abc import Sequence
from datetime import date

from clinical_assets.people.person import Training

ROLES = "roles"
TRAINING = "training"
_BETWEEN = ", "
_UNTIL = " until "


def told_roles(roles: Sequence[str]) -> str:
    """Roles as an entry tells them.

    >>> told_roles(("author", "clinical reviewer"))
    'author, clinical reviewer'
    """
    return _BETWEEN.join(roles)


def roles_told(text: str) -> frozenset[str]:
    """The roles in such a text.

    >>> sorted(roles_told("author, clinical reviewer")), roles_told("")
    (['author', 'clinical reviewer'], frozenset())
    """
    return frozenset(filter(None, text.split(_BETWEEN)))


def told_training(training: Training) -> str:
    """A training as an entry tells it.

    >>> told_training(Training("GCP", date(2026, 1, 31), date(2027, 1, 31)))
    'GCP until 2027-01-31'
    """
    return f"{training.name}{_UNTIL}{training.expires_on.isoformat()}"


def training_told(text: str) -> tuple[str, date] | None:
    """Name and last day of the training in such a text; None where it is no such text.

    >>> training_told("Valid until further notice until 2027-01-31")
    ('Valid until further notice', datetime.date(2027, 1, 31))
    """
    name, _, until = text.rpartition(_UNTIL)
    try:
        return name, date.fromisoformat(until)
    except ValueError:
        return None
