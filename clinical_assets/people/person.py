"""Who is known here: one record for each person and each service (P11-16, P11-23, HIP-02).

What belongs here: the record, its rules of form, and what follows from it alone. What does not:
secrets (:mod:`.account`) and where records are kept. A record is never deleted and its id is never
given to another: who leaves stays in the register as ``revoked``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from clinical_assets.errors import ClinicalError
from clinical_assets.people.roles import Role, role_problems

Kind = Literal["person", "service"]
State = Literal["enrolled", "must-change-secret", "active", "locked", "revoked"]
"""``enrolled``: an issued secret, never used. ``must-change-secret``: issued again, or too old."""

RESERVED = frozenset({"ledger", "unknown"})
"""Ids that entries of the ledger use for the ledger itself and for nobody known."""

_ID = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")  # ASCII: no two ids look alike (P11-23)
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How identity was proven before the account was made: by whom, how, when (P11-17)."""

    verified_by: str
    method: str
    verified_on: date


@dataclass(frozen=True, slots=True)
class Training:
    """A course that was completed, and the day after which it has to be repeated (P11-09)."""

    name: str
    completed_on: date
    expires_on: date


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A version of the accountability statement that was accepted (P11-10)."""

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person or a service.

    Attributes:
        id: case-folded, unique for ever; :func:`folded` makes it of what somebody types.
        name: as printed in entries and signatures from now on; old ones keep theirs.
        enrolment: None for services.
        demonstration: made up, for the demonstration only; never a human being.
    """

    id: str
    kind: Kind
    name: str
    state: State
    roles: tuple[Role, ...]
    enrolment: Enrolment | None = None
    trainings: tuple[Training, ...] = ()
    acceptance: Acceptance | None = None
    demonstration: bool = False

    @property
    def trained_until(self) -> date | None:
        """The last day on which every course that was ever taken is valid; None without any."""
        return last_day((training.name, training.expires_on) for training in self.trainings)


def last_day(trainings: Iterable[tuple[str, date]]) -> date | None:
    """The last day on which every one is valid, each by its newest record; None without any.

    Args:
        trainings: names, and the last day of a record of it.

    >>> last_day([("GCP", date(2026, 1, 1)), ("SOP", date(2027, 1, 1)), ("GCP", date(2026, 6, 1))])
    datetime.date(2026, 6, 1)
    """
    newest: dict[str, date] = {}
    for name, expires_on in trainings:
        newest[name] = max(expires_on, newest.get(name, expires_on))
    return min(newest.values(), default=None)


def folded(id: str) -> str:
    """The id that somebody means who writes it in other case or with blanks around it."""
    return id.strip().casefold()


def is_id(text: str) -> bool:
    """Whether an account may have this id."""
    return bool(_ID.fullmatch(text)) and text not in RESERVED


def check(person: Person) -> None:
    """Holds a record against the rules of form.

    Raises:
        ClinicalError: id, name, roles or proof of identity do not do.
    """
    problems = list(role_problems(person.kind, person.roles))
    if not is_id(person.id):
        problems.append("an id has 2 to 64 letters a-z, digits or . _ @ - and is not reserved")
    if not _is_printed(person.name):
        problems.append(f"a printed name has 1 to {_LONGEST_NAME} printable characters")
    if person.kind == "person":
        enrolment = person.enrolment
        if enrolment is None or not (enrolment.verified_by.strip() and enrolment.method.strip()):
            problems.append("proof of identity is missing: verified by whom, and how")
    for training in person.trainings:
        if not _is_printed(training.name) or training.expires_on < training.completed_on:
            problems.append("a training has a name and does not expire before it is completed")
    if problems:
        raise ClinicalError(
            f"The account cannot be as stated: {'; '.join(problems)}",
            where="identity register",
            repair="Correct what is named and try again",
        )


def _is_printed(text: str) -> bool:
    fits = 0 < len(text) <= _LONGEST_NAME and text == text.strip()
    return fits and all(c.isprintable() for c in text)
