"""The state of a version as the fold over the ledger's entries about it; nothing else is read.

What belongs here: which entries are obeyed, and what becomes of those that are not. What does not:
where entries come from. A signature counts only if its statement verifies and the ledger's head
that it names was the ledger's (P11-15), it is about this package and under this policy, its signer
showed a password for it, and nothing in :func:`~.signing_rights.objection` is against it.

What opens needs more than what closes: under a changed policy, and once generated people count no
longer, approvals and the transitions that rest on them hold no longer, but a rejection, suspension,
quarantine or retirement stays.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from clinical_assets.evidence.signatures import SUBJECT_KIND, verify_signature
from clinical_assets.evidence.signing_rights import Intent, find, objection
from clinical_assets.evidence.stage_moves import move_problem
from clinical_assets.evidence.stage_state import (
    Anomaly,
    SignatureRecord,
    StageState,
    Standing,
    Step,
)
from clinical_assets.evidence.stages import (
    DECISIONS,
    INVESTIGATION,
    REINSTATEMENT,
    SIGNED_STAGES,
    StagePolicy,
)
from clinical_assets.ledger.actions import Moved, Signed
from clinical_assets.ledger.entry import Entry, Subject
from clinical_assets.modelling.approvals import REVIEW_STAGES, STAGES, Stage


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What signatures are held against besides the entries.

    Attributes:
        authors: ids of everybody who made this version.
        holds_root: whether the ledger's first ``size`` entries have that root (hexadecimal).
        demonstration_counts: whether generated persons count: in the embedded profile, while no
            human being is enrolled.
        unknown: why a signature's entry does not fit what the ledger says of its signer before it
            (enrolled, not revoked, just authenticated for signing); empty where it does.
    """

    authors: frozenset[str]
    holds_root: Callable[[int, str], bool]
    demonstration_counts: bool = False
    unknown: Callable[[Entry], str] = lambda _: ""


def version_subject(model: str, version: str, package_sha256: str) -> Subject:
    """How the ledger names a version of a model."""
    return Subject(SUBJECT_KIND, model, version, package_sha256)


def state_of(
    policy: StagePolicy, subject: Subject, entries: Iterable[Entry], surroundings: Surroundings
) -> StageState:
    """Where the version stands.

    Args:
        policy: the one in force now.
        subject: the version with the digest of its package (:func:`version_subject`).
        entries: in the ledger's order; those about other subjects are passed over, and of another
            package of the same version only signatures are shown, as void.
    """
    every = list(entries)
    return _folded(
        policy, subject, every, surroundings, _once(policy, subject, every, surroundings)
    )


def _once(
    policy: StagePolicy, subject: Subject, entries: Sequence[Entry], surroundings: Surroundings
) -> frozenset[int]:
    """Numbers of the entries that moved the version while generated people counted; none where they
    count, or never signed."""
    signed = (e.act.details for e in entries if e.act.action == "signature.given")
    if surroundings.demonstration_counts or not any(s.demonstration for s in signed):
        return frozenset()
    then = replace(surroundings, demonstration_counts=True)
    state = _folded(policy, subject, entries, then, frozenset())
    return frozenset(step.seq for step in state.steps)


def _folded(
    policy: StagePolicy,
    subject: Subject,
    entries: Sequence[Entry],
    surroundings: Surroundings,
    once: frozenset[int],
) -> StageState:
    state = StageState(policy, subject)
    for entry in entries:
        act = entry.act
        about = act.subject
        if (about.kind, about.id, about.version) != (subject.kind, subject.id, subject.version):
            continue
        if act.outcome != "done":
            continue  # what was only intended, or failed, changed nothing
        if act.action == "signature.given":
            state = _signed(state, entry, act.details, surroundings, once)
        elif act.action == "stage.changed" and about.sha256 == subject.sha256:
            state = _moved(state, entry, act.details, once)
    return state


def _moved(state: StageState, entry: Entry, moved: Moved, once: frozenset[int]) -> StageState:
    after = next((stage for stage in STAGES if stage == moved.after), None)
    foreign = moved.policy_sha256 != state.policy.digest
    problem = "" if moved.before == (state.stage or "") else f"it was in {state.stage or 'none'}"
    problem = problem or move_problem(state, moved.after)
    if after is not None and not problem:
        return _enter(state, after, entry, entry.act.reason or "moved by the machine")
    what = f"{moved.before or 'nothing'} → {moved.after}"
    if foreign or entry.seq in once:
        why = "under another policy" if foreign else "upon signatures of generated people"
        line = f"entry {entry.seq}: {what} was made {why}"
        return replace(state, superseded=(*state.superseded, line))
    if after is not None and _is_repeated(state, moved):
        return state  # two processes saw the same work done; the first one moved the version
    return _anomaly(state, entry, f"{what} is not a legal transition: {problem}")


def _is_repeated(state: StageState, moved: Moved) -> bool:
    earlier = state.steps[-2].stage if len(state.steps) > 1 else ""
    return moved.after == state.stage and moved.before == earlier


def _signed(
    state: StageState,
    entry: Entry,
    signed: Signed,
    surroundings: Surroundings,
    once: frozenset[int],
) -> StageState:
    if forged := _forged(state, entry, signed, surroundings):
        state = _anomaly(state, entry, f"a signature does not hold: {forged}")
        return _keep(state, entry, signed, "void", forged)
    open_ = state.stage not in (None, "retired")
    if open_ and entry.seq in once and signed.demonstration and _closes(signed):
        return _take_effect(state, entry, signed)
    if unfit := _unfit(state, entry, signed, surroundings):
        return _keep(state, entry, signed, "void", unfit)
    foreign = signed.policy_sha256 != state.policy.digest
    if foreign and _closes(signed) and open_:
        return _take_effect(state, entry, signed)
    intent = Intent(
        entry.act.actor.id, signed.role, signed.stage, signed.meaning, revokes=signed.revokes
    )
    against = objection(state, intent, surroundings.authors)
    if against or (foreign and signed.meaning != "revocation"):
        reason = against if not foreign else "it was given under another policy"
        return _keep(state, entry, signed, "void", reason)
    if _closes(signed) or signed.meaning == "revocation" or signed.stage == INVESTIGATION:
        return _take_effect(state, entry, signed)
    return _keep(state, entry, signed, "valid")


def _forged(state: StageState, entry: Entry, signed: Signed, surroundings: Surroundings) -> str:
    """What this software would never have written; empty if it may have."""
    check = verify_signature(entry)
    if not check.valid:
        return check.reason
    if signed.stage not in SIGNED_STAGES:
        return f"there is nothing to sign in {signed.stage!r}"
    if signed.head_size > entry.seq or not surroundings.holds_root(
        signed.head_size, signed.head_root
    ):
        return "the head of the ledger that it names was never this ledger's"
    if any(s.digest == signed.signature_sha256 for s in state.signatures):
        return "it is a copy of an earlier signature"
    return surroundings.unknown(entry)


def _unfit(state: StageState, entry: Entry, signed: Signed, surroundings: Surroundings) -> str:
    if entry.act.subject.sha256 != state.subject.sha256:
        return f"it is on another package of this version, {entry.act.subject.sha256[:12]}…"
    if "password" not in signed.factors:
        return "no password was shown for it"
    if signed.demonstration and not surroundings.demonstration_counts:
        return "its signer is a generated person, which counts in demonstrations only"
    return ""


def _closes(signed: Signed) -> bool:
    decided = signed.stage in DECISIONS and signed.meaning == "responsibility"
    return signed.meaning == "rejection" or decided


def _take_effect(state: StageState, entry: Entry, signed: Signed) -> StageState:
    state = _keep(state, entry, signed, "took effect")
    cause = f"{signed.meaning} signed as {signed.role}"
    if signed.stage == INVESTIGATION:
        # The signer saw the ledger up to the head that the signature names, and nothing later.
        seen = tuple(
            replace(a, examined=a.examined or a.seq < signed.head_size) for a in state.anomalies
        )
        return replace(state, anomalies=seen)
    if signed.meaning == "rejection":
        return _enter(state, "retired", entry, cause)
    if signed.meaning == "revocation":
        return _revoked(state, entry, signed, cause)
    decided = next(stage for stage in DECISIONS if stage == signed.stage)
    return _enter(state, decided, entry, cause)


def _revoked(state: StageState, entry: Entry, signed: Signed, cause: str) -> StageState:
    """Voids the signature and those given upon it, and takes the version back."""
    revoked = find(state, signed.revokes)
    if revoked is None:  # objection() has made sure of it
        return state
    order = (*REVIEW_STAGES, REINSTATEMENT)
    place = order.index(revoked.stage)
    when = signed.local_time
    changed = []
    for s in state.signatures:
        if s.digest == revoked.digest and s.standing == "valid":
            s = replace(s, standing="void", reason=f"revoked by its signer at {when}")
        elif s.standing == "valid" and order.index(s.stage) > place:
            s = replace(s, standing="void", reason=f"given upon a signature revoked at {when}")
        changed.append(s)
    state = replace(state, signatures=tuple(changed))
    if state.stage == "released":
        return _enter(state, "suspended", entry, cause)
    stage = next((stage for stage in REVIEW_STAGES if stage == revoked.stage), None)
    if stage is not None and state.stage in REVIEW_STAGES[place + 1 :]:
        return _enter(state, stage, entry, cause)
    return state


def _enter(state: StageState, stage: Stage, entry: Entry, cause: str) -> StageState:
    step = Step(stage, entry.at, entry.seq, entry.act.actor.name, cause)
    signatures = state.signatures
    if stage in ("suspended", "quarantined"):
        ended = "the version was suspended again since"
        signatures = tuple(
            replace(s, standing="void", reason=ended)
            if s.standing == "valid" and s.stage == REINSTATEMENT
            else s
            for s in signatures
        )
    return replace(state, stage=stage, steps=(*state.steps, step), signatures=signatures)


def _keep(
    state: StageState, entry: Entry, signed: Signed, standing: Standing, reason: str = ""
) -> StageState:
    kept = SignatureRecord(
        seq=entry.seq,
        at=entry.at,
        digest=signed.signature_sha256,
        signer=entry.act.actor.id,
        name=entry.act.actor.name,
        role=signed.role,
        stage=signed.stage,
        meaning=signed.meaning,
        comment=entry.act.reason,
        local_time=signed.local_time,
        zone=signed.zone,
        method=signed.method,
        factors=signed.factors,
        demonstration=signed.demonstration,
        revokes=signed.revokes,
        standing=standing,
        reason=reason,
    )
    return replace(state, signatures=(*state.signatures, kept))


def _anomaly(state: StageState, entry: Entry, what: str) -> StageState:
    return replace(state, anomalies=(*state.anomalies, Anomaly(entry.seq, entry.at, what)))
