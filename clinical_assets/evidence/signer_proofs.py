"""Whether the ledger bears out that a signer was there, each time that a signature was given.

What belongs here: one pass over entries, in order, that knows who is enrolled, revoked, has just
proven to be there, or waits for a confirmation (P11-19, P11-21), and who had a right to sign
(:mod:`.signer_standing`). What does not: checking a secret.
The same rule is asked before a signature is written and when it is read, so that one that was
written past it, with no proof or with a used one, is an anomaly. Whoever can write entries can
write these, too, but then they stand in the register's history.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from clinical_assets.evidence.signatures import MOST_DELAY, SUBJECT_KIND
from clinical_assets.evidence.signer_standing import SignerStanding
from clinical_assets.ledger.actions import Attempt, Change
from clinical_assets.ledger.entry import Entry

METHOD = "signing"
"""Of proofs that were asked for in order to sign; one for anything else does not do."""

USER = "user"
PERSON = "person"
"""What an enrolment's change is called where it is a human being's."""
_RESET = ("secret", "secret and second factor")


@dataclass(slots=True)
class _Known:
    """What entries so far say of a person.

    Attributes:
        proofs: those that no signature has used.
        issued_by: who reset the secret, while nobody has confirmed the owner since.
    """

    enrolled: bool = False
    revoked: bool = False
    proofs: list[Entry] = field(default_factory=list)
    issued_by: str = ""
    standing: SignerStanding = field(default_factory=SignerStanding)


class SignerProofs:
    """What the entries say of signers, as far as they were read.

    Attributes:
        problems: by number of the entry, why a signature is not borne out.
        people: whether a human being was ever enrolled; generated people count no longer then.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.problems: dict[int, str] = {}
        self.people = False
        self._known: dict[str, _Known] = {}
        for entry in entries:
            self.add(entry)

    def missing(self, signer: str, factors: tuple[str, ...], at: datetime) -> str:
        """Why a signature of ``signer`` at ``at`` would not be borne out; empty if it would."""
        known = self._known.get(signer, _Known())
        if not known.enrolled:
            return "its signer was never enrolled"
        if known.revoked:
            return "its signer was revoked before"
        if known.issued_by:
            return (
                f"{known.issued_by} reset the signer's secret, and nobody else has confirmed since"
                " that its owner has the account"
            )
        if self._proof(known, factors, at) is None:
            return "its signer did not prove who they are for this signature"
        return ""

    def issued_by(self, id: str) -> str:
        """Who reset the secret of ``id``, while the owner waits to be confirmed; else empty."""
        return self._known.get(id, _Known()).issued_by

    def add(self, entry: Entry) -> None:
        """Goes on with the next entry."""
        act = entry.act
        if act.subject.kind == USER and act.outcome == "done":
            self._add_about(self._known.setdefault(act.subject.id, _Known()), entry)
        elif act.subject.kind == SUBJECT_KIND and act.action.startswith("signature."):
            given = act.action == "signature.given" and act.outcome == "done"
            signer = act.actor.id
            if given and (problem := self._problem(entry)):
                self.problems[entry.seq] = problem
            if given or act.actor.method == METHOD:
                self._use(signer, act.details.factors, entry.at)

    def _problem(self, entry: Entry) -> str:
        """What speaks against a signature that was given; empty if nothing does."""
        signer, signed = entry.act.actor.id, entry.act.details
        known = self._known.get(signer, _Known())
        # The register was asked at the time that the statement holds, which may be a day earlier.
        began = entry.at - MOST_DELAY
        return self.missing(signer, signed.factors, entry.at) or known.standing.problem(
            signed.role, began
        )

    def _add_about(self, known: _Known, entry: Entry) -> None:
        act, details = entry.act, entry.act.details
        if act.action == "user.enrolled":
            known.enrolled = True
            if isinstance(details, Change):
                self.people |= details.name == PERSON
                known.standing.enrolled(details)
        elif act.action == "user.revoked":
            known.revoked = True
        elif act.action == "user.authenticated" and isinstance(details, Attempt):
            own = (act.actor.id, act.actor.method) == (act.subject.id, METHOD)
            if own and details.method == METHOD:
                known.proofs.append(entry)
        elif act.action == "user.changed" and isinstance(details, Change):
            if details.name in _RESET and details.after == "issued":
                known.issued_by = act.actor.id
            known.standing.changed(details)
        elif act.action == "user.owner_confirmed" and self._may_confirm(entry, known):
            known.issued_by = ""

    def _may_confirm(self, entry: Entry, known: _Known) -> bool:
        by = entry.act.actor.id
        itself = by in (entry.act.subject.id, known.issued_by)
        return not itself and not self.issued_by(by)

    def _proof(self, known: _Known, factors: tuple[str, ...], at: datetime) -> Entry | None:
        """The newest proof that a signature at ``at`` may rest on."""
        good = (
            proof
            for proof in reversed(known.proofs)
            if proof.act.details.factors == factors and proof.at <= at <= proof.at + MOST_DELAY
        )
        return next(good, None)

    def _use(self, signer: str, factors: tuple[str, ...], at: datetime) -> None:
        """Each proof is good for one signature, given or refused."""
        known = self._known.get(signer)
        if known is not None and (proof := self._proof(known, factors, at)) is not None:
            known.proofs.remove(proof)
