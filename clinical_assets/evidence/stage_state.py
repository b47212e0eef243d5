"""Where a version of a model stands: its stage, its signatures, and what is still missing.

What belongs here: the records, and what can be read off them. What does not: how they come about
(:mod:`.stage_fold`) and what may be done next (:mod:`.stage_moves`, :mod:`.signing_rights`).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from clinical_assets.evidence.stages import REINSTATEMENT, StagePolicy
from clinical_assets.ledger.entry import Subject
from clinical_assets.modelling.approvals import REVIEW_STAGES, Approval, Stage

Standing = Literal["valid", "void", "took effect"]


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """A signature as it was given, and what it is worth.

    Attributes:
        seq, at: number and server time (UTC) of its entry.
        digest: its own name; ``revokes``: that of the signature that it revokes.
        name: the signer's name as printed then; ``signer``: the id.
        local_time, zone: time of signing at the signer's terminal, RFC 3339 with offset.
        standing: ``valid`` counts for a release; ``took effect`` is a rejection, revocation or
            decision that was obeyed; ``void`` counts for nothing, and ``reason`` says why.
    """

    seq: int
    at: datetime
    digest: str
    signer: str
    name: str
    role: str
    stage: str
    meaning: str
    comment: str
    local_time: str
    zone: str
    method: str
    factors: tuple[str, ...]
    demonstration: bool
    revokes: str
    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that a version entered: when, by which entry, by whom, and why."""

    stage: Stage
    at: datetime
    seq: int
    actor: str
    cause: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An entry that no part of this software would have written, and that is not obeyed.

    ``examined`` says whether quality signed that it was looked into.
    """

    seq: int
    at: datetime
    what: str
    examined: bool = False

    def __str__(self) -> str:
        return f"entry {self.seq}: {self.what}"


@dataclass(frozen=True, slots=True)
class StageState:
    """What the ledger says of one version, under one policy.

    Attributes:
        subject: the version, with the SHA-256 of its package.
        stage: None where no entry says anything of it.
        steps: every stage that it entered, the first one first.
        signatures: every signature on it, in order, void ones too.
        superseded: transitions that were made under another policy, or upon signatures of generated
            people who count no longer, and do not hold now.
    """

    policy: StagePolicy
    subject: Subject
    stage: Stage | None = None
    steps: tuple[Step, ...] = ()
    signatures: tuple[SignatureRecord, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    superseded: tuple[str, ...] = ()

    @property
    def since(self) -> datetime | None:
        """When it entered its stage."""
        return self.steps[-1].at if self.steps else None

    @property
    def released_before(self) -> bool:
        """Whether it is or ever was released."""
        return any(step.stage == "released" for step in self.steps)

    @property
    def valid(self) -> tuple[SignatureRecord, ...]:
        """Signatures that count."""
        return tuple(s for s in self.signatures if s.standing == "valid")

    @property
    def void(self) -> tuple[SignatureRecord, ...]:
        """Signatures that count for nothing, each with its reason."""
        return tuple(s for s in self.signatures if s.standing == "void")

    @property
    def missing(self) -> tuple[Approval, ...]:
        """Approvals that the policy asks for and no valid signature gives, in the policy's order.

        An approval that is asked for twice needs two signatures.
        """
        given = Counter((s.stage, s.role, s.meaning) for s in self.valid)
        found = []
        for asked in self.policy.approvals:
            key = (asked.stage, asked.role, asked.meaning)
            if given[key]:
                given[key] -= 1
            else:
                found.append(asked)
        return tuple(found)

    @property
    def open_stage(self) -> Stage | None:
        """The review stage whose signatures are waited for now; None where none are."""
        if self.stage in REVIEW_STAGES:
            return self.stage
        if self.stage == "suspended" and self.released_before:
            asked = {a.stage for a in self.missing}
            return next((stage for stage in REVIEW_STAGES if stage in asked), None)
        return None

    @property
    def reinstated(self) -> bool:
        """Whether a reinstatement was signed since the version was suspended."""
        return any(s.stage == REINSTATEMENT for s in self.valid)

    @property
    def unexamined(self) -> tuple[Anomaly, ...]:
        """Anomalies that nobody has signed for yet; each blocks a release."""
        return tuple(a for a in self.anomalies if not a.examined)
