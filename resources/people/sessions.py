"""Terminal sessions: a person logs in once and acts for a while (P11-04, HIP-04).

What belongs here: beginning, resuming and ending a session. What does not: proving who somebody is
(:mod:`.authentication`); and signing, which no session suffices for (P11-19).

The token is 256 random bits in a file that only its owner may read; the database has its SHA-256.
What a session was begun with (whose, until when, which operating-system user, how long idle) is a
record whose digest stands in the ledger, so that a row written past it counts for nothing. A
session ends when it is idle or old, on log-out, and at once when the account is revoked, locked or
given another secret; that is looked for at each act, not after a while.

When it was last used no entry says: that would be one for each command. It stands in the session's
row and as the time of the token's file, and the earlier of both counts. So whoever can write only
the database, or only the file, cannot prolong it; whoever has the token need only use it.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, insert, update

from clinical_assets.ledger.actions import Ended, Nothing, Opened
from clinical_assets.ledger.entry import Act, Actor, Subject, time_text
from clinical_assets.people.account import Account
from resources.ledger_database.identity_tables import SESSIONS
from resources.ledger_database.store import LEDGER
from resources.people.accounts import USER, Accounts
from resources.people.authentication import Authentication
from resources.people.claims import Claim, actor_of
from resources.people.register_scan import NewestEntries, seq_of
from resources.people.secret_hashing import random_secret
from resources.people.session_records import (
    KIND,
    Session,
    ended_error,
    read_session,
    row_of_session,
    row_of_token,
    used_at_of,
)
from resources.private_files import read_private, replace_private
from resources.terminal import present_terminal


@dataclass(frozen=True, slots=True)
class _Resumed:
    """Who acts, and the newest entries about account and session when that was established."""

    actor: Actor
    session: Session
    seqs: tuple[int, int]


class Sessions:
    """Sessions of one ledger, for the operating-system user of this process.

    Args:
        register: whose accounts they are of.
        idle: after which time without a command a session ends.
        longest: after which time it ends in any case.
    """

    def __init__(
        self,
        register: Authentication,
        *,
        idle: timedelta = timedelta(minutes=15),
        longest: timedelta = timedelta(hours=8),
    ) -> None:
        self.register = register
        self.store = register.store
        self.accounts: Accounts = register.accounts
        self.idle, self.longest = idle, longest

    @property
    def token_file(self) -> Path:
        """Where this operating-system user's token lies."""
        return self.register.keys / "sessions" / f"{os.getuid()}.token"

    def log_in(self, claim: Claim, *, new: str | None = None) -> Actor:
        """Begins a session of whoever proves ``claim``; the one before it ends.

        Args:
            new: a secret of one's own, where it has to be changed.

        Raises:
            MustChangeSecretError: it has to be changed, and ``new`` is not given.
            ClinicalError: the claim was not proven, or the new secret does not do.
        """
        token = random_secret()
        began: list[datetime] = []

        def then(
            connection: Connection, account: Account, at: datetime
        ) -> tuple[Account, list[Act], Actor]:
            began.append(at)
            session = self._terms(account, token, at)
            row = {
                "id": session.id,
                "token_sha256": session.token_sha256,
                "record": session.to_bytes(),
                "used_at": time_text(at),
                "ended": "",
            }
            connection.execute(insert(SESSIONS).values(row))
            actor = actor_of(account, "session")
            terms = Opened(session.user, time_text(session.expires_at), session.idle_seconds)
            act = self.accounts.act(actor, "session.opened", session.subject, terms)
            return account, [act], actor

        actor = self.register.prove(claim, "login", then, new=new)
        self.log_out()
        replace_private(self.token_file, token.encode())
        self._used(began[0])
        return actor

    def log_out(self) -> bool:
        """Ends the session of this terminal; False where there was none."""
        token = self._token()
        if token is None:
            return False
        ended = []

        def decide(connection: Connection) -> list[Act]:
            row = row_of_token(token, connection)
            if row is None or row.ended:
                return []
            session = read_session(bytes(row.record))
            ended.append(True)
            found = self.accounts.find(session.user, connection)
            actor = LEDGER if found is None else actor_of(found.account, "session")
            return [self._end(session, "logout", actor, connection)]

        with self.accounts.watching():
            self.store.decide(decide)
        self._forget()
        return bool(ended)

    def actor(self) -> Actor | None:
        """The person whose session this terminal has; None where there is none.

        Within one command the answer stays the same or becomes a refusal: an act is never
        attributed to another because a session ended meanwhile.

        Raises:
            ClinicalError: the session has ended, or is not one of this user, or was changed past
                the ledger.
        """
        terminal = present_terminal()
        if terminal is None:
            return self._resume_token()
        key = (os.getpid(), self.store.engine.place, str(self.register.keys))
        if key not in terminal.found:
            resumed = self._resume()
            terminal.found[key] = resumed
            return None if resumed is None else resumed.actor
        known: _Resumed | None = terminal.found[key]
        if known is None:
            return None
        with self.store.reading() as connection:
            newest = self.accounts.scan.refresh(connection)
            if _seqs(known.session, newest) == known.seqs:
                return known.actor
        again = self._checked(known.session, begins=False)
        terminal.found[key] = again
        return again.actor

    def _resume_token(self) -> Actor | None:
        resumed = self._resume()
        return None if resumed is None else resumed.actor

    def _resume(self) -> _Resumed | None:
        token = self._token()
        if token is None:
            return None
        self.accounts.scan.keep_in(self.register.keys)
        with self.store.reading() as connection:
            row = row_of_token(token, connection)
        if row is None:
            self._forget()
            raise ended_error("is not known here")
        return self._checked(read_session(bytes(row.record)), begins=True)

    def _checked(self, session: Session, *, begins: bool) -> _Resumed:
        """Holds the session against the ledger, clock and account, with nobody else writing."""
        answer: list[_Resumed] = []
        problem: list[str] = []
        used_at: list[datetime] = []

        def decide(connection: Connection) -> list[Act]:
            row = row_of_session(session.id, connection)
            why = self._why_void(session, row, connection, begins=begins)
            if why:
                problem.append(why)
                return self._refused(session, row, why, connection)
            account = self.accounts.get(session.user, connection)
            if begins:
                used_at.append(self.accounts.time(connection))
                used = update(SESSIONS).where(SESSIONS.c.id == session.id)
                connection.execute(used.values(used_at=time_text(used_at[0])))
            seqs = _seqs(session, self.accounts.scan.within(connection))
            answer.append(_Resumed(actor_of(account, "session"), session, seqs))
            return []

        with self.accounts.watching():
            self.store.decide(decide)
        if problem:
            self._forget()
            raise ended_error(problem[0])
        for at in used_at:
            self._used(at)
        return answer[0]

    def _why_void(
        self, session: Session, row: Row[Any] | None, connection: Connection, *, begins: bool
    ) -> str:
        newest = self.accounts.scan.within(connection).get((KIND, session.id))
        if row is None or newest is None or newest.subject != session.subject:
            return "is not one that the ledger speaks of"
        if row.ended or newest.action != "session.opened":
            return "has ended"
        if session.os_user != os.getuid() or session.host != socket.gethostname():
            return "was begun by another user or on another machine"
        found = self.accounts.find(session.user, connection)
        if found is None or found.account.person.state != "active":
            return "is of an account that may do nothing now"
        if session.epoch != found.account.epoch:
            return "was begun before the account was changed"
        if not begins:  # a command that was begun in time is finished
            return ""
        at = self.accounts.time(connection)
        if at >= session.expires_at:
            return "is too old"
        used = used_at_of(row)
        if used is None or used > at:
            return "says that it was last used at a time that cannot be"
        if at - min(used, self._last_used(at)) >= timedelta(seconds=session.idle_seconds):
            return f"was idle for {session.idle_seconds // 60} minutes or more"
        return ""

    def _used(self, at: datetime) -> None:
        """Notes at the token's file that it was used; where that fails, the session ends sooner."""
        with suppress(OSError):
            os.utime(self.token_file, (at.timestamp(), at.timestamp()))

    def _last_used(self, otherwise: datetime) -> datetime:
        """When the token was last used, as its file says."""
        with suppress(OSError, OverflowError, ValueError):
            return datetime.fromtimestamp(self.token_file.stat().st_mtime, UTC)
        return otherwise

    def _refused(
        self, session: Session, row: Row[Any] | None, why: str, connection: Connection
    ) -> list[Act]:
        mine = session.os_user == os.getuid() and session.host == socket.gethostname()
        known = why != "is not one that the ledger speaks of"
        if known and mine and row is not None and not row.ended:
            return [self._end(session, why, LEDGER, connection)]
        # Not ended: whoever stole a token must not be able to end its owner's session with it.
        subject = Subject("session-attempt", session.id)
        ended = Ended(session.user, why)
        return [self.accounts.act(LEDGER, "session.refused", subject, ended, outcome="refused")]

    def _end(self, session: Session, why: str, actor: Actor, connection: Connection) -> Act:
        row = update(SESSIONS).where(SESSIONS.c.id == session.id)
        connection.execute(row.values(ended=why))
        if why == "logout":
            return self.accounts.act(actor, "logout", session.subject, Nothing())
        details = Ended(session.user, why)
        return self.accounts.act(actor, "session.ended", session.subject, details)

    def _terms(self, account: Account, token: str, at: datetime) -> Session:
        return Session(
            id=uuid4().hex,
            user=account.person.id,
            epoch=account.epoch,
            token_sha256=sha256(token.encode()).hexdigest(),
            opened_at=at,
            expires_at=at + self.longest,
            idle_seconds=int(self.idle.total_seconds()),
            os_user=os.getuid(),
            host=socket.gethostname(),
        )

    def _token(self) -> str | None:
        found = read_private(self.token_file)
        return None if found is None else found.decode("ascii", "replace")

    def _forget(self) -> None:
        with suppress(OSError):
            self.token_file.unlink()


def _seqs(session: Session, newest: NewestEntries) -> tuple[int, int]:
    return seq_of(newest, USER, session.user), seq_of(newest, KIND, session.id)
