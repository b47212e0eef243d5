"""The record of a terminal session: its terms, fixed when it begins.

What belongs here: the record and its row. What does not: when it counts (:mod:`.sessions`).
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, select

from clinical_assets.canonical import canonical_json, from_plain, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Subject
from resources.ledger_database.identity_tables import SESSIONS

FORMAT = "clinical-session/1"
KIND = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """The terms of a session; times are UTC, ``os_user`` is the operating system's number.

    It is void once the account's ``epoch`` is another: no clock takes part in that.
    """

    id: str
    user: str
    epoch: int
    token_sha256: str
    opened_at: datetime
    expires_at: datetime
    idle_seconds: int
    os_user: int
    host: str

    def to_bytes(self) -> bytes:
        """Canonical JSON, as stored."""
        return canonical_json({"format": FORMAT, **to_plain(self)})

    @property
    def subject(self) -> Subject:
        """The session in the ledger."""
        return Subject(KIND, self.id, sha256=sha256(self.to_bytes()).hexdigest())


def read_session(record: bytes) -> Session:
    """The session in a stored record.

    Raises:
        ClinicalError: it cannot be read.
    """
    try:
        plain = json.loads(record)
        if plain.pop("format") != FORMAT:
            raise ValueError("another format")
        return from_plain(Session, plain)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ended_error("cannot be read") from None


def row_of_token(token: str, connection: Connection) -> Row[Any] | None:
    """The session that a token opens; None for a token that opens none."""
    digest = sha256(token.encode()).hexdigest()
    return connection.execute(select(SESSIONS).where(SESSIONS.c.token_sha256 == digest)).first()


def row_of_session(id: str, connection: Connection) -> Row[Any] | None:
    """The session of an id; None where there is none."""
    return connection.execute(select(SESSIONS).where(SESSIONS.c.id == id)).first()


def used_at_of(row: Row[Any]) -> datetime | None:
    """When a session was last used, as its row says; None where that is no time in UTC."""
    try:
        found = datetime.fromisoformat(row.used_at)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo == UTC else None


def ended_error(what: str) -> ClinicalError:
    """The error that tells somebody why their session does nothing."""
    return ClinicalError(
        f"Your session {what}, so nothing was done",
        where="terminal session",
        repair="Log in with `clinical login`; without a session, commands act as this installation",
    )
