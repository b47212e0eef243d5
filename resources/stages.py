"""Stages and signatures of a model's versions, as the ledger holds them.

What belongs here: reading the entries about a version (by a scan of the whole signed ledger, from
which none can be hidden), handing them to the pure rules of :mod:`clinical_assets.evidence`, and
writing what those allow, with nobody else writing in between. What does not: the rules, and
checking a person's secret (:mod:`resources.people.authentication`). What is refused is written
down, too (P11-06, P11-15).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from uuid import uuid4

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.gate_decisions import gates_against
from clinical_assets.evidence.signatures import (
    SUBJECT_KIND,
    SignatureStatement,
    local_time,
    signature_act,
)
from clinical_assets.evidence.signer_proofs import METHOD, SignerProofs
from clinical_assets.evidence.signing_rights import Intent, Signer, judge_signing
from clinical_assets.evidence.stage_fold import Surroundings, state_of
from clinical_assets.evidence.stage_moves import judge_approvals, judge_transition, next_steps
from clinical_assets.evidence.stage_state import StageState
from clinical_assets.evidence.stages import StagePolicy
from clinical_assets.ledger.actions import Attempt, Change
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject
from clinical_assets.modelling.approvals import Stage
from clinical_assets.modelling.records import Verdict
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.people.person import Person
from clinical_assets.people.statement import CURRENT
from resources.actors import authenticated_actor
from resources.ledger import Ledger
from resources.ledger_database.store import Decide
from resources.people.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person has just shown for one signature, and where.

    Who the person is, is no part of it: that is the authenticated actor, of whom the register is
    asked when the signature is written.

    Attributes:
        factors: components, by kind.
        zone: time zone of the terminal: IANA name or offset.
    """

    factors: tuple[str, ...]
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
        known = self.ledger.decisions.within(connection)
        entries = _about(subject, known)
        around = self._surroundings(subject, entries, known, connection)
        return state_of(self.policy, subject, entries, around)

    def versions(self) -> list[Subject]:
        """Every package of the model that ever entered a stage, in the order of their first."""
        known = self.ledger.decisions.refresh()
        staged = self._subjects(known, "stage.changed")
        built = self._subjects(known[::-1], "package.built")[::-1]  # by the newest building
        return [s for s in staged if s not in built] + [s for s in built if s in staged]

    def enter(self, subject: Subject, after: Stage, *, gates: Verdict | None = None) -> StageState:
        """Moves a version to a stage, as the machine does.

        Raises:
            ClinicalError: the transition is illegal or its conditions do not hold; that is
                recorded, and the version stays where it is.
        """
        refusals: list[ClinicalError] = []

        def move(connection: Connection) -> list[Act]:
            refusals.clear()  # it may be asked twice
            state = self.state(subject, connection)
            if state.stage == after and (after != "released" or judge_approvals(state).passed):
                return []
            refused = judge_transition(state, after, gates=gates)
            if refused is None and after == "released":
                refused = _gates(subject, self.ledger.decisions.within(connection))
            if refused is not None:
                refusals.append(refused)
                return [self._refusal(subject, state, after, refused)]
            return [self._moved(subject, state, after)]

        self._decide(move)
        if refusals:
            raise refusals[0]
        return self.state(subject)

    def signed_since(self, first: int) -> tuple[int, list[Subject]]:
        """Versions that were signed from entry ``first`` on, and where to go on the next time."""
        known = self.ledger.decisions.refresh()
        after = known[-1].seq + 1 if known else first
        return max(after, first), self._subjects(known, "signature.given", first)

    def refuse(self, subject: Subject, after: Stage, why: str) -> None:
        """Writes down that a version was not let into a stage, where something else says why."""
        try:
            before = self.state(subject).stage or ""
        except ClinicalError:  # a ledger that does not hold is a refusal to be written down, too
            before = ""
        change = Change("stage", before, after)
        self.ledger.record("stage.refused", subject, change, outcome="refused", reason=why)

    def advance(self, subject: Subject, gates: Verdict | None = None) -> StageState:
        """Moves a version as far forward as its evidence and signatures carry it, but never to
        ``released``: that is the release's own act.

        Args:
            gates: the verdict over the gates, made just now; None goes no way that needs one.
        """
        while self._decide(partial(self._next_move, subject, gates)):
            pass
        return self.state(subject)

    def _next_move(
        self, subject: Subject, gates: Verdict | None, connection: Connection
    ) -> list[Act]:
        """The move that is due, as the ledger stands with nobody else writing; or none."""
        state = self.state(subject, connection)
        ready = [
            step.transition.after
            for step in next_steps(state)
            if step.transition.by == "machine"
            and step.transition.after != "released"
            and (not step.needs or step.transition.gates)
        ]
        if not ready or judge_transition(state, ready[0], gates=gates) is not None:
            return []
        return [self._moved(subject, state, ready[0])]

    def _moved(self, subject: Subject, state: StageState, after: Stage) -> Act:
        return self.ledger.act("stage.changed", subject, self.policy.move(state.stage, after))

    def sign(
        self,
        subject: Subject,
        shown: Shown,
        *,
        role: str,
        stage: str,
        meaning: str,
        comment: str = "",
        revokes: str = "",
    ) -> Entry:
        """Signs a version in the name of the authenticated actor, who has just proven to be there.

        The signature is the entry that is returned (P11-13, P11-15). What the register says of the
        person is read again, with nobody else writing: a revocation counts at once (P11-25). That
        the person proved to be there is not taken from the caller: the ledger has to hold the
        proof, made just now, for a signature, and used by no other (P11-19).

        Raises:
            ClinicalError: nobody was authenticated for signing, or something stands against it
                (order, right, segregation of duties, training, a missing component, an account
                that may do nothing); that is recorded, nothing is signed.
        """
        actor = authenticated_actor()
        if actor is None or actor.method != METHOD:
            refused = _nobody(subject)
            self.ledger.record(
                "signature.refused",
                subject,
                Attempt(METHOD, shown.factors),
                outcome="refused",
                reason=refused.what,
            )
            raise refused
        intent = Intent(actor.id, role, stage, meaning, _text(comment), revokes)
        accounts = Accounts(self.ledger.store)
        refusals: list[ClinicalError] = []

        def give(connection: Connection) -> list[Act]:
            refusals.clear()  # it may be asked twice
            try:
                person = self._registered(actor, connection)
            except ClinicalError as error:  # locked, revoked or tampered with: an attempt, too
                refusals.append(error)
                return [self._refused_signature(subject, actor, shown, error)]
            known = self.ledger.decisions.within(connection)
            entries = _about(subject, known)
            around = self._surroundings(subject, entries, known, connection)
            state = state_of(self.policy, subject, entries, around)
            now = accounts.time(connection)
            proofs = SignerProofs(known)
            refused = judge_signing(
                state,
                signer_of(person, shown.factors, proofs.missing(person.id, shown.factors, now)),
                intent,
                authors=around.authors,
                now=now,
                demonstration_counts=around.demonstration_counts,
            )
            if refused is not None:
                refusals.append(refused)
                return [self._refused_signature(subject, actor, shown, refused)]
            statement = self._statement(subject, person, shown, intent, now, connection)
            return [signature_act(statement, uuid4().hex, software=self.ledger.store.software)]

        with accounts.watching():
            entry = self._decide(give)[0]
            if refusals:
                raise refusals[0]
        return entry

    def _subjects(self, entries: Sequence[Entry], action: str, first: int = 0) -> list[Subject]:
        """What the entries of an action from ``first`` on are about, in order, each once."""
        found = (
            entry.act.subject
            for entry in entries
            if entry.seq >= first
            and entry.act.action == action
            and entry.act.outcome == "done"
            and (entry.act.subject.kind, entry.act.subject.id) == (SUBJECT_KIND, self.spec.name)
        )
        return list(dict.fromkeys(found))

    def _decide(self, decide: Decide) -> tuple[Entry, ...]:
        """Decides with nobody else writing, who wait for what came since now to be read only."""
        self.ledger.decisions.refresh()
        return self.ledger.decide(decide)

    def _authors(self, entries: list[Entry], sha256: str) -> frozenset[str]:
        """Ids of everybody who made a version: declared in the spec, or signed in when a package of
        this digest was built (P11-07)."""
        built = [
            entry.act.actor
            for entry in entries
            if entry.act.action == "package.built" and entry.act.subject.sha256 == sha256
        ]
        persons = {a.id if a.kind == "person" else a.on_behalf_of for a in built}
        return frozenset({*self.spec.authors, *persons} - {""})

    def _surroundings(
        self,
        subject: Subject,
        entries: list[Entry],
        known: Sequence[Entry],
        connection: Connection,
    ) -> Surroundings:
        def holds_root(size: int, root: str) -> bool:
            return self.ledger.reader.root(size, connection).hex() == root

        proofs = SignerProofs(known)
        return Surroundings(
            self._authors(entries, subject.sha256),
            holds_root,
            demonstration_counts=self.ledger.store.engine.embedded and not proofs.people,
            unknown=lambda entry: proofs.problems.get(entry.seq, ""),
        )

    def _statement(
        self,
        subject: Subject,
        person: Person,
        shown: Shown,
        intent: Intent,
        now: datetime,
        connection: Connection,
    ) -> SignatureStatement:
        head = self.ledger.store.verified_head(connection)
        return SignatureStatement(
            subject=subject,
            signer=person.id,
            printed_name=person.name,
            role=intent.role,
            stage=intent.stage,
            meaning=intent.meaning,
            comment=intent.comment,
            zone=shown.zone,
            local_time=local_time(now, shown.zone),
            policy_sha256=self.policy.digest,
            head_size=head.size,
            head_root=read(head.note).root.hex(),
            method=METHOD,
            factors=shown.factors,
            demonstration=person.demonstration,
            revokes=intent.revokes,
        )

    def _refusal(
        self, subject: Subject, state: StageState, after: Stage, refused: ClinicalError
    ) -> Act:
        change = Change("stage", state.stage or "", after)
        return self.ledger.act(
            "stage.refused", subject, change, outcome="refused", reason=refused.what
        )

    def _registered(self, actor: Actor, connection: Connection) -> Person:
        """What the register says of the actor now."""
        found = Accounts(self.ledger.store).find(actor.id, connection)
        if found is None or found.account.person.state != "active":
            raise ClinicalError(
                "The signer is not, or no longer, active in the identity register",
                where=f"account {actor.id}",
                repair="Ask an administrator: `clinical users show` tells the state",
            )
        return found.account.person

    def _refused_signature(
        self, subject: Subject, actor: Actor, shown: Shown, refused: ClinicalError
    ) -> Act:
        attempt = Attempt(METHOD, shown.factors)
        reason = f"{actor.id}: {refused.what}"
        return self.ledger.act(
            "signature.refused", subject, attempt, outcome="refused", reason=reason
        )


def _nobody(subject: Subject) -> ClinicalError:
    return ClinicalError(
        "Nobody has proven who they are for this signature",
        where=f"{subject.id} {subject.version}",
        repair="Sign with `clinical sign`, which asks for id and secret",
    )


def _gates(subject: Subject, known: Sequence[Entry]) -> ClinicalError | None:
    """What the ledger holds against the gates, whatever the caller's verdict is."""
    problem = gates_against(subject, known)
    if not problem:
        return None
    return ClinicalError(
        f"It does not enter released: {problem}",
        where=f"{subject.id} {subject.version}",
        repair="Run the model's assets with their gates, then release",
    )


def signer_of(person: Person, factors: tuple[str, ...], unproven: str = "") -> Signer:
    """A person of the register as the rules of signing want to know them."""
    trained = person.trained_until
    # A training holds to the end of its last day.
    expires = (
        None if trained is None else datetime.combine(trained, time(), UTC) + timedelta(days=1)
    )
    return Signer(
        id=person.id,
        kind=person.kind,
        roles=frozenset(person.roles),
        training_expires=expires,
        factors=factors,
        demonstration=person.demonstration,
        identity_verified=person.enrolment is not None and not person.demonstration,
        accountable=person.acceptance == CURRENT,
        unproven=unproven,
    )


def _text(value: str) -> str:
    """The text, where it is none (lone surrogates) made one, so that it can be written."""
    return value.encode("utf-8", "replace").decode()


def _about(subject: Subject, known: Sequence[Entry]) -> list[Entry]:
    named = (subject.kind, subject.id, subject.version)
    return [entry for entry in known if _named(entry) == named]


def _named(entry: Entry) -> tuple[str, str, str]:
    subject = entry.act.subject
    return subject.kind, subject.id, subject.version
