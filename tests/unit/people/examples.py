"""People and accounts that the tests of this package share."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from clinical_assets.people.account import Account
from clinical_assets.people.person import Enrolment, Person

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
SEEN = Enrolment("rita", "passport seen", date(2026, 11, 2))


def days(number: float) -> timedelta:
    return timedelta(days=number)


def anna(**changes: Any) -> Person:
    stated: dict[str, Any] = {
        "id": "anna",
        "kind": "person",
        "name": "Anna Example",
        "state": "active",
        "roles": ("quality",),
        "enrolment": SEEN,
    }
    return Person(**{**stated, **changes})


def account(person: Person | None = None, **changes: Any) -> Account:
    stated: dict[str, Any] = {
        "secret": "hash",
        "own_secret": True,
        "secret_at": NOW - days(10),
        "used_at": NOW - days(1),
    }
    return Account(person or anna(), **{**stated, **changes})
