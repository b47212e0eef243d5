"""Notes on their way to the witnesses: a witness that is down stops nobody, and is not forgotten.

What belongs here: keeping notes on disk until each witness has them, in order, and telling who is
behind since when. What does not: when to publish, and whom to alert.

A note is safe when :meth:`WitnessSpool.keep` returns: it lies in ``arrived``, from where it gets
into ``pending/WITNESS`` of every witness before it leaves ``arrived``, and leaves that folder after
its witness took it. So a process may die anywhere, and a note is delivered at least once; one that
was delivered twice is the same file or a repeated message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from resources.blobs import LocalBlobs
from resources.locks import held
from resources.witnesses.notes import NOTE, file_name, slug
from resources.witnesses.witness import Witness

_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Behind:
    """A witness that lacks checkpoints.

    Attributes:
        witness: its name.
        waiting: how many notes wait for it.
        since: when the first of them came (UTC, by the file's time).
        why: what it said at the last attempt of this process; empty if there was none.
    """

    witness: str
    waiting: int
    since: datetime
    why: str = ""


class WitnessSpool:
    """The way of notes to ``witnesses``, by files below ``folder``; many processes may share it."""

    def __init__(self, folder: Path, witnesses: Sequence[Witness]) -> None:
        self.folder = folder
        self.witnesses = tuple(witnesses)
        self._arrived = LocalBlobs(folder / "arrived")
        self._why: dict[str, str] = {}

    def publish(self, note: str) -> tuple[Behind, ...]:
        """Keeps the note and delivers what waits; who is behind afterwards.

        Raises:
            ClinicalError: the note is no checkpoint, or cannot be kept on disk; what was kept
                before is delivered nevertheless.
        """
        try:
            self.keep(note)
        finally:
            behind = self.deliver()
        return behind

    def keep(self, note: str) -> None:
        """Puts the note on disk for every witness; quick, reaches for none.

        Raises:
            ClinicalError: it is no checkpoint, or cannot be written.
        """
        if self.witnesses:
            self._arrived.create(file_name(note) + NOTE, note.encode())

    def deliver(self) -> tuple[Behind, ...]:
        """Gives every witness what waits for it, smallest checkpoint first; who is behind then.

        A witness that fails gets nothing more in this call. One that another process delivers to
        is left to it after a short wait.
        """
        self._why.clear()
        try:
            self._hand_out()
        except ClinicalError as error:  # a full disk: what is handed out already can still go
            self._why.update((witness.name, error.what) for witness in self.witnesses)
        for witness in self.witnesses:
            pending = self._pending(witness)
            if not _names(pending):
                continue
            try:
                lock = pending.root.parent / f"{pending.root.name}.lock"
                with held(lock, wait_seconds=_WAIT_SECONDS):
                    self._drain(witness, pending)
            except ClinicalError as error:
                self._why[witness.name] = error.what
            except Exception as error:  # a witness's fault must never become the ledger's
                self._why[witness.name] = f"an unexpected {type(error).__name__}"
        return self.overdue(datetime.now(UTC))

    def overdue(self, now: datetime, *, after: timedelta = timedelta(0)) -> tuple[Behind, ...]:
        """Witnesses whose first waiting note is ``after`` old or older, also former witnesses.

        Raises:
            ClinicalError: the folder cannot be read.
        """
        arrived = _names(self._arrived)
        names = {slug(witness.name): witness.name for witness in self.witnesses}
        folders = {path.name for path in (self.folder / "pending").glob("*") if path.is_dir()}
        found = []
        for folder in sorted({*names, *folders}):
            waiting = _names(LocalBlobs(self.folder / "pending" / folder))
            if folder in names:
                waiting = {**arrived, **waiting}
            if not waiting:
                continue
            since = datetime.fromtimestamp(min(waiting.values()), UTC)
            # A clock that was set back makes a note look new; it waits all the same.
            if not after or now - since >= after:
                name = names.get(folder, f"{folder} (no longer among the witnesses)")
                found.append(Behind(name, len(waiting), since, self._why.get(name, "")))
        return tuple(found)

    def _pending(self, witness: Witness) -> LocalBlobs:
        return LocalBlobs(self.folder / "pending" / slug(witness.name))

    def _hand_out(self) -> None:
        self._arrived.sweep()
        for name in sorted(_names(self._arrived)):
            data = self._arrived.read(name)
            if data is None:  # another process was quicker
                continue
            for witness in self.witnesses:
                self._pending(witness).create(name, data)
            self._arrived.remove(name)

    def _drain(self, witness: Witness, pending: LocalBlobs) -> None:
        pending.sweep()
        damaged: set[str] = set()
        # Until nothing is left: another process may have handed out more and waited in vain.
        while waiting := sorted(set(_names(pending)) - damaged):
            for name in waiting:
                data = pending.read(name) or b""
                if name != f"{name[:16]}-{sha256(data)}{NOTE}":
                    damaged.add(name)
                    continue
                witness.publish(data.decode())
                pending.remove(name)
        if damaged:
            raise ClinicalError(
                "A note that waits is damaged: " + ", ".join(sorted(damaged)),
                where=str(pending.root),
                repair="Take it from the ledger and publish it again; then delete the file",
            )


def _names(blobs: LocalBlobs) -> dict[str, float]:
    """Waiting notes and when they came, in seconds since 1970."""
    return {name: at for name, at in blobs.listed() if name.endswith(NOTE)}
