"""Publishing the ledger's checkpoints to its witnesses, and asking them before going on.

What belongs here: the order of things – ask the witnesses, sign, publish, write it down. What does
not: the witnesses (:mod:`resources.witnesses.witness`), waiting notes
(:mod:`resources.witnesses.spool`) and what contradicts what
(:mod:`clinical_assets.ledger.witnessed`). A ledger that a witness contradicts is not signed again:
that would make two histories under one name. What no trusted key signed contradicts nothing: else
whoever can write at a witness could stop every release. It is told, as is a witness that is silent.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Covering
from clinical_assets.ledger.checkpoint import PublicKey, read, verify
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.losses import losses_in, unexplained
from clinical_assets.ledger.verification import Problem
from clinical_assets.ledger.witnessed import contradictions
from resources.ledger import Ledger
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.ledger_memory import contradicts_seen
from resources.witnesses.spool import Behind, WitnessSpool
from resources.witnesses.witness import Held, held_notes, open_witnesses

_LAST = 5
_MOST_TOLD = 3
_SILENT = "it did not answer when it was asked whether it agrees"


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint that was handed out.

    Attributes:
        size: of how many entries.
        behind: witnesses that lack it.
        silent: witnesses that did not answer when they were asked whether they agree.
        findings: notes at the witnesses that no trusted key signed, and other such things; they
            show nothing of the ledger by themselves.
    """

    size: int
    behind: tuple[Behind, ...]
    silent: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """A phrase for everything that is not as it should be."""
        return (
            *(f"{b.witness} is behind" for b in self.behind),
            *(f"{name} did not say whether it agrees" for name in self.silent),
            *self.findings,
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """The ledger held against its witnesses.

    Attributes:
        contradictions: where both cannot be true.
        findings: as of :class:`Published`.
        silent: witnesses that did not answer.
    """

    contradictions: tuple[Problem, ...]
    findings: tuple[str, ...]
    silent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Witnessing:
    """One ledger and the places that hold its checkpoints."""

    ledger: Ledger
    keys: LedgerKeys
    spool: WitnessSpool

    @classmethod
    def of(
        cls, ledger: Ledger, keys: LedgerKeys, addresses: Sequence[str], options: dict[str, str]
    ) -> "Witnessing":
        """With the witnesses at ``addresses``.

        Raises:
            ClinicalError: an address is none of a witness.
        """
        witnesses = open_witnesses(addresses, s3_options=options)
        return cls(ledger, keys, WitnessSpool(ledger.folder / "witnessing", witnesses))

    def publish(self) -> Published:
        """Signs a checkpoint of the newest state and hands it to every witness.

        A witness that is down is told by what is returned, and gets the checkpoint later.

        Raises:
            ClinicalError: a witness holds a checkpoint that contradicts the ledger, which is
                recorded; or the checkpoint cannot be kept.
        """
        compared = self.compare()
        if problems := compared.contradictions:
            about = Subject("ledger", self.ledger.store.origin)
            head = read(self.ledger.store.head().note)
            said = "; ".join(map(str, problems[:3]))
            known = self.ledger.reader.proven(Wanted(action="ledger.contradicted"), newest=1)
            # Once for each contradiction; how many entries there are by now makes no other of it.
            if not known or not all(one.what in known[0].act.reason for one in problems[:3]):
                self.ledger.record(
                    "ledger.contradicted",
                    about,
                    Covering(head.size, head.root.hex()),
                    outcome="refused",
                    reason=said,
                )
            raise ClinicalError(
                f"A witness, or this machine, has seen another history than this ledger: {said}",
                where=self.ledger.store.engine.place,
                repair="Nothing is published until it is looked into: was the ledger restored from"
                " a backup, or replaced? docs/witnesses.md says what to do",
            )
        note = self.ledger.store.checkpoint()
        behind = self.spool.publish(note)
        stated = read(note)
        late = {b.witness for b in behind}
        for witness in self.spool.witnesses:
            self.ledger.record(
                "ledger.witnessed",
                Subject("ledger", self.ledger.store.origin),
                Covering(stated.size, stated.root.hex(), witness.name),
                outcome="failed" if witness.name in late else "done",
                reason=_SILENT if witness.name in compared.silent else "",
            )
        return Published(stated.size, behind, compared.silent, compared.findings)

    def asked(self, last: int | None = None) -> Held:
        """What the witnesses hold, or the ``last`` notes of each, and who did not answer."""
        return held_notes(self.spool.witnesses, self.ledger.store.origin, last=last)

    def evidence(self) -> Held:
        """Every note that a trusted key signed: what else lies at a witness proves nothing."""
        held = self.asked()
        return Held([note for note in held.notes if self._is_signed(note)], held.silent)

    def strangers(self, notes: Sequence[str]) -> tuple[str, ...]:
        """Those of ``notes`` that are no checkpoint of this ledger by a key known here.

        Whoever can write at a witness can put them there, so they prove nothing: not that the
        ledger was changed, and not that it was not. Notes of a withdrawn key are not among them.
        """
        withdrawn = self.keys.withdrawn()
        return tuple(
            note
            for note in notes
            if not (self._is_signed(note) or self._signed_by(note, withdrawn))
        )

    def compare(self) -> Compared:
        """Holds the ledger against its witnesses' newest checkpoints and what was seen here.

        Of each witness as many notes are read as it takes to find some that a trusted key signed:
        others, however many, must not hide them.
        """
        # Before the size is read: others go on appending.
        origin = self.ledger.store.origin
        notes, silent = held_notes(self.spool.witnesses, origin, last=_LAST, counts=self._is_signed)
        lost = self.ledger.reader.proven(Wanted(action="ledger.lost"))
        notes = unexplained(notes, losses_in(lost, self.ledger.reader.root))
        head = self.ledger.store.head()
        found = contradictions(
            notes,
            origin,
            self.keys.trusted(),
            head.size,
            self.ledger.reader.root,
            withdrawn=self.keys.withdrawn(),
        )
        real = [problem for problem in found if problem.seq is not None]
        # This machine is a witness, too: an older copy put back is not signed on top of.
        if here := contradicts_seen(self.ledger):
            real.append(Problem(None, here))
        others = sorted({str(problem) for problem in found if problem.seq is None})
        told = others[:_MOST_TOLD]
        if len(others) > _MOST_TOLD:
            told.append(f"{len(others) - _MOST_TOLD} more such notes")
        return Compared(tuple(real), tuple(told), tuple(silent))

    def contradictions(self) -> tuple[Problem, ...]:
        """Where the witnesses' newest checkpoints and the ledger cannot both be true."""
        return self.compare().contradictions

    def _is_signed(self, note: str) -> bool:
        return self._signed_by(note, self.keys.trusted())

    def _signed_by(self, note: str, keys: Sequence[PublicKey]) -> bool:
        with suppress(ClinicalError):
            return verify(note, keys).origin == self.ledger.store.origin
        return False
