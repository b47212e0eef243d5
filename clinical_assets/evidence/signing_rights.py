"""Who may sign what, and when: judged before a signature is written, and again when it is read.

What belongs here: one rule (:func:`objection`) over the state of a version, which both the
signing and the reading of the ledger apply, so that they cannot differ; and what is asked of the
person at the moment of signing (:func:`judge_signing`). What does not: checking a secret.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.stage_state import SignatureRecord, StageState
from clinical_assets.evidence.stages import (
    DECISIONS,
    INVESTIGATION,
    QUALITY,
    REINSTATEMENT,
    transitions,
)
from clinical_assets.modelling.approvals import NEVER_SIGN, REVIEW_STAGES

_REASONED = ("rejection", "revocation", "responsibility")


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to sign.

    Attributes:
        signer: id of the person.
        role: under which of the person's roles.
        stage: one of :data:`~.stages.SIGNED_STAGES`.
        revokes: digest of the signature to revoke; empty for every other meaning.
    """

    signer: str
    role: str
    stage: str
    meaning: str
    comment: str = ""
    revokes: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """What the identity register and the log-in say of the person who is about to sign.

    Attributes:
        roles: that the person holds now.
        training_expires: end of the newest training record; None if there is none.
        factors: components shown for this very signature, not for the session.
        demonstration: whether it is a generated person.
        identity_verified: whether it is recorded who verified the person's identity (P11-17).
        accountable: whether the accountability statement is accepted as it stands now (P11-10).
        unproven: why the ledger does not bear out that the person is there; empty where it does.
    """

    id: str
    kind: Literal["person", "service"]
    roles: frozenset[str]
    training_expires: datetime | None
    factors: tuple[str, ...]
    demonstration: bool = False
    identity_verified: bool = True
    accountable: bool = True
    unproven: str = ""


def judge_signing(
    state: StageState,
    signer: Signer,
    intent: Intent,
    *,
    authors: frozenset[str],
    now: datetime,
    demonstration_counts: bool = False,
) -> ClinicalError | None:
    """Why this person must not give this signature now; None if nothing stands against it.

    Args:
        authors: ids of everybody who made this version (P11-07).
        now: the server's time.
        demonstration_counts: whether generated persons may sign: in the embedded profile, while no
            human being is enrolled.
    """
    problem, repair = _unfit(signer, intent, now, demonstration_counts)
    if not problem:
        problem = objection(state, intent, authors)
        repair = "See what is waited for with `clinical stage show`"
    if not problem and intent.meaning in _REASONED and not intent.comment.strip():
        problem, repair = f"a {intent.meaning} needs a reason", "Say why in the comment"
    if not problem:
        return None
    return ClinicalError(
        f"The signature is refused: {problem}",
        where=f"{state.subject.id} {state.subject.version}, {intent.stage}",
        repair=repair,
    )


def _unfit(
    signer: Signer, intent: Intent, now: datetime, demonstration_counts: bool
) -> tuple[str, str]:
    """What is against the person, whatever is to be signed, and the repair; else two empty texts.

    Service accounts never sign (P11-16); training must be current (P11-09); a live session alone
    signs nothing (P11-19).
    """
    if signer.kind != "person":
        return "a service cannot sign", "A person signs, with an account of their own"
    if signer.id != intent.signer:
        return "nobody signs for another", "Log in as the person who signs"
    if "password" not in signer.factors:
        return (
            "a live session alone does not sign; the password was not shown for this signature",
            "Give the password when asked for it",
        )
    if signer.unproven:
        return (
            signer.unproven,
            "Sign with `clinical sign`, which asks for id and secret at each signature; after a"
            " reset, quality or a privacy officer confirms the owner: `clinical users confirm`",
        )
    if intent.role == "administrator":
        return (
            f"nobody signs as {intent.role}",
            "Somebody signs who holds the role that is asked for: `clinical stage show` names it;"
            " an account that is no administrator can be granted it with `clinical users role`",
        )
    if intent.role not in signer.roles:
        return (
            f"the signer does not hold the role {intent.role}",
            "Ask an administrator to grant the role, or have somebody sign who holds it",
        )
    if not signer.identity_verified and not signer.demonstration:
        return (
            "nobody recorded having verified the signer's identity",
            "Have an administrator record who verified it, and how",
        )
    if not signer.accountable:
        return (
            "the accountability statement was not accepted as it stands now",
            "Read and accept it with `clinical users accept`",
        )
    if signer.training_expires is None:
        return "there is no training record", "Have the training recorded, then sign"
    if signer.training_expires <= now:
        return "the training record has expired", "Renew the training, then sign"
    if signer.demonstration and not demonstration_counts:
        return (
            "a generated person signs in demonstrations only",
            "Enrol the people who really sign",
        )
    return "", ""


def objection(state: StageState, intent: Intent, authors: frozenset[str]) -> str:
    """Why a signature with this content does not count in this state; empty if it does."""
    if intent.role in NEVER_SIGN:
        return f"nobody signs as {intent.role}"
    if state.stage is None:
        return "no stage of this package is recorded"
    if state.stage == "retired":
        return "it is retired, which is final"
    if intent.meaning == "revocation":
        return _against_revocation(state, intent)
    if intent.stage == "quarantined":  # whoever sees harm may stop it, an author too
        return _against_decision(state, intent)
    if segregation := _against_author(intent, authors):
        return segregation
    if intent.meaning == "rejection":
        return _against_rejection(state, intent)
    if intent.stage in DECISIONS:
        return _against_decision(state, intent)
    if intent.stage == INVESTIGATION:
        if intent.meaning != "responsibility" or intent.role not in QUALITY:
            return "quality takes the responsibility for an investigation"
        return "" if state.unexamined else "no anomaly waits for an investigation"
    if intent.stage == REINSTATEMENT:
        return _against_reinstatement(state, intent)
    return _against_approval(state, intent)


def find(state: StageState, digest: str) -> SignatureRecord | None:
    """The valid signature of that name."""
    return next((s for s in state.valid if s.digest == digest), None)


def _against_author(intent: Intent, authors: frozenset[str]) -> str:
    """Segregation of duties: who made a version approves no part of it (P11-07)."""
    closes = intent.meaning == "rejection" or intent.stage in DECISIONS
    if not authors and not closes:
        return "nobody is known as author of this version, so approver and author cannot be told"
    if intent.meaning == "authorship":
        return "" if intent.signer in authors else "the signer is no author of this version"
    return "the signer is an author of this version" if intent.signer in authors else ""


def _against_revocation(state: StageState, intent: Intent) -> str:
    revoked = find(state, intent.revokes)
    if revoked is None:
        return "there is no valid signature of that name to revoke"
    if revoked.signer != intent.signer:
        return "only its signer can revoke a signature"
    if (revoked.stage, revoked.role) != (intent.stage, intent.role):
        return f"that signature was given in {revoked.stage} as {revoked.role}; revoke it as such"
    return ""


def _against_rejection(state: StageState, intent: Intent) -> str:
    if state.stage not in REVIEW_STAGES or intent.stage != state.stage:
        return _out_of_order(state, intent.stage)
    if intent.role not in {a.role for a in state.policy.asked_in(state.stage)}:
        return f"{intent.role} has no say in {state.stage}"
    return ""


def _against_decision(state: StageState, intent: Intent) -> str:
    rows = [t for t in transitions(state.stage) if t.by == "signature" and t.after == intent.stage]
    rows = [t for t in rows if t.meaning == intent.meaning]
    if not rows:
        return (
            f"no signature of meaning {intent.meaning} leads from {state.stage} to {intent.stage}"
        )
    if not any(intent.role in row.roles for row in rows):
        return f"{intent.role} may not decide that a version is {intent.stage}"
    return ""


def _against_reinstatement(state: StageState, intent: Intent) -> str:
    if state.stage != "suspended":
        return _out_of_order(state, intent.stage)
    if intent.meaning != "approval" or intent.role not in QUALITY:
        return "quality approves a reinstatement"
    if state.released_before and state.missing:
        return f"{state.missing[0]} has to be signed before"
    return "a reinstatement is signed already" if state.reinstated else ""


def _against_approval(state: StageState, intent: Intent) -> str:
    asked = state.policy.asked_in(intent.stage)
    wanted = [a for a in asked if (a.role, a.meaning) == (intent.role, intent.meaning)]
    if not wanted:
        known = ", ".join(f"{a.meaning} by {a.role}" for a in asked) or "no signature"
        return f"the policy asks for {known} in {intent.stage}"
    if intent.stage != state.open_stage:
        return _out_of_order(state, intent.stage)
    own = [s for s in state.valid if s.signer == intent.signer]
    if any(
        (s.stage, s.role, s.meaning) == (intent.stage, intent.role, intent.meaning) for s in own
    ):
        return "the signer has given this signature already"
    other = next((s.role for s in own if s.role != intent.role), "")
    if state.policy.distinct_signers and other:
        return f"the signer has signed as {other}, and one person signs under one role only"
    return "" if wanted[0] in state.missing else "every signature of this kind was given"


def _out_of_order(state: StageState, stage: str) -> str:
    return f"it is out of order: {stage} is not under way, the version is in {state.stage}"
