"""Stages and signatures of a model's versions, as the ledger holds them.

What belongs here: reading the entries about a version (by a scan of the whole signed ledger, from
which none can be hidden), handing them to the pure rules of :mod:`clinical_assets.evidence`, and
writing what those allow, with nobody else writing in between. What does not: the rules, and
checking a person's secret (:mod:`.authentication`). What is refused is written down, too (P11-06,
P11-15).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signatures import (
    SUBJECT_KIND,
    SignatureStatement,
    local_time,
    signature_act,
)
from clinical_assets.evidence.signing_rights import Intent, Signer, judge_signing
from clinical_assets.evidence.stage_fold import Surroundings, state_of
from clinical_assets.evidence.stage_moves import judge_transition, next_steps
from clinical_assets.evidence.stage_state import StageState
from clinical_assets.evidence.stages import StagePolicy
from clinical_assets.ledger.actions import Attempt, Change
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Act, Entry, Subject
from clinical_assets.modelling.approvals import Stage
from clinical_assets.modelling.records import Verdict
from clinical_assets.modelling.spec import ClinicalModel
from resources.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Signatory:
    """A person who has just shown every component for one signature.

    Attributes:
        signer: what the register says of the person.
        name: as printed now.
        method, factors: how it was shown.
        zone: time zone of the terminal.
    """

    signer: Signer
    name: str
    method: str
    zone: str


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one model's versions."""

    ledger: Ledger
    spec: ClinicalModel

    @property
    def policy(self) -> StagePolicy:
        """What the spec declares."""
        return StagePolicy.of(self.spec)

    def state(self, subject: Subject, connection: Connection | None = None) -> StageState:
        """Where a version stands.

        Args:
            subject: from :func:`~clinical_assets.evidence.stage_fold.version_subject`.

        Raises:
            ClinicalError: an entry about it was changed past the ledger.
        """
        if connection is None:
            with self.ledger.store.reading() as opened:
                return self.state(subject, opened)
        entries = self._entries(subject, connection)
        return state_of(self.policy, subject, entries, self._surroundings(entries, connection))

    def versions(self) -> list[Subject]:
        """Every package of the model that ever entered a stage, in the order of their first."""
        return self._subjects("stage.changed")

    def enter(self, subject: Subject, after: Stage, *, gates: Verdict | None = None) -> StageState:
        """Moves a version to a stage, as the machine does.

        Raises:
            ClinicalError: the transition is illegal or its conditions do not hold; that is
                recorded, and the version stays where it is.
        """
        refusals: list[ClinicalError] = []

        def move(connection: Connection) -> list[Act]:
            state = self.state(subject, connection)
            if state.stage == after:
                return []
            refused = judge_transition(state, after, gates=gates)
            if refused is not None:
                refusals.append(refused)
                return [self._refusal(subject, state, after, refused)]
            moved = self.policy.move(state.stage, after)
            return [self.ledger.act("stage.changed", subject, moved)]

        self.ledger.decide(move)
        if refusals:
            raise refusals[0]
        return self.state(subject)

    def signed_since(self, first: int) -> tuple[int, list[Subject]]:
        """Versions that were signed from entry ``first`` on, and where to go on the next time."""
        known = self.ledger.decisions.refresh()
        after = known[-1].seq + 1 if known else first
        return max(after, first), self._subjects("signature.given", first)

    def refuse(self, subject: Subject, after: Stage, why: str) -> None:
        """Writes down that a version was not let into a stage, where something else says why."""
        change = Change("stage", self.state(subject).stage or "", after)
        self.ledger.record("stage.refused", subject, change, outcome="refused", reason=why)

    def advance(self, subject: Subject, gates: Verdict | None = None) -> StageState:
        """Moves a version as far forward as its evidence and signatures carry it, but never to
        ``released``: that is the release's own act.

        Args:
            gates: the verdict over the gates, made just now; None goes no way that needs one.
        """
        while True:
            state = self.state(subject)
            ready = [
                step.transition.after
                for step in next_steps(state)
                if step.transition.by == "machine"
                and step.transition.after != "released"
                and (not step.needs or step.transition.gates)
            ]
            if not ready or judge_transition(state, ready[0], gates=gates) is not None:
                return state
            self.enter(subject, ready[0], gates=gates)

    def sign(
        self,
        subject: Subject,
        by: Signatory,
        *,
        role: str,
        stage: str,
        meaning: str,
        comment: str = "",
        revokes: str = "",
    ) -> Entry:
        """Signs a version. The signature is the entry that is returned (P11-13, P11-15).

        Raises:
            ClinicalError: something stands against it (order, right, segregation of duties,
                training, a missing component); that is recorded, nothing is signed.
        """
        intent = Intent(by.signer.id, role, stage, meaning, comment, revokes)
        refusals: list[ClinicalError] = []

        def give(connection: Connection) -> list[Act]:
            entries = self._entries(subject, connection)
            around = self._surroundings(entries, connection)
            state = state_of(self.policy, subject, entries, around)
            now = self.ledger.store.now(connection)
            refused = judge_signing(
                state,
                by.signer,
                intent,
                authors=around.authors,
                now=now,
                demonstration_counts=around.demonstration_counts,
            )
            if refused is not None:
                refusals.append(refused)
                return [self._refused_signature(subject, by, refused)]
            statement = self._statement(subject, by, intent, now, connection)
            return [signature_act(statement, uuid4().hex, software=self.ledger.store.software)]

        entry = self.ledger.decide(give)[0]
        if refusals:
            raise refusals[0]
        return entry

    def authors(self, subject: Subject) -> frozenset[str]:
        """Ids of everybody who made this version: declared in the spec, or signed in when its
        package was built (P11-07)."""
        with self.ledger.store.reading() as connection:
            return self._authors(self._entries(subject, connection))

    def _subjects(self, action: str, first: int = 0) -> list[Subject]:
        """What the entries of an action from ``first`` on are about, in order, each once."""
        found = (
            entry.act.subject
            for entry in self.ledger.decisions.refresh()
            if entry.seq >= first
            and entry.act.action == action
            and (entry.act.subject.kind, entry.act.subject.id) == (SUBJECT_KIND, self.spec.name)
        )
        return list(dict.fromkeys(found))

    def _entries(self, subject: Subject, connection: Connection) -> list[Entry]:
        return [
            entry
            for entry in self.ledger.decisions.within(connection)
            if _named(entry) == (subject.kind, subject.id, subject.version)
        ]

    def _authors(self, entries: list[Entry]) -> frozenset[str]:
        built = [entry.act.actor for entry in entries if entry.act.action == "package.built"]
        persons = {a.id if a.kind == "person" else a.on_behalf_of for a in built}
        return frozenset({*self.spec.authors, *persons} - {""})

    def _surroundings(self, entries: list[Entry], connection: Connection) -> Surroundings:
        def holds_root(size: int, root: str) -> bool:
            return self.ledger.reader.root(size, connection).hex() == root

        embedded = self.ledger.store.engine.embedded
        return Surroundings(self._authors(entries), holds_root, demonstration_counts=embedded)

    def _statement(
        self,
        subject: Subject,
        by: Signatory,
        intent: Intent,
        now: datetime,
        connection: Connection,
    ) -> SignatureStatement:
        head = self.ledger.store.verified_head(connection)
        return SignatureStatement(
            subject=subject,
            signer=by.signer.id,
            printed_name=by.name,
            role=intent.role,
            stage=intent.stage,
            meaning=intent.meaning,
            comment=intent.comment,
            zone=by.zone,
            local_time=local_time(now, by.zone),
            policy_sha256=self.policy.digest,
            head_size=head.size,
            head_root=read(head.note).root.hex(),
            method=by.method,
            factors=by.signer.factors,
            demonstration=by.signer.demonstration,
            revokes=intent.revokes,
        )

    def _refusal(
        self, subject: Subject, state: StageState, after: Stage, refused: ClinicalError
    ) -> Act:
        change = Change("stage", state.stage or "", after)
        return self.ledger.act(
            "stage.refused", subject, change, outcome="refused", reason=refused.what
        )

    def _refused_signature(self, subject: Subject, by: Signatory, refused: ClinicalError) -> Act:
        """About the person who wanted to sign, whoever acts for them."""
        attempt = Attempt(by.method, by.signer.factors)
        reason = f"{by.signer.id}: {refused.what}"
        return self.ledger.act(
            "signature.refused", subject, attempt, outcome="refused", reason=reason
        )


def _named(entry: Entry) -> tuple[str, str, str]:
    subject = entry.act.subject
    return subject.kind, subject.id, subject.version
