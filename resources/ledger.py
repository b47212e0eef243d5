"""The ledger as the rest of the software uses it: acts of an authenticated actor, written down.

What belongs here: turning "this is being done" into entries, before and after. What does not: the
database (:mod:`resources.ledger_database.store`), reading
(:mod:`resources.ledger_database.reader`), who acts (:mod:`.actors`). An act that changes something
outside of the ledger is written before it happens and again when it is known what became of it; if
it cannot be written, it does not happen (P11-05).
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Act, Actor, Entry, Origin, Outcome, Subject
from resources.actors import acting, authenticated_actor, present_origin
from resources.checkout import software
from resources.keys_on_record import put_on_record
from resources.ledger_beginning import Beginning, demand_ledger
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_database.reader import LedgerReader
from resources.ledger_database.scan import LedgerScan
from resources.ledger_database.store import Decide, LedgerStore
from resources.ledger_database.writers import Writers
from resources.ledger_keys import LedgerKeys
from resources.ledger_memory import LedgerMemory
from resources.newest_seen import NewestSeen
from resources.settings import Settings

DECIDING = (
    "asset.materialized",
    "gate.decided",
    "gate.undecided",
    "ledger.reconciled",
    "package.built",
    "protocol.frozen",
    "registry.changed",
    "signature.given",
    "signature.refused",
    "stage.changed",
    "testset.opened",
    "user.authenticated",
    "user.changed",
    "user.enrolled",
    "user.owner_confirmed",
    "user.revoked",
)
"""Acts that something rests on later; they are read by a scan, from which none can be hidden."""


@dataclass
class Doing:
    """An act under way. What is only known afterwards is put here before the block is left."""

    act: str
    subject: Subject
    details: Any


class Ledger:
    """Writes acts into one ledger.

    Args:
        store: where entries go.
        identify: the service that this process is, by its credential; asked at each act.
        folder: what the ledger keeps on this machine.
        person: who is logged in at the terminal that this process serves; None for nobody.
        seen: what this machine has seen of the ledger, outside of its database.
    """

    def __init__(
        self,
        store: LedgerStore,
        identify: Callable[["Ledger"], Actor],
        writers: Writers,
        folder: Path,
        person: Callable[["Ledger"], Actor | None] = lambda _: None,
        seen: NewestSeen | None = None,
    ) -> None:
        self.store = store
        self.folder = folder
        self.reader = LedgerReader(store)
        self.decisions = LedgerScan(store, DECIDING)
        self.writers = writers
        self.seen = seen
        self.memory = LedgerMemory(self)
        store.guard = self.memory if seen is not None else None
        self._identify = identify
        self._person = person
        self._key_is_told = False

    @property
    def actor(self) -> Actor:
        """Who acts here and now: see :meth:`actor_in`."""
        return self.actor_in(present_origin())

    def actor_in(self, origin: Origin) -> Actor:
        """Who acts: a person who was authenticated, else the service that this process is.

        Within a run of Dagster it is the service, on behalf of the person.

        Raises:
            ClinicalError: nobody is authenticated and this process has no service credential; or a
                session has ended, or was revoked.
        """
        found = authenticated_actor() or self._person(self)
        if found is None:
            return self._identify(self)
        if origin.run and found.kind == "person":
            return replace(self._identify(self), on_behalf_of=found.id)
        return found

    def act(
        self,
        action: str,
        subject: Subject,
        details: Any,
        *,
        outcome: Outcome = "done",
        reason: str = "",
        origin: Origin | None = None,
        name: str = "",
    ) -> Act:
        """An act of the present actor; ``name`` is that of the act it goes on with."""
        origin = _whole(present_origin() if origin is None else origin)
        return Act(
            act=name or uuid4().hex,
            actor=self.actor_in(origin),
            action=action,
            subject=_whole(subject),
            details=_whole(details),
            outcome=outcome,
            reason=_text(reason),
            origin=origin,
            software=self.store.software,
        )

    def record(self, action: str, subject: Subject, details: Any, **more: Any) -> Entry:
        """Writes down an act that is complete in itself; arguments as of :meth:`act`.

        Raises:
            ClinicalError: it cannot be written, so it must not count as done.
        """
        return self.store.append([self.act(action, subject, details, **more)])[0]

    def decide(self, decide: Decide) -> tuple[Entry, ...]:
        """Writes the acts that ``decide`` returns, with nobody else writing in between.

        Who acts is asked once and before: to find out may need an entry of its own.

        Raises:
            ClinicalError: as :meth:`record`; else what ``decide`` raised.
        """
        with acting(self.actor):
            return self.store.decide(decide)

    def demand_key_on_record(self) -> None:
        """Writes down a signing key that is in force without an entry; asked once."""
        if not self._key_is_told:
            with suppress(ClinicalError):  # then nothing else is appended either; verifying says so
                put_on_record(self)
            self._key_is_told = True

    @contextmanager
    def doing(
        self, action: str, subject: Subject, details: Any, *, reason: str = ""
    ) -> Iterator[Doing]:
        """Writes down that something is intended, lets the block do it, writes what became of it.

        The block may put what it learned into the :class:`Doing`. An exception is an outcome, too:
        ``failed``; it is raised on. Where the process dies in between, the act stays open and is
        looked into at the next start (:mod:`.reconciling`).

        Raises:
            ClinicalError: the intention cannot be written; then the block is not entered.
        """
        intended = self.act(action, subject, details, outcome="intended", reason=reason)
        self.store.append([intended])
        doing = Doing(intended.act, subject, details)
        outcome: Outcome = "failed"
        try:
            yield doing
            outcome = "done"
        finally:
            self.record(
                action,
                doing.subject,
                doing.details,
                outcome=outcome,
                reason=reason,
                name=intended.act,
            )


class _Opened(dict[tuple[int, str, Path, Path], Ledger]):
    """The ledgers that this process has open, and whose turn it is to open one."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Nobody is opening; what the parent opened is found under its own number only."""
        self.opening = threading.Lock()


_opened = _Opened()
os.register_at_fork(after_in_child=_opened.after_fork)


def open_ledger(settings: Settings, *, older: bool = False) -> Ledger:
    """The ledger of this installation; opened once in a process. As :func:`open_ledger_at`."""
    return open_ledger_at(settings.ledger_url, settings.keys, settings.ledger_folder, older=older)


def open_ledger_at(url: str, keys: Path, folder: Path, *, older: bool = False) -> Ledger:
    """The ledger in the database ``url``.

    Args:
        keys: folder of keys and service credentials.
        folder: what the ledger keeps on this machine.
        older: whether it may be an older copy than this machine has seen: to look into it, or to
            answer for what was lost.

    Raises:
        ClinicalError: the ledger is gone, but its keys are here; or it is such an older copy.
    """
    ledger = _opened_once(url, keys, folder)
    if not older:
        ledger.memory.recognise()
        ledger.demand_key_on_record()
    return ledger


def _opened_once(url: str, keys: Path, folder: Path) -> Ledger:
    where = (os.getpid(), url, keys, folder)
    found = _opened.get(where)
    if found is None:
        with _opened.opening:
            found = _opened.get(where)
            if found is None:
                found = _opened[where] = _open(url, keys, folder)
    return found


def _open(url: str, keys: Path, folder: Path) -> Ledger:
    from resources.people.identity import service_of, session_actor
    from resources.terminal import present_terminal

    def person(ledger: Ledger) -> Actor | None:
        return session_actor(ledger.store, keys) if present_terminal() else None

    opened = LedgerKeys(keys)
    engine = LedgerEngine(url)
    if engine.embedded:
        demand_ledger(opened, Path(engine.place))
    beginning = Beginning(opened, engine.place)
    writers, seen = Writers(folder / "writers"), NewestSeen(keys)
    store = LedgerStore(
        url,
        opened,
        software=software(),
        writer=writers.name,
        naming=beginning.name,
        accept=beginning.accept,
    )
    return Ledger(store, lambda made: service_of(made, keys), writers, folder, person, seen)


def _text(value: str) -> str:
    """The text; what is none in it (lone surrogates, as of odd file names) is spelt out."""
    return value.encode("utf-8", "backslashreplace").decode()


def _whole(record: Any) -> Any:
    """The record with :func:`_text` applied to each of its texts."""
    changed = {}
    for each in fields(record):
        value = getattr(record, each.name)
        whole = _whole_value(value)
        if whole != value:
            changed[each.name] = whole
    return replace(record, **changed) if changed else record


def _whole_value(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return tuple(_whole_value(item) for item in value)
    return _whole(value) if is_dataclass(value) else value
