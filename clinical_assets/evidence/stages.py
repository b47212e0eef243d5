"""The table of stages: which transitions there are, who makes them, on which condition (P11-06).

What belongs here: declarations only. What does not: folding entries into a state
(:mod:`.stage_fold`) and refusing what is not in the table (:mod:`.stage_moves`,
:mod:`.signing_rights`). ``docs/stages.md`` is generated from here.

A version is in a stage while that stage's work is under way. The machine moves it forward, by
entries ``stage.changed``, when what the stage waits for is there. Persons move it aside or back by
signing: their entry ``signature.given`` is itself the transition, so a quarantine takes effect
with the signature and not after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from clinical_assets.canonical import digest_of, to_plain
from clinical_assets.ledger.actions import Moved
from clinical_assets.modelling.approvals import (
    REVIEW_STAGES,
    STAGES,
    Approval,
    Meaning,
    Role,
    Stage,
)
from clinical_assets.modelling.spec import ClinicalModel

STAGES_FORMAT = "clinical-stages/1"

REINSTATEMENT = "reinstatement"
"""Signed for a suspended version, so that the machine may take it out of suspension."""

INVESTIGATION = "investigation"
"""Signed when the anomalies so far were looked into, so that they no longer block a release."""

DECISIONS: tuple[Stage, ...] = ("suspended", "quarantined", "retired")
"""Stages that a signature of meaning ``responsibility`` leads to at once."""

SIGNED_STAGES: tuple[str, ...] = (*REVIEW_STAGES, REINSTATEMENT, INVESTIGATION, *DECISIONS)
"""What a signature's ``stage`` can be."""

QUALITY: tuple[Role, ...] = ("quality",)
_QUARANTINE: tuple[Role, ...] = ("operator", "quality", "clinical reviewer", "privacy officer")


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table.

    Attributes:
        before: None for a version that no stage was recorded of.
        by: the machine, when ``condition`` holds, or a person's signature.
        meaning, roles: of that signature; no role means those that the policy asks for there.
        gates: whether every gate has to hold at that moment.
    """

    before: Stage | None
    after: Stage
    by: Literal["machine", "signature"]
    condition: str
    meaning: Meaning | None = None
    roles: tuple[Role, ...] = ()
    gates: bool = False


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """What a model's spec declares about stages; signatures are bound to its digest.

    Attributes:
        authors: ids of those whom the spec names as authors, who approve nothing (P11-07).
    """

    model: str
    approvals: tuple[Approval, ...]
    distinct_signers: bool = True
    authors: tuple[str, ...] = ()
    format: str = STAGES_FORMAT

    @classmethod
    def of(cls, spec: ClinicalModel) -> "StagePolicy":
        """The policy that a spec declares."""
        authors = tuple(sorted(set(spec.authors)))
        return cls(spec.name, spec.approvals, spec.distinct_signers, authors)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the policy; without ``authors`` where it names none, as
        before there were any in it.
        """
        plain = to_plain(self)
        if not self.authors:
            del plain["authors"]
        return digest_of(plain)

    def asked_in(self, stage: str) -> tuple[Approval, ...]:
        """The approvals that a stage waits for; none means that it is passed over."""
        return tuple(a for a in self.approvals if a.stage == stage)

    def move(self, before: Stage | None, after: Stage) -> Moved:
        """Details of the entry ``stage.changed`` that moves a version."""
        return Moved(before or "", after, self.digest)


_FORWARD = (
    Transition(None, "candidate", "machine", "a package was built"),
    Transition("candidate", "validation", "machine", "its gates are being decided"),
    Transition("validation", "clinical review", "machine", "every gate holds", gates=True),
    Transition(
        "clinical review",
        "ethics review",
        "machine",
        "every signature of the clinical review is valid",
    ),
    Transition(
        "clinical review",
        "quality approval",
        "machine",
        "as above, where the spec declares no approval in the ethics review, which is passed over",
    ),
    Transition(
        "ethics review",
        "quality approval",
        "machine",
        "every signature of the ethics review is valid",
    ),
    Transition(
        "quality approval",
        "released",
        "machine",
        "every signature of every stage is valid, no anomaly is unexamined, every gate holds",
        gates=True,
    ),
    Transition(
        "suspended",
        "released",
        "machine",
        "it was released before; as above, and a reinstatement was signed since the suspension",
        gates=True,
    ),
    Transition(
        "suspended",
        "validation",
        "machine",
        "it was never released; a reinstatement was signed since the suspension",
    ),
)
_REJECTED = tuple(
    Transition(stage, "retired", "signature", "rejected in this stage", "rejection")
    for stage in REVIEW_STAGES
)
_REVOKED = (
    *(
        Transition(
            later,
            earlier,
            "signature",
            f"a signature of the {earlier} was revoked by its signer",
            "revocation",
        )
        for place, later in enumerate(REVIEW_STAGES)
        for earlier in REVIEW_STAGES[:place]
    ),
    Transition(
        "released", "suspended", "signature", "a signature was revoked by its signer", "revocation"
    ),
)
_DECIDED = (
    *(
        Transition(stage, "quarantined", "signature", "at once", "responsibility", _QUARANTINE)
        for stage in STAGES
        if stage not in ("quarantined", "retired")
    ),
    *(
        Transition(before, "suspended", "signature", "decided", "responsibility", QUALITY)
        for before in STAGES
        if before in ("released", "quarantined")
    ),
    *(
        Transition(before, "retired", "signature", "decided; final", "responsibility", QUALITY)
        for before in STAGES
        if before in ("released", "suspended", "quarantined")
    ),
)
TRANSITIONS: tuple[Transition, ...] = (*_FORWARD, *_REJECTED, *_REVOKED, *_DECIDED)


def transitions(before: Stage | None, after: Stage | None = None) -> tuple[Transition, ...]:
    """The rows that lead from a stage, to ``after`` where it is given."""
    return tuple(t for t in TRANSITIONS if t.before == before and after in (None, t.after))


def transition_table() -> str:
    """The table as Markdown, as ``docs/stages.md`` shows it; no final newline."""
    return "\n".join(_table_lines())


def _table_lines() -> Iterator[str]:
    yield "| from | to | made by | when |"
    yield "|---|---|---|---|"
    for row in TRANSITIONS:
        by = "the machine"
        if row.by == "signature":
            roles = ", ".join(row.roles) or "a role that the spec asks for"
            by = f"signature of meaning {row.meaning}" + (
                "" if row.meaning == "revocation" else f" by {roles}"
            )
        yield f"| {row.before or '–'} | {row.after} | {by} | {row.condition} |"
